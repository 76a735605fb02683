"""Unknown labels (-1) behind scikit-learn's own: ignored, or refused with a way out."""

import numpy as np
import pytest
from helpers.fits import make_features
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_fiqdr import DRGrader, QualityClassifier
from sk_fiqdr.model_selection import TunedGradeThresholdsCV

HEADS = {"backbone": None, "max_epochs": 2, "random_state": 0}


def grader():
    return DRGrader(**HEADS)


def labels_of(estimator):
    """Three grades, or good and no poor, so that no class is one too many."""
    _, y = make_features()
    y = np.minimum(y[:, 0], 2) if estimator is grader else y[:, 1]
    return np.where(np.arange(len(y)) % 10 == 0, -1, y)


def quality():
    return QualityClassifier(**HEADS)


CALLERS = {
    "voting": lambda net: VotingClassifier([("a", net)], voting="soft"),
    "stacking": lambda net: StackingClassifier([("a", net)], cv=2),
    "calibrated": lambda net: CalibratedClassifierCV(net, cv=2),
    "calibrated at the end": lambda net: CalibratedClassifierCV(
        net, cv=2, ensemble=False
    ),
    "bagging": lambda net: BaggingClassifier(net, n_estimators=2),
    "one against the rest": OneVsRestClassifier,
    "one against one": OneVsOneClassifier,
    "voting of pipelines": lambda net: VotingClassifier(
        [("a", make_pipeline(StandardScaler(), net))], voting="soft"
    ),
    "voting in a pipeline": lambda net: make_pipeline(
        StandardScaler(), VotingClassifier([("a", net)])
    ),
    "bagging in a search": lambda net: GridSearchCV(
        BaggingClassifier(net, n_estimators=2),
        {"max_samples": [0.9]},
        cv=2,
        error_score="raise",
    ),
}


@pytest.mark.parametrize("make", [grader, quality])
@pytest.mark.parametrize("name", CALLERS)
def test_an_ensemble_that_takes_unknown_for_a_class_is_refused(name, make):
    X, _ = make_features()
    with pytest.raises(ValueError, match=r"unknown labels \(-1\).*X\[y != -1\]"):
        CALLERS[name](make()).fit(X, labels_of(make))


@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("make", [grader, quality])
def test_out_of_fold_probabilities_of_unknown_labels_are_refused(make, n_jobs):
    X, _ = make_features()
    with pytest.raises(ValueError, match=r"cross_val_predict takes unknown labels"):
        cross_val_predict(
            make(), X, labels_of(make), cv=2, method="predict_proba", n_jobs=n_jobs
        )


@pytest.mark.parametrize(
    "around",
    [
        lambda net: make_pipeline(StandardScaler(), net),
        lambda net: GridSearchCV(net, {"lr": [0.1]}, cv=2),
        lambda net: TunedGradeThresholdsCV(net, cv=2),
    ],
)
def test_what_is_between_does_not_hide_it(around):
    X, _ = make_features()
    with pytest.raises(ValueError, match="takes unknown labels"):
        cross_val_predict(
            around(grader()), X, labels_of(grader), cv=2, method="predict_proba"
        )


def test_a_meta_estimator_around_another_classifier_refuses_it_as_well():
    X, _ = make_features()
    tuned = TunedGradeThresholdsCV(LogisticRegression(), cv=2)
    with pytest.raises(ValueError, match="TunedGradeThresholdsCV would learn"):
        cross_val_predict(tuned, X, labels_of(grader), cv=2, method="predict_proba")


@pytest.mark.parametrize("unknown", ["-1", "", "nan", "None"])
def test_unknown_in_words_is_refused_as_well(unknown):
    X, _ = make_features()
    y = labels_of(quality)
    words = np.where(y == 1, "good", np.where(y == 0, "poor", unknown))
    with pytest.raises(ValueError, match="takes unknown labels"):
        VotingClassifier([("a", quality())]).fit(X, words)


@pytest.mark.parametrize("make", [grader, quality])
def test_predicted_labels_out_of_fold_ignore_unknown_ones(make):
    """The prediction of a row is that of a net that never saw the unknown rows."""
    X, _ = make_features()
    y = labels_of(make)
    cv = StratifiedKFold(2)
    found = cross_val_predict(make(), X, y, cv=cv)
    for train, test in cv.split(X, y):
        known = train[y[train] != -1]
        by_hand = make().fit(X[train], y[train])
        np.testing.assert_array_equal(found[test], by_hand.predict(X[test]))
        assert set(by_hand.classes_) == set(y[known])
    assert set(found) <= set(y[y != -1])
    assert np.isfinite(cross_val_score(make(), X, y, cv=cv)).all()


def test_boosting_passes_labels_on_as_they_are_and_learns_no_unknown():
    X, _ = make_features()
    boosted = AdaBoostClassifier(grader(), n_estimators=2).fit(X, labels_of(grader))
    assert boosted.classes_.tolist() == [0, 1, 2]
    assert set(boosted.predict(X)) <= {0, 1, 2}


@pytest.mark.parametrize("name", CALLERS)
def test_without_the_unknown_rows_they_fit(name):
    X, _ = make_features()
    y = labels_of(grader)
    fitted = CALLERS[name](grader()).fit(X[y != -1], y[y != -1])
    assert set(fitted.predict(X)) <= {0, 1, 2}


def test_after_a_refusal_the_same_ensemble_fits_on_known_rows():
    X, _ = make_features()
    y = labels_of(grader)
    vote = VotingClassifier([("a", grader())], voting="soft")
    with pytest.raises(ValueError, match="takes unknown labels"):
        vote.fit(X, y)
    vote.fit(X[y != -1], y[y != -1])
    assert vote.classes_.tolist() == [0, 1, 2]


def test_a_clone_is_a_clone():
    net = DRGrader(**HEADS, lr=0.3)
    assert clone(net).get_params(deep=False) == net.get_params(deep=False)
