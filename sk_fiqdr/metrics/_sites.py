"""Scores of each site, camera or other stratum, with intervals."""

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from ..utils._labels import N_GRADES, UNKNOWN, check_integers, most_probable
from ._bootstrap import MOST_DRAWN, check_bootstrap, check_groups, interval
from ._grading import kappa_of_confusion
from ._refusal import REFERABLE
from ._reports import _report

MEASURES = ("kappa", "auc", "sensitivity", "specificity")


def site_report(
    y_true,
    proba,
    sites,
    groups=None,
    *,
    by=None,
    y_pred=None,
    n_bootstraps=1000,
    confidence_level=0.95,
    random_state=0,
):
    """Report grading at each site, and in each stratum of other columns.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,) or (n_samples, 2)
        True grade, or grade and quality; rows of unknown grade (-1) are skipped.
        Quality is a column of its own in the report.
    proba : array-like of shape (n_samples, 5)
        Probability of each grade. Rows of nan, unreadable images, are skipped.
    sites : array-like of shape (n_samples,)
        Site of each row.
    groups : array-like of shape (n_samples,), default=None
        Patient of each row: patients are drawn, not images. None draws rows.
    by : DataFrame or dict of str to array-like, default=None
        Other columns to report by, such as camera and eye, of n_samples values each. A
        missing value is the stratum "unknown".
    y_pred : array-like of shape (n_samples,), default=None
        Predicted grade, such as by cut-points; the most probable one by default.
    n_bootstraps : int, default=1000
        Number of draws.
    confidence_level : float, default=0.95
        Level of the intervals.
    random_state : int, RandomState or None, default=0
        Makes the draws repeat.

    Returns
    -------
    report : DataFrame
        A row for all images and for each value of each column. Columns: n, patients,
        referable (share of grade 2 and above), kappa, auc (of the probability of
        referable retinopathy), sensitivity and specificity (of a predicted grade of at
        least 2), the last four each with lower and upper. What is undefined in a
        stratum, such as an auc without referable eyes, is nan. The interval is nan
        with fewer than two patients.

    Raises
    ------
    ValueError
        If labels, probabilities, columns or the arguments of the bootstrap are not as
        described.

    Notes
    -----
    The auc depends on the order of the images alone; sensitivity and specificity also
    depend on the cut-point. A network mostly keeps its order at another site, but its
    cut-points do not fit: equal auc with other sensitivity and specificity says that
    the cut-points are to be tuned on a few local patients.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr.metrics import site_report
    >>> rng = np.random.default_rng(0)
    >>> grade, site = rng.integers(0, 5, 400), np.repeat(["a", "b"], 200)
    >>> expected = grade + rng.normal(size=400) + (site == "b")  # too high at b
    >>> proba = np.exp(-abs(expected[:, None] - np.arange(5)))
    >>> proba /= proba.sum(axis=1, keepdims=True)
    >>> report = site_report(grade, proba, site, np.arange(400) // 2)
    >>> report[["n", "auc", "sensitivity", "specificity"]].round(2)
                    n   auc  sensitivity  specificity
    column value...
    all    all    400  0.93         0.93         0.71
    site   a      200  0.96         0.88         0.89
           b      200  0.94         0.97         0.54
    """
    check_bootstrap("site_report", n_bootstraps, confidence_level)
    y_true = np.asarray(y_true)
    quality = None
    if y_true.ndim == 2 and y_true.shape[1] == 2:
        y_true, quality = y_true.T
        quality = check_integers("quality in y_true", quality, 2)
    grade = check_integers("y_true", y_true, N_GRADES)
    proba = _check_proba(proba, len(grade))
    predicted = most_probable(proba)
    if y_pred is not None:
        predicted = check_integers("y_pred", y_pred, N_GRADES)
        if predicted.shape != grade.shape:
            raise ValueError(
                f"y_true has {len(grade)} rows and y_pred {len(predicted)}: pass "
                "predictions for exactly the rows of y_true."
            )
    columns = {"site": sites, **dict(by if by is not None else {})}
    if quality is not None and "quality" not in columns:
        words = np.array(["poor", "good", None], dtype=object)
        columns["quality"] = words[quality]  # -1 is the last one
    used = (grade != UNKNOWN) & (predicted != UNKNOWN) & ~np.isnan(proba).any(axis=1)
    columns = {
        name: _check_column(name, values, len(grade))[used]
        for name, values in columns.items()
    }
    groups = check_groups(groups, used)
    grade, predicted = grade[used], predicted[used]
    score = proba[used, REFERABLE:].sum(axis=1)
    options = (n_bootstraps, confidence_level, random_state)
    strata = {("all", "all"): np.full(len(grade), True)}
    for name, values in columns.items():
        for value in sorted(set(values), key=str):
            strata[name, value] = values == value
    rows = [
        _measures(grade[rows], predicted[rows], score[rows], groups[rows], *options)
        for rows in strata.values()
    ]
    index = pd.MultiIndex.from_tuples(strata, names=["column", "value"])
    return pd.DataFrame(rows, index=index)


