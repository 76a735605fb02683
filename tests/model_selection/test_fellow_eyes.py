"""Both eyes of a patient help each other, and eyes of two patients never meet."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.model_selection import (
    FellowEyeClassifier,
    QualityGate,
    TunedGradeThresholdsCV,
    fuse_fellow_eyes,
)

OWN, OTHER = [0.8, 0.2, 0, 0, 0], [0.2, 0, 0, 0.5, 0.3]
GOOD, POOR = [0, 1], [1, 0]


def draw(n, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(5), size=n)


def by_loop(proba, groups, eyes, quality):
    """Fuse one row after the other, as the rule reads."""
    shares = {(0, 0): 1 / 3, (0, 1): 2 / 3, (1, 0): 1 / 10, (1, 1): 1 / 3}
    fused = []
    for i in range(len(proba)):
        own = (groups == groups[i]) & (eyes == eyes[i])
        other = (groups == groups[i]) & (eyes != eyes[i])
        row = proba[own].mean(axis=0)
        if other.any():
            a, b = quality[own].mean(axis=0), quality[other].mean(axis=0)
            share = sum(a[j] * b[k] * shares[j, k] for j in (0, 1) for k in (0, 1))
            row = (1 - share) * row + share * proba[other].mean(axis=0)
        fused.append(row)
    return np.array(fused)


@pytest.mark.parametrize(
    ("own", "other", "share"),
    [(GOOD, GOOD, 1 / 3), (POOR, GOOD, 2 / 3), (GOOD, POOR, 0.1), (POOR, POOR, 1 / 3)],
)
def test_share_follows_the_quality_of_both_eyes(own, other, share):
    fused = fuse_fellow_eyes([OWN, OTHER], [1, 1], quality_proba=[own, other])
    expected = (1 - share) * np.array(OWN) + share * np.array(OTHER)
    np.testing.assert_allclose(fused[0], expected)


def test_many_eyes_are_fused_as_one_after_the_other():
    rng = np.random.default_rng(1)
    groups = rng.integers(0, 80, 200)
    eyes = rng.choice(["left", "right"], 200)
    quality = rng.dirichlet([1, 3], 200)
    proba = draw(200)
    fused = fuse_fellow_eyes(proba, groups, eyes=eyes, quality_proba=quality)
    np.testing.assert_allclose(fused, by_loop(proba, groups, eyes, quality))
    np.testing.assert_allclose(fused.sum(axis=1), 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_eye_without_fellow_keeps_its_row_bit_for_bit(dtype):
    proba = draw(9).astype(dtype)
    fused = fuse_fellow_eyes(proba, [f"p{i}" for i in range(9)])
    assert fused.dtype == dtype
    assert fused.tobytes() == proba.tobytes()
    assert fused is not proba


def test_unreadable_eye_stays_unread_and_leaves_its_fellow_alone():
    proba = np.array([OWN, [np.nan] * 5])
    fused = fuse_fellow_eyes(proba, [1, 1], quality_proba=[GOOD, [np.nan] * 2])
    np.testing.assert_array_equal(fused, proba)


def test_photographs_of_one_eye_are_averaged_first():
    eyes = ["left", "left", "right"]
    fused = fuse_fellow_eyes([OWN, OTHER, OTHER], [1, 1, 1], eyes=eyes)
    left = (np.array(OWN) + OTHER) / 2
    np.testing.assert_allclose(fused[:2], [(2 * left + OTHER) / 3] * 2)
    twice = fuse_fellow_eyes([OWN, OTHER], [1, 1], eyes=["left", "left"])
    np.testing.assert_allclose(twice, [left, left])


def test_no_rows_give_no_rows():
    assert fuse_fellow_eyes(np.empty((0, 5)), []).shape == (0, 5)


@pytest.mark.parametrize(
    ("proba", "groups", "options", "message"),
    [
        ([OWN] * 3, [1, 1, 1], {}, "two eyes, but 1 has 3, as each row"),
        ([OWN] * 3, ["a"] * 3, {"eyes": ["l", "r", "x"]}, "two eyes, but 'a' has 3 in"),
        ([OWN] * 2, [1, np.nan], {}, "no patient in row 1"),
        ([OWN] * 2, [1, 1], {"eyes": ["l", None]}, "no eye in row 1"),
        ([OWN] * 2, [1], {}, r"each of the 2 rows of proba, got shape \(1,\)"),
        ([OWN, [1, 1, 0, 0, 0]], [1, 1], {}, r"add up to 1 .* in row 1"),
        ([OWN, [2, -1, 0, 0, 0]], [1, 1], {}, r"add up to 1 .* in row 1"),
        ([OWN, [np.nan, 1, 0, 0, 0]], [1, 1], {}, r"add up to 1 .* in row 1"),
        (OWN, [1], {}, r"shape \(n_samples, n_classes\)"),
        ([OWN], [1], {"quality_proba": [[1, 0, 0]]}, r"shape \(1, 2\)"),
        ([OWN], [1], {"rule": "best"}, "rule must be 'fixed' or shares"),
        ([OWN], [1], {"rule": [[2, 0], [0, 0]]}, "rule must be 'fixed' or shares"),
    ],
)
def test_what_cannot_be_fused_is_named(proba, groups, options, message):
    with pytest.raises(ValueError, match=message):
        fuse_fellow_eyes(proba, groups, **options)


def test_classifier_fuses_what_the_estimator_inside_predicts(eyes):
    X, y, groups = eyes
    grader = make_pipeline(StandardScaler(), LogisticRegression())
    fused = FellowEyeClassifier(grader).fit(X, y, groups=groups)
    alone = clone(grader).fit(X, y[:, 0]).predict_proba(X)
    expected = fuse_fellow_eyes(alone, groups)
    np.testing.assert_array_equal(fused.predict_proba(X, groups=groups), expected)
    np.testing.assert_array_equal(fused.predict(X, groups=groups), expected.argmax(1))
    with pytest.raises(ValueError, match="Patients are unknown"):
        fused.predict(X)


def test_cut_points_and_gate_inside_decide_on_fused_probabilities(eyes):
    X, y, groups = eyes
    net = FIQDRClassifier(
        backbone=None, lr=0.1, max_epochs=4, random_state=0, device="cpu"
    )
    tuned = TunedGradeThresholdsCV(net, cv=0.3).fit(X, y, groups=groups)
    half = float(np.median(tuned.predict_quality_proba(X)[:, 1]))
    gate = QualityGate(tuned, threshold=half, cv="prefit").fit(X, y, groups=groups)
    fused = FellowEyeClassifier(gate, cv="prefit").fit(X, y)
    grade_proba, quality_proba = gate.predict_tasks(X)
    both = fuse_fellow_eyes(grade_proba, groups, quality_proba=quality_proba)
    expected, _ = gate.decide_tasks(both, quality_proba)
    np.testing.assert_array_equal(fused.predict(X, groups=groups), expected)
    assert (expected == -1).any()


def test_paths_tell_patient_and_eye():
    class Reader(LogisticRegression):
        def fit(self, X, y):
            self.classes_ = np.arange(5)
            return self

        def predict_proba(self, X):
            return np.array([OTHER if "right" in name else OWN for name in X])

    paths = ["a/1_left.png", "a/1_right.png", "a/2_left.png", "b/1_left_2.png"]
    fused = FellowEyeClassifier(Reader()).fit(paths, [0, 3, 0, 0])
    proba = fused.predict_proba(paths)
    left = (2 * np.array(OWN) + OTHER) / 3
    np.testing.assert_allclose(proba[[0, 3]], [left, left])
    np.testing.assert_array_equal(proba[2], OWN)


def test_shares_are_learned_where_the_fellow_eye_tells_more():
    rng = np.random.default_rng(0)
    groups = np.arange(2000) // 2
    y = rng.choice(5, size=1000)[groups]
    noise = np.where(np.arange(2000) % 2, 0.3, 3.0)
    X = y[:, None] + noise[:, None] * rng.normal(size=(2000, 2))
    learned = FellowEyeClassifier(LogisticRegression(), rule="learned")
    learned.fit(X, y, groups=groups)
    assert learned.rule_ == "learned"
    assert ((learned.shares_ >= 0) & (learned.shares_ <= 1)).all()
    assert learned.shares_[1, 1] > 0.4


def test_few_patients_get_the_fixed_shares_with_a_warning(eyes):
    X, y, groups = eyes
    learned = FellowEyeClassifier(LogisticRegression(), rule="learned")
    with pytest.warns(UserWarning, match="300 patients are fewer than 400"):
        learned.fit(X, y, groups=groups)
    assert learned.rule_ == "fixed"
    np.testing.assert_allclose(learned.shares_, [[1 / 3, 2 / 3], [0.1, 1 / 3]])
