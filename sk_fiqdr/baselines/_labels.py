"""One column of quality labels: two classes, and -1 where unknown."""

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from ..utils._labels import UNKNOWN

POOR, GOOD = 0, 1


def encode_quality(y, n_rows, name):
    """Return quality labels as codes, and the classes they stand for.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
        Two kinds of labels, the smaller one poor; -1 where unknown.
    n_rows : int
        Expected number of rows.
    name : str
        Name of the estimator, for messages.

    Returns
    -------
    codes : ndarray of shape (n_rows,)
        0 poor, 1 good, -1 unknown.
    classes : ndarray of shape (2,)
        The labels of poor and of good.

    Raises
    ------
    ValueError
        If labels are missing, not of two classes, or not one for each row.
    """
    if y is None:
        raise ValueError(
            f"This {name} estimator requires y to be passed, but the target y is None."
        )
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 2:
        raise ValueError(
            f"{name} predicts quality alone and takes y of shape (n_samples,), got "
            f"shape {y.shape!r}. Of columns (grade, quality) pass y[:, 1]."
        )
    y = column_or_1d(y, warn=True)
    if y.dtype.kind == "f" and np.isnan(y).any():
        raise ValueError(
            f"y holds NaN, first in row {np.flatnonzero(np.isnan(y))[0]}. Mark unknown "
            "labels with -1: series.fillna(-1).astype(int)."
        )
    check_classification_targets(y)
    if len(y) != n_rows:
        raise ValueError(
            f"X and y have inconsistent numbers of samples: {n_rows} rows of X and "
            f"{len(y)} of y."
        )
    known = y != UNKNOWN if y.dtype.kind in "biuf" else np.ones(len(y), dtype=bool)
    classes = np.unique(y[known])
    if len(classes) > 2:
        raise ValueError(
            "Only binary classification is supported. The type of the target is "
            f"multiclass: y holds {classes.tolist()!r}. Use 0 poor, 1 good and -1 "
            "unknown."
        )
    if len(classes) < 2:
        raise ValueError(
            f"This {name} needs poor and good images in y, got one class: "
            f"{classes.tolist()!r}. -1 marks unknown labels and is not a class; "
            "enlarge the training set until it has both."
        )
    codes = np.full(len(y), UNKNOWN)
    codes[known] = np.searchsorted(classes, y[known])
    return codes, classes


def more_probable(proba, classes):
    """Return the class of the larger probability, -1 where it is nan.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, 2)
        Probability of poor and of good.
    classes : ndarray of shape (2,)
        The labels of poor and of good.

    Returns
    -------
    quality : ndarray of shape (n_samples,)
        Labels; good where both are equally probable.
    """
    quality = classes[(proba[:, GOOD] >= 0.5).astype(int)]
    unread = np.isnan(proba[:, GOOD])
    return np.where(unread, UNKNOWN, quality) if unread.any() else quality


def known_accuracy(y_true, y_pred):
    """Return the accuracy over rows with a known label and a prediction.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted quality, -1 where unknown.

    Returns
    -------
    accuracy : float
        Share of correct predictions.
    """
    y_true = column_or_1d(y_true)
    known = (y_true != UNKNOWN) & (y_pred != UNKNOWN)
    return accuracy_score(y_true[known], y_pred[known])
