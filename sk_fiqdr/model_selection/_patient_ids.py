"""The patient of each photograph, and checks that splits keep patients together."""

import os
import re
import unicodedata
import warnings
from collections.abc import Mapping, Set

import numpy as np
import pandas as pd
from sklearn.utils.validation import _num_samples

from ..exceptions import PatientLeakageError
from ..utils._check_images import one_column
from ..utils._patient_keys import patient_array, patient_keys
from ..utils._read_image import EXTENSIONS

# A laterality and what it is called: œil gauche, ojo izquierdo, olho esquerdo.
SIDES = {
    **dict.fromkeys(("left", "l", "os", "le", "og", "oi", "oe"), "left"),
    **dict.fromkeys(("right", "r", "od", "re"), "right"),
}
_FLAGS = re.IGNORECASE | re.DOTALL  # a name may hold line breaks
_SIDE = rf"(?P<side>{'|'.join(SIDES)})"
_NUMBER = r"([\s_\-]*eye)?[\s_\-.()]*\d*\)?"  # of the picture, where an eye has several
# 13_left, 265_l1, 265_r2, P07-OD, scan 4 (OS) 2, 13_left (1), P07_LE.
_BEHIND = re.compile(rf"(?P<patient>.+?)[\s_\-.(]+{_SIDE}{_NUMBER}", _FLAGS)
# 13L, P07OD, OD_13: a laterality only if the fellow is there.
_IF_FELLOW = (
    re.compile(rf"(?P<patient>.*\d){_SIDE}{_NUMBER}", _FLAGS),
    re.compile(rf"{_SIDE}[\s_\-.]+(?P<patient>.+)", _FLAGS),
)
_NOTHING_ELSE = re.compile(  # left, OD1, _left, (L) 2
    rf"[\s_\-.(]*{_SIDE}([\s_\-]*eye)?[\s_\-.()]*\d?\)?", _FLAGS
)
# Marks that are not seen: of byte order, of the direction of writing, of no width.
_UNSEEN = re.compile("[\xad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_EXTENSIONS = re.compile(  # a real one is short and begins with a letter, unlike ".840"
    rf"({'|'.join(map(re.escape, sorted(EXTENSIONS)))})*(\.[a-z][a-z0-9]{{0,4}})?",
    re.IGNORECASE,
)


def patient_ids(names):
    """Return the patient of each image, read from its name.

    Recognised are Kaggle's ``<patient>_left.jpeg``, DeepDRiD's ``265_l1.jpg`` and in
    general a laterality (left, right, l, r, LE, RE, OD, OS, OG, OI, OE, in any case)
    after a blank or one of ``_-.(``, with or without a picture number. Directly after a
    digit (``13L.png``) or at the beginning (``OD_13.png``) it is used if the fellow eye
    is among the names. A name without a laterality is a patient of its own. Folders are
    ignored: a name means the same patient in each, as a copy of a photograph does not
    make a second patient. Only if the name is a mere laterality (``265/left.jpg``) does
    the folder name the patient.

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
        If `names` is a single name, or holds anything but names.

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

    Returns
    -------
    read : list of tuple of str
        Patient and side of each: "left", "right", or "" where the name has no
        laterality and stands for a patient of its own.
    """
    if (
        not hasattr(names, "__iter__")
        or isinstance(names, Mapping | Set)
        or getattr(names, "ndim", 1) != 1
    ):
        raise TypeError(
            "patient_ids takes a list, array or Series of paths or names, got "
            f"{type(names).__name__}. Pass the column of paths of a DataFrame; where "
            "there are no names, pass `groups` with the patient of each row."
        )
    stems = []
    for row, path in enumerate(names):
        if not isinstance(path, str | os.PathLike):
            raise TypeError(
                f"Patients are read from paths or names, but row {row} is a "
                f"{type(path).__name__}. Pass `groups` with the patient of each row."
            )
        # Labels may come from Windows, and names from a Mac, which takes ü apart.
        path = unicodedata.normalize("NFC", _UNSEEN.sub("", os.fspath(path)))
        *folders, name = re.split(r"[/\\]+", path)
        stems.append((_stem(name), folders[-1] if folders else ""))
    read = [_patient_and_side(stem, folder) for stem, folder in stems]
    maybe = [
        _first_match(stem) if not side else None
        for (stem, _), (_, side) in zip(stems, read, strict=True)
    ]
    sides = {}
    for patient, side in (*read, *filter(None, maybe)):
        sides.setdefault(patient, set()).add(side)
    return [
        other if other and {"left", "right"} <= sides[other[0]] else sure
        for sure, other in zip(read, maybe, strict=True)
    ]


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
    for patient, side in read_patients(names):
        yield patient, side or None


