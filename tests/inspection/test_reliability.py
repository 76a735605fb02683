"""Reliability of both heads."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve

from sk_fiqdr import QualityClassifier
from sk_fiqdr.inspection import ReliabilityDisplay


def draw(eyes, **kwargs):
    kwargs = {"n_bootstraps": 0, **kwargs}
    return ReliabilityDisplay.from_predictions(
        eyes.y, eyes.grade_proba, eyes.quality_proba, **kwargs
    )


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
@pytest.mark.parametrize("n_bins", [1, 5, 10])
def test_bins_are_those_of_scikit_learn(eyes, strategy, n_bins):
    frame = draw(eyes, strategy=strategy, n_bins=n_bins).frame()
    claims = {
        "grade": (eyes.y_pred == eyes.grade, eyes.grade_proba.max(axis=1)),
        "quality": (eyes.quality == 0, 1 - eyes.good),
    }
    for task, (so, proba) in claims.items():
        observed, predicted = calibration_curve(
            so, proba, n_bins=n_bins, strategy=strategy
        )
        np.testing.assert_allclose(frame.loc[task, "observed"], observed)
        np.testing.assert_allclose(frame.loc[task, "predicted"], predicted)
        assert frame.loc[task, "n"].sum() == len(so)


def test_the_error_is_the_mean_distance_over_the_images():
    """Nine images said to be poor with 0.2, none is; one with 0.9, and it is."""
    quality = np.array([1] * 9 + [0])
    good = np.array([0.8] * 9 + [0.1])
    y = np.column_stack([np.full(10, -1), quality])
    display = ReliabilityDisplay.from_predictions(y, quality_proba=good)
    assert display.errors == {"quality": pytest.approx(0.9 * 0.2 + 0.1 * 0.1)}


def test_intervals_are_over_patients(eyes):
    """Eyes told twice are no more information than once."""
    twice = {
        "y_true": np.repeat(eyes.y[::2], 2, axis=0),
        "grade_proba": np.repeat(eyes.grade_proba[::2], 2, axis=0),
    }
    once = ReliabilityDisplay.from_predictions(eyes.y[::2], eyes.grade_proba[::2])
    by_patient = ReliabilityDisplay.from_predictions(**twice, groups=eyes.groups)
    by_row = ReliabilityDisplay.from_predictions(**twice)
    width = [
        (d.frame()["upper"] - d.frame()["lower"]).sum()
        for d in (once, by_patient, by_row)
    ]
    assert width[1] == pytest.approx(width[0], rel=0.05)
    assert width[2] < 0.85 * width[0]


def test_a_task_without_labels_or_probabilities_is_left_out(eyes):
    y = eyes.y.copy()
    y[:, 1] = -1
    display = ReliabilityDisplay.from_predictions(
        y, eyes.grade_proba, eyes.quality_proba
    )
    assert list(display.errors) == ["grade"]
    assert len(display.axes_) == 1
    display = ReliabilityDisplay.from_predictions(eyes.y, None, eyes.good)
    assert list(display.errors) == ["quality"]


def test_nothing_known_is_an_error(eyes):
    with pytest.raises(ValueError, match="nothing to show"):
        ReliabilityDisplay.from_predictions(np.full_like(eyes.y, -1), eyes.grade_proba)
    with pytest.raises(ValueError, match="nothing to show"):
        ReliabilityDisplay.from_predictions(eyes.y)
    with pytest.raises(ValueError, match="nothing to show"):
        ReliabilityDisplay.from_predictions(eyes.y, np.full((240, 5), np.nan))


def test_one_class_only_is_drawn(eyes):
    y = np.column_stack([np.full(240, -1), np.ones(240, int)])
    frame = ReliabilityDisplay.from_predictions(y, None, eyes.good).frame()
    assert (frame["observed"] == 0).all()


def test_masked_rows_do_not_count(eyes):
    y, proba = eyes.y.copy(), eyes.grade_proba.copy()
    y[:10, 0], proba[10:20] = -1, np.nan
    masked = ReliabilityDisplay.from_predictions(y, proba, n_bootstraps=0)
    without = ReliabilityDisplay.from_predictions(
        eyes.y[20:], eyes.grade_proba[20:], n_bootstraps=0
    )
    pd.testing.assert_frame_equal(masked.frame(), without.frame())


def test_estimators_of_both_tasks_and_of_one(fitted):
    net, X, y = fitted
    both = ReliabilityDisplay.from_estimator(net, X, y, n_bootstraps=0)
    by_hand = ReliabilityDisplay.from_predictions(
        y, net.predict_proba(X), net.predict_quality_proba(X), n_bootstraps=0
    )
    pd.testing.assert_frame_equal(both.frame(), by_hand.frame())
    settings = {"backbone": None, "max_epochs": 2, "random_state": 0}
    judge = QualityClassifier(**settings).fit(X, y[:, 1])
    one = ReliabilityDisplay.from_estimator(judge, X, y, n_bootstraps=0)
    assert list(one.errors) == ["quality"]


def test_bad_arguments_are_refused(eyes):
    with pytest.raises(ValueError, match="n_bins"):
        draw(eyes, n_bins=0)
    with pytest.raises(ValueError, match="'equal'"):
        draw(eyes, strategy="equal")
    with pytest.raises(ValueError, match=r"grade_proba.*\(240, 5\)"):
        ReliabilityDisplay.from_predictions(eyes.y, eyes.grade_proba[:, :4])
    wild = eyes.grade_proba.copy()
    wild[3] *= 100
    with pytest.raises(ValueError, match="in row 3"):
        ReliabilityDisplay.from_predictions(eyes.y, wild)
