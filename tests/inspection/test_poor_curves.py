"""Receiver operating characteristic, precision and recall of poor."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.svm import LinearSVC

from sk_fiqdr import DRGrader, QualityClassifier
from sk_fiqdr.inspection import PoorPrecisionRecallDisplay, PoorRocDisplay

BOTH = pytest.mark.parametrize("display", [PoorRocDisplay, PoorPrecisionRecallDisplay])


def test_poor_is_what_is_looked_for(eyes):
    poor = eyes.quality == 0
    roc = PoorRocDisplay.from_predictions(eyes.y, eyes.quality_proba)
    assert roc.roc_auc == pytest.approx(roc_auc_score(poor, 1 - eyes.good))
    assert roc.roc_auc > 0.5
    curve = PoorPrecisionRecallDisplay.from_predictions(eyes.y, eyes.quality_proba)
    expected = average_precision_score(poor, 1 - eyes.good)
    assert curve.average_precision == pytest.approx(expected)
    assert (roc.n_poor, roc.n_good) == (poor.sum(), (~poor).sum())


def test_points_are_the_counts_at_their_thresholds(eyes):
    poor = eyes.quality == 0
    roc = PoorRocDisplay.from_predictions(eyes.y, eyes.good).frame()
    curve = PoorPrecisionRecallDisplay.from_predictions(eyes.y, eyes.good).frame()
    for _, point in roc.iterrows():
        called = 1 - eyes.good >= point["threshold"]
        assert point["poor_found"] == pytest.approx(called[poor].mean())
        assert point["good_called_poor"] == pytest.approx(called[~poor].mean())
    for _, point in curve.iloc[:-1].iterrows():
        called = 1 - eyes.good >= point["threshold"]
        assert point["recall"] == pytest.approx(called[poor].mean())
        assert point["precision"] == pytest.approx(poor[called].mean())


@BOTH
def test_the_dot_is_the_answer_that_is_more_probable(display, eyes):
    poor, called = eyes.quality == 0, eyes.good < 0.5
    made = display.from_predictions(eyes.y, eyes.good)
    dot = next(line for line in made.ax_.lines if line.get_marker() == "o")
    across, up = np.ravel(dot.get_xdata())[0], np.ravel(dot.get_ydata())[0]
    if display is PoorRocDisplay:
        assert across == pytest.approx(called[~poor].mean())
        assert up == pytest.approx(called[poor].mean())
    else:
        assert across == pytest.approx(called[poor].mean())
        assert up == pytest.approx(poor[called].mean())


@BOTH
def test_labels_come_with_or_without_grades_and_probabilities_by_one_or_two(
    display, eyes
):
    first = display.from_predictions(eyes.y, eyes.quality_proba).frame()
    for truth in (eyes.y, eyes.quality):
        for proba in (eyes.quality_proba, eyes.good):
            other = display.from_predictions(truth, proba).frame()
            np.testing.assert_allclose(other, first)


@BOTH
def test_unknown_labels_and_unreadable_images_do_not_count(display, eyes):
    y, good = eyes.y.copy(), eyes.good.copy()
    y[:20, 1], good[20:30] = -1, np.nan
    masked = display.from_predictions(y, good)
    without = display.from_predictions(eyes.y[30:], eyes.good[30:])
    np.testing.assert_allclose(masked.frame(), without.frame())
    assert masked.n_poor + masked.n_good == len(y) - 30


@BOTH
@pytest.mark.parametrize("only", [0, 1, -1])
def test_one_class_only_is_an_error_that_counts(display, only, eyes):
    counts = {0: "240 poor and 0 good", 1: "0 poor and 240 good", -1: "0 poor and 0"}
    with pytest.raises(ValueError, match=counts[only]):
        display.from_predictions(np.full(240, only), eyes.good)


@BOTH
def test_the_dot_of_a_judge_that_never_says_poor_finds_none(display):
    made = display.from_predictions([0, 1, 1], [0.8, 0.9, 0.7])
    dot = next(line for line in made.ax_.lines if line.get_marker() == "o")
    end = (0, 0) if display is PoorRocDisplay else (0, 1)
    assert (np.ravel(dot.get_xdata())[0], np.ravel(dot.get_ydata())[0]) == end


@BOTH
def test_two_models_share_axes_with_one_chance_level(display, eyes):
    _, ax = plt.subplots()
    display.from_predictions(eyes.y, eyes.good, name="one", ax=ax)
    display.from_predictions(eyes.y, 1 - eyes.good, name="two", ax=ax)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert len(labels) == 4
    assert sum("Chance" in label for label in labels) == 1
    assert sum(label.startswith(("one", "two")) for label in labels) == 2


@BOTH
def test_estimators_of_both_tasks_and_of_the_quality(display, fitted):
    net, X, y = fitted
    settings = {"backbone": None, "max_epochs": 2, "random_state": 0}
    judge = QualityClassifier(**settings).fit(X, y[:, 1])
    plain = LogisticRegression().fit(X, y[:, 1])
    by_net = display.from_predictions(y, net.predict_quality_proba(X)).frame()
    np.testing.assert_allclose(display.from_estimator(net, X, y).frame(), by_net)
    for model in (judge, plain):
        made = display.from_estimator(model, X, y[:, 1])
        expected = display.from_predictions(y, model.predict_proba(X)).frame()
        np.testing.assert_allclose(made.frame(), expected)
        assert made.name == type(model).__name__
    with pytest.raises(TypeError, match="DRGrader predicts grade"):
        display.from_estimator(DRGrader(**settings).fit(X, y[:, 0]), X, y)
    with pytest.raises(TypeError, match="predict_proba, which LinearSVC does not"):
        display.from_estimator(LinearSVC().fit(X, y[:, 1]), X, y)
