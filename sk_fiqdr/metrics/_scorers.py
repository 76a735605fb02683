"""Scorers for GridSearchCV and its kin: (estimator, X, y) -> float or dict.

An estimator is known by its methods alone: `predict_quality` makes it multi-task.
"""

import warnings
from inspect import cleandoc

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from ..utils._labels import UNKNOWN, check_targets, most_probable
from ..utils._masked import label_array
from ..utils._quiet import quiet
from ..utils._unwrap import check_patients_inside, unwrap
from ._grading import quadratic_weighted_kappa
from ._quality import accuracy, mean_acc, precision, sensitivity, specificity

# The scores of both tasks by name: every other list of them is derived from these.
# Quality of the images whose grades count; None counts all.
GRADING_SCORES = {"kappa": None, "kappa_good": 1, "kappa_poor": 0}
QUALITY_SCORES = {
    "mean_acc": mean_acc,
    "specificity": specificity,
    "sensitivity": sensitivity,
    "precision": precision,
    "quality_accuracy": accuracy,
}
SCORES = (*GRADING_SCORES, *QUALITY_SCORES)
# Those of the quality that the paper compares models by.
COMPARED_QUALITY_SCORES = ("mean_acc", "specificity", "sensitivity")


def _unwrap(estimator, X):
    """Return the net behind a search or a Pipeline, and X as it reaches the net."""
    # A step knows its training images by the names that reached it: DeepFeatures by
    # those at the beginning of a Pipeline, a net by those behind the steps before it.
    estimator, X = unwrap(estimator, X, before=check_patients_inside)
    check_patients_inside(estimator, X)
    return estimator, X


def _predicted(y, y_pred):
    """Drop rows without a prediction: unreadable images that the net skips.

    One of them must not end a search; the net itself lists them.
    """
    if len(y) != len(y_pred):
        raise ValueError(
            f"y has {len(y)} rows, but the estimator made {len(y_pred)} predictions: "
            "pass the labels of exactly the rows of X."
        )
    predicted = y_pred != UNKNOWN
    return y[predicted], y_pred[predicted]


def decide_tasks(estimator, grade_proba, quality_proba):
    """Turn the probabilities of both tasks into predictions, as the estimator does.

    Parameters
    ----------
    estimator : estimator
        Its method `decide_tasks` decides, such as by tuned cut-points; without one the
        most probable class is predicted.
    grade_proba, quality_proba : array-like of shape (n, n_classes)
        What its `predict_tasks` returned.

    Returns
    -------
    grade, quality : ndarray of shape (n,)
        Predictions, -1 where there is none.
    """
    decide = getattr(estimator, "decide_tasks", None)
    if decide is not None:
        return decide(grade_proba, quality_proba)
    grades = getattr(estimator, "classes_", None)
    return most_probable(grade_proba, grades), most_probable(quality_proba)


class _Scorer:
    """One measure of one task."""

    def __init__(self, name, measure, task):
        self.name = self.__name__ = self.__qualname__ = name
        self.measure, self.task = measure, task
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
            That of :func:`~sk_fiqdr.metrics.{measure.__name__}`. Images that the
            estimator could not read, and skipped, are ignored.

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
            y = check_targets(y)[:, 0 if self.task == "grade" else 1]
            method = "predict" if self.task == "grade" else "predict_quality"
        else:
            y, method = label_array(y), "predict"
            if y.ndim != 1:
                raise ValueError(
                    f"{type(estimator).__name__} predicts one task and is scored on y "
                    f"of shape (n_samples,), got {y.shape!r}. Pass the column "
                    f"{self.task!r} alone."
                )
        y_pred = np.asarray(getattr(estimator, method)(X))
        return self.measure(*_predicted(y, y_pred))

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
        mean_acc, specificity, sensitivity, precision and quality_accuracy. An
        undefined score is 0.0; where good or poor images are missing, one
        UndefinedMetricWarning says so. Images that the estimator could not read, and
        skipped, do not count. A :class:`~sk_fiqdr.model_selection.QualityGate` is
        scored on what it grades, and has the share of images that it does not as
        refused beside.

    Raises
    ------
    ValueError
        If y does not have two columns.
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
    y = check_targets(y)
    grade_pred, quality_pred = decide_tasks(estimator, *estimator.predict_tasks(X))
    refused = float((grade_pred == UNKNOWN).mean()) if len(grade_pred) else 0.0
    quality, quality_pred = _predicted(y[:, 1], quality_pred)
    y, grade_pred = _predicted(y, grade_pred)
    grade, good, poor = y[:, 0], y[:, 1] == 1, y[:, 1] == 0
    missing = [
        name for name, rows in [("good", good), ("poor", poor)] if not rows.any()
    ]
    if missing:  # said once here, not by each measure
        warnings.warn(
            f"Scores of {' and of '.join(missing)} images are undefined and set to "
            "0.0: there is none of known quality among those graded. "
            "PatientStratifiedKFold spreads them over the folds.",
            UndefinedMetricWarning,
            stacklevel=2,
        )
    with quiet(UndefinedMetricWarning, message="(?!Scores of )"):
        scores = {
            name: quadratic_weighted_kappa(grade[rows], grade_pred[rows])
            for name, wanted in GRADING_SCORES.items()
            for rows in [slice(None) if wanted is None else y[:, 1] == wanted]
        }
        scores |= {
            name: measure(quality, quality_pred)
            for name, measure in QUALITY_SCORES.items()
        }
    # What refuses images must not look better for it: the price stands beside.
    return scores | ({"refused": refused} if hasattr(estimator, "is_gradable") else {})
