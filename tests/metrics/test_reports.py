"""Rows of Tables 2 and 4, and what their intervals are of."""

import numpy as np
import pandas as pd
import pytest

from sk_fiqdr.metrics import (
    grading_report,
    mean_acc,
    precision,
    quadratic_weighted_kappa,
    quality_report,
    sensitivity,
    specificity,
)


def eyes(n_patients=60, seed=0):
    rng = np.random.default_rng(seed)
    grade = rng.integers(0, 5, n_patients).repeat(2)
    quality = (rng.random(len(grade)) < 0.8).astype(int)
    guess = np.where(
        rng.random(len(grade)) < 0.7, grade, rng.integers(0, 5, len(grade))
    )
    return np.column_stack([grade, quality]), guess, np.arange(n_patients).repeat(2)


def test_quality_report_holds_the_measures_of_table_2():
    rng = np.random.default_rng(0)
    truth, guess = rng.integers(0, 2, (2, 100))
    value = quality_report(truth, guess)["value"]
    assert value["mean_acc"] == pytest.approx(mean_acc(truth, guess))
    assert value["specificity"] == pytest.approx(specificity(truth, guess))
    assert value["sensitivity"] == pytest.approx(sensitivity(truth, guess))
    assert value["precision"] == pytest.approx(precision(truth, guess))
    assert value["acc"] == pytest.approx((truth == guess).mean())
    assert value["n_poor"] == (truth == 0).sum()
    assert value.dtype == float


def test_grading_report_holds_the_measures_of_table_4():
    y, guess, groups = eyes()
    value = grading_report(y, guess, groups=groups)["value"]
    good, right = y[:, 1] == 1, y[:, 0] == guess
    assert value["kappa"] == pytest.approx(quadratic_weighted_kappa(y[:, 0], guess))
    assert value["kappa_good"] == pytest.approx(
        quadratic_weighted_kappa(y[good, 0], guess[good])
    )
    assert value["kappa_poor"] == pytest.approx(
        quadratic_weighted_kappa(y[~good, 0], guess[~good])
    )
    assert value["true"] == right.sum()
    assert value["poor_n"] == (right & ~good).sum()


def test_the_papers_ratio_is_per_mille_and_ours_per_cent():
    y = np.column_stack([np.zeros(8854, int), np.ones(8854, int)])
    y[:164, 1] = 0
    report = grading_report(y, y[:, 0], n_bootstraps=0)
    assert report.loc["ratio", "value"] == pytest.approx(1.852, abs=1e-3)


def test_intervals_equal_those_of_a_loop_over_drawn_patients():
    y, guess, groups = eyes()
    report = grading_report(y, guess, groups=groups, n_bootstraps=2000)
    rng = np.random.default_rng(1)
    draws = []
    for _ in range(2000):
        rows = np.concatenate(
            [np.flatnonzero(groups == g) for g in rng.integers(0, 60, 60)]
        )
        draws.append(quadratic_weighted_kappa(y[rows, 0], guess[rows]))
    assert report.loc["kappa", ["lower", "upper"]].tolist() == pytest.approx(
        np.quantile(draws, [0.025, 0.975]).tolist(), abs=0.02
    )


def test_equal_eyes_widen_the_interval_when_patients_are_drawn():
    y, guess, groups = eyes()
    guess = guess[::2].repeat(2)
    by_patient = grading_report(y, guess, groups=groups).loc["kappa"]
    by_row = grading_report(y, guess).loc["kappa"]
    assert np.ptp(by_patient[["lower", "upper"]]) > np.ptp(by_row[["lower", "upper"]])


def test_unknown_quality_counts_overall_only():
    y, guess, _ = eyes()
    y[:, 1] = -1
    value = grading_report(y, guess)["value"]
    assert value["kappa"] > 0
    assert np.isnan(value[["kappa_good", "kappa_poor"]]).all()
    assert np.isnan(value[["poor_n", "ratio"]]).all()


def test_the_ratio_is_taken_of_images_of_known_quality():
    y, guess, _ = eyes()
    y[::2, 1] = -1
    right = guess == y[:, 0]
    poor, good = (right & (y[:, 1] == k) for k in (0, 1))
    value = grading_report(y, guess)["value"]
    assert value["poor_n"] == poor.sum() > 0
    assert value["ratio"] == pytest.approx(100 * poor.sum() / (poor | good).sum())


