"""Where to draw the line between what is graded and what is refused."""

import numpy as np

from ...metrics._grading import N_GRADES, kappa_of_confusion
from ...metrics._refusal import SEVERE
from ...utils._labels import UNKNOWN
from ._cut_points import gaps

TOLERANCE = 1e-9  # of a number of images, for shares such as 0.95 * 20


def gate_threshold(goal, wanted, truth, grade, good):
    """Choose the least probability of good quality that is graded.

    Parameters
    ----------
    goal : {"max_refused", "min_kappa", "min_severe_kept"}
        What is asked for.
    wanted : float
        How much of it.
    truth, grade : ndarray of shape (n,)
        True and given grades, -1 where unknown or none.
    good : ndarray of shape (n,)
        Probability of good quality, nan where there is none; such rows do not count.

    Returns
    -------
    threshold : float
        Halfway between two probabilities; 0.0 if nothing is to be refused.

    Raises
    ------
    ValueError
        If there is nothing to choose by, or the goal is out of reach.
    """
    read = ~np.isnan(good)
    truth, grade = truth[read], grade[read]
    if not read.any():
        raise ValueError("Not one image could be read: no threshold can be chosen.")
    values, place = np.unique(good[read], return_inverse=True)

    def refused(counted):
        """Count the rows refused at each threshold, the lowest first."""
        counts = np.bincount(place, weights=counted, minlength=len(values))
        return np.array([0, *counts.cumsum()])

    n_refused = refused(np.ones(len(place)))
    if goal == "max_refused":
        reached = n_refused <= wanted * len(place) + TOLERANCE
        choice = np.flatnonzero(reached)[-1]
    elif goal == "min_severe_kept":
        severe = truth >= SEVERE
        if not severe.any():
            raise ValueError(
                f"min_severe_kept={wanted!r} counts eyes of grade {SEVERE} and above, "
                "and y has none."
            )
        kept = severe.sum() - refused(severe)
        choice = np.flatnonzero(kept >= wanted * severe.sum() - TOLERANCE)[-1]
    else:
        choice = _fewest_refused(wanted, truth, grade, place, n_refused)
    threshold = gaps(values)[choice]
    return float(max(threshold, 0.0))


def _fewest_refused(min_kappa, truth, grade, place, n_refused):
    """Find the lowest threshold of a kappa that is at least as wanted.

    Not beyond half of the images: the kappa of a handful reaches anything by chance.
    """
    counts = np.zeros((len(n_refused) - 1, N_GRADES, N_GRADES))
    answered = (truth != UNKNOWN) & (grade != UNKNOWN)
    if not answered.any():
        raise ValueError(
            f"min_kappa={min_kappa!r} needs images of known grade, and y has none."
        )
    np.add.at(counts, (place[answered], truth[answered], grade[answered]), 1)
    kappa = kappa_of_confusion(counts[::-1].cumsum(axis=0)[::-1])  # of what is graded
    kappa = kappa[n_refused[:-1] <= n_refused[-1] / 2]
    reached = np.flatnonzero(kappa >= min_kappa)
    if len(reached) == 0:
        best = np.argmax(kappa)
        share = n_refused[best] / n_refused[-1]
        raise ValueError(
            f"min_kappa={min_kappa!r} is out of reach: kappa is {kappa[0]:.3f} if all "
            f"are graded, and with up to half of the images refused {kappa[best]:.3f} "
            f"at best ({100 * share:.1f} % refused)."
        )
    return reached[0]
