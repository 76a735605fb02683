"""Grade probabilities of an eye, fused with those of the patient's other eye."""

import numpy as np
import pandas as pd

from ._check_proba import check_proba

# Share of the fellow eye, by [own quality, its quality], 0 poor and 1 good.
FIXED_SHARES = np.array([[1 / 3, 2 / 3], [1 / 10, 1 / 3]])


def fuse_fellow_eyes(proba, groups, *, eyes=None, quality_proba=None, rule="fixed"):
    """Fuse the grade probabilities of both eyes of each patient.

    Both eyes of a patient mostly have the same grade. The fused probabilities are a
    weighted mean of those of the eye and those of its fellow eye. By the fixed rule the
    fellow eye has a share of one third; two thirds if this eye is of poor quality and
    the fellow eye of good quality; one tenth the other way round. In between, the share
    depends on the probabilities of quality.

    Parameters
    ----------
    proba : array-like of shape (n, n_grades)
        Probability of each grade, a row for each photograph; nan in a whole row where a
        photograph could not be read.
    groups : array-like of shape (n,)
        Patient of each row, such as :func:`patient_ids` returns.
    eyes : array-like of shape (n,), default=None
        Eye of each row, by any two names for a patient, such as "left" and "right". By
        default each row is an eye of its own.
    quality_proba : array-like of shape (n, 2), default=None
        Probability of poor and of good quality. By default all are of equal quality.
    rule : "fixed" or array-like of shape (2, 2), default="fixed"
        Share of the fellow eye, from 0 to 1, by own quality (row) and the fellow eye's
        quality (column), each 0 poor and 1 good.

    Returns
    -------
    proba : ndarray of shape (n, n_grades)
        Photographs of one eye are averaged first and get the same row. The only
        photograph of a patient keeps its row bit for bit. A row of nan stays nan and
        has no effect on other rows.

    Raises
    ------
    ValueError
        If rows are not probabilities, a patient or an eye is missing, a patient has
        more than two eyes, or the shares are not from 0 to 1.

    See Also
    --------
    FellowEyeClassifier : Does this in `predict`, around any classifier of grades.

    Notes
    -----
    In most data sets the graders saw both eyes of a patient. This makes their grades
    more alike and favours fusion: also report the scores of single eyes.

    Examples
    --------
    >>> from sk_fiqdr.model_selection import fuse_fellow_eyes
    >>> proba = [[0.9, 0.1, 0, 0, 0], [0.3, 0.4, 0.3, 0, 0], [0, 0, 0, 1, 0]]
    >>> fuse_fellow_eyes(proba, ["13", "13", "15"]).round(2)
    array([[0.7, 0.2, 0.1, 0. , 0. ],
           [0.5, 0.3, 0.2, 0. , 0. ],
           [0. , 0. , 0. , 1. , 0. ]])
    """
    proba = check_proba("proba", proba)
    shares = check_shares(rule)
    poor = np.zeros(len(proba))
    if quality_proba is not None:
        quality = check_proba("quality_proba", quality_proba)
        if quality.shape != (len(proba), 2):
            raise ValueError(
                f"quality_proba must have shape ({len(proba)}, 2), the probability of "
                f"poor and of good for each row of proba, got {quality.shape!r}."
            )
        poor = quality[:, 0]
    patient = check_names("groups", "patient", groups, len(proba))
    eye = number_eyes(patient, eyes, groups)
    read = ~(np.isnan(proba).any(axis=1) | np.isnan(poor))
    pooled, poor, fellow = pool(proba, poor, patient, eye, read)
    own = (1 - poor, poor)[::-1]
    other = tuple(of[fellow] for of in own)
    share = sum(own[i] * other[j] * shares[i, j] for i in (0, 1) for j in (0, 1))
    share = np.where(fellow >= 0, share, 0)[:, None]
    fused = (1 - share) * pooled + share * pooled[fellow]
    alone = (fellow < 0) & (np.bincount(eye[read], minlength=len(fellow)) < 2)
    changed = read & ~alone[eye]
    result = proba.copy()
    result[changed] = fused[eye[changed]]
    return result


def pool(proba, poor, patient, eye, read):
    """Average the photographs of each eye, and find its fellow eye (-1 if none)."""
    n_eyes = eye.max() + 1 if len(eye) else 0
    table = pd.DataFrame(np.column_stack([proba, poor]).astype(float))[read]
    table = table.groupby(eye[read]).mean().reindex(np.arange(n_eyes)).to_numpy()
    eyes = pd.DataFrame({"patient": patient, "eye": eye})[read].drop_duplicates()
    first = eyes.groupby("patient").eye.transform("min").to_numpy()
    last = eyes.groupby("patient").eye.transform("max").to_numpy()
    fellow = np.full(n_eyes, -1)
    own = eyes.eye.to_numpy()
    fellow[own] = np.where(first == last, -1, first + last - own)
    return table[:, :-1], table[:, -1], fellow


def number_eyes(patient, eyes, groups):
    """Return the number of the eye of each row, counted over all patients."""
    eye = np.arange(len(patient))
    if eyes is not None:
        eye = check_names("eyes", "eye", eyes, len(patient))
        eye = pd.factorize(patient * (len(patient) + 1) + eye)[0]
    n_eyes = pd.Series(eye).groupby(patient).nunique()
    if (n_eyes > 2).any():
        row = np.argmax(patient == n_eyes.idxmax())
        name = np.asarray(groups, dtype=object)[row]
        raise ValueError(
            f"A patient has two eyes, but {name!r} has {n_eyes.max()}"
            + (
                ", as each row counts as an eye of its own. Pass eyes, the eye of each "
                "row, if an eye has several photographs."
                if eyes is None
                else f" in eyes, first in row {row}. Use two names, such as 'left' and "
                "'right', for the eyes of a patient."
            )
        )
    return eye


def check_names(argument, what, names, n):
    """Return the code of each name; raise if one is missing."""
    names = np.asarray(names)
    if names.shape != (n,):
        raise ValueError(
            f"{argument} must name the {what} of each of the {n} rows of proba, got "
            f"shape {names.shape!r}."
        )
    codes = pd.factorize(names)[0].astype(np.int64)
    if (codes < 0).any():
        raise ValueError(
            f"{argument} has no {what} in row {np.argmin(codes)}. Give an unknown "
            f"{what} a name of its own."
        )
    return codes


def check_shares(rule):
    """Return the shares of a rule.

    Parameters
    ----------
    rule : "fixed" or array-like of shape (2, 2)
        As `fuse_fellow_eyes` takes it.

    Returns
    -------
    shares : ndarray of shape (2, 2)
        Share of the fellow eye, by own quality and its quality.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if isinstance(rule, str) and rule == "fixed":
        return FIXED_SHARES
    shares = np.asarray(rule)
    if (
        shares.shape != (2, 2)
        or shares.dtype.kind not in "iuf"
        or not ((shares >= 0) & (shares <= 1)).all()
    ):
        raise ValueError(
            "rule must be 'fixed' or shares from 0 to 1, of shape (2, 2), by own "
            f"quality and that of the fellow eye, got {rule!r}."
        )
    return shares
