"""Sets of grades: the thresholds of a level, and sets without gaps."""

import numpy as np

from ...utils._labels import N_GRADES

ALWAYS = 0.0  # a threshold that every probability reaches
_ROUNDING = 1e-9


def set_threshold(proba, patients, confidence_level):
    """Return the least probability at which a grade belongs to a set.

    Parameters
    ----------
    proba : ndarray of shape (n,)
        Probability of the true grade of each photograph for calibration.
    patients : ndarray of shape (n,)
        Patient of each. All photographs of one together count as one observation.
    confidence_level : float
        Share of the patients to reach.

    Returns
    -------
    threshold : float
        `ALWAYS` if there are too few patients for this level.
    """
    _, patient, n_photographs = np.unique(
        patients, return_inverse=True, return_counts=True
    )
    order = np.argsort(-proba, kind="stable")
    reached = np.cumsum(1 / n_photographs[patient[order]])
    # The quantile among n + 1 patients, the one to come included.
    needed = (len(n_photographs) + 1) * confidence_level - _ROUNDING
    place = np.searchsorted(reached, needed)
    return float(proba[order[place]]) if place < len(order) else ALWAYS


def fewest_patients(confidence_level):
    """Return how many patients a threshold above `ALWAYS` needs.

    Parameters
    ----------
    confidence_level : float
        Share of the patients to reach.

    Returns
    -------
    n_patients : int
        The fewest whose quantile is that of one of them.
    """
    return int(np.ceil(confidence_level / (1 - confidence_level) - _ROUNDING))


def without_gaps(sets):
    """Add the grades between the lowest and the highest of each set.

    Parameters
    ----------
    sets : ndarray of bool, shape (n, n_grades)
        Sets.

    Returns
    -------
    sets : ndarray of bool, shape (n, n_grades)
        Contiguous sets.
    """
    upward = np.maximum.accumulate(sets, axis=1)
    downward = np.maximum.accumulate(sets[:, ::-1], axis=1)[:, ::-1]
    return upward & downward


def grade_sets(proba, thresholds):
    """Return the set of each row.

    Parameters
    ----------
    proba : ndarray of shape (n, 5)
        Probability of each grade; a row of nan gets all grades.
    thresholds : ndarray of shape (5,)
        Least probability at which each grade is included.

    Returns
    -------
    sets : ndarray of bool, shape (n, 5)
        Without gaps; the most probable grade where no grade reaches its threshold.
    """
    unread = np.isnan(proba).any(axis=1)
    proba = np.where(unread[:, None], 1, proba)
    sets = proba >= thresholds
    empty = np.flatnonzero(~sets.any(axis=1))
    sets[empty, proba[empty].argmax(axis=1)] = True
    return without_gaps(sets)


def five_columns(proba, classes):
    """Return a column for each grade, 0 for those that an estimator lacks.

    Parameters
    ----------
    proba : ndarray of shape (n, n_classes)
        Probabilities.
    classes : ndarray of shape (n_classes,)
        Grades, each one of 0 to 4.

    Returns
    -------
    proba : ndarray of shape (n, 5)
        Probabilities.

    Raises
    ------
    ValueError
        If a class is not a grade.
    """
    classes = np.asarray(classes)
    if not np.isin(classes, np.arange(N_GRADES)).all():
        raise ValueError(
            f"Grades are 0 to {N_GRADES - 1}, but the estimator predicts the "
            f"classes {classes.tolist()!r}."
        )
    columns = np.zeros((len(proba), N_GRADES))
    columns[:, classes.astype(int)] = proba
    columns[np.isnan(proba).any(axis=1)] = np.nan
    return columns
