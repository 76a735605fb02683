"""Cut-points on the expected grade: finding the best, and grading by them."""

import numpy as np

from ...utils._labels import UNKNOWN

N_CANDIDATES = 100  # places tried for each cut-point if a search is needed


def grade_by_cut_points(expected, cut_points, grades):
    """Return the grade of each expected grade.

    Parameters
    ----------
    expected : ndarray of shape (n,)
        Expected grades, nan where unknown.
    cut_points : ndarray of shape (n_grades - 1,)
        In ascending order; a value equal to a cut-point lies above it.
    grades : ndarray of shape (n_grades,)
        In ascending order.

    Returns
    -------
    grade : ndarray of shape (n,)
        Grades; -1 where the expected one is nan.
    """
    place = np.searchsorted(cut_points, np.nan_to_num(expected), side="right")
    return np.where(np.isnan(expected), UNKNOWN, grades[place])


def best_cut_points(expected, truth, grades, metric=None):
    """Find the cut-points that agree best with the truth.

    Parameters
    ----------
    expected : ndarray of shape (n,)
        Expected grades, all finite.
    truth : ndarray of shape (n,)
        True grades, each one of `grades`.
    grades : ndarray of shape (n_grades,)
        Whole numbers in ascending order. One that `truth` lacks is never predicted: the
        cut-points on its two sides are equal, or infinite at the ends.
    metric : callable or None, default=None
        ``metric(truth, predicted)``, better when higher. None is the quadratic weighted
        kappa, whose best cut-points are found exactly.

    Returns
    -------
    cut_points : ndarray of shape (n_grades - 1,)
        In ascending order, halfway between neighbouring expected grades; infinite if no
        value lies beyond.
    """
    seen = np.isin(grades, truth)
    cut_points = _kappa_cut_points(expected, truth, grades[seen])
    if metric is not None:
        cut_points = max(
            _tune_one_by_one(cut_points, expected, truth, grades[seen], metric),
            _tune_one_by_one(
                _halfway(grades[seen]), expected, truth, grades[seen], metric
            ),
            key=lambda found: found[1],
        )[0]
    return np.array([-np.inf, *cut_points, np.inf])[seen.cumsum()[:-1]]


def _kappa_cut_points(expected, truth, grades):
    r"""Find the cut-points of the largest quadratic weighted kappa, exactly.

    With quadratic weights, numerator and denominator of 1 - kappa are sums over rows,

    .. math::
        1 - \kappa
        = \frac{\sum_j (y_j - p_j)^2}{\sum_j \frac1n \sum_i (y_i - p_j)^2} .

    Dinkelbach's method finds the least ratio of two sums: find the grades that minimise
    numerator - ratio * denominator, set the ratio to theirs, and repeat until it stops
    falling ("On Nonlinear Fractional Programming", Management Science 13(7), 1967).
    """
    if len(grades) == 1:
        return np.empty(0)
    values, row = np.unique(expected, return_inverse=True)
    true_grades, column = np.unique(truth, return_inverse=True)
    counts = np.zeros((len(values), len(true_grades)))
    np.add.at(counts, (row, column), 1)
    squares = (true_grades[:, None] - grades) ** 2.0
    # What each grade adds to either sum if it is predicted for all rows of a value.
    observed = counts @ squares
    by_chance = np.outer(counts.sum(axis=1), counts.sum(axis=0) @ squares / len(truth))

    place, ratio, least = np.arange(len(values)), 1.0, np.inf  # 1 is a constant grade
    while ratio < least:
        least = ratio
        starts = _cheapest_ascent(observed - ratio * by_chance)
        grade = np.searchsorted(starts, place, side="right")
        ratio = observed[place, grade].sum() / by_chance[place, grade].sum()
    return gaps(values)[starts]


def _cheapest_ascent(cost):
    """Find labels that never descend from row to row, at the least total cost.

    Parameters
    ----------
    cost : ndarray of shape (n, n_labels)
        Cost of each label in each row.

    Returns
    -------
    starts : ndarray of shape (n_labels - 1,)
        First row of each label but label 0; that of the next label if it has no row.
    """
    n, n_labels = cost.shape
    total = np.vstack([np.zeros(n_labels), cost.cumsum(axis=0)])  # of the first i rows
    least, gains = total[:, 0], []
    for label in range(1, n_labels):
        gains.append(least - total[:, label])  # of starting this label at row i
        least = np.minimum.accumulate(gains[-1]) + total[:, label]
    starts, end = [], n
    for gain in reversed(gains):
        end = int(np.argmin(gain[: end + 1]))
        starts.insert(0, end)
    return np.array(starts, dtype=int)


def _tune_one_by_one(cut_points, expected, truth, grades, metric):
    """Move one cut-point at a time to the best metric, until none moves."""

    def score(cut_points):
        return metric(truth, grade_by_cut_points(expected, cut_points, grades))

    shares = np.linspace(0, 1, N_CANDIDATES)
    candidates = gaps(np.unique(np.quantile(expected, shares, method="nearest")))
    best, moved = score(cut_points), True
    while moved:
        moved = False
        for k in range(len(cut_points)):
            low, _, high = [-np.inf, *cut_points, np.inf][k : k + 3]
            for candidate in candidates[(candidates >= low) & (candidates <= high)]:
                trial = np.array([*cut_points[:k], candidate, *cut_points[k + 1 :]])
                if score(trial) > best:
                    cut_points, best, moved = trial, score(trial), True
    return cut_points, best


def _halfway(values):
    return (values[1:] + values[:-1]) / 2


def gaps(values):
    """Return the places between ascending values, before the first and after the last.

    A value equal to a cut-point lies above it. So if two values are so close that no
    float lies between them, the upper one is the place.
    """
    between = np.where(_halfway(values) > values[:-1], _halfway(values), values[1:])
    return np.array([-np.inf, *between, np.inf])
