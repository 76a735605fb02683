"""Measures of quality classification: 1 is good and positive, 0 poor."""

import numpy as np

from ..utils._labels import check_labels, no_known_rows, undefined
from ._grading import confusion


def quality_measures(counts):
    """Return all measures of confusion matrices, nan where undefined.

    Parameters
    ----------
    counts : ndarray of shape (..., 2, 2)
        Images of each true and predicted quality, true ones in rows.

    Returns
    -------
    measures : dict of str to ndarray of shape (...)
        mean_acc, specificity, acc, sensitivity, precision, and the numbers of images
        and of poor ones.
    """
    poor_right, poor_wrong = counts[..., 0, 0], counts[..., 0, 1]
    good_wrong, good_right = counts[..., 1, 0], counts[..., 1, 1]
    n_poor, n_good = poor_right + poor_wrong, good_wrong + good_right
    with np.errstate(invalid="ignore", divide="ignore"):
        specificity, sensitivity = poor_right / n_poor, good_right / n_good
        return {
            "mean_acc": (specificity + sensitivity) / 2,
            "specificity": specificity,
            "acc": (poor_right + good_right) / (n_poor + n_good),
            "sensitivity": sensitivity,
            "precision": good_right / (good_right + poor_wrong),
            "n": n_poor + n_good,
            "n_poor": n_poor,
        }


def _measures(y_true, y_pred):
    return quality_measures(confusion(*check_labels(y_true, y_pred, 2), 2))


def _defined(name, value, missing):
    return undefined(name, missing) if np.isnan(value) else float(value)


def sensitivity(y_true, y_pred):
    """Accuracy on good images, acc_1 of Eq. 9.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True quality, 1 good and 0 poor; rows of -1 (unknown) are skipped.
    y_pred : array-like of shape (n_samples,)
        Predicted quality; a row of known truth needs one.

    Returns
    -------
    sensitivity : float
        0.0, with an UndefinedMetricWarning, where there is no good image.

    Raises
    ------
    ValueError
        If lengths differ or a label is not 0 or 1; the message names the row.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Sect. 3.2.

    Examples
    --------
    >>> from sk_fiqdr.metrics import sensitivity
    >>> sensitivity([1, 1, 1, 1, 0], [1, 1, 1, 0, 0])
    0.75
    """
    value = _measures(y_true, y_pred)["sensitivity"]
    return _defined("Sensitivity", value, "there is no good image")


def specificity(y_true, y_pred):
    """Accuracy on poor images, acc_0 of Eq. 9.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True quality, 1 good and 0 poor; rows of -1 (unknown) are skipped.
    y_pred : array-like of shape (n_samples,)
        Predicted quality; a row of known truth needs one.

    Returns
    -------
    specificity : float
        0.0, with an UndefinedMetricWarning, where there is no poor image.

    Raises
    ------
    ValueError
        If lengths differ or a label is not 0 or 1; the message names the row.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Sect. 3.2.

    Examples
    --------
    >>> from sk_fiqdr.metrics import specificity
    >>> specificity([1, 1, 0, 0], [1, 1, 1, 0])
    0.5
    """
    value = _measures(y_true, y_pred)["specificity"]
    return _defined("Specificity", value, "there is no poor image")


def precision(y_true, y_pred):
    """Share of good images among those called good.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True quality, 1 good and 0 poor; rows of -1 (unknown) are skipped.
    y_pred : array-like of shape (n_samples,)
        Predicted quality; a row of known truth needs one.

    Returns
    -------
    precision : float
        0.0, with an UndefinedMetricWarning, where no image is called good.

    Raises
    ------
    ValueError
        If lengths differ or a label is not 0 or 1; the message names the row.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Sect. 3.2.

    Examples
    --------
    >>> from sk_fiqdr.metrics import precision
    >>> precision([1, 1, 0, 0], [1, 0, 1, 0])
    0.5
    """
    value = _measures(y_true, y_pred)["precision"]
    return _defined("Precision", value, "no image is called good")


def mean_acc(y_true, y_pred):
    """Mean of sensitivity and specificity (Eq. 9): balanced accuracy.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True quality, 1 good and 0 poor; rows of -1 (unknown) are skipped.
    y_pred : array-like of shape (n_samples,)
        Predicted quality; a row of known truth needs one.

    Returns
    -------
    mean_acc : float
        0.5 is what "always good" gets. Where one class is missing it is the accuracy
        on the other, as in scikit-learn's balanced_accuracy_score. 0.0 with an
        UndefinedMetricWarning where no row is known.

    Raises
    ------
    ValueError
        If lengths differ or a label is not 0 or 1; the message names the row.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Eq. 9.

    Examples
    --------
    >>> from sk_fiqdr.metrics import mean_acc
    >>> mean_acc([1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 0])
    0.75
    """
    measures = _measures(y_true, y_pred)
    if measures["n"] == 0:
        return no_known_rows("mean_acc")
    return float(np.nanmean([measures["specificity"], measures["sensitivity"]]))


def accuracy(y_true, y_pred):
    """Share of correct predictions. Not public, as it is high for "always good".

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_samples,)
        True and predicted quality; rows of unknown truth (-1) are skipped.

    Returns
    -------
    accuracy : float
        0.0, with an UndefinedMetricWarning, where no row is known.
    """
    measures = _measures(y_true, y_pred)
    if measures["n"] == 0:
        return no_known_rows("Accuracy")
    return float(measures["acc"])
