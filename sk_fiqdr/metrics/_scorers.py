"""Scorers for GridSearchCV and its kin: (estimator, X, y) -> float or dict.

An estimator is known by its methods alone: `predict_quality` makes it multi-task.
"""

import warnings
from inspect import cleandoc

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.model_selection._search import BaseSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ._grading import quadratic_weighted_kappa
from ._labels import UNKNOWN
from ._quality import accuracy, mean_acc, precision, sensitivity, specificity


def _unwrap(estimator, X):
    """Return the net behind a search or a Pipeline, and X as it reaches the net."""
    if isinstance(estimator, BaseSearchCV):
        check_is_fitted(
            estimator,
            "best_estimator_",
            msg="%(name)s has no best_estimator_ to score: fit it, with refit on.",
        )
    estimator = getattr(estimator, "best_estimator_", estimator)
    if isinstance(estimator, Pipeline):
        X = estimator[:-1].transform(X) if len(estimator) > 1 else X
        return _unwrap(estimator[-1], X)
    # Raises if an eye is scored whose fellow eye was trained on. The net knows its
    # training images by the names that reached it, hence behind the Pipeline.
    getattr(estimator, "check_patients", lambda X: None)(X)
    return estimator, X


def _two_columns(y):
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 2:
        return y
    raise ValueError(
        "A multi-task estimator is scored on y of shape (n_samples, 2) with columns "
        f"(grade, quality), got shape {y.shape!r}. Use np.column_stack([grade, "
        "quality]); -1 marks an unknown label."
    )


def _answered(y, y_pred):
    """Drop rows without an answer: unreadable images that the net was told to skip.

    One of them must not kill a search; the net itself names them.
    """
    if len(y) != len(y_pred):
        raise ValueError(
            f"y has {len(y)} rows, but the estimator answered {len(y_pred)}: pass the "
            "labels of exactly the rows of X."
        )
    answered = (y_pred.reshape(len(y), -1) != UNKNOWN).all(axis=1)
    return y[answered], y_pred[answered]


class _Scorer:
    """One measure of one task."""

    def __init__(self, name, measure, task):
        self.name, self.measure, self.task = name, measure, task
        self.__doc__ = cleandoc(f"""Score the {task} that a fitted estimator predicts.

        Parameters
        ----------
        estimator : estimator, Pipeline or search
            Of both tasks (it has `predict_quality`), or of {task} alone.
        X : array-like
            Paths, images or features.
        y : array-like of shape (n_samples, 2) or (n_samples,)
            Grade and quality for both tasks, else {task} alone; -1 where unknown.

        Returns
        -------
        score : float
            As :func:`~sk_fiqdr.metrics.{measure.__name__}` has it. Images that the
            estimator could not read, and skipped, do not count.

        Raises
        ------
        ValueError
            If y does not fit the estimator.
        PatientLeakageError
            If the estimator sees that it was trained on a patient's other image.
        """)

    def __call__(self, estimator, X, y):
        estimator, X = _unwrap(estimator, X)
        if hasattr(estimator, "predict_quality"):
            y = _two_columns(y)[:, 0 if self.task == "grade" else 1]
            method = "predict" if self.task == "grade" else "predict_quality"
        else:
            y, method = np.asarray(y), "predict"
            if y.ndim != 1:
                raise ValueError(
                    f"{type(estimator).__name__} does one task and is scored on y of "
                    f"shape (n_samples,), got {y.shape!r}. Pass the column "
                    f"{self.task!r} alone."
                )
        y_pred = np.asarray(getattr(estimator, method)(X))
        return self.measure(*_answered(y, y_pred))

    def __repr__(self):
        return f"sk_fiqdr.metrics.{self.name}"

    def __reduce__(self):
        return self.name  # pickled by reference, as a function is


kappa_scorer = _Scorer("kappa_scorer", quadratic_weighted_kappa, "grade")
mean_acc_scorer = _Scorer("mean_acc_scorer", mean_acc, "quality")
specificity_scorer = _Scorer("specificity_scorer", specificity, "quality")
sensitivity_scorer = _Scorer("sensitivity_scorer", sensitivity, "quality")


def fiqdr_scoring(estimator, X, y):
    """Score both tasks from one forward pass, for multi-metric searches.

    Parameters
    ----------
    estimator : FIQDRClassifier, Pipeline or search
        Fitted; known by its method `predict_tasks`.
    X : array-like
        Paths, images or features.
    y : array-like of shape (n_samples, 2)
        Grade and quality, -1 where unknown.

    Returns
    -------
    scores : dict of str to float
        kappa, kappa_good, kappa_poor (kappa on images of good and of poor quality),
        mean_acc, specificity, sensitivity, precision and quality_accuracy. What cannot
        be told is 0.0; where that is for want of good or of poor images, one
        UndefinedMetricWarning says so. Images that the estimator could not read, and
        skipped, do not count.

    Raises
    ------
    ValueError
        If y has not two columns.
    TypeError
        If the estimator does not do both tasks.
    PatientLeakageError
        If the estimator sees that it was trained on a patient's other image.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sk_fiqdr import FIQDRClassifier
    >>> from sk_fiqdr.metrics import fiqdr_scoring
    >>> search = GridSearchCV(
    ...     FIQDRClassifier(), {"beta": [1, 27]}, scoring=fiqdr_scoring, refit="kappa"
    ... )
    """
    estimator, X = _unwrap(estimator, X)
    if not hasattr(estimator, "predict_tasks"):
        raise TypeError(
            f"fiqdr_scoring needs an estimator of both tasks, got {estimator!r}. "
            "For one task use kappa_scorer or mean_acc_scorer."
        )
    y = _two_columns(y)
    y_pred = [
        np.where(np.isnan(proba[:, 0]), UNKNOWN, proba.argmax(axis=1))
        for proba in map(np.asarray, estimator.predict_tasks(X))
    ]
    y, y_pred = _answered(y, np.column_stack(y_pred))
    (grade, quality), (grade_pred, quality_pred) = y.T, y_pred.T
    good, poor = quality == 1, quality == 0
    missing = [
        name for name, rows in [("good", good), ("poor", poor)] if not rows.any()
    ]
    if missing:  # said once here, not by each measure
        warnings.warn(
            f"Scores of {' and of '.join(missing)} images are undefined and set to "
            "0.0: there is none of known quality. PatientStratifiedKFold spreads them "
            "over the folds.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        return {
            "kappa": quadratic_weighted_kappa(grade, grade_pred),
            "kappa_good": quadratic_weighted_kappa(grade[good], grade_pred[good]),
            "kappa_poor": quadratic_weighted_kappa(grade[poor], grade_pred[poor]),
            "mean_acc": mean_acc(quality, quality_pred),
            "specificity": specificity(quality, quality_pred),
            "sensitivity": sensitivity(quality, quality_pred),
            "precision": precision(quality, quality_pred),
            "quality_accuracy": accuracy(quality, quality_pred),
        }
