"""The threshold between the images that are graded and those that are refused."""

import numpy as np

from ...metrics._grading import N_GRADES, kappa_of_confusion
from ...metrics._refusal import SEVERE
from ...utils._labels import UNKNOWN
from ._cut_points import gaps

TOLERANCE = 1e-9  # in numbers of images, for the rounding of shares like 0.95 * 20


def gate_threshold(goal, value, truth, grade, good):
    """Choose the least probability of good quality at which an image is graded.

    Parameters
    ----------
    goal : {"max_refused", "min_kappa", "min_severe_kept"}
        The goal.
    value : float
        Its value.
    truth, grade : ndarray of shape (n,)
        True and predicted grades, -1 where unknown.
    good : ndarray of shape (n,)
        Probability of good quality; rows of nan are ignored.

    Returns
    -------
    threshold : float
        Halfway between two probabilities; 0.0 to refuse nothing.

    Raises
    ------
    ValueError
        If there are no labels to choose by, or the goal cannot be reached.
    """
    read = ~np.isnan(good)
    truth, grade = truth[read], grade[read]
    if not read.any():
        raise ValueError("None of the images could be read: cannot choose a threshold.")
    values, place = np.unique(good[read], return_inverse=True)

    def refused(counted):
        """Count the rows refused at each threshold, the lowest first."""
        counts = np.bincount(place, weights=counted, minlength=len(values))
        return np.array([0, *counts.cumsum()])

    n_refused = refused(np.ones(len(place)))
    if goal == "max_refused":
        reached = n_refused <= value * len(place) + TOLERANCE
        choice = np.flatnonzero(reached)[-1]
    elif goal == "min_severe_kept":
        severe = truth >= SEVERE
        if not severe.any():
            raise ValueError(
                f"min_severe_kept={value!r} needs eyes of grade {SEVERE} and above, "
                "and y has none."
            )
        kept = severe.sum() - refused(severe)
        choice = np.flatnonzero(kept >= value * severe.sum() - TOLERANCE)[-1]
    else:
        choice = _fewest_refused(value, truth, grade, place, n_refused)
    threshold = gaps(values)[choice]
    return float(max(threshold, 0.0))


def _fewest_refused(min_kappa, truth, grade, place, n_refused):
    """Find the lowest threshold that reaches a kappa.

    At most half of the images are refused: the kappa of a few images can have any value
    by chance.
    """
    counts = np.zeros((len(n_refused) - 1, N_GRADES, N_GRADES))
    known = (truth != UNKNOWN) & (grade != UNKNOWN)
    if not known.any():
        raise ValueError(
            f"min_kappa={min_kappa!r} needs images of known grade, and y has none."
        )
    np.add.at(counts, (place[known], truth[known], grade[known]), 1)
    kappa = kappa_of_confusion(counts[::-1].cumsum(axis=0)[::-1])  # of what is graded
    kappa = kappa[n_refused[:-1] <= n_refused[-1] / 2]
    reached = np.flatnonzero(kappa >= min_kappa)
    if len(reached) == 0:
        best = np.argmax(kappa)
        share = n_refused[best] / n_refused[-1]
        raise ValueError(
            f"min_kappa={min_kappa!r} cannot be reached: kappa is {kappa[0]:.3f} if "
            f"all images are graded, and at best {kappa[best]:.3f} with up to half of "
            f"them refused ({100 * share:.1f} % refused)."
        )
    return reached[0]
