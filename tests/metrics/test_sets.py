"""Coverage and size of sets, by grade."""

import numpy as np
import pytest

from sk_fiqdr.metrics import set_report

SETS = np.array(
    [[1, 1, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 1, 1, 1], [0, 1, 1, 0, 0], [1] * 5], bool
)


def test_rows_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    grade = rng.integers(-1, 5, 300)
    sets = rng.random((300, 5)) < 0.6
    report = set_report(grade, sets, groups=np.arange(300) // 2)
    for name, rows in {
        "all": grade >= 0,
        **{f"grade {k}": grade == k for k in range(5)},
    }.items():
        rows = np.flatnonzero(rows)
        covered = sum(sets[row, grade[row]] for row in rows)
        assert report.loc[name, ["n", "covered"]].tolist() == [len(rows), covered]
        assert report.loc[name, "coverage"] == pytest.approx(covered / len(rows))
        assert report.loc[name, "size"] == pytest.approx(sets[rows].sum() / len(rows))
        lower, upper = report.loc[name, ["lower", "upper"]]
        assert lower < covered / len(rows) < upper


def test_grade_without_images_is_undefined():
    report = set_report([0, 0, 4, 3, -1], SETS)
    assert report.loc["all", ["n", "covered"]].tolist() == [4, 3]
    assert report.loc["grade 1", ["coverage", "lower", "upper", "size"]].isna().all()
    assert report.loc["grade 3", "coverage"] == 0


@pytest.mark.parametrize(
    ("sets", "message"),
    [
        (SETS[:3], r"shape \(5, 5\).* got shape \(3, 5\)"),
        (SETS[:, :4], r"got shape \(5, 4\)"),
        (SETS * 0.5, "booleans of.*float64"),
    ],
)
def test_what_is_not_a_table_of_sets_is_named(sets, message):
    with pytest.raises(ValueError, match=message):
        set_report([0, 0, 4, 3, -1], sets)
