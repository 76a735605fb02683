"""Patients drawn with replacement, and intervals of what is measured on them."""

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from ..utils._constraints import check_parameters, real, whole
from ..utils._patient_keys import patient_array

MOST_DRAWN = 2**22  # numbers that are drawn at a time, 32 MiB


def check_bootstrap(caller, n_bootstraps, confidence_level):
    """Check the arguments of a bootstrap.

    Parameters
    ----------
    caller : str
        Name of the function that they were passed to, for messages.
    n_bootstraps : int
        Number of draws, 0 for none.
    confidence_level : float
        Level of the intervals.

    Raises
    ------
    ValueError
        If a value is out of range.
    """
    check_parameters(
        caller,
        {
            "n_bootstraps": [whole(0)],
            "confidence_level": [real(0, 1, closed="neither")],
        },
        n_bootstraps=n_bootstraps,
        confidence_level=confidence_level,
    )


def check_groups(groups, known):
    """Return the patients of the rows that count.

    Parameters
    ----------
    groups : array-like of shape (n,) or None
        Patient of each row; None makes each row a patient.
    known : ndarray of bool, shape (n,)
        The rows that count.

    Returns
    -------
    groups : ndarray of shape (n_known,)
        Their patients, as numbers.

    Raises
    ------
    ValueError
        If a patient is missing; the message names the row.
    """
    if groups is None:
        return np.arange(known.sum())
    groups = patient_array(groups)
    if groups.shape != known.shape:
        raise ValueError(
            f"groups must name the patient of each of the {len(known)} rows, got shape "
            f"{groups.shape!r}."
        )
    return pd.factorize(groups)[0][known]


def draw_patients(counts, n_bootstraps, random_state):
    """Add up the counts of as many patients as there are, drawn with replacement.

    Parameters
    ----------
    counts : ndarray of shape (n_patients, ...)
        What is counted, such as confusion matrices.
    n_bootstraps : int
        Number of draws.
    random_state : int, RandomState or None
        Makes the draws repeat.

    Returns
    -------
    draws : ndarray of shape (n_bootstraps, ...)
        Sums of counts; no draws where there are not two patients to draw from.
    """
    n_patients, *shape = counts.shape
    if n_patients < 2:
        return np.empty((0, *shape))
    # Patients with equal counts are the same to every measure: draw kinds of them.
    kinds, n_of_kind = np.unique(
        counts.reshape(n_patients, -1), axis=0, return_counts=True
    )
    rng = check_random_state(random_state)
    draws = np.empty((n_bootstraps, kinds.shape[1]))
    share = max(1, MOST_DRAWN // len(kinds))
    for start in range(0, n_bootstraps, share):
        part = draws[start : start + share]
        part[:] = (
            rng.multinomial(n_patients, n_of_kind / n_patients, size=len(part)) @ kinds
        )
    return draws.reshape(n_bootstraps, *shape)


def interval(values, confidence_level):
    """Return the middle share of draws.

    Parameters
    ----------
    values : ndarray of shape (n_bootstraps,)
        A measure, nan in draws where it is undefined: these are left out.
    confidence_level : float
        Share of the draws inside.

    Returns
    -------
    lower, upper : float
        Percentiles; nan where no draw defines the measure.
    """
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return np.nan, np.nan
    tail = (1 - confidence_level) / 2
    lower, upper = np.quantile(values, [tail, 1 - tail])
    return float(lower), float(upper)
