"""One column of labels of any kind: their classes, as codes, and the accuracy."""

import reprlib
from numbers import Real

import numpy as np
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from ._label_words import plain_label
from ._labels import refuse_eyeq, whole_numbers
from ._masked import UNKNOWN, label_array

WRAPPED = [2**bits - 1 for bits in (8, 16, 32, 64)]  # -1 in unsigned types
MISSING = {"-1", "-1.0", "", "nan", "none", "<na>", "nat", "null"}


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
        What it learns, with its largest number of classes.
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
    if len(classes) > len(task.classes):
        raise ValueError(
            f"{_too_many(task, y)}: y holds {found}. {_advice(classes, task)}"
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


def check_classes(classes, name, task, before=None):
    """Return the classes that were passed, or those of an earlier fit.

    Parameters
    ----------
    classes : array-like of shape (n_classes,) or None
        What `partial_fit` was passed; -1, unknown, is not one.
    name : str
        Name of the estimator, for messages.
    task : Task
        What it learns, with its largest number of classes.
    before : ndarray of shape (n_classes,), default=None
        Those of an earlier fit.

    Returns
    -------
    classes : ndarray of shape (n_classes,) or None
        Sorted; None if neither is known.

    Raises
    ------
    ValueError
        If there are too few or too many, or they are not those of before.
    """
    if classes is None:
        return before
    given = np.unique(_one_column(classes, name, task))
    classes = given[given != UNKNOWN] if given.dtype.kind in "iuf" else given
    if not 2 <= len(classes) <= len(task.classes):
        raise ValueError(
            f"classes={classes.tolist()!r} are {len(classes)}, expected 2 to "
            f"{len(task.classes)} of {task.name}. Pass each that can occur once."
        )
    if before is not None and not np.array_equal(classes, before):
        raise ValueError(
            f"classes={classes.tolist()!r} are not those of the first call, "
            f"{before.tolist()!r}, which the network was built for. Fit a new {name}, "
            "or leave classes out."
        )
    return classes


def _codes(y, known, classes, name):
    strange = np.setdiff1d(y[known], classes)
    if len(strange):
        raise ValueError(
            f"y holds {strange.tolist()!r}, and the classes of this {name} are "
            f"{classes.tolist()!r}. Fit it on data where every class occurs, or name "
            "them all to the first partial_fit, as classes; or leave such rows out of "
            "X and y."
        )
    codes = np.full(len(y), UNKNOWN, dtype=np.int64)
    codes[known] = np.searchsorted(classes, y[known])
    return codes


def _too_many(task, y):
    if len(task.classes) == 2:  # in scikit-learn's words, which its checks look for
        return (
            "Only binary classification is supported. The type of the target is "
            f"{type_of_target(y)}"
        )
    return f"There are at most {len(task.classes)} {task.name}s"


def _advice(classes, task):
    """Say where a class too many may come from, and what to do about it."""
    plain = {plain_label(label) for label in classes}
    if task.name == "quality" and plain == {"0", "1", "2"}:
        eyeq = (
            "EyeQ counts 0 good, 1 usable and 2 reject: take the target of load_eyeq, "
            "or series.map({0: 1, 1: 1, 2: 0}). "
        )
    else:
        eyeq = ""
    return (
        f"{eyeq}Ensembles of scikit-learn and cross_val_predict(method="
        "'predict_proba') number classes anew and take -1, unknown, for one of them: "
        f"leave rows of unknown {task.name} out of X and y there."
    )


def _one_column(y, name, task):
    refuse_eyeq([getattr(y, "name", None)])
    y = label_array(y)
    if y.ndim == 2 and y.shape[1] == 2:
        raise ValueError(
            f"{name} learns the {task.name} alone and takes y of shape (n_samples,), "
            f"got shape {y.shape!r}. From columns (grade, quality), pass y[:, "
            f"{task.column}]."
        )
    y = column_or_1d(y, warn=True)
    y = _of_one_kind(y)
    if y.dtype.kind == "f" and np.isnan(y).any():
        raise ValueError(
            f"y holds NaN, first in row {np.flatnonzero(np.isnan(y))[0]}. Mark unknown "
            "labels with -1: series.fillna(-1).astype(int)."
        )
    if y.dtype.kind == "f" and np.isinf(y).any():
        raise ValueError(f"y holds inf, first in row {np.flatnonzero(np.isinf(y))[0]}.")
    check_classification_targets(y)
    _refuse_hidden_unknown(y)
    return y


def _of_one_kind(y):
    """Return a column of objects as whole numbers, or as the text that it is."""
    if y.dtype.kind in "cmMSV":
        raise ValueError(
            f"y must hold whole numbers or text, got an array of {y.dtype}."
        )
    if y.dtype != object:
        return y
    kinds = [Real if isinstance(v, Real) else type(v) for v in y]
    if kinds and kinds[0] in (Real, str) and len(set(kinds)) == 1:
        return y if kinds[0] is str else whole_numbers("y", y)
    odd = [row for row, kind in enumerate(kinds) if kind not in (Real, str)]
    row = odd[0] if odd else next(i for i, kind in enumerate(kinds) if kind != kinds[0])
    raise ValueError(
        f"y holds {reprlib.repr(y[row])} in row {row}, expected whole numbers in every "
        "row, or text in every row. Mark unknown labels with -1, among numbers."
    )


def _refuse_hidden_unknown(y):
    """Raise where unknown labels have become a class on the way."""
    if y.dtype.kind in "iuf":
        words = np.flatnonzero(np.isin(y, WRAPPED))
    else:
        words = [row for row, v in enumerate(y) if str(v).strip().lower() in MISSING]
    if len(words):
        raise ValueError(
            f"y has {y.tolist()[words[0]]!r} in row {words[0]}, where -1, unknown, "
            "seems to be meant, which became text or was cast to an unsigned type. "
            "Pass signed integers; of words leave out the rows of unknown label."
        )


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
    y_true = column_or_1d(label_array(y_true))
    known = (y_true != UNKNOWN) & (y_pred != UNKNOWN)
    weight = None if sample_weight is None else np.asarray(sample_weight)[known]
    return accuracy_score(y_true[known], y_pred[known], sample_weight=weight)
