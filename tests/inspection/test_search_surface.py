"""The score over beta and lambd."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.inspection import SearchSurfaceDisplay
from sk_fiqdr.metrics import fiqdr_scoring
from sk_fiqdr.model_selection import PatientStratifiedKFold


@pytest.fixture(scope="module")
def search(fitted):
    _, X, y = fitted
    net = FIQDRClassifier(backbone=None, max_epochs=1, random_state=0)
    grid = {
        "net__beta": [1, 27, "balanced"],
        "net__lambd": [0, 0.1],
        "scale__with_mean": [True, False],
    }
    return GridSearchCV(
        Pipeline([("scale", StandardScaler()), ("net", net)]),
        grid,
        scoring=fiqdr_scoring,
        refit="kappa",
        cv=PatientStratifiedKFold(2),
    ).fit(X, y, groups=np.arange(len(y)) // 2)


@pytest.mark.parametrize("metric", [None, "mean_acc"])
def test_each_cell_is_the_best_of_the_other_parameters(search, metric):
    display = SearchSurfaceDisplay.from_estimator(search, metric=metric)
    results = pd.DataFrame(search.cv_results_)
    score = f"mean_test_{metric or 'kappa'}"
    surface = display.frame()
    assert surface.shape == (2, 3)
    for beta in [1, 27, "balanced"]:
        for lambd in [0, 0.1]:
            rows = [
                p["net__beta"] == beta and p["net__lambd"] == lambd
                for p in results["params"]
            ]
            assert surface.loc[lambd, beta] == results.loc[rows, score].max()
    assert display.ax_.get_xlabel() == "net__beta"
    assert f"{surface.max(axis=None):.3f}" in display.ax_.get_title()


def test_a_frame_read_from_a_file_is_drawn_as_the_search(search, tmp_path):
    pd.DataFrame(search.cv_results_).to_csv(tmp_path / "r.csv", index=False)
    kept = pd.read_csv(tmp_path / "r.csv")
    display = SearchSurfaceDisplay.from_cv_results(kept, metric="kappa")
    expected = SearchSurfaceDisplay.from_estimator(search).frame()
    np.testing.assert_allclose(np.sort(display.frame()), np.sort(expected))


def test_numbers_are_sorted_by_size_and_words_come_last():
    results = {
        "param_beta": ["balanced", 100, 9, 27, [1.0, 3.0]],
        "param_lambd": [0] * 5,
        "mean_test_score": np.arange(5.0),
    }
    surface = SearchSurfaceDisplay.from_cv_results(results).frame()
    assert surface.columns.tolist() == [9, 27, 100, "[1. 3.]", "balanced"]


def test_missing_and_failed_candidates_are_marked():
    results = {
        "param_beta": np.ma.array([1, 2, 2], mask=[False, False, True]),
        "param_lambd": [0.0, 0.1, 0.1],
        "mean_test_score": [0.5, np.nan, 0.4],
        "std_test_score": [0.1, np.nan, 0.1],
    }
    display = SearchSurfaceDisplay.from_cv_results(results)
    surface = display.frame()
    assert surface.loc[0.0, 1] == 0.5
    assert np.isnan(surface.loc[0.1, 2])
    assert surface.loc[0.1, "not set"] == 0.4
    assert sum(text.get_text() == "–" for text in display.ax_.texts) == 4


def test_a_search_without_any_score_says_so():
    results = {"param_beta": [1], "param_lambd": [0], "mean_test_score": [np.nan]}
    display = SearchSurfaceDisplay.from_cv_results(results)
    assert display.ax_.get_title() == "no candidate has a score"


def test_of_a_halving_search_the_last_iteration_counts(fitted):
    _, X, y = fitted
    halving = HalvingGridSearchCV(
        LogisticRegression(),
        {"C": [0.01, 0.1, 1, 10], "tol": [1e-4]},
        cv=2,
        min_resources=30,
        random_state=0,
    ).fit(X, y[:, 1])
    surface = SearchSurfaceDisplay.from_estimator(halving, x="C", y="tol").frame()
    results = pd.DataFrame(halving.cv_results_)
    for C in (0.01, 0.1, 1, 10):
        last = results[results["param_C"] == C].iloc[-1]
        assert surface.loc[1e-4, C] == last["mean_test_score"]
    assert results.groupby("param_C").size().max() > 1
    shifted = results.set_axis(results.index + 7)
    again = SearchSurfaceDisplay.from_cv_results(shifted, x="C", y="tol")
    pd.testing.assert_frame_equal(again.frame(), surface)
    assert np.isfinite(again.deviations).all(axis=None)


def test_a_random_search_is_drawn_as_dots():
    rng = np.random.default_rng(0)
    results = {
        "param_beta": 10 ** rng.uniform(0, 2, 20),
        "param_lambd": np.append(10 ** rng.uniform(-4, 0, 19), 0),
        "mean_test_kappa": rng.random(20),
    }
    display = SearchSurfaceDisplay.from_cv_results(results)
    (dots,) = display.ax_.collections
    assert len(dots.get_offsets()) == 20
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_yscale() == "symlog"
    best = np.argmax(results["mean_test_kappa"])
    mark = display.ax_.lines[0]
    assert mark.get_xdata() == results["param_beta"][best]


def test_a_small_random_search_of_a_real_estimator(fitted):
    _, X, y = fitted
    net = FIQDRClassifier(backbone=None, max_epochs=1, random_state=0)
    search = RandomizedSearchCV(
        net,
        {"beta": [1, 2, 3, 4], "lambd": [0, 0.1, 0.2]},
        n_iter=3,
        cv=PatientStratifiedKFold(2),
        random_state=0,
    ).fit(X, y, groups=np.arange(len(y)))
    surface = SearchSurfaceDisplay.from_estimator(search).frame()
    scores = surface.to_numpy()[np.isfinite(surface)]
    assert sorted(scores) == sorted(search.cv_results_["mean_test_score"])


def test_bad_arguments_are_refused(search):
    with pytest.raises(NotFittedError):
        SearchSurfaceDisplay.from_estimator(GridSearchCV(LogisticRegression(), {}))
    with pytest.raises(ValueError, match=r"metric must be one of .*'kappa'.*'recall'"):
        SearchSurfaceDisplay.from_estimator(search, metric="recall")
    with pytest.raises(ValueError, match="0 parameters called 'lr'"):
        SearchSurfaceDisplay.from_estimator(search, x="lr")
    with pytest.raises(ValueError, match="the same parameter"):
        SearchSurfaceDisplay.from_estimator(search, x="net__lambd")
    twice = {"param_a__beta": [1], "param_b__beta": [1], "mean_test_score": [1]}
    with pytest.raises(ValueError, match="2 parameters called 'beta'"):
        SearchSurfaceDisplay.from_cv_results(twice)