def _stem(name):
    # Extensions are cut from the right, and never the whole name.
    for at in (i for i, sign in enumerate(name) if sign == "." and i > 0):
        if _EXTENSIONS.fullmatch(name, at):
            return name[:at]
    return name


def _patient_and_side(stem, folder):
    if folder and (match := _NOTHING_ELSE.fullmatch(stem)):
        return folder, SIDES[match["side"].lower()]
    match = _BEHIND.fullmatch(stem)
    return (match["patient"], SIDES[match["side"].lower()]) if match else (stem, "")


def _first_match(stem):
    for pattern in _IF_FELLOW:
        if match := pattern.fullmatch(stem):
            return match["patient"], SIDES[match["side"].lower()]
    return None


def holds_paths(X):
    """Return whether X is an array-like of paths or names.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    holds_paths : bool
        True if its first element is a str or a Path.
    """
    X = one_column(X)
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

    Warns
    -----
    UserWarning
        If there are no groups, and most names do not identify a patient.

    Raises
    ------
    ValueError
        If there are no groups and X holds no names, or groups has gaps.
    PatientLeakageError
        If `groups` separates images that belong to one patient by their file names.
    """
    X = one_column(X)
    if groups is None:
        if not holds_paths(X):
            raise ValueError(
                "Patients are unknown: X holds no paths to read them from. Pass "
                "groups, the patient of each row (np.arange(len(X)) if every row is "
                "a patient of its own)."
            )
        read = read_patients(X)
        _warn_of_unknown(X, [not side for _, side in read])
        return np.array([patient for patient, _ in read], dtype=str)
    groups = patient_array(groups)
    if groups.ndim != 1 or len(groups) != _num_samples(X):
        raise ValueError(
            f"groups must name the patient of each of the {_num_samples(X)} rows of X, "
            f"got shape {groups.shape!r}."
        )
    if holds_paths(X):
        codes = pd.factorize(groups)[0]
        read = pd.DataFrame(read_patients(X), columns=["patient", "side"])
        # A name without laterality may repeat: another clinic's 0001.png.
        n_groups = (
            read.assign(group=codes)[read.side != ""].groupby("patient").group.nunique()
        )
        separated = n_groups.index[n_groups > 1]
        if len(separated):
            raise PatientLeakageError(
                "By their file names, groups separates the images of "
                f"{len(separated)} patients: "
                f"{', '.join(map(repr, separated[:5]))}. Use patient_ids(X) as groups. "
                "If equal names do mean different patients, split row numbers: "
                "split(np.arange(len(X)), y, groups)."
            )
    return groups


def _warn_of_unknown(names, unknown):
    """Warn if most names do not identify a patient."""
    if len(unknown) < 2 or 2 * sum(unknown) <= len(unknown):
        return
    first = os.path.basename(next(n for n, u in zip(names, unknown, strict=True) if u))
    warnings.warn(
        f"{sum(unknown)} of {len(unknown)} file names do not identify a patient, such "
        f"as {first!r}: each counts as a patient of its own, and the eyes of one may "
        "end up on both sides of a split. Pass groups, the patient of each row "
        "(np.arange(len(X)) if every image is a patient of its own).",
        UserWarning,
        stacklevel=4,
    )


def check_patients_apart(train_groups, test_groups):
    """Raise if a patient is on both sides of a split.

    Parameters
    ----------
    train_groups, test_groups : array-like of shape (n,)
        Patient of each row on either side.

    Raises
    ------
    PatientLeakageError
        If the sides share a patient; the message names up to five. 13 and "13" are one.
    ValueError
        If a patient is missing.

    Examples
    --------
    >>> from sk_fiqdr.model_selection import check_patients_apart
    >>> check_patients_apart(["13", "13"], ["15"])
    """
    train, test = (
        dict(zip(patient_keys(side), side.tolist(), strict=True))
        for side in (
            patient_array(train_groups, "train_groups"),
            patient_array(test_groups, "test_groups"),
        )
    )
    shared = train.keys() & test.keys()
    if shared:
        some = ", ".join(repr(train[patient]) for patient in sorted(shared)[:5])
        raise PatientLeakageError(
            f"Patients on both sides of the split: {len(shared)}, among them {some}. "
            "PatientStratifiedKFold and patient_train_test_split keep all images of a "
            "patient together."
        )
