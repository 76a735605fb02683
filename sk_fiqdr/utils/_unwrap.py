"""The estimator inside a search or a Pipeline."""

from sklearn.frozen import FrozenEstimator
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
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
