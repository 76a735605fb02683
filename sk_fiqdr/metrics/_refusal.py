"""The cost of refusing images, by grade, and the gain in kappa."""

import numpy as np

from ..utils._labels import N_GRADES, UNKNOWN, check_integers, check_truth
from ._bootstrap import check_bootstrap, check_groups
from ._grading import quadratic_weighted_kappa
from ._reports import _report

SEVERE = 3  # severe non-proliferative or proliferative retinopathy


def refusal_report(
    y_true,
    y_pred,
    refused,
    *,
    groups=None,
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
    n_bootstraps : int, default=1000
        Number of draws.
    confidence_level : float, default=0.95
        Level of the intervals.
    random_state : int, RandomState or None, default=0
        Makes the draws repeat.

    Returns
    -------
    report : DataFrame
        A row for all images, for each grade, for severe ones (grade 3 and 4), and for
        those of good and of poor quality. Columns: n, refused, share (of n that is
        refused), lower and upper (its interval), kappa (if all were graded) and
        kappa_graded (of those that are). What is undefined is nan: a share or a
        kappa without images, a kappa within a grade.

    Raises
    ------
    ValueError
        If labels, groups or the arguments of the bootstrap are not as described.

    Notes
    -----
    Intervals are those of :func:`quality_report`. If all or none of a few images are
    refused, the draws do not vary: the interval is a point, and says nothing.

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
    """
    check_bootstrap("refusal_report", n_bootstraps, confidence_level)
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
    strata = {
        "all": np.full(len(grade), True),
        **{f"grade {k}": grade == k for k in range(N_GRADES)},
        "severe": grade >= SEVERE,
        "good": quality == 1,
        "poor": quality == 0,
    }
    cells = np.stack(list(strata.values()), axis=1)[:, :, None]
    cells = cells * np.stack([np.ones(len(grade)), refused], axis=1)[:, None]

    def shares(counts):
        with np.errstate(invalid="ignore"):
            share = counts[..., 1] / counts[..., 0]
        return dict(zip(strata, np.moveaxis(share, -1, 0), strict=True))

    every = np.full(len(grade), True)
    groups = check_groups(groups, every)
    report = _report(
        shares, cells, groups, n_bootstraps, confidence_level, random_state
    ).rename(columns={"value": "share"})
    counts = cells.sum(axis=0).astype(int)
    report.insert(0, "n", counts[:, 0])
    report.insert(1, "refused", counts[:, 1])
    for column, counted in {"kappa": every, "kappa_graded": ~refused}.items():
        report[column] = np.nan
        predicted = counted & (y_pred != UNKNOWN) & (grade != UNKNOWN)
        for name in ("all", "good", "poor"):
            rows = strata[name] & predicted
            if rows.any():
                kappa = quadratic_weighted_kappa(grade[rows], y_pred[rows])
                report.loc[name, column] = kappa
    return report.rename_axis("stratum")