def _check_proba(proba, n):
    proba = np.asarray(proba, dtype=float)
    if proba.shape != (n, N_GRADES):
        raise ValueError(
            f"proba must have shape ({n}, {N_GRADES}), a row for each of y_true and a "
            f"column for each grade, got {proba.shape!r}."
        )
    read = ~np.isnan(proba).all(axis=1)
    wrong = read & ~((proba >= 0).all(axis=1) & (abs(proba.sum(axis=1) - 1) <= 1e-2))
    if wrong.any():
        row = np.argmax(wrong)
        raise ValueError(
            f"proba must hold probabilities that add up to 1 in each row, got "
            f"{proba[row].tolist()!r} in row {row}. Pass what predict_proba returns."
        )
    return proba


def _check_column(name, values, n):
    values = np.array(values, dtype=object)
    if values.shape != (n,):
        raise ValueError(
            f"{name!r} must have a value for each of the {n} rows of y_true, got shape "
            f"{values.shape!r}."
        )
    values[pd.isna(values)] = "unknown"
    return values


def _measures(grade, predicted, score, groups, n_bootstraps, level, random_state):
    """Return a row of the report."""
    cells = np.zeros((len(grade), N_GRADES, N_GRADES))
    cells[np.arange(len(grade)), grade, predicted] = 1
    table = _report(_of_confusion, cells, groups, n_bootstraps, level, random_state)
    referable = grade >= REFERABLE
    patients = np.unique(groups)
    row = {
        "n": len(grade),
        "patients": len(patients),
        "referable": referable.mean() if len(grade) else np.nan,
    }
    table.loc["auc"] = _auc_with_interval(
        referable, score, groups, n_bootstraps, level, random_state
    )
    for name in MEASURES:
        value, lower, upper = table.loc[name]
        row |= {name: value, f"{name}_lower": lower, f"{name}_upper": upper}
    return row


def _of_confusion(counts):
    n = counts.sum(axis=(-2, -1))
    right = counts[..., REFERABLE:, REFERABLE:].sum(axis=(-2, -1))
    spared = counts[..., :REFERABLE, :REFERABLE].sum(axis=(-2, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "kappa": np.where(n > 0, kappa_of_confusion(counts), np.nan),
            "sensitivity": right / counts[..., REFERABLE:, :].sum(axis=(-2, -1)),
            "specificity": spared / counts[..., :REFERABLE, :].sum(axis=(-2, -1)),
        }


def _auc_with_interval(positive, score, groups, n_bootstraps, level, random_state):
    """Return the AUC, and the bounds of its interval over draws of patients."""
    order = np.argsort(score, kind="stable")
    positive, score = positive[order], score[order]
    _, patient = np.unique(groups, return_inverse=True)
    patient = patient[order]
    first = np.flatnonzero(np.r_[True, np.diff(score) > 0]) if len(score) else []
    value = _auc(np.ones((1, len(score))), positive, first)[0]
    n_patients = patient.max() + 1 if len(patient) else 0
    if n_patients < 2 or not n_bootstraps:
        return value, np.nan, np.nan
    rng = check_random_state(random_state)
    values = np.empty(n_bootstraps)
    step = max(1, MOST_DRAWN // len(score))
    for start in range(0, n_bootstraps, step):
        part = values[start : start + step]
        weights = rng.multinomial(
            n_patients, np.full(n_patients, 1 / n_patients), size=len(part)
        )
        part[:] = _auc(weights[:, patient].astype(float), positive, first)
    return value, *interval(values, level)


def _auc(weights, positive, first):
    """Return the weighted AUC of rows in the order of their score, ties as halves."""
    if not len(positive):
        return np.full(len(weights), np.nan)
    up = np.add.reduceat(weights * positive, first, axis=1)
    down = np.add.reduceat(weights * ~positive, first, axis=1)
    below = np.cumsum(down, axis=1) - down / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (up * below).sum(axis=1) / (up.sum(axis=1) * down.sum(axis=1))
