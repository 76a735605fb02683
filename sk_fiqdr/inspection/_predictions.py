"""What an estimator answers, of whichever task it does."""

from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..metrics._scorers import _unwrap, decide_tasks
from ..utils._labels import UNKNOWN, check_integers, check_truth
from ..utils._tasks import TASKS

LARGEST_EXCESS = 1e-3  # float16 rounds to that
N_CLASSES = {task.name: len(task.classes) for task in TASKS}


class Answers(NamedTuple):
    """Answers of both tasks; None of a task that the estimator does not do."""

    grade: np.ndarray = None  # (n,), -1 for none
    grade_proba: np.ndarray = None  # (n, 5), nan for none
    quality: np.ndarray = None  # (n,)
    quality_proba: np.ndarray = None  # (n, 2)


def ask(estimator, X, *needed):
    """Let a fitted estimator answer, once.

    Parameters
    ----------
    estimator : estimator, Pipeline or search
        Of both tasks (it has `predict_tasks`), or a classifier of one.
    X : array-like
        Paths, images or features.
    *needed : {"grade", "quality"}
        Tasks without which there is nothing to show. A classifier that does not say
        what it does is taken to do the one that is needed; where none is, a classifier
        of 0 and 1 alone is taken for a quality classifier.

    Returns
    -------
    answers : Answers
        Of the tasks that the estimator does.

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
        return Answers(grade, np.asarray(grade_proba), quality, quality_proba)
    check_is_fitted(estimator)
    task = _task_of(estimator, needed)
    if set(needed) - {task}:
        raise TypeError(
            f"This needs an estimator that predicts {' and '.join(needed)}, and "
            f"{type(estimator).__name__} predicts {task}. Use from_predictions with "
            "the answers of two estimators."
        )
    answer = np.asarray(estimator.predict(X))
    proba = None
    if hasattr(estimator, "predict_proba"):
        proba = _spread(estimator.predict_proba(X), estimator.classes_, task)
    return Answers(**{task: answer, f"{task}_proba": proba})


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
        Probability of each grade, or of poor and good; that of good alone will do.
    n_samples : int
        How many rows there must be.
    task : {"grade", "quality"}
        Decides how many classes there are.

    Returns
    -------
    proba : ndarray of shape (n_samples, n_classes)
        Rows of nan where there is no answer.

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
            f"{proba[part[0]].tolist()!r}. A row without an answer is nan throughout."
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
        The task's.
    quality : ndarray of shape (n,)
        The quality as far as it is known.
    """
    if np.ndim(y_true) == 2:
        grade, quality = check_truth(y_true)
        return (grade if task == "grade" else quality), quality
    truth = check_integers(f"{task} in y_true", y_true, N_CLASSES[task])
    return truth, truth if task == "quality" else np.full(len(truth), UNKNOWN)


def check_answers(name, answer, n_samples, task):
    """Return answers as an integer array.

    Parameters
    ----------
    name : str
        What they are called in messages.
    answer : array-like of shape (n_samples,)
        Classes, -1 for none.
    n_samples : int
        How many there must be.
    task : {"grade", "quality"}
        Decides which classes there are.

    Returns
    -------
    answer : ndarray of shape (n_samples,)
        Integers.
    """
    answer = check_integers(name, answer, N_CLASSES[task])
    if len(answer) != n_samples:
        raise ValueError(
            f"{name} must hold an answer for each of the {n_samples} rows of y_true, "
            f"got {len(answer)}."
        )
    return answer


def nothing_known(what):
    """Make the error of a picture that would be empty.

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
        f"There is nothing to show: no row has {what}. Rows of unknown label "
        f"({UNKNOWN}) and without an answer do not count."
    )
