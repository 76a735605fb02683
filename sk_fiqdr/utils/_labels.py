"""What every measure asks of its labels."""

import numbers
import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

UNKNOWN = -1
N_GRADES = 5


def check_labels(y_true, y_pred, n_classes):
    """Return the rows of known truth as int arrays.

    Parameters
    ----------
    y_true : array-like of shape (n,)
        True labels, -1 where unknown.
    y_pred : array-like of shape (n,)
        Predictions, for known rows all in 0 .. n_classes - 1.
    n_classes : int
        Number of classes.

    Returns
    -------
    y_true, y_pred : ndarray of shape (n_known,)
        Labels of the known rows.

    Raises
    ------
    ValueError
        If shapes differ or a value is no class; the message names the row.
    """
    y_true = check_integers("y_true", y_true, n_classes)
    y_pred = check_integers("y_pred", y_pred, n_classes)
    if len(y_true) != len(y_pred):
        raise ValueError(
            f"y_true has {len(y_true)} rows and y_pred {len(y_pred)}: "
            "pass predictions for exactly the rows of y_true."
        )
    known = y_true != UNKNOWN
    if (y_pred[known] == UNKNOWN).any():
        row = np.flatnonzero(known & (y_pred == UNKNOWN))[0]
        raise ValueError(
            f"y_pred has no answer (-1) in row {row}, whose truth is known. Drop such "
            "rows from both (mask = y_pred >= 0), and report how many they are."
        )
    return y_true[known], y_pred[known]


def check_integers(name, y, n_classes):
    """Return labels as an int array.

    Parameters
    ----------
    name : str
        What the labels are called in messages.
    y : array-like of shape (n,)
        Labels in 0 .. n_classes - 1, -1 where unknown.
    n_classes : int
        Number of classes.

    Returns
    -------
    y : ndarray of shape (n,)
        The labels as int64.

    Raises
    ------
    ValueError
        If a value is no class; the message names the row.
    """
    y = _integers(name, y)
    bad = np.flatnonzero((y < UNKNOWN) | (y >= n_classes))
    if len(bad):
        raise ValueError(
            f"{name} has {int(y[bad[0]])!r} in row {bad[0]}, expected 0 to "
            f"{n_classes - 1}, or -1 for unknown."
        )
    return y


def check_truth(y_true):
    """Return true grades and qualities.

    Parameters
    ----------
    y_true : array-like of shape (n, 2)
        Grade and quality, -1 where unknown.

    Returns
    -------
    grade, quality : ndarray of shape (n,)
        The columns as int64.

    Raises
    ------
    ValueError
        If there are not two columns, or a value is no class; the message names the row.
    """
    y = np.asarray(y_true)
    if y.ndim != 2 or y.shape[1] != 2:
        raise ValueError(
            "y_true must have shape (n_samples, 2) with columns (grade, quality), got "
            f"shape {y.shape!r}. Without quality labels pass -1 in the second column."
        )
    return (
        check_integers("grade in y_true", y[:, 0], N_GRADES),
        check_integers("quality in y_true", y[:, 1], 2),
    )


def most_probable(proba, classes=None):
    """Return the most probable class, -1 where there is none (nan).

    Parameters
    ----------
    proba : array-like of shape (n, n_classes)
        Probabilities.
    classes : ndarray of shape (n_classes,), default=None
        The classes; 0 to n_classes - 1 by default.

    Returns
    -------
    y_pred : ndarray of shape (n,)
        Classes.
    """
    proba = np.asarray(proba)
    best = proba.argmax(axis=1)
    best = best if classes is None else np.asarray(classes)[best]
    unread = np.isnan(proba).any(axis=1)
    return np.where(unread, UNKNOWN, best) if unread.any() else best


def _integers(name, y):
    y = np.asarray(y)
    if y.ndim != 1:
        raise ValueError(
            f"{name} must be one-dimensional, got shape {y.shape!r}. Of labels with "
            "columns (grade, quality) pass y[:, 0] or y[:, 1]."
        )
    if y.dtype.kind in "biu":
        return y.astype(np.int64)
    if y.dtype.kind != "f":  # text is refused even where it spells a number
        strange = [i for i, v in enumerate(y) if not isinstance(v, numbers.Real)]
        if strange:
            raise ValueError(
                f"{name} must hold integers, got {y.tolist()[strange[0]]!r} in row "
                f"{strange[0]}. Mark unknown labels with -1; turn text into classes "
                "first."
            )
    values = y.astype(np.float64)
    whole = np.isfinite(values) & (values == np.round(values))
    if not whole.all():
        row = np.flatnonzero(~whole)[0]
        raise ValueError(
            f"{name} must hold integers, got {float(values[row])!r} in row {row}. Mark "
            "unknown labels with -1; turn probabilities into classes first."
        )
    return values.astype(np.int64)


def no_known_rows(measure):
    """Warn that a measure has nothing to measure.

    Parameters
    ----------
    measure : str
        Name of the measure.

    Returns
    -------
    value : float
        0.0, which the measure is set to.
    """
    return undefined(measure, "no row has a known label")


def undefined(measure, reason):
    """Warn that a measure is undefined and set to 0, as scikit-learn does.

    Parameters
    ----------
    measure, reason : str
        What is undefined, and why.

    Returns
    -------
    value : float
        0.0.
    """
    warnings.warn(
        f"{measure} is undefined and set to 0.0: {reason}.",
        UndefinedMetricWarning,
        stacklevel=4,
    )
    return 0.0
