"""The cost of refusing images, by grade, and the gain in kappa."""

import numpy as np
import pandas as pd

from ..utils._constraints import check_parameters, one_of
from ..utils._labels import N_GRADES, UNKNOWN, check_integers, check_truth
from ._bootstrap import check_bootstrap, check_groups
from ._grading import quadratic_weighted_kappa
from ._reports import _report

REFERABLE = 2  # moderate retinopathy and above
COUNTED = {"left out": None, "referred": True, "passed as healthy": False}
SEVERE = 3  # severe non-proliferative or proliferative retinopathy


def refusal_report(
    y_true,
    y_pred,
    refused,
    *,
    groups=None,
    eyes=None,
    reasons=None,
    of="grades",
    n_bootstraps=1000,
    confidence_level=0.95,
    random_state=0,
):
    """Report the cost of refusing images, by grade, and the gain in kappa.

    Parameters
    ----------
    y_true : array-like of shape (n_samples, 2)
        True grade and quality, -1 where unknown; a row counts where its label is known.
    y_pred : array-like of shape (n_samples,)
        Predicted grade, also of what is refused; -1 where there is none, which does not
        count for kappa.
    refused : array-like of bool, shape (n_samples,)
        What is not graded.
    groups : array-like of shape (n_samples,), default=None
        Patient of each row: patients are drawn, not images, as two eyes of a patient
        are not two observations. None draws rows.
    eyes : array-like of shape (n_samples,), default=None
        Eye of each row, such as "left" and "right", for the imageability. None makes
        each row an eye of its own.
    reasons : array-like of str, shape (n_samples,), default=None
        Why each row is refused, if it is.
    of : {"grades", "referable", "imageability"}, default="grades"
        What to report.
    n_bootstraps : int, default=1000
        Number of draws.
    confidence_level : float, default=0.95
        Level of the intervals.
    random_state : int, RandomState or None, default=0
        Makes the draws repeat.

    Returns
    -------
    report : DataFrame
        With ``of="grades"`` a row for all images, for each grade, for severe ones
        (grade 3 and 4), for those of good and of poor quality, and for each reason.
        Columns: n, refused, share (of n that is refused), lower and upper (its
        interval), kappa (if all were graded) and kappa_graded (of those that are). What
        is undefined is nan: a share or a kappa without images, a kappa within a grade.

        With ``of="referable"`` sensitivity and specificity of referable retinopathy
        (grade 2 and above), each with lower and upper, and n, in three ways of counting
        what is refused: "left out"; "referred", as if predicted referable; "passed as
        healthy", as if predicted not to be.

        With ``of="imageability"`` the number and share, with lower and upper, that can
        be graded of all photographs; of eyes, if one of their photographs is graded; of
        patients, if one eye is, and if all their eyes are.

    Raises
    ------
    ValueError
        If labels, groups, eyes, reasons or the arguments of the bootstrap are not as
        described.

    Notes
    -----
    Which way of counting is right depends on what happens to refused images: compare
    scores only if they are counted the same way. Intervals are those of
    :func:`quality_report`. If all or none of a few images are refused, the draws do not
    vary: the interval is a point, and says nothing.

    Examples
    --------
    >>> from sk_fiqdr.metrics import refusal_report
    >>> y_true = [[0, 1], [0, 1], [0, 0], [2, 1], [4, 1], [4, 0]]
    >>> y_pred = [0, 0, 1, 2, 4, 0]
    >>> refused = [False, False, True, False, False, True]
    >>> report = refusal_report(y_true, y_pred, refused, n_bootstraps=0)
    >>> report.loc[["all", "grade 0", "severe"], "refused"].to_dict()
    {'all': 2, 'grade 0': 1, 'severe': 1}
    >>> report.loc["all", ["share", "kappa", "kappa_graded"]].round(2).tolist()
    [0.33, 0.5, 1.0]
    >>> report = refusal_report(y_true, y_pred, refused, of="referable", n_bootstraps=0)
    >>> report[["sensitivity", "specificity"]].round(2)
                       sensitivity  specificity
    counted...
    left out                  1.00         1.00
    referred                  1.00         0.67
    passed as healthy         0.67         1.00
    """
    check_bootstrap("refusal_report", n_bootstraps, confidence_level)
    kinds = one_of("grades", "referable", "imageability")
    check_parameters("refusal_report", {"of": [kinds]}, of=of)
    grade, quality = check_truth(y_true)
    y_pred = check_integers("y_pred", y_pred, N_GRADES)
    refused = np.asarray(refused)
    if refused.dtype != bool or refused.shape != grade.shape:
        raise ValueError(
            f"refused must hold {len(grade)} booleans, one for each row, got "
            f"{refused.dtype} of shape {refused.shape!r}."
        )
    if y_pred.shape != grade.shape:
        raise ValueError(
            f"y_true has {len(grade)} rows and y_pred {len(y_pred)}: pass predictions "
            "for exactly the rows of y_true."
        )
    every = np.full(len(grade), True)
    groups = check_groups(groups, every)
    options = (groups, n_bootstraps, confidence_level, random_state)
    if of == "referable":
        return _referable(grade, y_pred, refused, *options)
    if of == "imageability":
        eyes = check_groups(np.arange(len(grade)) if eyes is None else eyes, every)
        return _imageability(refused, eyes, *options)
    strata = {
        "all": every,
        **{f"grade {k}": grade == k for k in range(N_GRADES)},
        "severe": grade >= SEVERE,
        "good": quality == 1,
        "poor": quality == 0,
    }
    given = _check_reasons(reasons, refused)
    report = _by_stratum(grade, y_pred, refused, strata, *options)
    if len(given):
        counts = dict.fromkeys(np.unique(given[refused]), every)
        parts = [
            _by_stratum(
                grade, y_pred, refused & (given == name), {name: rows}, *options
            )
            for name, rows in counts.items()
        ]
        # A share of all images, of which a kappa says nothing.
        parts = [part.assign(kappa=np.nan, kappa_graded=np.nan) for part in parts]
        report = pd.concat([report, *parts]).rename_axis("stratum")
    return report


