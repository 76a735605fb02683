"""Rows of Tables 2 and 4, and what their intervals are of."""

import numpy as np
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
    assert value["accuracy"] == pytest.approx((truth == guess).mean())
    assert value["n_poor"] == (truth == 0).sum()


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
    assert value["n_true"] == right.sum()
    assert value["n_poor_true"] == (right & ~good).sum()


def test_the_papers_ratio_is_per_mille_and_ours_per_cent():
    y = np.column_stack([np.zeros(8854, int), np.ones(8854, int)])
    y[:164, 1] = 0
    report = grading_report(y, y[:, 0], n_bootstraps=0)
    assert report.loc["poor_share", "value"] == pytest.approx(1.852, abs=1e-3)


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
    assert value["kappa_good"] == value["kappa_poor"] == value["n_poor_true"] == 0


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
    with pytest.raises(ValueError, match="confidence_level"):
        quality_report([0, 1], [0, 1], confidence_level=95)
