"""One temperature for each head: better probabilities, the same answers."""

import numpy as np
import pytest
from scipy.optimize import brute
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.metrics import fiqdr_scoring
from sk_fiqdr.model_selection import (
    CalibratedTasksCV,
    PatientLeakageError,
    QualityGate,
    TunedGradeThresholdsCV,
)

# Weighs poor as good images, so that a temperature is all that is amiss.
HEADS = {"backbone": None, "beta": 1.0, "lr": 0.3, "max_epochs": 8, "random_state": 0}


class Boaster(ClassifierMixin, BaseEstimator):
    """Knows the logits that X holds, and multiplies them: each task by its own."""

    def __init__(self, grade=1.0, quality=1.0):
        self.grade = grade
        self.quality = quality

    def fit(self, X, y):
        self.classes_ = np.arange(5)
        return self

    def predict_tasks(self, X):
        return softmax(self.grade * X[:, :5]), softmax(self.quality * X[:, 5:])

    def predict_proba(self, X):
        return self.predict_tasks(X)[0]

    def predict(self, X):
        return self.predict_proba(X).argmax(axis=1)

    def predict_quality(self, X):
        return self.predict_tasks(X)[1].argmax(axis=1)


def softmax(logits):
    power = np.exp(logits - logits.max(axis=1, keepdims=True))
    return power / power.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def logits():
    """Logits of grade and quality, and labels drawn by their probabilities."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 7)) * 1.5
    draw = rng.random((4000, 1))
    grade = (softmax(X[:, :5]).cumsum(axis=1) < draw).sum(axis=1)
    draw = rng.random((4000, 1))
    quality = (softmax(X[:, 5:]).cumsum(axis=1) < draw).sum(axis=1)
    return X, np.column_stack([grade, quality])


def test_temperatures_undo_what_the_logits_were_multiplied_by(logits):
    X, y = logits
    boaster = Boaster(grade=3.0, quality=0.5).fit(X, y)
    calibrated = CalibratedTasksCV(boaster, cv="prefit").fit(X, y)
    np.testing.assert_allclose(calibrated.temperatures_, [3.0, 0.5], rtol=0.05)
    for proba, right in zip(
        calibrated.predict_tasks(X), Boaster().predict_tasks(X), strict=True
    ):
        np.testing.assert_allclose(proba, right, atol=0.03)
        np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_no_temperature_has_a_smaller_loss(logits):
    X, y = logits
    calibrated = CalibratedTasksCV(Boaster(2.0, 4.0).fit(X, y), cv="prefit").fit(X, y)
    for scale, block, task in ((2.0, X[:, :5], 0), (4.0, X[:, 5:], 1)):

        def loss(temperature, scale=scale, block=block, task=task):
            return log_loss(y[:, task], softmax(scale * block / temperature[0]))

        expected = brute(loss, [slice(0.5, 8, 0.05)])
        assert calibrated.temperatures_[task] == pytest.approx(expected[0], rel=1e-3)


def test_it_is_what_scikit_learn_does_for_one_task(logits):
    X, y = logits
    boaster = Boaster(2.0, 4.0).fit(X, y)
    calibrated = CalibratedTasksCV(boaster, cv="prefit").fit(X[:2000], y[:2000])
    theirs = CalibratedClassifierCV(
        FrozenEstimator(boaster), method="temperature", ensemble=False
    ).fit(X[:2000], y[:2000, 0])
    np.testing.assert_allclose(
        calibrated.predict_proba(X), theirs.predict_proba(X), atol=1e-4
    )


def test_a_net_that_overfits_is_better_out_of_fold_and_answers_alike(eyes):
    X, y, groups = eyes
    noise = np.random.default_rng(0).normal(size=(600, 60))
    X = np.column_stack([X, noise]).astype(np.float32)
    train, test = groups < 150, groups >= 150
    net = FIQDRClassifier(**HEADS | {"max_epochs": 80, "batch_size": 64})
    net = make_pipeline(StandardScaler(), net)
    calibrated = CalibratedTasksCV(net, cv=4)
    calibrated.fit(X[train], y[train], groups=groups[train])
    assert (calibrated.temperatures_ > 1.2).all()
    plain = net.fit(X[train], y[train])
    probabilities = plain[-1].predict_tasks(plain[0].transform(X[test]))
    for task, (before, after) in enumerate(
        zip(probabilities, calibrated.predict_tasks(X[test]), strict=True)
    ):
        labels = np.arange(before.shape[1])
        loss = log_loss(y[test, task], after, labels=labels)
        assert loss < log_loss(y[test, task], before, labels=labels)
        np.testing.assert_array_equal(before.argmax(axis=1), after.argmax(axis=1))
    np.testing.assert_array_equal(calibrated.predict(X), plain.predict(X))
    scores = fiqdr_scoring(calibrated, X[test], y[test])
    assert scores == fiqdr_scoring(plain, X[test], y[test])


def test_what_is_sure_beyond_measure_stays_a_number(logits):
    X, y = logits
    boaster = Boaster(1e4, 1e4).fit(X, y)
    calibrated = CalibratedTasksCV(boaster, cv="prefit").fit(X, y)
    assert calibrated.temperatures_ == pytest.approx(10, rel=1e-4)
    for proba in calibrated.predict_tasks(X):
        assert np.isfinite(proba).all()


def test_unknown_labels_and_unreadable_images_do_not_count(logits):
    X, y = logits
    boaster = Boaster(3.0, 0.5).fit(X, y)
    some = y.copy()
    some[:1000, 0] = some[3000:, 1] = -1
    X_some = X.copy()
    X_some[1500:1600] = np.nan
    both = CalibratedTasksCV(boaster, cv="prefit").fit(X_some, some)
    rows = np.r_[1000:1500, 1600:4000]
    grade = CalibratedTasksCV(boaster, cv="prefit").fit(X[rows], y[rows])
    rows = np.r_[:1500, 1600:3000]
    quality = CalibratedTasksCV(boaster, cv="prefit").fit(X[rows], y[rows])
    assert both.temperatures_[0] == pytest.approx(grade.temperatures_[0])
    assert both.temperatures_[1] == pytest.approx(quality.temperatures_[1])
    assert np.isnan(both.predict_proba(X_some)[1500:1600]).all()


def test_a_task_without_two_classes_is_left_as_it_is_and_said_so(logits):
    X, y = logits
    boaster = Boaster(3.0, 3.0).fit(X, y)
    for labels in (np.ones(4000, dtype=int), np.full(4000, -1)):
        with pytest.warns(UserWarning, match="quality is not calibrated"):
            calibrated = CalibratedTasksCV(boaster, cv="prefit").fit(
                X, np.column_stack([y[:, 0], labels])
            )
        assert calibrated.temperatures_[1] == 1
        assert calibrated.temperatures_[0] == pytest.approx(3, rel=0.05)


def test_calibrated_nets_are_tuned_and_gated(eyes):
    X, y, groups = eyes
    net = CalibratedTasksCV(FIQDRClassifier(**HEADS), cv=2)
    tuned = TunedGradeThresholdsCV(net, cv=2)
    gate = QualityGate(tuned, max_refused=0.1, cv=2).fit(X, y, groups=groups)
    inside = gate.estimator_.estimator_
    assert isinstance(inside, CalibratedTasksCV)
    np.testing.assert_array_equal(gate.predict_proba(X), inside.predict_proba(X))
    np.testing.assert_array_equal(
        gate.predict_quality_proba(X), inside.predict_quality_proba(X)
    )
    expected = inside.predict_proba(X) @ np.arange(5)
    grade = np.searchsorted(gate.estimator_.best_thresholds_, expected, side="right")
    np.testing.assert_array_equal(
        gate.predict(X), np.where(gate.is_gradable(X), grade, -1)
    )


def test_what_cannot_be_calibrated_is_refused(eyes, tiny, fundus, fundus_paths):
    X, y, groups = eyes
    with pytest.raises(ValueError, match=r"learns one task.*CalibratedClassifierCV"):
        CalibratedTasksCV(LogisticRegression()).fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="FIQDRClassifier learns both tasks"):
        CalibratedTasksCV(FIQDRClassifier(**HEADS)).fit(X, y[:, 0], groups=groups)
    tuned = TunedGradeThresholdsCV(FIQDRClassifier(**HEADS))
    with pytest.raises(ValueError, match="the other way round"):
        CalibratedTasksCV(tuned).fit(X, y, groups=groups)
    net = FIQDRClassifier(**tiny | {"max_epochs": 1}).fit(fundus_paths, fundus.target)
    with pytest.raises(PatientLeakageError):
        CalibratedTasksCV(net, cv="prefit").fit(fundus_paths, fundus.target)
