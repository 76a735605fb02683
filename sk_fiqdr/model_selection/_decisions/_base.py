"""What the meta-estimators share: fitting the estimator inside, and delegating."""

from inspect import signature

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags, indexable
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    RealNotInt,
    StrOptions,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ...utils._constraints import N_JOBS
from ...utils._relabelled import refuse_relabelled, refuse_unknown_as_class
from ...utils._unwrap import check_patients_inside, is_multi_task, last_step, unwrap
from ._check_tasks import check_tasks, kappa_of_predictions
from ._out_of_fold import (
    GRADE,
    check_unseen,
    fit_clone,
    make_splits,
    predict_out_of_fold,
)
from ._routing import route, router_of


def _inner(nested):
    return getattr(nested, "estimator_", nested.estimator)


def names_of_eyes(estimator, groups=None, eyes=None):
    """Return those of groups and eyes that are given and the estimator predicts by.

    Parameters
    ----------
    estimator : estimator
        One that fuses both eyes, or any other.
    groups, eyes : array-like of shape (n,), default=None
        Patient and eye of each row.

    Returns
    -------
    names : dict of str to ndarray
        Arguments of its `predict_proba`.
    """
    takes = signature(last_step(estimator).predict_proba).parameters
    names = {"groups": groups, "eyes": eyes}
    return {
        name: np.asarray(values)
        for name, values in names.items()
        if values is not None and name in takes
    }


def _inside_has(method):
    return available_if(lambda nested: hasattr(last_step(_inner(nested)), method))


class NestedClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Base of the classifiers around another: its parameters are `estimator`, `cv`, ...

    A subclass defines `_estimators`, those inside, and `_outputs`, a static method
    ``(fitted, X) -> tuple of arrays`` whose results on unseen patients it tunes on.
    """

    _parameter_constraints = {  # noqa: RUF012
        "estimator": [HasMethods(["fit", "predict_proba"])],
        "cv": [
            "cv_object",
            StrOptions({"prefit"}),
            Interval(RealNotInt, 0.0, 1.0, closed="neither"),
        ],
        "refit": ["boolean"],
        "n_jobs": N_JOBS,
        "random_state": ["random_state"],
    }

    def __sklearn_clone__(self):
        refuse_unknown_as_class(self)
        return super().__sklearn_clone__()

    def _estimators(self):
        return (self.estimator,)

    def _check_y(self, X, y):
        """Return X, and y as two columns; raise an error that says what is wrong."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        refuse_relabelled(self)
        X, y = indexable(X, y)
        if (
            self.cv != "prefit"
            and np.shape(y)[1:] != (2,)
            and is_multi_task(self.estimator)
            and not isinstance(self.estimator, FrozenEstimator)
        ):
            raise ValueError(
                f"{type(last_step(self.estimator)).__name__} learns both tasks: y must "
                "have shape (n_samples, 2) with columns (grade, quality), got shape "
                f"{np.shape(y)!r}. Use np.column_stack([grade, quality]); -1 marks an "
                "unknown label."
            )
        return X, check_tasks(y)

    def _check_undecided(self):
        if hasattr(last_step(self.estimator), "decide_tasks"):
            inside = type(last_step(self.estimator)).__name__
            raise ValueError(
                f"{inside} already decides, and {type(self).__name__} would override "
                f"it. Nest them the other way round: {inside}({type(self).__name__}"
                "(net))."
            )

    def _fit_and_predict(self, X, y, groups, params, names=None):
        """Fit the estimators inside, and get their outputs on patients not seen.

        `names` are the arguments that `_outputs` takes beside X, arrays of n values.

        Returns
        -------
        fitted : tuple of estimator
            Those that predict from now on.
        rows, fold : ndarray of shape (n_predicted,)
            Row of X and number of the split of each output.
        outputs : list of ndarray
            What `_outputs` returned.
        """
        estimators = self._estimators()
        for estimator in estimators:
            if self.cv == "prefit":
                check_is_fitted(estimator)
            if self.cv == "prefit" or isinstance(estimator, FrozenEstimator):
                check_unseen(estimator, X)
        if self.cv == "prefit":
            outputs = list(self._outputs(estimators, X, **(names or {})))
            rows = np.arange(len(y))
            return estimators, rows, np.zeros_like(rows), outputs
        params, groups = self._route(groups, params)
        splits = make_splits(self.cv, X, y, groups, self.random_state)
        if not self.refit and len(splits) > 1:
            raise ValueError(
                f"refit=False keeps the estimator of a single split, but cv="
                f"{self.cv!r} makes {len(splits)}. Pass a share to hold out, such as "
                "cv=0.2, or refit=True."
            )
        fitted, *predicted = predict_out_of_fold(
            estimators, self._outputs, X, y, splits, params, names, n_jobs=self.n_jobs
        )
        if self.refit:
            fitted = self._fit_inside(X, y, params)
        return fitted, *predicted

    def _fit_inside(self, X, y, params):
        return tuple(
            fit_clone(estimator, task, X, y, own_params)
            for task, (estimator, own_params) in enumerate(
                zip(self._estimators(), params, strict=True)
            )
        )

    def _named_estimators(self):
        names = ("estimator", "quality_estimator")
        return dict(zip(names, self._estimators(), strict=False))

    def _route(self, groups, params):
        return route(self, self._named_estimators(), groups, params)

    def get_metadata_routing(self):
        """Return how metadata are routed.

        Returns
        -------
        router : MetadataRouter
            `groups` go to the splitter, and what the estimators request to their `fit`.
        """
        return router_of(self, self._named_estimators(), self.cv)

    def _keep(self, fitted):
        self.estimator_ = fitted[GRADE]
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))

    @property
    def classes_(self):
        """The classes of the estimator inside."""
        return self.estimator_.classes_

    def __sklearn_tags__(self):
        tags, inside = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.input_tags, tags.target_tags = inside.input_tags, inside.target_tags
        return tags

    def _inside(self, X):
        check_is_fitted(self, "estimator_")
        return unwrap(self.estimator_, X)

    def predict_proba(self, X):
        """Return the probability of each grade, from the estimator inside.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.

        Returns
        -------
        proba : ndarray of shape (n, n_grades)
            In the order of `classes_`; nan where an image could not be read.
        """
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict_proba(X)

    @_inside_has("predict_tasks")
    def predict_tasks(self, X):
        """Return the probabilities of both tasks, in one pass through X.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.

        Returns
        -------
        grade_proba, quality_proba : ndarray of shape (n, n_classes)
            Probabilities.
        """
        inside, X = self._inside(X)
        return inside.predict_tasks(X)

    @_inside_has("predict_quality_proba")
    def predict_quality_proba(self, X):
        """Return the probability of poor and of good quality.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.

        Returns
        -------
        proba : ndarray of shape (n, 2)
            Probabilities.
        """
        inside, X = self._inside(X)
        return inside.predict_quality_proba(X)

    @_inside_has("predict_quality")
    def predict_quality(self, X):
        """Return the quality.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.

        Returns
        -------
        quality : ndarray of shape (n,)
            0 poor, 1 good; -1 where an image could not be read.
        """
        inside, X = self._inside(X)
        return inside.predict_quality(X)

    @_inside_has("check_patients")
    def check_patients(self, X):
        """Raise if X holds unseen images of patients that were trained on.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.

        Raises
        ------
        PatientLeakageError
            If an eye is scored whose fellow eye was trained on.
        """
        check_is_fitted(self, "estimator_")
        check_patients_inside(self.estimator_, X)

    def score(self, X, y):
        """Return the quadratic weighted kappa of the grades.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.
        y : array-like of shape (n,) or (n, 2)
            Grade, or grade and quality; rows of unknown grade (-1) are skipped.

        Returns
        -------
        kappa : float
            Images without a prediction are ignored.

        Raises
        ------
        PatientLeakageError
            If X holds an eye whose fellow eye was trained on, as far as file names
            show.
        """
        if hasattr(self, "check_patients"):
            self.check_patients(X)
        return kappa_of_predictions(check_tasks(y)[:, GRADE], self.predict(X))
