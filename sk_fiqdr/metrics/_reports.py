"""Rows of the paper's Tables 2 and 4, with intervals by bootstrap over patients."""

import numpy as np
import pandas as pd

from ..utils._labels import N_GRADES, UNKNOWN, check_labels, check_truth
from ..utils._masked import label_array
from ._bootstrap import check_bootstrap, check_groups, draw_patients, interval
from ._grading import kappa_of_confusion
from ._quality import quality_measures


def quality_report(
    y_true,
    y_pred,
    *,
    groups=None,
    n_bootstraps=1000,
    confidence_level=0.95,
    random_state=0,
):
    """Report quality classification: a row of Table 2, with intervals.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True quality, 1 good and 0 poor; rows of -1 (unknown) are skipped.
    y_pred : array-like of shape (n_samples,)
        Predicted quality.
    groups : array-like of shape (n_samples,), default=None
        Patient of each row: patients are drawn, not images, as two eyes of a patient
        are not two observations. None draws rows.
    n_bootstraps : int, default=1000
        Number of draws.
    confidence_level : float, default=0.95
        Level of the intervals.
    random_state : int, RandomState or None, default=0
        Makes the draws repeat.

    Returns
    -------
    report : DataFrame
        A row for each measure (mean_acc, specificity, acc, sensitivity, precision) and
        count (n, n_poor), with columns value, lower and upper: ``report.loc[
        "mean_acc", "lower"]``; ``report["value"].to_frame().T`` is the paper's row. A
        measure that is undefined is nan here, not 0. The interval is nan without two
        patients to draw from, or with ``n_bootstraps=0``.

    Raises
    ------
    ValueError
        If labels, groups or the arguments of the bootstrap are not as described.

    Notes
    -----
    Intervals are percentiles over draws of as many patients as there are, with
    replacement; draws in which a measure is undefined are left out of its interval.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Table 2.

    Examples
    --------
    >>> from sk_fiqdr.metrics import quality_report
    >>> report = quality_report([1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 0, 0])
    >>> round(float(report.loc["mean_acc", "value"]), 3)
    0.833
    """
    check_bootstrap("quality_report", n_bootstraps, confidence_level)
    known = label_array(y_true) != UNKNOWN
    y_true, y_pred = check_labels(y_true, y_pred, 2)
    groups = check_groups(groups, known)
    cells = np.zeros((len(y_true), 2, 2))
    cells[np.arange(len(y_true)), y_true, y_pred] = 1
    return _report(
        quality_measures, cells, groups, n_bootstraps, confidence_level, random_state
    )


def grading_report(
    y_true,
    y_pred,
    *,
    groups=None,
    n_bootstraps=1000,
    confidence_level=0.95,
    random_state=0,
):
    """Report grading by image quality: a row of Table 4, with intervals.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, 2)
        True grade and quality; rows of unknown grade (-1) are skipped, rows of unknown
        quality count overall only.
    y_pred : array-like of shape (n_samples,)
        Predicted grade.
    groups : array-like of shape (n_samples,), default=None
        Patient of each row: patients are drawn, not images, as two eyes of a patient
        are not two observations. None draws rows.
    n_bootstraps : int, default=1000
        Number of draws.
    confidence_level : float, default=0.95
        Level of the intervals.
    random_state : int, RandomState or None, default=0
        Makes the draws repeat.

    Returns
    -------
    report : DataFrame
        A row for each of kappa, kappa_good, kappa_poor (agreement on images of good
        and of poor quality), n, true (right predictions), poor_n (those of poor quality
        among them) and ratio (their share, in per cent, of the right ones whose quality
        is known), with columns value, lower and upper as in :func:`quality_report`.
        Without an image to take it of, a kappa is nan; so are poor_n and ratio where
        no quality is known.

    Raises
    ------
    ValueError
        If labels, groups or the arguments of the bootstrap are not as described.

    Notes
    -----
    The paper's column "Ratio" is ten times too large: 164 / 8854 is 1.852 %, and not
    18.52 %. Intervals are those of :func:`quality_report`.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Table 4.

    Examples
    --------
    >>> from sk_fiqdr.metrics import grading_report
    >>> y = [[0, 1], [1, 1], [2, 1], [0, 0], [4, 0]]
    >>> grading_report(y, [0, 1, 2, 0, 0]).loc["ratio", "value"]
    np.float64(25.0)
    """
    check_bootstrap("grading_report", n_bootstraps, confidence_level)
    grade, quality = check_truth(y_true)
    known = grade != UNKNOWN
    grade, y_pred = check_labels(grade, y_pred, N_GRADES)
    quality = quality[known]
    groups = check_groups(groups, known)
    # Unknown quality is a stratum of its own, which counts overall only.
    cells = np.zeros((len(grade), 3, N_GRADES, N_GRADES))
    cells[np.arange(len(grade)), quality % 3, grade, y_pred] = 1
    return _report(
        _grading_measures, cells, groups, n_bootstraps, confidence_level, random_state
    )


def _grading_measures(counts):
    overall = counts.sum(axis=-3)
    right = np.trace(counts, axis1=-2, axis2=-1)
    n_true = right.sum(axis=-1)
    judged = counts[..., :2, :, :].sum(axis=(-3, -2, -1)) > 0
    n_poor_true = np.where(judged, right[..., 0], np.nan)

    def kappa(counts):
        n = counts.sum(axis=(-2, -1))
        return np.where(n > 0, kappa_of_confusion(counts), np.nan)

    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "kappa": kappa(overall),
            "kappa_good": kappa(counts[..., 1, :, :]),
            "kappa_poor": kappa(counts[..., 0, :, :]),
            "n": overall.sum(axis=(-2, -1)),
            "true": n_true,
            "poor_n": n_poor_true,
            "ratio": 100 * n_poor_true / right[..., :2].sum(axis=-1),
        }


def _report(measures, cells, groups, n_bootstraps, confidence_level, random_state):
    """Take measures of counts, and of counts over patients drawn with replacement."""
    values = {name: float(v) for name, v in measures(cells.sum(axis=0)).items()}
    frame = pd.DataFrame({"value": values}).rename_axis("measure")
    patients, patient = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(patients), *cells.shape[1:]))
    np.add.at(counts, patient, cells)
    draws = measures(draw_patients(counts, n_bootstraps, random_state))
    bounds = [interval(draws[name], confidence_level) for name in frame.index]
    frame[["lower", "upper"]] = np.array(bounds).reshape(-1, 2)
    return frame
