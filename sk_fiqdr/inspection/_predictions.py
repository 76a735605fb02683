"""What an estimator predicts, for one task or both."""

from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..metrics._scorers import _unwrap, decide_tasks
from ..utils._labels import UNKNOWN, check_integers, check_truth
from ..utils._tasks import TASKS

LARGEST_EXCESS = 1e-3  # float16 rounds to that
N_CLASSES = {task.name: len(task.classes) for task in TASKS}


class Predictions(NamedTuple):
    """Predictions of both tasks; None for a task that the estimator does not do."""

    grade: np.ndarray = None  # (n,), -1 for none
    grade_proba: np.ndarray = None  # (n, 5), nan for none
    quality: np.ndarray = None  # (n,)
    quality_proba: np.ndarray = None  # (n, 2)


def predict_once(estimator, X, *needed):
    """Return all predictions of a fitted estimator, from one pass through X.

    Parameters
    ----------
    estimator : estimator, Pipeline or search
        Of both tasks (it has `predict_tasks`), or a classifier of one.
    X : array-like
        Paths, images or features.
    *needed : {"grade", "quality"}
        Tasks without which there is nothing to show. A classifier whose task is not
        known is assumed to do the one that is needed; if none is, a classifier with the
        classes 0 and 1 is assumed to predict the quality.

    Returns
    -------
    predictions : Predictions
        Those of the tasks that the estimator does.

    Raises
    ------
    TypeError
        If the estimator does not do what is needed.
    PatientLeakageError
        If the estimator sees that it was trained on a patient's other image.
    """
    estimator, X = _unwrap(estimator, X)
    if hasattr(estimator, "predict_tasks"):
        grade_proba, quality_proba = estimator.predict_tasks(X)
        grade, quality = decide_tasks(estimator, grade_proba, quality_proba)
        return Predictions(grade, np.asarray(grade_proba), quality, quality_proba)
    check_is_fitted(estimator)
    task = _task_of(estimator, needed)
    if set(needed) - {task}:
        raise TypeError(
            f"This needs an estimator that predicts {' and '.join(needed)}, but "
            f"{type(estimator).__name__} predicts {task}. Use from_predictions with "
            "the predictions of two estimators."
        )
    predicted = np.asarray(estimator.predict(X))
    proba = None
    if hasattr(estimator, "predict_proba"):
        proba = _spread(estimator.predict_proba(X), estimator.classes_, task)
    return Predictions(**{task: predicted, f"{task}_proba": proba})


def _task_of(estimator, needed):
    own = [task.name for task in getattr(estimator, "_tasks", ())]
    if len(own) == 1:
        return own[0]
    if len(needed) == 1:
        return needed[0]
    return "quality" if set(estimator.classes_) <= {0, 1} else "grade"


def _spread(proba, classes, task):
    """Give a class that was not in the training set a probability of 0."""
    classes = check_integers("classes_", classes, N_CLASSES[task])
    every = np.zeros((len(proba), N_CLASSES[task]))
    every[:, classes] = proba
    every[np.isnan(proba).any(axis=1)] = np.nan
    return every


def check_proba(name, proba, n_samples, task):
    """Return probabilities as an array.

    Parameters
    ----------
    name : str
        What they are called in messages.
    proba : array-like of shape (n_samples, n_classes) or (n_samples,)
        Probability of each grade, or of poor and good, or of good alone.
    n_samples : int
        Expected number of rows.
    task : {"grade", "quality"}
        Determines the number of classes.

    Returns
    -------
    proba : ndarray of shape (n_samples, n_classes)
        Rows without a prediction are nan.

    Raises
    ------
    ValueError
        If the shape differs, or a value is not a probability; the message names the
        row.
    """
    proba = np.asarray(proba, dtype=float)
    if task == "quality" and proba.ndim == 1:
        proba = np.column_stack([1 - proba, proba])
    if proba.shape != (n_samples, N_CLASSES[task]):
        raise ValueError(
            f"{name} must hold probabilities of shape ({n_samples}, "
            f"{N_CLASSES[task]}), a row for each of y_true, got shape {proba.shape!r}."
        )
    holed = np.isnan(proba).any(axis=1)
    part = np.flatnonzero(holed & ~np.isnan(proba).all(axis=1))
    if len(part):
        raise ValueError(
            f"{name} has nan beside numbers in row {part[0]}: "
            f"{proba[part[0]].tolist()!r}. A row without a prediction must be all nan."
        )
    bad = np.flatnonzero(((proba < 0) | (proba > 1)).any(axis=1))
    if len(bad):
        raise ValueError(
            f"{name} must hold probabilities from 0 to 1, got "
            f"{proba[bad[0]].tolist()!r} in row {bad[0]}."
        )
    sums = np.flatnonzero(~holed & (np.abs(proba.sum(axis=1) - 1) > LARGEST_EXCESS))
    if len(sums):
        raise ValueError(
            f"{name} must add up to 1 in each row, got {proba[sums[0]].tolist()!r} in "
            f"row {sums[0]}."
        )
    return proba


def labels_of(y_true, task):
    """Return the true labels of a task.

    Parameters
    ----------
    y_true : array-like of shape (n, 2) or (n,)
        Grade and quality, or the task's labels alone; -1 where unknown.
    task : {"grade", "quality"}
        Which labels.

    Returns
    -------
    truth : ndarray of shape (n,)
        Labels of the task.
    quality : ndarray of shape (n,)
        Quality; -1 where unknown.
    """
    if np.ndim(y_true) == 2:
        grade, quality = check_truth(y_true)
        return (grade if task == "grade" else quality), quality
    truth = check_integers(f"{task} in y_true", y_true, N_CLASSES[task])
    return truth, truth if task == "quality" else np.full(len(truth), UNKNOWN)


def check_predicted(name, predicted, n_samples, task):
    """Return predicted classes as an integer array.

    Parameters
    ----------
    name : str
        What they are called in messages.
    predicted : array-like of shape (n_samples,)
        Classes, -1 for none.
    n_samples : int
        Expected number of rows.
    task : {"grade", "quality"}
        Determines the classes.

    Returns
    -------
    predicted : ndarray of shape (n_samples,)
        Integers.
    """
    predicted = check_integers(name, predicted, N_CLASSES[task])
    if len(predicted) != n_samples:
        raise ValueError(
            f"{name} must hold a prediction for each of the {n_samples} rows of "
            f"y_true, got {len(predicted)}."
        )
    return predicted


def nothing_known(what):
    """Make the error for a plot that would be empty.

    Parameters
    ----------
    what : str
        What no row has.

    Returns
    -------
    error : ValueError
        To be raised.
    """
    return ValueError(
        f"There is nothing to show: no row has {what}. Rows with an unknown label "
        f"({UNKNOWN}) or without a prediction are ignored."
    )
