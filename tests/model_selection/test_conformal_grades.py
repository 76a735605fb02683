"""Sets hold each grade as often as promised, and have no gaps."""

import numpy as np
import pytest
from crepes import ConformalClassifier
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.metrics import set_report
from sk_fiqdr.model_selection import (
    ConformalGradesCV,
    FellowEyeClassifier,
    TunedGradeThresholdsCV,
)

SHARES = [0.6, 0.12, 0.14, 0.08, 0.06]


class GivenProba(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose X are the probabilities."""

    classes_ = np.arange(5)

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict_proba(self, X):
        return np.asarray(X)


def draw(n, seed=0):
    rng = np.random.default_rng(seed)
    grade = rng.choice(5, size=n, p=SHARES)
    distance = abs(grade + rng.normal(size=n) - np.arange(5)[:, None]).T
    proba = np.exp(-distance) * SHARES
    return proba / proba.sum(axis=1, keepdims=True), grade


def calibrated(proba, grade, groups=None, **options):
    groups = np.arange(len(grade)) if groups is None else groups
    sets = ConformalGradesCV(GivenProba(), cv="prefit", **options)
    return sets.fit(proba, grade, groups=groups)


def filled(row):
    members = np.flatnonzero(row)
    return np.isin(np.arange(5), np.arange(members.min(), members.max() + 1))


@pytest.mark.parametrize("by_grade", [True, False])
@pytest.mark.parametrize("level", [0.83, 0.9041])
def test_members_are_those_of_crepes_with_gaps_filled(by_grade, level):
    proba, grade = draw(700)
    new, _ = draw(900, seed=1)
    fitted = calibrated(proba, grade, confidence_level=level, by_grade=by_grade)
    true = proba[np.arange(700), grade]
    oracle = ConformalClassifier()
    if by_grade:
        oracle.fit(-true, bins=grade)
        member = [
            oracle.predict_set(
                -new[:, [k]], bins=np.full(900, k), confidence=level, smoothing=False
            )[:, 0]
            for k in range(5)
        ]
        member = np.array(member).T.astype(bool)
    else:
        oracle.fit(-true)
        member = oracle.predict_set(-new, confidence=level, smoothing=False) == 1
    empty = ~member.any(axis=1)
    member[empty, new.argmax(axis=1)[empty]] = True
    np.testing.assert_array_equal(fitted.predict_set(new), list(map(filled, member)))


def by_loop(proba, patients, level):
    """Go down the probabilities until enough patients have been counted."""
    names, counted = set(patients), 0
    for value, patient in sorted(zip(-proba, patients, strict=True)):
        counted += 1 / patients.count(patient)
        if counted >= level * (len(names) + 1) - 1e-9:
            return -value
    return 0.0


def test_all_eyes_of_a_patient_count_as_one_observation():
    rng = np.random.default_rng(2)
    proba, grade = draw(400)
    groups = rng.integers(0, 150, 400)
    fitted = calibrated(proba, grade, groups)
    for k in range(5):
        rows = grade == k
        expected = by_loop(proba[rows, k], groups[rows].tolist(), 0.9)
        assert fitted.thresholds_[k] == expected
        assert fitted.n_patients_[k] == len(set(groups[rows].tolist()))


def test_each_grade_is_covered_in_the_mean_over_calibration_sets():
    coverage = []
    for seed in range(60):
        fitted = calibrated(*draw(400, seed))
        proba, grade = draw(2000, seed + 1000)
        sets = fitted.predict_set(proba)
        coverage.append([sets[grade == k, k].mean() for k in range(5)])
    # One standard error of the mean is about 0.01 for the rarest grade.
    assert (np.mean(coverage, axis=0) > 0.88).all()


def test_one_threshold_for_all_covers_severe_eyes_less():
    proba, grade = draw(4000)
    new, truth = draw(4000, seed=1)
    fitted = calibrated(proba, grade, by_grade=False)
    report = fitted.report(new, truth, groups=np.arange(4000))
    assert report.loc["all", "coverage"] > 0.88
    assert report.loc["grade 4", "coverage"] < 0.855
    assert len(set(fitted.thresholds_)) == 1


def test_grade_with_too_few_patients_is_in_every_set():
    proba, grade = draw(600)
    few = np.r_[np.flatnonzero(grade == 4)[:8], np.flatnonzero(grade < 4)]
    with pytest.warns(UserWarning, match=r"grades \[4\]: .* 9 patients .* grade 4: 8"):
        fitted = calibrated(proba[few], grade[few])
    sets = fitted.predict_set(proba)
    assert sets[:, 4].all()
    assert fitted.thresholds_[4] == 0
    for missing in (0, 4):
        rows = grade != missing
        with pytest.warns(UserWarning, match=f"grade {missing}: 0"):
            fitted = calibrated(proba[rows], grade[rows])
        assert fitted.predict_set(proba)[:, missing].all()


def test_nine_patients_are_enough_for_nine_tenths():
    proba, grade = draw(600)
    rows = np.r_[np.flatnonzero(grade == 4)[:9], np.flatnonzero(grade < 4)]
    fitted = calibrated(proba[rows], grade[rows])
    assert fitted.thresholds_[4] == proba[rows[:9], 4].min()


def test_few_patients_altogether_leave_all_grades_possible():
    proba, grade = draw(8)
    with pytest.warns(UserWarning, match=r"\[0, 1, 2, 3, 4\]"):
        fitted = calibrated(proba, grade, by_grade=False)
    assert fitted.predict_set(proba).all()


def test_unknown_grades_are_ignored_and_unreadable_images_may_be_anything():
    proba, grade = draw(600)
    more = np.r_[proba, proba[:5], np.full((1, 5), np.nan)]
    unknown = np.r_[grade, np.full(5, -1), 2]
    fitted = calibrated(more, unknown)
    np.testing.assert_array_equal(
        fitted.thresholds_, calibrated(*draw(600)).thresholds_
    )
    sets = fitted.predict_set(more)
    assert sets[-1].all()
    assert not sets[:-1].all()


@pytest.mark.parametrize("both", [True, False])
def test_sets_of_an_estimator_that_is_fitted_inside(eyes, both):
    X, y, groups = eyes
    if both:
        net = FIQDRClassifier(
            backbone=None, lr=0.1, max_epochs=4, random_state=0, device="cpu"
        )
        inside = TunedGradeThresholdsCV(net, cv=0.3, refit=False)
    else:
        inside = make_pipeline(StandardScaler(), LogisticRegression())
    fitted = ConformalGradesCV(inside, confidence_level=0.75)
    fitted.fit(X, y if both else y[:, 0], groups=groups)
    sets = fitted.predict_set(X)
    assert sets.shape == (600, 5)
    assert sets.dtype == bool
    proba = fitted.predict_proba(X)
    np.testing.assert_array_equal(proba, fitted.estimator_.predict_proba(X))
    np.testing.assert_array_equal(sets, fitted.decide_sets(proba))
    np.testing.assert_array_equal(fitted.predict(X), fitted.estimator_.predict(X))
    assert hasattr(fitted, "predict_quality") == both


def test_eyes_are_fused_before_sets_are_calibrated(eyes):
    X, y, groups = eyes
    fellow = FellowEyeClassifier(LogisticRegression())
    fitted = ConformalGradesCV(fellow, confidence_level=0.75, cv=3)
    fitted.fit(X, y[:, 0], groups=groups)
    fused = fitted.estimator_.predict_proba(X, groups=groups)
    sets = fitted.predict_set(X, groups=groups)
    np.testing.assert_array_equal(sets, fitted.decide_sets(fused))
    report = fitted.report(X, y, groups=groups)
    expected = set_report(y[:, 0], sets, groups=groups)
    assert report.equals(expected)
    sides = np.where(np.arange(600) % 2, "right", "left")
    same = ConformalGradesCV(fellow, confidence_level=0.75, cv=3)
    same.fit(X, y[:, 0], groups=groups, eyes=sides)
    np.testing.assert_array_equal(same.predict_set(X, groups, sides), sets)
    with pytest.raises(ValueError, match="Patients are unknown"):
        fitted.predict_set(X)


def test_estimator_that_lacks_a_grade_still_gives_five_columns():
    X, grade = draw(600)
    rows = grade != 3
    fitted = ConformalGradesCV(LogisticRegression(), cv=3)
    with pytest.warns(UserWarning, match="grade 3: 0"):
        fitted.fit(X[rows], grade[rows], groups=np.arange(rows.sum()))
    assert fitted.classes_.tolist() == [0, 1, 2, 4]
    assert fitted.predict_set(X)[:, 3].all()


@pytest.mark.parametrize(
    ("proba", "grade", "options", "message"),
    [
        (np.full((9, 5), 0.3), np.zeros(9, int), {}, "add up to 1 .* in row 0"),
        (np.full((9, 5), 0.2), np.full(9, -1), {}, "y holds none"),
        (np.full((9, 5), 0.2), np.full(9, 7), {}, "grade in y has 7 in row 0"),
        (np.full((9, 5), 0.2), np.zeros(9, int), {"confidence_level": 1}, "confidence"),
    ],
)
def test_what_cannot_be_calibrated_is_named(proba, grade, options, message):
    with pytest.raises(ValueError, match=message):
        calibrated(proba, grade, **options)


def test_probabilities_that_are_not_of_five_grades_are_named():
    fitted = calibrated(*draw(600))
    with pytest.raises(ValueError, match=r"each of the 5 grades, got shape \(1, 2\)"):
        fitted.decide_sets([[0.5, 0.5]])
    with pytest.raises(ValueError, match=r"add up to 1 .* in row 1"):
        fitted.decide_sets([[1, 0, 0, 0, 0], [0.5, 0, 0, 0, 0]])
    other = ConformalGradesCV(LogisticRegression(), cv="prefit")
    other.set_params(estimator__C=1)
    other.estimator.fit(np.eye(6), np.arange(6))
    with pytest.raises(ValueError, match=r"predicts the classes \[0, 1, 2, 3, 4, 5\]"):
        other.fit(np.eye(6)[:5], np.arange(5), groups=np.arange(5))
