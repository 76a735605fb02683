"""Kappa against coverage, and the price."""

import numpy as np
import pandas as pd
import pytest

from sk_fiqdr import DRGrader
from sk_fiqdr.inspection import CoverageDisplay
from sk_fiqdr.metrics import quadratic_weighted_kappa, refusal_report


def draw(eyes, good=None, **kwargs):
    good = eyes.good if good is None else good
    kwargs = {"n_bootstraps": 0, **kwargs}
    return CoverageDisplay.from_predictions(eyes.y, eyes.y_pred, good, **kwargs)


def test_each_point_is_what_a_gate_at_its_threshold_does(eyes):
    curve = draw(eyes).frame()
    assert len(curve) > 40
    for _, point in curve.iterrows():
        graded = eyes.good >= point["threshold"]
        assert point["n"] == graded.sum()
        assert point["coverage"] == graded.mean()
        assert point["kappa"] == pytest.approx(
            quadratic_weighted_kappa(eyes.grade[graded], eyes.y_pred[graded])
        )
        report = refusal_report(eyes.y, eyes.y_pred, ~graded, n_bootstraps=0)
        for name in [f"grade {k}" for k in range(5)] + ["severe"]:
            assert point[name] == pytest.approx(report.loc[name, "share"])


def test_the_curve_goes_from_all_images_to_the_least_coverage(eyes):
    curve = draw(eyes, min_coverage=0.7).frame()
    assert curve["coverage"].iloc[0] == 1
    assert curve["coverage"].iloc[-1] == pytest.approx(0.7, abs=1 / len(eyes.y))
    assert (np.diff(curve["coverage"]) < 0).all()
    assert len(draw(eyes, min_coverage=1.0).frame()) == 1


def test_intervals_equal_those_of_a_loop_over_drawn_patients(eyes):
    curve = draw(eyes, groups=eyes.groups, n_bootstraps=2000).frame()
    rng = np.random.default_rng(1)
    point = curve.iloc[25]
    draws = []
    for _ in range(2000):
        patients = rng.integers(0, 120, 120)
        rows = np.concatenate([2 * patients, 2 * patients + 1])
        rows = rows[eyes.good[rows] >= point["threshold"]]
        draws.append(quadratic_weighted_kappa(eyes.grade[rows], eyes.y_pred[rows]))
    assert point[["lower", "upper"]].tolist() == pytest.approx(
        np.quantile(draws, [0.025, 0.975]).tolist(), abs=0.02
    )


def test_equal_probabilities_are_refused_together(eyes):
    hard = eyes.quality.astype(float)
    curve = draw(eyes, hard).frame()
    assert curve["threshold"].tolist() == [0, 1]
    assert curve["n"].tolist() == [240, eyes.quality.sum()]
    alone = draw(eyes, np.full(240, 0.3)).frame()
    assert alone["coverage"].tolist() == [1]


def test_quality_labels_are_not_needed(eyes):
    y = np.column_stack([eyes.grade, np.full(240, -1)])
    without = CoverageDisplay.from_predictions(y, eyes.y_pred, eyes.good)
    pd.testing.assert_frame_equal(
        without.frame(), draw(eyes, n_bootstraps=1000).frame()
    )


def test_rows_without_grade_answer_or_quality_do_not_count(eyes):
    y, y_pred, good = eyes.y.copy(), eyes.y_pred.copy(), eyes.good.copy()
    y[0, 0], y_pred[1], good[2] = -1, -1, np.nan
    curve = CoverageDisplay.from_predictions(y, y_pred, good, n_bootstraps=0).frame()
    assert curve["n"].iloc[0] == 237
    expected = CoverageDisplay.from_predictions(
        eyes.y[3:], eyes.y_pred[3:], eyes.good[3:], n_bootstraps=0
    )
    pd.testing.assert_frame_equal(curve, expected.frame())


def test_a_grade_that_no_image_has_has_no_price(eyes):
    mild = eyes.grade < 3
    display = CoverageDisplay.from_predictions(
        eyes.y[mild], eyes.y_pred[mild], eyes.good[mild], n_bootstraps=0
    )
    assert display.frame()[["grade 3", "grade 4", "severe"]].isna().all(axis=None)
    labels = display.axes_[1].get_legend_handles_labels()[1]
    assert "of grade 0" in labels
    assert "of grades 3 and 4" not in labels


def test_one_image_is_a_point_without_an_interval():
    curve = CoverageDisplay.from_predictions([[2, 1]], [2], [0.9]).frame()
    assert curve["n"].tolist() == [1]
    assert curve[["lower", "upper"]].isna().all(axis=None)


def test_an_estimator_is_asked_for_both_tasks(fitted):
    net, X, y = fitted
    display = CoverageDisplay.from_estimator(net, X, y, n_bootstraps=10)
    by_hand = CoverageDisplay.from_predictions(
        y, net.predict(X), net.predict_quality_proba(X), n_bootstraps=10
    )
    pd.testing.assert_frame_equal(display.frame(), by_hand.frame())
    grader = DRGrader(backbone=None, max_epochs=1, random_state=0).fit(X, y[:, 0])
    with pytest.raises(TypeError, match=r"DRGrader predicts grade.*from_predictions"):
        CoverageDisplay.from_estimator(grader, X, y)


def test_bad_arguments_are_refused(eyes):
    with pytest.raises(ValueError, match="min_coverage"):
        draw(eyes, min_coverage=0)
    with pytest.raises(ValueError, match="groups"):
        draw(eyes, groups=[1, 2])
    with pytest.raises(ValueError, match="probabilities from 0 to 1"):
        draw(eyes, eyes.good * 3)
    with pytest.raises(ValueError, match=r"shape \(240, 2\).*\(5, 2\)"):
        draw(eyes, eyes.good[:5])
    with pytest.raises(ValueError, match="nothing to show"):
        draw(eyes, np.full(240, np.nan))
