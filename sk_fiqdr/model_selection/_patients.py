"""The patient of each photograph, and checks that splits keep patients whole."""

import os
import re
import unicodedata
from collections.abc import Mapping, Set

import numpy as np
import pandas as pd
from sklearn.utils.validation import _num_samples

from ..exceptions import PatientLeakageError
from ..utils._images import EXTENSIONS

# A laterality at the end of the name, with the number of the picture where there are
# several of an eye: 13_left, 265_l1, 265_r2, P07-OD, scan 4 (OS) 2, 13_left (1).
_LATERALITY = re.compile(
    r"(?P<patient>.+?)[\s_\-.(]+(left|right|od|os|l|r)[\s_\-.()]*\d*\)?", re.IGNORECASE
)
_RIGHT = ("right", "od", "r")
_NOTHING_ELSE = re.compile(r"(left|right|od|os|l|r)\d?", re.IGNORECASE)
_EXTENSIONS = re.compile(  # a real one is short and begins with a letter, unlike ".840"
    rf"({'|'.join(map(re.escape, sorted(EXTENSIONS)))})*(\.[a-z][a-z0-9]{{0,4}})?",
    re.IGNORECASE,
)


def patient_ids(names):
    """Return the patient of each image, read from its name.

    Recognised are the contest's ``<patient>_left.jpeg``, DeepDRiD's ``265_l1.jpg`` and
    in general a laterality (left, right, l, r, OD, OS, in any case) behind a blank or
    one of ``_-.(``, with or without a picture number. A name without one is a patient
    of its own. Folders do not count: a name means the same patient in each, as a copy
    of a photograph is no second patient. Only where the name is nothing but a
    laterality (``265/left.jpg``) the folder names the patient.

    Parameters
    ----------
    names : list, ndarray or Series of shape (n,) of str or Path
        Paths or file names, with or without extension, of any system.

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
    return np.array([patient for patient, _ in read_patients(names)], dtype=str)


def read_patients(names):
    """Read the patient of each name, as `patient_ids` does.

    Parameters
    ----------
    names : list, ndarray or Series of shape (n,) of str or Path
        Paths or file names.

    Yields
    ------
    patient : str
        The patient.
    told : bool
        Whether a laterality told it.
    """
    for patient, eye in read_eyes(names):
        yield patient, eye is not None


def read_eyes(names):
    """Read the patient and the eye of each name, as `patient_ids` does.

    Parameters
    ----------
    names : list, ndarray or Series of shape (n,) of str or Path
        Paths or file names.

    Yields
    ------
    patient : str
        The patient.
    eye : {"left", "right"} or None
        The eye, None where the name has no laterality.
    """
    if (
        not hasattr(names, "__iter__")
        or isinstance(names, Mapping | Set)
        or getattr(names, "ndim", 1) != 1
    ):
        raise TypeError(
            "patient_ids takes a list, array or Series of paths or names, got "
            f"{type(names).__name__}. Of a DataFrame pass the column of paths; where "
            "there are no names, pass `groups` with the patient of each row."
        )
    for row, path in enumerate(names):
        if not isinstance(path, str | os.PathLike):
            raise TypeError(
                f"Patients are read from paths or names, but row {row} is a "
                f"{type(path).__name__}. Pass `groups` with the patient of each row."
            )
        # Labels may come from Windows, and names from a Mac, which takes ü apart.
        path = unicodedata.normalize("NFC", os.fspath(path))
        *folders, name = re.split(r"[/\\]+", path)
        yield _patient(name, folders[-1] if folders else "")


def _patient(name, folder):
    stem = name
    # Extensions are cut from the right, and never the whole name.
    for at in (i for i, sign in enumerate(name) if sign == "." and i > 0):
        if _EXTENSIONS.fullmatch(name, at):
            stem = name[:at]
            break
    if folder and _NOTHING_ELSE.fullmatch(stem):
        return folder, _eye(_NOTHING_ELSE.fullmatch(stem)[1])
    match = _LATERALITY.fullmatch(stem)
    return (match["patient"], _eye(match[2])) if match else (stem, None)


def _eye(laterality):
    return "right" if laterality.lower() in _RIGHT else "left"


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
    if isinstance(X, str | bytes | Mapping) or getattr(X, "ndim", 1) != 1:
        return False
    return hasattr(X, "__iter__") and isinstance(next(iter(X), None), str | os.PathLike)


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
        If there are no groups and X names no patients, or groups has gaps.
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
            f"groups must name the patient of each of the {_num_samples(X)} rows of X, "
            f"got shape {groups.shape!r}."
        )
    codes = pd.factorize(groups)[0]
    if (codes < 0).any():
        raise ValueError(
            f"groups has no patient in row {np.argmin(codes)}. Give an unknown patient "
            "a name of its own."
        )
    if holds_paths(X):
        read = pd.DataFrame(read_patients(X), columns=["patient", "told"])
        # A name without laterality may repeat: another clinic's 0001.png.
        n_groups = (
            read.assign(group=codes)[read.told].groupby("patient").group.nunique()
        )
        torn = n_groups.index[n_groups > 1]
        if len(torn):
            raise PatientLeakageError(
                f"groups tears apart the images of {len(torn)} patients, by the file "
                f"names: {', '.join(map(repr, torn[:5]))}. Use patient_ids(X) as "
                "groups. If equal names do mean different patients, split row numbers: "
                "split(np.arange(len(X)), y, groups)."
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
    shared = set(np.asarray(train_groups).tolist())
    shared &= set(np.asarray(test_groups).tolist())
    if shared:
        some = ", ".join(map(repr, sorted(shared, key=str)[:5]))
        raise PatientLeakageError(
            f"Patients on both sides of the split: {len(shared)}, among them {some}. "
            "Keep patients whole: PatientStratifiedKFold and patient_train_test_split "
            "do."
        )
