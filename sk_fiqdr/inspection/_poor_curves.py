"""What both curves for detecting poor images share."""

import numpy as np

from ..utils._labels import UNKNOWN
from ._panels import tidy
from ._predictions import check_proba, labels_of, predict_once


def poor_and_proba(y_true, quality_proba):
    """Return whether images are poor, and the probability of it, for known rows.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        Quality, or grade and quality; -1 where unknown.
    quality_proba : array-like of shape (n_samples, 2) or (n_samples,)
        Probability of poor and of good quality, or of good alone; nan for none.

    Returns
    -------
    poor : ndarray of bool, shape (n_known,)
        Whether the image is poor.
    proba : ndarray of shape (n_known,)
        Probability that it is.

    Raises
    ------
    ValueError
        If there are not both poor and good images.
    """
    quality = labels_of(y_true, "quality")[1]
    proba = check_proba("quality_proba", quality_proba, len(quality), "quality")[:, 0]
    known = (quality != UNKNOWN) & ~np.isnan(proba)
    poor, proba = quality[known] == 0, proba[known]
    if poor.all() or not poor.any():
        raise ValueError(
            f"The curve needs poor and good images of known quality, got {poor.sum()} "
            f"poor and {(~poor).sum()} good ones. PatientStratifiedKFold and "
            "patient_train_test_split spread them over the parts."
        )
    return poor, proba


def quality_proba_of(estimator, X):
    """Return an estimator's probability of poor and of good quality.

    Parameters
    ----------
    estimator : estimator, Pipeline or search
        Fitted, of both tasks or of the quality.
    X : array-like
        Paths, images or features.

    Returns
    -------
    quality_proba : ndarray of shape (n_samples, 2)
        Probabilities.

    Raises
    ------
    TypeError
        If it does not provide probabilities.
    """
    proba = predict_once(estimator, X, "quality").quality_proba
    if proba is None:
        raise TypeError(
            f"The curve needs predict_proba, which {type(estimator).__name__} does not "
            "provide."
        )
    return proba


def finish(display, x, y, *, first, legend):
    """Mark the point where poor is predicted if it is more probable than good.

    Parameters
    ----------
    display : PoorRocDisplay or PoorPrecisionRecallDisplay
        Its curve is drawn.
    x, y : float
        The point.
    first : bool
        Whether it is the first in these Axes, which the legend explains.
    legend : str
        Where to place it.
    """
    ax = display.ax_
    ax.plot(
        x,
        y,
        "o",
        color=display.display_.line_.get_color(),
        mec="k",
        zorder=3,
        label="poor if more probable" if first else None,
    )
    ax.set_aspect("auto")
    ax.legend(loc=legend, fontsize="small", framealpha=0.8, edgecolor="none")
    ax.set_title(f"{display.n_poor:,} poor and {display.n_good:,} good images")
    tidy(ax)
