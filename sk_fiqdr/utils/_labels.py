"""Labels: integer classes, -1 where unknown; checked here for every layer."""

import numbers
import reprlib
import warnings

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from ._label_words import NAMES, WORDS, map_words, plain_word
from ._masked import UNKNOWN, label_array
from ._tasks import GRADE, TASKS

N_GRADES = len(GRADE.classes)
TOO_LARGE = 2.0**53  # from where on floats are not exact


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
        If shapes differ or a value is not a class; the message names the row.
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
            f"y_pred is -1, without a prediction, in row {row}, whose true label is "
            "known. Drop such rows from both (mask = y_pred >= 0), and report their "
            "number."
        )
    return y_true[known], y_pred[known]


def check_integers(name, y, n_classes):
    """Return labels as an int array.

    Parameters
    ----------
    name : str
        What the labels are called in messages.
    y : array-like of shape (n,)
        Labels in 0 .. n_classes - 1, -1 where unknown; masked ones are unknown, too.
    n_classes : int
        Number of classes.

    Returns
    -------
    y : ndarray of shape (n,)
        The labels as int64.

    Raises
    ------
    ValueError
        If a value is not a class; the message names the row.
    """
    y = whole_numbers(name, y)
    bad = np.flatnonzero((y < UNKNOWN) | (y >= n_classes))
    if len(bad):
        rows = f" ({len(bad)} such rows)" if len(bad) > 1 else ""
        raise ValueError(
            f"{name} has {int(y[bad[0]])!r} in row {bad[0]}, expected 0 to "
            f"{n_classes - 1}, or -1 for unknown{rows}."
        )
    return y


def whole_numbers(name, y):
    """Return one column of whole numbers.

    Parameters
    ----------
    name : str
        What they are called in messages.
    y : array-like of shape (n,)
        Numbers; masked ones are unknown.

    Returns
    -------
    y : ndarray of shape (n,)
        The numbers as int64, -1 where unknown.

    Raises
    ------
    ValueError
        If one is anything else; the message names the row.
    """
    y = label_array(y)
    if y.ndim != 1:
        raise ValueError(
            f"{name} must be one-dimensional, got shape {y.shape!r}. Of labels with "
            "columns (grade, quality) pass y[:, 0] or y[:, 1]."
        )
    if y.dtype.kind in "cmMV":
        raise ValueError(f"{name} must hold integers, got an array of {y.dtype}.")
    if y.dtype.kind in "bi":
        return y.astype(np.int64)
    if y.dtype.kind not in "uf":  # text is refused even where it spells a number
        strange = [i for i, v in enumerate(y) if not isinstance(v, numbers.Real)]
        if strange:
            raise ValueError(
                f"{name} must hold integers, got {y.tolist()[strange[0]]!r} in row "
                f"{strange[0]}. {_advice_for_text(name, y[strange])}"
            )
    try:
        values = y.astype(np.float64)
    except OverflowError:  # as of 10**400
        values = np.array([v if abs(v) < TOO_LARGE else TOO_LARGE for v in y.tolist()])
    large = np.flatnonzero(np.abs(values) >= TOO_LARGE)
    if len(large):  # which int64 would wrap
        raise ValueError(
            f"{name} has {reprlib.repr(y.tolist()[large[0]])} in row {large[0]}, which "
            "is not a label. Mark unknown labels with -1, in a signed type: in an "
            "unsigned one -1 becomes its largest number."
        )
    whole = np.isfinite(values) & (values == np.round(values))
    if not whole.all():
        row = np.flatnonzero(~whole)[0]
        if np.isnan(values[row]):
            raise ValueError(
                f"{name} holds NaN, first in row {row}. Mark unknown labels with -1: "
                "frame.fillna(-1).astype(int)."
            )
        raise ValueError(
            f"{name} must hold integers, got {float(values[row])!r} in row {row}. Mark "
            "unknown labels with -1; turn probabilities into classes first."
        )
    return values.astype(np.int64)


def check_targets(y, name="y", *, tasks=TASKS):
    """Return labels of several tasks, one column for each.

    Parameters
    ----------
    y : array-like or DataFrame of shape (n, n_tasks)
        Integer labels, -1 where unknown. Columns of a DataFrame that are called as the
        tasks are taken by name, in any order.
    name : str, default="y"
        What the labels are called in messages.
    tasks : sequence of Task, default=TASKS
        Those of the columns: grade and quality.

    Returns
    -------
    y : ndarray of shape (n, n_tasks)
        The labels as contiguous int64.

    Raises
    ------
    ValueError
        If there is not one column for each task, or their names contradict their
        places, or a value is not one of its classes; the message names the row.
    """
    y = label_array(_columns_by_name(y, name, tasks))
    if y.ndim != 2 or y.shape[1] != len(tasks):
        names = ", ".join(task.name for task in tasks)
        raise ValueError(
            f"{name} must have shape (n_samples, {len(tasks)}) with columns ({names}), "
            f"got shape {y.shape!r}. Use np.column_stack([{names}]); mark unknown "
            "labels with -1."
        )
    return np.column_stack(
        [
            check_integers(f"{task.name} in {name}", task.labels(y), len(task.classes))
            for task in tasks
        ]
    )


def _columns_by_name(y, name, tasks):
    """Return the columns of a frame in the order of the tasks; refuse doubtful ones."""
    columns = list(getattr(y, "columns", ()))
    refuse_eyeq(columns)
    known = [
        [plain_word(n) for n in NAMES.get(task.name, (task.name,))]
        for task in tasks
        if columns
    ]
    found = [[c for c in columns if plain_word(c) in names] for names in known]
    if found and all(len(of_task) == 1 for of_task in found):
        return np.column_stack([np.asarray(y[column]) for (column,) in found])
    if any(
        len(of_task) > 1 or of_task != columns[at : at + 1]
        for at, of_task in enumerate(found)
        if of_task
    ):
        wanted = ", ".join(repr(task.name) for task in tasks)
        raise ValueError(
            f"{name} has the columns {columns!r}, and their names do not show which "
            f"one is which. Rename one column to each of {wanted}, and pass "
            f"{name}[[{wanted}]]."
        )
    return y


def refuse_eyeq(names):
    """Raise where a column is called after EyeQ, which counts the other way round.

    Parameters
    ----------
    names : sequence
        Names of columns of labels.

    Raises
    ------
    ValueError
        If one of them has EyeQ in its name.
    """
    for name in names:
        if "eyeq" in plain_word(name):
            raise ValueError(
                f"The labels in {name!r} seem to be EyeQ's, which counts 0 good, 1 "
                "usable and 2 reject, the other way round than here. Use the target "
                "that sk_fiqdr.datasets.load_eyeq returns, or say what each means: "
                f"frame[{name!r}].map({{0: 1, 1: 1, 2: 0}}).rename('quality')."
            )


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
        As `check_targets`.
    """
    return tuple(check_targets(y_true, "y_true").T)


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
    if unread.any():  # beside text a number needs dtype object
        best = best.astype(object) if best.dtype.kind in "SU" else best
        best = np.where(unread, UNKNOWN, best)
    return best


def _advice_for_text(name, text):
    """Say how words become numbers; those of grades and qualities are known."""
    words = sorted({word for word in text.tolist() if isinstance(word, str)})
    task = name.split(" in ")[0]
    if words and task in WORDS:
        return f"Say what the words mean: {map_words(task, words, WORDS[task])}."
    return (
        "Mark unknown labels with -1, as by frame.fillna(-1).astype(int); turn text "
        "into classes first."
    )


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
