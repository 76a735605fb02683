"""Who a photograph belongs to, and the error when a split forgets it."""

import os
import re

import numpy as np
from sklearn.utils.validation import _num_samples

# A laterality at the end of the name, with the number of the picture where there are
# several of an eye: 13_left, 265_l1, 265_r2, P07-OD, scan 4 (OS) 2.
_LATERALITY = re.compile(
    r"^(?P<patient>.+?)[\s_\-.(]+(left|right|od|os|l|r)[\s_\-.)]*\d*$", re.IGNORECASE
)


class PatientLeakageError(ValueError):
    """Images of one patient stand on both sides of a split."""


def patient_ids(names):
    """Return the patient of each image, read from its name.

    Recognised are the contest's ``<patient>_left.jpeg``, DeepDRiD's ``265_l1.jpg`` and
    in general a laterality (left, right, l, r, OD, OS, in any case) behind a blank or
    one of ``_-.(``, with or without a picture number. A name without one is a patient
    of its own. Folders do not count: a name means the same patient in each.

    Parameters
    ----------
    names : array-like of shape (n,) of str or Path
        Paths or file names, with or without extension.

    Returns
    -------
    patients : ndarray of shape (n,) of str
        Patient of each image.

    Raises
    ------
    TypeError
        If `names` is a single name, or holds something else than names.

    Examples
    --------
    >>> from sk_fiqdr.model_selection import patient_ids
    >>> patient_ids(["a/13_left.jpeg", "b/13_right", "265_l2.jpg", "IMG 7.png"])
    array(['13', '13', '265', 'IMG 7'], dtype='<U5')
    """
    if isinstance(names, str | bytes | os.PathLike):
        raise TypeError(
            f"patient_ids takes a list of paths or names, got the single {names!r}. "
            "Pass [name]."
        )
    patients = []
    for row, name in enumerate(names):
        if not isinstance(name, str | os.PathLike):
            raise TypeError(
                f"Patients are read from paths or names, but row {row} is a "
                f"{type(name).__name__}. Pass `groups` with the patient of each row."
            )
        patients.append(_patient(os.path.basename(os.fspath(name))))
    return np.array(patients, dtype=str)


def _patient(name):
    stem, extension = os.path.splitext(name)
    # "13_left.v2"? A real extension is short and begins with a letter.
    if not re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{0,4}", extension):
        stem = name
    match = _LATERALITY.match(stem)
    return match["patient"] if match else stem


def holds_paths(X):
    """Tell whether X is an array-like of paths or names.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    holds_paths : bool
        True if its first element is a str or a Path.
    """
    if isinstance(X, str | bytes) or getattr(X, "ndim", 1) != 1:
        return False
    return isinstance(next(iter(X), None), str | os.PathLike)


def patients_of(X, groups):
    """Return `groups`, or the patients that X names, checked against each other.

    Parameters
    ----------
    X : array-like
        Data of any kind.
    groups : array-like of shape (n,) or None
        Patient of each row.

    Returns
    -------
    groups : ndarray of shape (n,)
        Patient of each row.

    Raises
    ------
    ValueError
        If there are no groups and X names no patients.
    PatientLeakageError
        If `groups` tears a patient apart whom the file names show to be one.
    """
    if groups is None:
        if not holds_paths(X):
            raise ValueError(
                "Patients are unknown: X holds no paths to read them from. Pass "
                "groups, the patient of each row (np.arange(len(X)) if every row is "
                "a patient of its own)."
            )
        return patient_ids(X)
    groups = np.asarray(groups)
    if groups.ndim != 1 or len(groups) != _num_samples(X):
        raise ValueError(
            "groups must name the patient of each row of X, got shape "
            f"{groups.shape!r}."
        )
    if holds_paths(X):
        named = patient_ids(X)
        _, codes = np.unique(groups, return_inverse=True)
        order = np.argsort(named, kind="stable")
        same = named[order][1:] == named[order][:-1]
        torn = same & (codes[order][1:] != codes[order][:-1])
        if torn.any():
            patient = named[order][1:][torn][0]
            raise PatientLeakageError(
                f"groups tears patients apart: images named after patient {patient!r} "
                f"({int(torn.sum())} such places) are in different groups. Use "
                "patient_ids(X) as groups, or rename the files if they lie."
            )
    return groups


def check_patients_apart(train_groups, test_groups):
    """Raise if a patient is on both sides of a split.

    Parameters
    ----------
    train_groups, test_groups : array-like of shape (n,)
        Patient of each row on either side.

    Raises
    ------
    PatientLeakageError
        If the sides share a patient; the message names up to five.

    Examples
    --------
    >>> from sk_fiqdr.model_selection import check_patients_apart
    >>> check_patients_apart(["13", "13"], ["15"])
    """
    shared = np.intersect1d(train_groups, test_groups)
    if len(shared):
        raise PatientLeakageError(
            f"{len(shared)} patients are on both sides of the split, among them "
            f"{', '.join(map(str, shared[:5]))}. Keep patients whole: "
            "PatientStratifiedKFold and patient_train_test_split do."
        )
