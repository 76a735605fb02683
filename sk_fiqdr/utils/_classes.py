"""One column of labels of any kind: their classes, as codes, and the accuracy."""

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from ._labels import UNKNOWN


def check_length(y, n_rows, name):
    """Raise if labels are missing, or not one for each row.

    Parameters
    ----------
    y : array-like of shape (n_rows, ...)
        Labels.
    n_rows : int
        Rows of X.
    name : str
        Name of the estimator, for messages.

    Returns
    -------
    y : array-like
        The same, as an array if it had no length.

    Raises
    ------
    ValueError
        If it is None or of another length.
    """
    if y is None:
        raise ValueError(
            f"This {name} estimator requires y to be passed, but the target y is None."
        )
    if not hasattr(y, "__len__"):
        y = np.asarray(y)
    if len(y) != n_rows:
        raise ValueError(
            f"X and y have inconsistent numbers of samples: {n_rows} rows of X and "
            f"{len(y)} of y."
        )
    return y


def encode_classes(y, name, task, classes=None):
    """Return labels as codes, and the classes that they stand for.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels; -1 where unknown, if they are numbers.
    name : str
        Name of the estimator, for messages.
    task : Task
        What it learns; of quality there are two classes, the smaller one poor.
    classes : ndarray of shape (n_classes,), default=None
        Those of an earlier fit, sorted, of which the labels must be.

    Returns
    -------
    codes : ndarray of shape (n,)
        Places in `classes` as int64, -1 where unknown.
    classes : ndarray of shape (n_classes,)
        The known labels, sorted.

    Raises
    ------
    ValueError
        If y is not one column of classes, or has too few or too many of them, or one
        that is not in `classes`.
    """
    y = _one_column(y, name, task)
    known = y != UNKNOWN if y.dtype.kind in "iuf" else np.ones(len(y), dtype=bool)
    if classes is not None:
        return _codes(y, known, classes, name), classes
    classes = np.unique(y[known])
    found = f"{classes.tolist()!r}"
    if len(task.classes) == 2 < len(classes):
        raise ValueError(
            "Only binary classification is supported. The type of the target is "
            f"{type_of_target(y)}: y holds {found}. Use 0 poor, 1 good and -1 unknown."
        )
    if len(classes) < 2:
        raise ValueError(
            f"This {name} needs at least two classes in y, got one class: {found}. -1 "
            "marks unknown labels and is not a class; add training data until every "
            "class occurs."
            if len(classes)
            else f"This {name} needs at least two classes in y, and all labels are -1, "
            "unknown."
        )
    return _codes(y, known, classes, name), classes


def _codes(y, known, classes, name):
    strange = np.setdiff1d(y[known], classes)
    if len(strange):
        raise ValueError(
            f"y holds {strange.tolist()!r}, and the classes of this {name} are "
            f"{classes.tolist()!r}. Fit it on data where every class occurs, or leave "
            "such rows out of X and y."
        )
    codes = np.full(len(y), UNKNOWN, dtype=np.int64)
    codes[known] = np.searchsorted(classes, y[known])
    return codes


def _one_column(y, name, task):
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 2:
        raise ValueError(
            f"{name} learns the {task.name} alone and takes y of shape (n_samples,), "
            f"got shape {y.shape!r}. Of columns (grade, quality) pass y[:, "
            f"{task.column}]."
        )
    y = column_or_1d(y, warn=True)
    if y.dtype.kind == "f" and np.isnan(y).any():
        raise ValueError(
            f"y holds NaN, first in row {np.flatnonzero(np.isnan(y))[0]}. Mark unknown "
            "labels with -1: series.fillna(-1).astype(int)."
        )
    check_classification_targets(y)
    return y


def known_accuracy(y_true, y_pred, sample_weight=None):
    """Return the accuracy over rows with a known label and a prediction.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,)
        True and predicted classes, -1 where unknown.
    sample_weight : array-like of shape (n,), default=None
        Weight of each row.

    Returns
    -------
    accuracy : float
        Share of correct predictions.
    """
    y_true = column_or_1d(y_true)
    known = (y_true != UNKNOWN) & (y_pred != UNKNOWN)
    weight = None if sample_weight is None else np.asarray(sample_weight)[known]
    return accuracy_score(y_true[known], y_pred[known], sample_weight=weight)
