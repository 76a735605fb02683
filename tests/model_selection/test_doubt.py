"""A gate refuses what is least sure, by its quality, its variance, or its eyes."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from sk_fiqdr.model_selection import FellowEyeClassifier, QualityGate


class GivenTasks(ClassifierMixin, BaseEstimator):
    """A fitted estimator whose X are the probabilities of both tasks."""

    classes_ = np.arange(5)

    def fit(self, X, y):
        return self

    def __sklearn_is_fitted__(self):
        return True

    def predict_tasks(self, X):
        return X[:, :5], X[:, 5:]

    def predict_proba(self, X):
        return X[:, :5]

    def predict_quality(self, X):
        return X[:, 5:].argmax(axis=1)


@pytest.fixture
def many():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.dirichlet([1] * 5, 500), rng.dirichlet([1, 4], 500)])
    groups = rng.permutation(np.repeat(np.arange(260), 2))[:500]
    y = np.column_stack([rng.integers(0, 5, 500), rng.integers(0, 2, 500)])
    return X, y, groups


def doubt_by_loop(X, groups, by):
    doubts = []
    for i, row in enumerate(X):
        mean = sum(k * row[k] for k in range(5))
        variance = sum((k - mean) ** 2 * row[k] for k in range(5))
        fellow = [j for j in range(len(X)) if groups[j] == groups[i] and j != i]
        apart = abs(mean - sum(k * X[fellow[0], k] for k in range(5))) if fellow else 0
        terms = {"quality": row[5], "variance": variance, "disagreement": apart}
        doubts.append(sum(terms.values()) if by == "doubt" else terms[by])
    return np.array(doubts)


@pytest.mark.parametrize("by", ["quality", "variance", "disagreement", "doubt"])
def test_the_least_sure_are_refused(many, by):
    X, y, groups = many
    gate = QualityGate(GivenTasks(), by=by, max_refused=0.1, cv="prefit")
    gate.fit(X, y, groups=groups)
    doubt = doubt_by_loop(X, groups, by)
    refused = gate.predict(X, groups=groups) == -1
    assert refused.sum() == 50
    # The eyes of a pair disagree equally, so that the last place may be shared.
    assert doubt[refused].min() >= doubt[~refused].max() - 1e-12
    np.testing.assert_array_equal(gate.is_gradable(X, groups=groups), ~refused)
    decided, _ = gate.decide_tasks(*gate.predict_tasks(X), groups=groups)
    np.testing.assert_array_equal(decided == -1, refused)
    assert gate.report_.loc["all", "refused"] == 50


def test_reasons_name_the_largest_doubt(many):
    X, y, groups = many
    gate = QualityGate(GivenTasks(), by="doubt", max_refused=0.1, cv="prefit")
    gate.fit(X, y, groups=groups)
    refused = gate.predict(X, groups=groups) == -1
    terms = np.column_stack(
        [doubt_by_loop(X, groups, by) for by in ("quality", "variance", "disagreement")]
    )
    largest = terms[refused].argmax(axis=1)
    for k, reason in enumerate(["poor quality", "uncertain grade", "eyes disagree"]):
        expected = (largest == k).sum()
        if expected:
            assert gate.report_.loc[reason, "refused"] == expected
    counted = gate.report(X, y, groups=groups, of="referable")
    assert counted.index.tolist() == ["left out", "referred", "passed as healthy"]
    eyes = gate.report(X, y, groups=groups, of="imageability")
    assert eyes.loc["photographs", "graded"] == 450


def test_photograph_without_a_fellow_eye_does_not_disagree():
    X = np.zeros((3, 7))
    X[[0, 1, 2], [0, 4, 2]] = 1
    X[:, 6] = 1
    gate = QualityGate(GivenTasks(), by="disagreement", threshold=0.5, cv="prefit")
    gate.fit(X, [0, 4, 2], groups=[1, 2, 3])
    assert gate.predict(X, groups=[1, 1, 2]).tolist() == [-1, -1, 2]
    assert gate.predict(X, groups=[1, 2, 3]).tolist() == [0, 4, 2]


def test_unreadable_image_is_refused_and_leaves_its_fellow_alone():
    X = np.zeros((2, 7))
    X[0, [0, 6]] = 1
    X[1] = np.nan
    gate = QualityGate(GivenTasks(), by="doubt", threshold=0.5, cv="prefit")
    gate.fit(X[:1], [0], groups=[1])
    assert gate.predict(X, groups=[1, 1]).tolist() == [0, -1]
    report = gate.report(X, [0, 3], groups=[1, 1])
    assert report.loc["unreadable", "refused"] == 1


@pytest.mark.parametrize("by", ["disagreement", "doubt"])
def test_patients_must_be_known_for_the_eyes_to_disagree(many, by):
    X, y, groups = many
    gate = QualityGate(GivenTasks(), by=by, max_refused=0.1, cv="prefit")
    with pytest.raises(ValueError, match="Patients are unknown"):
        gate.fit(X, y)
    gate.fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="needs the patient of each row"):
        gate.decide_tasks(*gate.predict_tasks(X))
    with pytest.raises(ValueError, match="two eyes, but 7 has 3"):
        gate.predict(X[:3], groups=[7, 7, 7])


def test_variance_needs_no_quality(eyes):
    X, y, groups = eyes
    gate = QualityGate(LogisticRegression(), by="variance", max_refused=0.1)
    gate.fit(X, y[:, 0], groups=groups)
    proba = gate.predict_proba(X)
    variance = proba @ np.arange(5) ** 2 - (proba @ np.arange(5)) ** 2
    refused = gate.predict(X) == -1
    assert 0.05 < refused.mean() < 0.15
    assert variance[refused].min() > variance[~refused].max()
    with pytest.raises(ValueError, match="does not predict quality"):
        QualityGate(LogisticRegression(), by="doubt", max_refused=0.1).fit(X, y)


def test_eyes_are_fused_inside_a_gate(eyes):
    X, y, groups = eyes
    fellow = FellowEyeClassifier(LogisticRegression())
    gate = QualityGate(fellow, by="disagreement", max_refused=0.1)
    gate.fit(X, y[:, 0], groups=groups)
    grade = gate.predict(X, groups=groups)
    fused = gate.estimator_.predict(X, groups=groups)
    np.testing.assert_array_equal(grade[grade >= 0], fused[grade >= 0])
    assert 0.02 < (grade == -1).mean() < 0.2
