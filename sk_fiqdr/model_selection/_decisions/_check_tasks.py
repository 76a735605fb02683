"""Labels of one task or of both, on any scale of grades."""

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from ...metrics import quadratic_weighted_kappa
from ...utils._labels import UNKNOWN, check_targets
from ...utils._tasks import GRADE, QUALITY

MAX_GRADES = 100
ANY_GRADE = GRADE._replace(classes=tuple(range(MAX_GRADES)))


def check_tasks(y):
    """Return labels of one or both tasks as two columns.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, 2)
        Grade, or grade and quality; -1 where unknown.

    Returns
    -------
    y : ndarray of shape (n, 2)
        Grade and quality as int64.

    Raises
    ------
    ValueError
        If a label is no whole number from -1 on.
    """
    y = np.asarray(y)
    if y.ndim != 2 or y.shape[1] != 2:
        grade = column_or_1d(y, warn=True)
        check_classification_targets(grade)
        y = np.column_stack([grade, np.full(len(grade), UNKNOWN)])
    return check_targets(y, tasks=(ANY_GRADE, QUALITY))


def kappa_of_answers(grade, answer):
    """Quadratic weighted kappa of the rows that were answered, on any scale of grades.

    Parameters
    ----------
    grade, answer : ndarray of shape (n,)
        True and given grades, -1 where there is none.

    Returns
    -------
    kappa : float
        The number of grades has no part in it, as it cancels out.
    """
    answered = answer != UNKNOWN
    return quadratic_weighted_kappa(
        grade[answered], answer[answered], n_grades=MAX_GRADES
    )
