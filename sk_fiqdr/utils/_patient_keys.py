"""Patients by what they are called, whether as a number or as text."""

import numbers
import re
import unicodedata

import numpy as np
import pandas as pd

from ._masked import refuse_masked

_WHOLE = re.compile(r"(-?\d+)\.0+")  # what a column with gaps makes of a number


def patient_array(groups, name="groups"):
    """Return patients as an array without gaps.

    Parameters
    ----------
    groups : array-like of shape (n,)
        Patient of each row.
    name : str, default="groups"
        What they are called in messages.

    Returns
    -------
    groups : ndarray of shape (n,)
        As they came; text if they were of several kinds, so that 13 and "13" are one
        patient.

    Raises
    ------
    ValueError
        If a patient is missing or masked; the message names the row.
    """
    refuse_masked(name, groups)
    groups = np.asarray(groups)
    missing = pd.isna(groups)
    if missing.any():
        raise ValueError(
            f"{name} has no patient in row {np.argwhere(missing)[0, 0]}. Give an "
            "unknown patient a unique name."
        )
    is_column = groups.dtype == object and groups.ndim == 1
    return np.array(patient_keys(groups), dtype=str) if is_column else groups


def patient_keys(groups):
    """Return a text for each patient, by which it is known on either side of a split.

    Parameters
    ----------
    groups : ndarray of shape (n,)
        Patient of each row.

    Returns
    -------
    keys : list of str
        Equal for 13, 13.0, "13" and "13.0", and for both spellings of an umlaut.
    """
    return [_key(patient) for patient in groups.tolist()]


def _key(patient):
    if isinstance(patient, bytes):
        patient = patient.decode("utf-8", "surrogateescape")
    if isinstance(patient, numbers.Real) and patient % 1 == 0:
        return str(int(patient))
    text = unicodedata.normalize("NFC", str(patient)).strip()
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text
