"""Scorers for GridSearchCV and its kin: (estimator, X, y) -> float or dict.

An estimator is known by its methods alone: `predict_tasks` makes it multi-task.
"""

import numpy as np
from sklearn.pipeline import Pipeline

from ._grading import quadratic_weighted_kappa
from ._quality import mean_acc, precision, sensitivity, specificity


def _unwrap(estimator, X):
    """Return the net behind a search or a Pipeline, and X as it reaches the net."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    if isinstance(estimator, Pipeline):
        X = estimator[:-1].transform(X) if len(estimator) > 1 else X
        return _unwrap(estimator[-1], X)
    # Raises if an eye is scored whose fellow eye was trained on.
    getattr(estimator, "check_patients", lambda X: None)(X)
    return estimator, X


def _columns(y):
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 2:
        return y[:, 0], y[:, 1]
    raise ValueError(
        "A multi-task estimator is scored on y of shape (n_samples, 2) with columns "
        f"(grade, quality), got shape {y.shape!r}. Use np.column_stack([grade, "
        "quality]); -1 marks an unknown label."
    )


def _known(y):
    """Return the rows of known label, so that an unknown one never needs an answer."""
    return np.asarray(y) >= 0


class _Scorer:
    """One measure of one task."""

    def __init__(self, name, measure, task):
        self.name, self.measure, self.task = name, measure, task

    def __call__(self, estimator, X, y):
        estimator, X = _unwrap(estimator, X)
        if hasattr(estimator, "predict_tasks"):
            y = _columns(y)[0 if self.task == "grade" else 1]
            method = "predict" if self.task == "grade" else "predict_quality"
        else:
            y, method = np.asarray(y), "predict"
            if y.ndim != 1:
                raise ValueError(
                    f"{type(estimator).__name__} does one task and is scored on y of "
                    f"shape (n_samples,), got {y.shape!r}. Pass the column "
                    f"{self.task!r} alone."
                )
        return self.measure(y, getattr(estimator, method)(X))

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
        mean_acc, specificity, sensitivity, precision and accuracy of quality. What a
        fold cannot tell is as the function of that name defines it.

    Raises
    ------
    ValueError
        If y has not two columns.
    TypeError
        If the estimator does not do both tasks.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sk_fiqdr import FIQDRClassifier
    >>> from sk_fiqdr.metrics import fiqdr_scoring
    >>> search = GridSearchCV(
    ...     FIQDRClassifier(), {"beta": [1, 27]}, scoring=fiqdr_scoring, refit="kappa"
    ... )
    """
    import warnings

    from sklearn.exceptions import UndefinedMetricWarning

    estimator, X = _unwrap(estimator, X)
    if not hasattr(estimator, "predict_tasks"):
        raise TypeError(
            f"fiqdr_scoring needs an estimator of both tasks, got {estimator!r}. "
            "For one task use kappa_scorer or mean_acc_scorer."
        )
    grade, quality = _columns(y)
    grade_pred, quality_pred = (
        np.where(np.isnan(proba[:, 0]), -1, proba.argmax(axis=1))
        for proba in estimator.predict_tasks(X)
    )
    good, poor = quality == 1, quality == 0
    known = _known(quality)
    with warnings.catch_warnings():
        # A fold without poor images is no news in each of a hundred fits.
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        return {
            "kappa": quadratic_weighted_kappa(grade, grade_pred),
            "kappa_good": quadratic_weighted_kappa(grade[good], grade_pred[good]),
            "kappa_poor": quadratic_weighted_kappa(grade[poor], grade_pred[poor]),
            "mean_acc": mean_acc(quality, quality_pred),
            "specificity": specificity(quality, quality_pred),
            "sensitivity": sensitivity(quality, quality_pred),
            "precision": precision(quality, quality_pred),
            "accuracy": float((quality == quality_pred)[known].sum())
            / max(1, known.sum()),
        }