def test_patients_may_be_names_and_numbers_mixed():
    y, guess, groups = eyes()
    mixed = np.array([int(g) if int(g) % 2 else f"patient {g}" for g in groups], object)
    expected = grading_report(y, guess, groups=groups)
    pd.testing.assert_frame_equal(grading_report(y, guess, groups=mixed), expected)


def test_without_poor_images_specificity_is_nan_not_a_number_made_up():
    report = quality_report([1, 1, 1], [1, 0, 1])
    assert np.isnan(report.loc["specificity"]).all()


def test_the_draws_repeat_with_the_seed():
    y, guess, groups = eyes()
    one, two = (grading_report(y, guess, groups=groups, random_state=3) for _ in "ab")
    assert one.equals(two)


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="columns"):
        grading_report([0, 1], [0, 1])
    with pytest.raises(ValueError, match="groups must name"):
        quality_report([0, 1], [0, 1], groups=[1])
    with pytest.raises(ValueError, match="no patient in row 1"):
        quality_report([0, 1], [0, 1], groups=["a", None])
    with pytest.raises(ValueError, match="confidence_level"):
        quality_report([0, 1], [0, 1], confidence_level=95)
    with pytest.raises(ValueError, match="n_bootstraps"):
        quality_report([0, 1], [0, 1], n_bootstraps=-1)


def test_a_quality_label_of_another_scheme_is_refused_not_taken_for_unknown():
    with pytest.raises(ValueError, match="quality in y_true has 2 in row 1"):
        grading_report([[0, 1], [0, 2]], [0, 0])


def test_a_table_2_row_by_hand():
    """9 of 10 good and 3 of 4 poor images are told: 12 / 14 right, 9 / 10 precise."""
    truth = [1] * 10 + [0] * 4
    guess = [1] * 9 + [0] + [0] * 3 + [1]
    value = quality_report(truth, guess)["value"].to_dict()
    assert value == pytest.approx(
        {
            "mean_acc": (0.9 + 0.75) / 2,
            "specificity": 0.75,
            "acc": 12 / 14,
            "sensitivity": 0.9,
            "precision": 0.9,
            "n": 14,
            "n_poor": 4,
        }
    )


def test_one_patient_has_no_interval():
    report = quality_report([1, 0, 1], [1, 0, 0], groups=[7, 7, 7])
    assert report["value"].notna().all()
    assert report[["lower", "upper"]].isna().all(axis=None)


@pytest.mark.parametrize("n_bootstraps", [0, 100])
def test_a_report_of_nothing_known_counts_zero(n_bootstraps):
    report = grading_report([[-1, 1], [-1, 0]], [0, 0], n_bootstraps=n_bootstraps)
    assert report.loc["n", "value"] == 0
    assert np.isnan(report.loc["kappa", "value"])


def test_unknown_rows_do_not_change_a_report():
    y, guess, groups = eyes()
    masked = np.vstack([y, [[-1, 1]] * 10])
    report = grading_report(y, guess, groups=groups)
    more = np.append(guess, [0] * 10), np.append(groups, [999] * 10)
    assert grading_report(masked, more[0], groups=more[1]).equals(report)


def test_the_order_of_rows_does_not_matter():
    y, guess, groups = eyes()
    order = np.random.default_rng(0).permutation(len(y))
    report = grading_report(y, guess, groups=groups)
    shuffled = grading_report(y[order], guess[order], groups=groups[order])
    np.testing.assert_allclose(report, shuffled)


def test_narrower_levels_lie_inside_wider_ones():
    y, guess, groups = eyes()
    wide, narrow = (
        grading_report(y, guess, groups=groups, confidence_level=level).loc["kappa"]
        for level in (0.99, 0.5)
    )
    assert wide["lower"] < narrow["lower"] < narrow["upper"] < wide["upper"]


@pytest.mark.timeout(20)
def test_a_report_of_the_contests_testing_set_ends():
    y, guess, groups = eyes(n_patients=21_335)
    report = grading_report(y, guess, groups=groups)
    assert report.loc["kappa", "lower"] < report.loc["kappa", "upper"]
