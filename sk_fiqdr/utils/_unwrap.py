"""The estimator inside a search or a Pipeline."""

from types import SimpleNamespace

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import check_is_fitted


def unwrap(estimator, X, before=None):
    """Return the estimator inside, and X as it reaches that.

    Parameters
    ----------
    estimator : estimator, Pipeline or search
        Fitted.
    X : array-like
        As `estimator` takes it.
    before : callable, default=None
        Called as ``before(step, X)`` before a step of a Pipeline transforms X.

    Returns
    -------
    estimator : estimator
        The one inside.
    X : array-like
        Transformed by the steps before it.

    Raises
    ------
    NotFittedError
        If a search has no best estimator.
    """
    if isinstance(estimator, BaseSearchCV):
        check_is_fitted(
            estimator,
            "best_estimator_",
            msg="%(name)s has no best_estimator_ to score: fit it, with refit on.",
        )
    estimator = getattr(estimator, "best_estimator_", estimator)
    if isinstance(estimator, FrozenEstimator):
        return unwrap(estimator.estimator, X, before)
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps[:-1]:
            X = _transform(step, X, before)
        return unwrap(estimator[-1], X, before)
    return estimator, X


def _transform(step, X, before):
    if isinstance(step, Pipeline):
        for _, inner in step.steps:
            X = _transform(inner, X, before)
        return X
    if step is None or step == "passthrough":
        return X
    if before is not None:
        before(step, X)
    return step.transform(X)


def last_step(estimator):
    """Return the estimator inside, fitted or not.

    Parameters
    ----------
    estimator : estimator, Pipeline or search
        Nested at will.

    Returns
    -------
    estimator : estimator
        The one inside; for a search the best one once it is fitted.
    """
    while isinstance(estimator, BaseSearchCV | FrozenEstimator | Pipeline):
        if isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        else:
            estimator = getattr(estimator, "best_estimator_", estimator.estimator)
    return estimator


def is_multi_task(estimator):
    """Return whether an estimator predicts quality beside the grade.

    Parameters
    ----------
    estimator : estimator, Pipeline or search
        Fitted or not.

    Returns
    -------
    is_multi_task : bool
        True if the estimator inside has `predict_quality`.
    """
    return hasattr(last_step(estimator), "predict_quality")


def check_patients_inside(estimator, X):
    """Raise if X holds unseen images of patients that anything inside was trained on.

    Parameters
    ----------
    estimator : estimator
        Fitted; of meta-estimators, unions and column transformers each estimator
        inside is asked. Of a Pipeline the first step is.
    X : array-like
        As `estimator` takes it.

    Raises
    ------
    PatientLeakageError
        If an eye is scored whose fellow eye was trained on.
    """
    members = {}
    for member, part in _trained(estimator, X):
        members.setdefault(id(part), (part, []))[1].append(member)
    if not members and hasattr(estimator, "check_patients"):
        estimator.check_patients(X)
    for part, alike in members.values():
        # The folds of an ensemble are checked as one: an eye that some of its members
        # were trained on is not unseen.
        names = np.concatenate([member.trained_names_ for member in alike])
        type(alike[0]).check_patients(SimpleNamespace(trained_names_=names), part)


def _trained(estimator, X):
    """Yield what remembers the images it was trained on, and X as it reaches that."""
    if hasattr(estimator, "trained_names_"):
        yield estimator, X
        return
    if isinstance(estimator, ColumnTransformer):
        inside = [
            (step, _safe_indexing(X, columns, axis=1))
            for _, step, columns in getattr(estimator, "transformers_", ())
            if not isinstance(step, str)
        ]
    elif isinstance(estimator, FeatureUnion):
        inside = [(step, X) for _, step in estimator.transformer_list]
    elif isinstance(estimator, Pipeline):
        inside = [(estimator[0], X)]
    else:
        inside = [(fitted, X) for fitted in _fitted_inside(estimator)]
    for step, part in inside:
        yield from _trained(step, part)


def _fitted_inside(estimator):
    """Return the fitted estimators of a meta-estimator."""
    if isinstance(estimator, FrozenEstimator):
        return [estimator.estimator]
    fitted = getattr(estimator, "__dict__", {})
    folds = fitted.get("calibrated_classifiers_", ())
    many = fitted.get("estimators_", ())
    one = [fitted[name] for name in ("best_estimator_", "estimator_") if name in fitted]
    return [*(fold.estimator for fold in folds), *np.ravel(_objects(many)), *one]


def _objects(estimators):
    """Return an array of estimators; a Pipeline in it stays whole."""
    if isinstance(estimators, np.ndarray):
        return estimators
    objects = np.empty(len(estimators), dtype=object)
    objects[:] = list(estimators)
    return objects
