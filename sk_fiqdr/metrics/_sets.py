"""How often sets of grades hold the true one, and how large they are."""

import numpy as np

from ..utils._labels import N_GRADES, UNKNOWN, check_integers
from ._bootstrap import check_bootstrap, check_groups
from ._reports import _report


def set_report(
    y_true,
    sets,
    *,
    groups=None,
    n_bootstraps=1000,
    confidence_level=0.95,
    random_state=0,
):
    """Report how often sets hold the true grade, and how large they are, by grade.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        True grade; rows of -1 (unknown) are skipped.
    sets : array-like of bool, shape (n_samples, 5)
        Which grades the set of each row holds, such as
        :meth:`~sk_fiqdr.model_selection.ConformalGradesCV.predict_set` returns.
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
        A row for all images and for each grade. Columns: n, covered (number of sets
        that hold the true grade), coverage (their share), lower and upper (its
        interval), and size (mean number of grades in a set). Without images of a grade
        its row is nan.

    Raises
    ------
    ValueError
        If labels, sets, groups or the arguments of the bootstrap are not as described.

    Examples
    --------
    >>> from sk_fiqdr.metrics import set_report
    >>> sets = [[1, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 1, 1, 1], [0, 1, 1, 0, 0]]
    >>> set_report([0, 0, 4, 3], sets)["coverage"].dropna().to_dict()
    {'all': 0.75, 'grade 0': 1.0, 'grade 3': 0.0, 'grade 4': 1.0}
    """
    check_bootstrap("set_report", n_bootstraps, confidence_level)
    grade = check_integers("y_true", y_true, N_GRADES)
    sets = np.asarray(sets)
    if sets.shape != (len(grade), N_GRADES) or not np.isin(sets, (0, 1)).all():
        raise ValueError(
            f"sets must be booleans of shape ({len(grade)}, {N_GRADES}), a row for "
            f"each of y_true and a column for each grade, got shape {sets.shape!r} and "
            f"dtype {str(sets.dtype)!r}. Pass what predict_set returns."
        )
    known = grade != UNKNOWN
    groups = check_groups(groups, known)
    grade, sets = grade[known], sets[known].astype(bool)
    strata = {
        "all": np.full(len(grade), True),
        **{f"grade {k}": grade == k for k in range(N_GRADES)},
    }
    covered = sets[np.arange(len(grade)), grade]
    each = np.stack([np.ones(len(grade)), covered, sets.sum(axis=1)], axis=1)
    cells = np.stack(list(strata.values()), axis=1)[:, :, None] * each[:, None]

    def coverage(counts):
        with np.errstate(invalid="ignore"):
            share = counts[..., 1] / counts[..., 0]
        return dict(zip(strata, np.moveaxis(share, -1, 0), strict=True))

    report = _report(
        coverage, cells, groups, n_bootstraps, confidence_level, random_state
    ).rename(columns={"value": "coverage"})
    n, n_covered, size = cells.sum(axis=0).T
    report.insert(0, "n", n.astype(int))
    report.insert(1, "covered", n_covered.astype(int))
    with np.errstate(invalid="ignore"):
        report["size"] = size / n
    return report.rename_axis("stratum")
