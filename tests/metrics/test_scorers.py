"""Scorers know an estimator by its methods, also inside Pipelines and searches."""

import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sk_fiqdr.metrics import (
    fiqdr_scoring,
    kappa_scorer,
    mean_acc,
    mean_acc_scorer,
    quadratic_weighted_kappa,
    sensitivity_scorer,
    specificity_scorer,
)


class TwoTasks(ClassifierMixin, BaseEstimator):
    """Reads its answers off X: column 0 is the grade, column 1 the quality."""

    def __init__(self, shift=0):
        self.shift = shift

    def fit(self, X, y):
        self.n_passes_ = 0
        return self

    def predict_tasks(self, X):
        self.n_passes_ += 1
        grade = (X[:, 0] + self.shift) % 5
        return np.eye(5)[grade], np.eye(2)[X[:, 1]]

    def predict(self, X):
        return self.predict_tasks(X)[0].argmax(axis=1)

    def predict_quality(self, X):
        return self.predict_tasks(X)[1].argmax(axis=1)


class OneTask(BaseEstimator):
    def predict(self, X):
        return X[:, 0]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 5, 80), rng.integers(0, 2, 80)])
    y = np.where(rng.random(X.shape) < 0.7, X, 0)
    y[::9] = -1
    return X, y


def test_scorers_score_their_own_column(data):
    X, y = data
    net = TwoTasks().fit(X, y)
    assert kappa_scorer(net, X, y) == quadratic_weighted_kappa(y[:, 0], X[:, 0])
    assert mean_acc_scorer(net, X, y) == mean_acc(y[:, 1], X[:, 1])


def test_single_task_estimators_are_scored_on_one_column(data):
    X, y = data
    assert kappa_scorer(OneTask(), X, y[:, 0]) == kappa_scorer(
        TwoTasks().fit(X, y), X, y
    )


def test_fiqdr_scoring_agrees_with_the_scorers_in_a_single_pass(data):
    X, y = data
    net = TwoTasks().fit(X, y)
    scores = fiqdr_scoring(net, X, y)
    assert net.n_passes_ == 1
    assert scores["kappa"] == kappa_scorer(net, X, y)
    assert scores["mean_acc"] == mean_acc_scorer(net, X, y)
    assert scores["specificity"] == specificity_scorer(net, X, y)
    assert scores["sensitivity"] == sensitivity_scorer(net, X, y)
    good = y[:, 1] == 1
    assert scores["kappa_good"] == quadratic_weighted_kappa(y[good, 0], X[good, 0])


def test_a_fold_without_poor_images_has_finite_scores(data):
    X, y = data
    y[:, 1] = 1
    assert np.isfinite(list(fiqdr_scoring(TwoTasks().fit(X, y), X, y).values())).all()


def test_the_net_is_found_behind_a_pipeline_and_a_search(data):
    X, y = data
    expected = fiqdr_scoring(TwoTasks().fit(X, y), X, y)
    pipeline = make_pipeline(FunctionTransformer(), TwoTasks()).fit(X, y)
    assert fiqdr_scoring(pipeline, X, y) == expected
    search = GridSearchCV(
        pipeline,
        {"twotasks__shift": [1, 0]},
        scoring=fiqdr_scoring,
        refit="kappa",
        cv=KFold(3),
    ).fit(X, y)
    assert search.best_params_ == {"twotasks__shift": 0}
    assert fiqdr_scoring(search, X, y) == expected


def test_scorers_can_be_pickled_and_cloned():
    for scorer in (kappa_scorer, mean_acc_scorer, fiqdr_scoring):
        assert pickle.loads(pickle.dumps(scorer)) is scorer
    assert repr(kappa_scorer) == "sk_fiqdr.metrics.kappa_scorer"
    search = GridSearchCV(TwoTasks(), {"shift": [0]}, scoring=kappa_scorer)
    assert isinstance(clone(search), GridSearchCV)


def test_the_wrong_shape_of_y_says_what_to_pass(data):
    X, y = data
    with pytest.raises(ValueError, match="column_stack"):
        kappa_scorer(TwoTasks().fit(X, y), X, y[:, 0])
    with pytest.raises(ValueError, match="does one task"):
        kappa_scorer(OneTask(), X, y)
    with pytest.raises(TypeError, match="both tasks"):
        fiqdr_scoring(OneTask(), X, y)


def test_scorers_ask_for_leaks_first(data):
    class Leaky(TwoTasks):
        def check_patients(self, X):
            raise ValueError("leak")

    X, y = data
    for scorer in (kappa_scorer, fiqdr_scoring):
        with pytest.raises(ValueError, match="leak"):
            scorer(Leaky().fit(X, y), X, y)
