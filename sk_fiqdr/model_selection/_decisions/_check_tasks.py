"""Labels of one task or of both, on any scale of grades."""

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from ...metrics import quadratic_weighted_kappa
from ...utils._labels import UNKNOWN, check_targets
from ...utils._masked import label_array
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
        If a label is not a whole number of at least -1.
    """
    y = y if hasattr(y, "columns") else label_array(y)
    if y.ndim != 2 or y.shape[1] != 2:
        grade = column_or_1d(y, warn=True)
        check_classification_targets(grade)
        y = np.column_stack([grade, np.full(len(grade), UNKNOWN)])
    return check_targets(y, tasks=(ANY_GRADE, QUALITY))


def kappa_of_predictions(grade, predicted):
    """Quadratic weighted kappa of the rows with a prediction, on any scale of grades.

    Parameters
    ----------
    grade, predicted : ndarray of shape (n,)
        True and predicted grades, -1 where unknown.

    Returns
    -------
    kappa : float
        It does not depend on the number of grades, which cancels out.
    """
    has_prediction = predicted != UNKNOWN
    return quadratic_weighted_kappa(
        grade[has_prediction], predicted[has_prediction], n_grades=MAX_GRADES
    )
