"""Confusion of grades by image quality."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix

from sk_fiqdr import DRGrader, QualityClassifier
from sk_fiqdr.inspection import ConfusionByQualityDisplay
from sk_fiqdr.metrics import quadratic_weighted_kappa


def test_counts_are_those_of_scikit_learn_in_each_stratum(eyes):
    display = ConfusionByQualityDisplay.from_predictions(eyes.y, eyes.y_pred)
    strata = {"all": eyes.quality >= 0, "good": eyes.quality == 1}
    for name, rows in {**strata, "poor": eyes.quality == 0}.items():
        expected = confusion_matrix(
            eyes.grade[rows], eyes.y_pred[rows], labels=range(5)
        )
        np.testing.assert_array_equal(display.frame().loc[name], expected)


def test_panels_tell_size_and_kappa(eyes):
    display = ConfusionByQualityDisplay.from_predictions(eyes.y, eyes.y_pred)
    poor = eyes.quality == 0
    kappa = quadratic_weighted_kappa(eyes.grade[poor], eyes.y_pred[poor])
    title = display.axes_[2].get_title()
    assert f"n = {poor.sum()}" in title
    assert f"{kappa:.3f}" in title
    texts = [int(t.get_text()) for t in display.axes_[2].texts if t.get_text() != "·"]
    assert sum(texts) == poor.sum()


def test_unknown_grades_and_missing_answers_do_not_count(eyes):
    y, y_pred = eyes.y.copy(), eyes.y_pred.copy()
    y[:10, 0], y_pred[10:30], y[30:60, 1] = -1, -1, -1
    counts = ConfusionByQualityDisplay.from_predictions(y, y_pred).confusion
    assert counts[0].sum() == len(y) - 30
    assert counts[1:].sum() == len(y) - 60


def test_a_stratum_without_images_says_so(eyes):
    y = eyes.y.copy()
    y[:, 1] = -1
    display = ConfusionByQualityDisplay.from_predictions(y, eyes.y_pred)
    assert display.confusion[1:].sum() == 0
    for panel, name in zip(display.axes_[1:], ("good", "poor"), strict=True):
        assert "n = 0" in panel.get_title()
        assert name in panel.texts[0].get_text()


def test_nothing_known_is_an_error(eyes):
    y = np.full_like(eyes.y, -1)
    with pytest.raises(ValueError, match="nothing to show"):
        ConfusionByQualityDisplay.from_predictions(y, eyes.y_pred)
    with pytest.raises(ValueError, match="nothing to show"):
        ConfusionByQualityDisplay.from_predictions(np.empty((0, 2), int), [])
    with pytest.raises(ValueError, match="240 rows of y_true, got 3"):
        ConfusionByQualityDisplay.from_predictions(eyes.y, [0, 1, 2])
    with pytest.raises(ValueError, match="columns"):
        ConfusionByQualityDisplay.from_predictions(eyes.grade, eyes.y_pred)


def test_estimators_of_both_tasks_and_of_the_grade(fitted):
    net, X, y = fitted
    settings = {"backbone": None, "max_epochs": 2, "random_state": 0}
    grader = DRGrader(**settings).fit(X, y[:, 0])
    plain = LogisticRegression().fit(X, y[:, 0])
    for model in (net, grader, plain):
        display = ConfusionByQualityDisplay.from_estimator(model, X, y)
        by_hand = ConfusionByQualityDisplay.from_predictions(y, model.predict(X))
        np.testing.assert_array_equal(display.confusion, by_hand.confusion)
    judge = QualityClassifier(**settings).fit(X, y[:, 1])
    with pytest.raises(TypeError, match="QualityClassifier predicts quality"):
        ConfusionByQualityDisplay.from_estimator(judge, X, y)
