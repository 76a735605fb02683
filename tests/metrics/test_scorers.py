"""Scorers know an estimator by its methods, also inside Pipelines and searches."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.exceptions import NotFittedError, UndefinedMetricWarning
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sk_fiqdr.cli._search import _check_score
from sk_fiqdr.metrics import (
    fiqdr_scoring,
    kappa_scorer,
    mean_acc,
    mean_acc_scorer,
    quadratic_weighted_kappa,
    sensitivity_scorer,
    specificity_scorer,
)
from sk_fiqdr.metrics._scorers import SCORES


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


def test_the_names_of_scores_are_those_that_fiqdr_scoring_returns(data):
    X, y = data
    assert tuple(fiqdr_scoring(TwoTasks().fit(X, y), X, y)) == SCORES


@pytest.mark.parametrize("name", SCORES)
def test_the_search_command_accepts_every_score_of_fiqdr_scoring(name):
    _check_score(name)


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
    known = y[:, 1] >= 0
    assert scores["quality_accuracy"] == (y == X)[known, 1].mean()


def test_a_fold_without_poor_images_has_finite_scores_and_says_so_once(data):
    X, y = data
    y[:, 1] = 1
    with pytest.warns(UndefinedMetricWarning, match="poor images") as caught:
        scores = fiqdr_scoring(TwoTasks().fit(X, y), X, y)
    assert len(caught) == 1
    assert np.isfinite(list(scores.values())).all()
    assert scores["specificity"] == scores["kappa_poor"] == 0


def test_nothing_known_scores_zero(data):
    X, y = data
    with pytest.warns(UndefinedMetricWarning, match="good and of poor images"):
        scores = fiqdr_scoring(TwoTasks().fit(X, y), X, np.full_like(y, -1))
    assert set(scores.values()) == {0.0}


def test_images_that_were_skipped_as_unreadable_do_not_count(data):
    class Reader(TwoTasks):
        def predict_tasks(self, X):
            probabilities = super().predict_tasks(X)
            for proba in probabilities:
                proba[:10] = np.nan
            return probabilities

        def predict(self, X):
            return np.append([-1] * 10, super().predict(X)[10:])

        def predict_quality(self, X):
            return np.append([-1] * 10, super().predict_quality(X)[10:])

    X, y = data
    reader, readable = Reader().fit(X, y), TwoTasks().fit(X, y)
    for scorer in (kappa_scorer, specificity_scorer, fiqdr_scoring):
        assert scorer(reader, X, y) == scorer(readable, X[10:], y[10:])


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


def test_x_reaches_the_net_as_the_pipeline_changed_it(data):
    X, y = data
    flip = FunctionTransformer(np.fliplr)
    pipeline = make_pipeline(flip, TwoTasks()).fit(np.fliplr(X), y)
    for scorer in (kappa_scorer, mean_acc_scorer, fiqdr_scoring):
        assert scorer(pipeline, np.fliplr(X), y) == scorer(TwoTasks().fit(X, y), X, y)


def test_scorers_can_be_pickled_and_cloned():
    for scorer in (kappa_scorer, mean_acc_scorer, fiqdr_scoring):
        assert pickle.loads(pickle.dumps(scorer)) is scorer
    assert repr(kappa_scorer) == "sk_fiqdr.metrics.kappa_scorer"
    search = GridSearchCV(TwoTasks(), {"shift": [0]}, scoring=kappa_scorer)
    assert isinstance(clone(search), GridSearchCV)


@pytest.mark.parametrize("routing", [False, True])
def test_scorers_serve_searches_alone_and_by_name(data, routing):
    X, y = data
    scoring = {"kappa": kappa_scorer, "mean_acc": mean_acc_scorer}
    with config_context(enable_metadata_routing=routing):
        single = GridSearchCV(
            TwoTasks(), {"shift": [1, 0]}, scoring=kappa_scorer, cv=KFold(3)
        ).fit(X, y)
        many = GridSearchCV(
            TwoTasks(), {"shift": [1, 0]}, scoring=scoring, refit="kappa", cv=KFold(3)
        ).fit(X, y)
    assert single.best_params_ == many.best_params_ == {"shift": 0}
    assert single.best_score_ == many.best_score_


def test_data_frames_of_labels_are_scored(data):
    X, y = data
    frame = pd.DataFrame(y, columns=["grade", "quality"])
    net = TwoTasks().fit(X, y)
    assert kappa_scorer(net, X, frame) == kappa_scorer(net, X, y)
    assert fiqdr_scoring(net, X, frame) == fiqdr_scoring(net, X, y)


def test_a_search_that_is_not_fitted_says_so(data):
    X, y = data
    with pytest.raises(NotFittedError, match="no best_estimator_"):
        kappa_scorer(GridSearchCV(TwoTasks(), {"shift": [0]}), X, y)


def test_every_scorer_says_what_it_takes():
    for scorer in (kappa_scorer, mean_acc_scorer, specificity_scorer):
        assert "y : array-like of shape" in scorer.__doc__
    assert "grade that" in kappa_scorer.__doc__
    assert "metrics.specificity`" in specificity_scorer.__doc__


def test_the_wrong_shape_of_y_says_what_to_pass(data):
    X, y = data
    with pytest.raises(ValueError, match="column_stack"):
        kappa_scorer(TwoTasks().fit(X, y), X, y[:, 0])
    with pytest.raises(ValueError, match="predicts one task"):
        kappa_scorer(OneTask(), X, y)
    with pytest.raises(TypeError, match="both tasks"):
        fiqdr_scoring(OneTask(), X, y)
    with pytest.raises(ValueError, match="80 rows, but the estimator made 79"):
        kappa_scorer(TwoTasks().fit(X, y), X[1:], y)


def test_scorers_ask_for_leaks_first(data):
    class Leaky(TwoTasks):
        def check_patients(self, X):
            raise ValueError("leak")

    X, y = data
    for scorer in (kappa_scorer, fiqdr_scoring):
        with pytest.raises(ValueError, match="leak"):
            scorer(Leaky().fit(X, y), X, y)
