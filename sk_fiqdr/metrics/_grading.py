"""Agreement of grades."""

import numpy as np

from ..utils._constraints import check_parameters, whole
from ..utils._labels import N_GRADES, check_labels, no_known_rows


def quadratic_weighted_kappa(y_true, y_pred, *, n_grades=N_GRADES):
    r"""Quadratic weighted kappa over a fixed set of grades (Eq. 8).

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True grades, 0 to ``n_grades - 1``; rows of -1 (unknown) are skipped.
    y_pred : array-like of shape (n_samples,)
        Predicted grades; a row of known truth needs one.
    n_grades : int, default=5
        Number of grades, whether or not all occur.

    Returns
    -------
    kappa : float
        1 is perfect, 0 chance. Where truth and predictions all are one and the same
        grade, agreement by chance is complete and kappa is 0/0: it is set to 0.0, as a
        constant prediction carries no information, whatever the truth. 0.0 with an
        UndefinedMetricWarning where no row is known.

    Raises
    ------
    ValueError
        If lengths differ, or a grade is missing, no integer or out of range; the
        message names the row.

    Notes
    -----
    .. math::
        \kappa = 1 - \frac{\sum_{ij} w_{ij} O_{ij}}{\sum_{ij} w_{ij} E_{ij}},
        \qquad w_{ij} = \frac{(i - j)^2}{(N - 1)^2}

    Without a fixed label set, as scikit-learn's function has it by default, a fold that
    lacks grades 2 and 3 counts grade 4 as a neighbour of grade 1. The second example
    is such a fold: scikit-learn gives it 0.571.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Eq. 8.

    Examples
    --------
    >>> from sk_fiqdr.metrics import quadratic_weighted_kappa
    >>> quadratic_weighted_kappa([0, 0, 1, 4], [0, 1, 1, 4])
    0.95
    >>> round(quadratic_weighted_kappa([0, 1, 1, 1, 4, 4], [0, 0, 1, 4, 1, 4]), 3)
    0.412
    """
    check_parameters(
        "quadratic_weighted_kappa", {"n_grades": [whole(2)]}, n_grades=n_grades
    )
    y_true, y_pred = check_labels(y_true, y_pred, n_grades)
    if len(y_true) == 0:
        return no_known_rows("Kappa")
    return float(kappa_of_confusion(confusion(y_true, y_pred, n_grades)))


def confusion(y_true, y_pred, n_classes):
    """Count pairs of true and predicted class.

    Parameters
    ----------
    y_true, y_pred : ndarray of shape (n_samples,)
        Classes, all known.
    n_classes : int
        Number of classes.

    Returns
    -------
    confusion : ndarray of shape (n_classes, n_classes)
        True classes in rows.
    """
    pairs = y_true * n_classes + y_pred
    return np.bincount(pairs, minlength=n_classes**2).reshape(n_classes, n_classes)


def kappa_of_confusion(confusion):
    """Quadratic weighted kappa of one confusion matrix, or of many at once.

    Parameters
    ----------
    confusion : ndarray of shape (..., n_classes, n_classes)
        Counts, true classes in rows.

    Returns
    -------
    kappa : ndarray of shape (...)
        0 where it would be 0/0.
    """
    confusion = np.asarray(confusion, dtype=float)
    grades = np.arange(confusion.shape[-1])
    weight = (grades[:, None] - grades) ** 2.0  # (N - 1)^2 cancels
    observed = (weight * confusion).sum(axis=(-2, -1))
    truth, prediction = confusion.sum(axis=-1), confusion.sum(axis=-2)
    total = confusion.sum(axis=(-2, -1))
    expected = np.einsum("...i,ij,...j->...", truth, weight, prediction)
    expected = expected / np.where(total > 0, total, 1)
    return np.where(expected > 0, 1 - observed / np.where(expected > 0, expected, 1), 0)