def _check_reasons(reasons, refused):
    if reasons is None:
        return np.empty(0, dtype=str)
    given = np.asarray(reasons, dtype=str)
    if given.shape != refused.shape:
        raise ValueError(
            f"reasons must hold a text for each of the {len(refused)} rows, got shape "
            f"{given.shape!r}."
        )
    return given


def _by_stratum(grade, y_pred, refused, strata, groups, *bootstrap):
    """Count what is refused in each stratum, and take kappa before and after."""
    cells = np.stack(list(strata.values()), axis=1)[:, :, None]
    cells = cells * np.stack([np.ones(len(grade)), refused], axis=1)[:, None]

    def shares(counts):
        with np.errstate(invalid="ignore"):
            share = counts[..., 1] / counts[..., 0]
        return dict(zip(strata, np.moveaxis(share, -1, 0), strict=True))

    report = _report(shares, cells, groups, *bootstrap)
    report = report.rename(columns={"value": "share"})
    counts = cells.sum(axis=0).astype(int)
    report.insert(0, "n", counts[:, 0])
    report.insert(1, "refused", counts[:, 1])
    for column, counted in {"kappa": True, "kappa_graded": ~refused}.items():
        report[column] = np.nan
        predicted = counted & (y_pred != UNKNOWN) & (grade != UNKNOWN)
        for name in strata.keys() & {"all", "good", "poor"}:
            rows = strata[name] & predicted
            if rows.any():
                kappa = quadratic_weighted_kappa(grade[rows], y_pred[rows])
                report.loc[name, column] = kappa
    return report.rename_axis("stratum")


def _referable(grade, y_pred, refused, groups, *bootstrap):
    """Score referable retinopathy in the three ways of counting what is refused."""
    known = grade != UNKNOWN
    truth, refused = grade[known] >= REFERABLE, (refused | (y_pred == UNKNOWN))[known]
    predicted = y_pred[known] >= REFERABLE
    cells = np.zeros((len(truth), len(COUNTED), 2, 2))
    each = np.arange(len(truth))
    for way, instead in enumerate(COUNTED.values()):
        answer = np.where(refused, bool(instead), predicted)
        cells[each, way, truth.astype(int), answer.astype(int)] = 1
        if instead is None:
            cells[refused, way] = 0

    def measures(counts):
        n = counts.sum(axis=-1)
        with np.errstate(invalid="ignore", divide="ignore"):
            right = np.diagonal(counts, axis1=-2, axis2=-1) / n
        return {
            f"{way}: {name}": right[..., place, side]
            for place, way in enumerate(COUNTED)
            for name, side in (("sensitivity", 1), ("specificity", 0))
        }

    table = _report(measures, cells, groups[known], *bootstrap)
    report = pd.DataFrame({"n": cells.sum(axis=(0, 2, 3)).astype(int)}, index=COUNTED)
    for name in ("sensitivity", "specificity"):
        part = table.loc[[f"{way}: {name}" for way in COUNTED]].to_numpy()
        report[[name, f"{name}_lower", f"{name}_upper"]] = part
    return report.rename_axis("counted")


def _imageability(refused, eyes, groups, *bootstrap):
    """Count the photographs, eyes and patients that can be graded."""
    rows = pd.DataFrame({"patient": groups, "eye": eyes, "graded": ~refused})
    each_eye = rows.groupby(["patient", "eye"], sort=False).graded.any().reset_index()
    of_patient = each_eye.groupby("patient").graded
    units = {
        "photographs": rows,
        "eyes": each_eye,
        "patients, one eye": of_patient.any().reset_index(),
        "patients, all eyes": of_patient.all().reset_index(),
    }
    cells = np.zeros((sum(map(len, units.values())), len(units), 2))
    start = 0
    for place, unit in enumerate(units.values()):
        stop = start + len(unit)
        cells[start:stop, place] = np.stack([np.ones(len(unit)), unit.graded], axis=1)
        start = stop

    def shares(counts):
        with np.errstate(invalid="ignore"):
            share = counts[..., 1] / counts[..., 0]
        return dict(zip(units, np.moveaxis(share, -1, 0), strict=True))

    patients = np.concatenate([unit.patient.to_numpy() for unit in units.values()])
    report = _report(shares, cells, patients, *bootstrap)
    report = report.rename(columns={"value": "share"}).rename_axis("of")
    report.insert(0, "n", cells[..., 0].sum(axis=0).astype(int))
    report.insert(1, "graded", cells[..., 1].sum(axis=0).astype(int))
    return report
