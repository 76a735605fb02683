"""Searches that are killed and begun again have the results of undisturbed ones."""

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from helpers.fits import HEADS, PressCtrlC, make_features, run
from helpers.networks import TinyBackbone
from helpers.noted import Noted
from helpers.searches import (
    data,
    features_search,
    kept,
    net_search,
    noted_search,
    same_results,
    search_and_die,
    search_under_fire,
)
from PIL import Image
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.decomposition import PCA
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    ShuffleSplit,
)
from sklearn.pipeline import Pipeline, make_pipeline

import sk_fiqdr.model_selection._search._records as records
from sk_fiqdr import DeepFeatures, FIQDRClassifier
from sk_fiqdr.metrics import fiqdr_scoring
from sk_fiqdr.model_selection import PatientStratifiedKFold, SearchCheckpoint
from sk_fiqdr.utils import _interrupts

GRID = {"C": [1e-3, 1e-2, 0.1, 1]}


def two_scores(estimator, X, y):
    predicted = estimator.predict(X)
    return {"right": np.mean(predicted == y), "ones": np.float32(predicted.mean())}


def quickest_of_the_best(results):
    best = results["mean_test_score"] >= np.max(results["mean_test_score"]) - 0.1
    return int(np.argmin(np.where(best, results["mean_fit_time"], np.inf)))


def grid(**kwargs):
    return GridSearchCV(Noted(), GRID, cv=KFold(3), **kwargs)


SEARCHES = {
    "default score": lambda: grid(),
    "no refit": lambda: grid(refit=False),
    "a name": lambda: grid(scoring="roc_auc", return_train_score=True),
    "a scorer": lambda: grid(scoring=make_scorer(accuracy_score)),
    "names": lambda: grid(scoring=["accuracy", "roc_auc"], refit="accuracy"),
    "a dict": lambda: grid(
        scoring={"a": "accuracy", "b": make_scorer(accuracy_score)},
        refit=False,
        return_train_score=True,
    ),
    "a callable of two": lambda: grid(
        scoring=two_scores, refit="right", return_train_score=True
    ),
    "a callable refit": lambda: grid(refit=lambda results: 2),
    "random": lambda: RandomizedSearchCV(
        Noted(), GRID, n_iter=3, cv=KFold(3), random_state=0
    ),
    "halving rows": lambda: HalvingGridSearchCV(
        Noted(), GRID, cv=KFold(3), factor=2, random_state=0
    ),
    "halving a parameter": lambda: HalvingGridSearchCV(
        LogisticRegression(),
        GRID,
        cv=KFold(3),
        factor=2,
        resource="max_iter",
        min_resources=50,
        max_resources=200,
    ),
    "random halving": lambda: HalvingRandomSearchCV(
        Noted(), GRID, n_candidates=3, cv=KFold(3), factor=2, random_state=0
    ),
    "a pipeline": lambda: GridSearchCV(
        make_pipeline(PCA(random_state=0), Noted()),
        {"pca__n_components": [2, 5], "noted__C": [0.1, 1]},
        cv=KFold(3),
    ),
    "estimators as candidates": lambda: GridSearchCV(
        Pipeline([("pca", PCA(5, random_state=0)), ("model", Noted())]),
        {"model": [Noted(0.1), LogisticRegression()], "pca": ["passthrough", PCA(3)]},
        cv=KFold(3),
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_results_are_those_of_the_search_alone(name, tmp_path):
    X, y = data()
    given = SEARCHES[name]()
    expected = clone(given).fit(X, y)
    first = SearchCheckpoint(given, tmp_path).fit(X, y)
    again = SearchCheckpoint(given, tmp_path).fit(X, y)
    assert first.n_reused_ == 0
    assert again.n_reused_ == len(expected.cv_results_["params"]) * 3
    assert len(kept(tmp_path)) == again.n_reused_
    same_results(first.cv_results_, expected.cv_results_)
    same_results(again.cv_results_, first.cv_results_, times=True)
    for search in (first.search_, again.search_):
        assert set(vars(search)) == set(vars(expected))
        assert repr(search.get_params()) == repr(given.get_params())
        assert search.multimetric_ == expected.multimetric_
        for best in ("best_index_", "best_score_", "best_params_"):
            mine, other = getattr(search, best, None), getattr(expected, best, None)
            assert str(mine) == str(other)
        if expected.refit:
            assert repr(search.best_estimator_) == repr(expected.best_estimator_)
            np.testing.assert_array_equal(search.predict(X), expected.predict(X))
            if isinstance(expected.refit, bool | str):
                assert search.score(X, y) == expected.score(X, y)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_killed_at_random_moments_ends_as_an_undisturbed_one(n_jobs, tmp_path):
    log, folder = tmp_path / "log", tmp_path / "results"
    args = (log, 0.05)
    rng = np.random.default_rng(n_jobs)
    kills = search_under_fire(
        noted_search, folder, rng, *args, most=6 // n_jobs, n_jobs=n_jobs
    )
    assert kills > 1
    fits = log.read_text().splitlines()
    # Of each kill a fit may have ended whose scores were not kept, for each worker.
    assert 12 + 1 <= len(fits) <= 12 + 1 + kills * n_jobs
    search, X, y = noted_search(*args)
    again = SearchCheckpoint(search, folder).fit(X, y)
    assert again.n_reused_ == 12
    assert len(log.read_text().splitlines()) == len(fits) + 1  # the refit
    expected = clone(search).fit(X, y)
    same_results(again.cv_results_, expected.cv_results_)
    assert again.best_params_ == expected.best_params_
    assert (again.cv_results_["mean_fit_time"] >= 0.05).all()  # as measured at first
    assert len(list(folder.glob("*/*"))) <= 12 + kills


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_killed_search_of_12_candidates_on_5_folds_of_features_repeats_no_fit(
    tmp_path,
):
    log, folder = tmp_path / "log", tmp_path / "results"
    rng = np.random.default_rng(0)
    kills = search_under_fire(features_search, folder, rng, log, most=4)
    assert kills > 1
    n_fits = len(log.read_text().splitlines())
    # At each kill a fit may have ended whose scores were not written yet.
    assert 60 + 1 <= n_fits <= 60 + 1 + kills
    search, X, y = features_search(log)
    again = SearchCheckpoint(search, folder).fit(X, y)
    assert again.n_reused_ == 60
    assert len(log.read_text().splitlines()) == n_fits + 1  # the refit
    same_results(again.cv_results_, clone(search).fit(X, y).cv_results_)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nets_that_keep_checkpoints_go_on_inside_a_search_that_goes_on(tmp_path):
    folder, checkpoints = tmp_path / "results", tmp_path / "checkpoints"
    rng = np.random.default_rng(0)
    kills = search_under_fire(net_search, folder, rng, checkpoints, longest=0.6)
    assert kills > 1
    search, X, y = net_search(tmp_path / "other place")
    again = SearchCheckpoint(search, folder).fit(X, y)
    assert again.n_reused_ == 12
    expected = net_search()[0].fit(X, y)
    same_results(again.cv_results_, expected.cv_results_)
    for mine, other in zip(
        again.best_estimator_.module_.parameters(),
        expected.best_estimator_.module_.parameters(),
        strict=True,
    ):
        assert torch.equal(mine, other)


@pytest.mark.slow
def test_a_search_killed_at_any_step_of_writing_ends_as_an_undisturbed_one(tmp_path):
    search, X, y = noted_search()
    expected = clone(search).fit(X, y)
    deaths = 0
    for n_calls in [1, 2, 3, 4, 5, 6, 7, 8, 20, 21, 22, 100]:
        folder = tmp_path / str(n_calls)
        exitcode = run(search_and_die, folder, n_calls)
        assert exitcode in (-signal.SIGKILL, 0)
        deaths += exitcode != 0
        again = SearchCheckpoint(search, folder).fit(X, y)
        same_results(again.cv_results_, expected.cv_results_)
    assert deaths >= 11


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_dask_cluster_keeps_the_same_results(tmp_path):
    distributed = pytest.importorskip("distributed")
    search, X, y = net_search(error_score="raise")
    expected = clone(search).fit(X, y)
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=tmp_path / "dask",
        ) as cluster,
        distributed.Client(cluster),
        joblib.parallel_config("dask", wait_for_workers_timeout=60),
    ):
        first = SearchCheckpoint(search, tmp_path / "results").fit(X, y)
    assert len(kept(tmp_path / "results")) == 12
    again = SearchCheckpoint(search, tmp_path / "results").fit(X, y)
    assert (first.n_reused_, again.n_reused_) == (0, 12)
    same_results(again.cv_results_, expected.cv_results_)


@pytest.fixture
def done(tmp_path):
    """Return a folder with the results of a search, and the search and its data."""
    folder = tmp_path / "results"
    search, X, y = noted_search()
    SearchCheckpoint(search, folder).fit(X, y)
    assert len(kept(folder)) == 12
    return folder, search, X, y


def test_a_larger_grid_and_fewer_folds_reuse_what_they_can(done):
    folder, search, X, y = done
    search.set_params(param_grid={"C": [10, 1, 0.1], "solver": ["lbfgs", "liblinear"]})
    larger = SearchCheckpoint(search, folder).fit(X, y)
    assert larger.n_reused_ == 2 * 3
    same_results(larger.cv_results_, clone(search).fit(X, y).cv_results_)
    folds = list(KFold(3).split(X))
    fewer = clone(search).set_params(cv=[folds[2], folds[0]], param_grid=GRID)
    again = SearchCheckpoint(fewer, folder).fit(X, y)
    assert again.n_reused_ == 4 * 2
    same_results(again.cv_results_, clone(fewer).fit(X, y).cv_results_)


ALL = np.arange(120)
SPLITS = {
    "one training set and two test sets": [
        (ALL[:60], ALL[60:90]),
        (ALL[:60], ALL[90:]),
    ],
    "scored on the training set": [(ALL, ALL)],
}


@pytest.mark.parametrize("train_scores", [False, True])
@pytest.mark.parametrize("splits", SPLITS)
def test_scores_belong_to_the_rows_that_were_scored(tmp_path, splits, train_scores):
    X, y = data()
    search = grid(scoring="accuracy", return_train_score=train_scores)
    search.set_params(cv=SPLITS[splits])
    expected = clone(search).fit(X, y)
    for n_reused in (0, 4 * len(SPLITS[splits])):
        mine = SearchCheckpoint(search, tmp_path).fit(X, y)
        assert mine.n_reused_ == n_reused
        same_results(mine.cv_results_, expected.cv_results_)


def test_a_search_that_takes_one_score_alone_says_so_before_it_fits(tmp_path):
    log = tmp_path / "log"
    search = HalvingGridSearchCV(Noted(log=log), GRID, cv=3, scoring=["accuracy"])
    with pytest.raises(ValueError, match="'scoring' parameter of HalvingGridSearchCV"):
        SearchCheckpoint(search, tmp_path / "results").fit(*data())
    assert not log.exists()


def other_value(X, y):
    X = X.copy()
    X[-1, -1] += 1e-9
    return X, y


CHANGES = {
    "one value of X": other_value,
    "one label": lambda X, y: (X, np.append(1 - y[0], y[1:])),
    "the order of rows": lambda X, y: (X[::-1], y[::-1]),
    "the precision of X": lambda X, y: (X.astype(np.float32), y),
}


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_reused_of_other_data(done, change):
    folder, search, X, y = done
    X, y = CHANGES[change](X, y)
    other = SearchCheckpoint(search, folder).fit(X, y)
    assert other.n_reused_ == 0
    same_results(other.cv_results_, clone(search).fit(X, y).cv_results_)


def negative(estimator, X, y):
    return -np.mean(estimator.predict(X) == y)


@pytest.mark.parametrize(
    "parameters",
    [
        {"estimator__solver": "liblinear"},
        {"estimator": make_pipeline(Noted())},
        {"scoring": "accuracy", "refit": True},
        {"scoring": negative, "refit": True},
        {"scoring": ["accuracy", "roc_auc", "f1"]},
        {"cv": KFold(4)},
        {"cv": KFold(3, shuffle=True, random_state=0)},
    ],
    ids=["solver", "pipeline", "name", "function", "names", "folds", "shuffled"],
)
def test_nothing_is_reused_of_another_search(done, parameters):
    folder, search, X, y = done
    search.set_params(**parameters)
    if "estimator" in parameters:
        search.set_params(param_grid={"noted__C": GRID["C"]})
    other = SearchCheckpoint(search, folder).fit(X, y)
    assert other.n_reused_ == 0
    same_results(other.cv_results_, clone(search).fit(X, y).cv_results_)


def test_nothing_is_reused_of_other_weights_of_rows(done):
    folder, search, X, y = done
    weight = np.linspace(1, 2, len(y))
    with pytest.warns(UserWarning, match="does not support sample_weight"):
        expected = grid(scoring=two_scores, refit="right").fit(
            X, y, sample_weight=weight
        )
    for n_reused in (0, 12):
        search = SearchCheckpoint(grid(scoring=two_scores, refit="right"), folder)
        with pytest.warns(UserWarning, match="does not support sample_weight"):
            search.fit(X, y, sample_weight=weight)
        assert search.n_reused_ == n_reused
        same_results(search.cv_results_, expected.cv_results_)


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_ctrl_c_ends_the_search_and_nothing_half_learned_is_kept(
    in_pipeline, tmp_path, monkeypatch
):
    monkeypatch.setattr(_interrupts, "_last_pressed", -np.inf)
    search, X, y = net_search()
    estimator = search.estimator.set_params(callbacks=[PressCtrlC], max_epochs=4)
    if in_pipeline:
        search.set_params(
            estimator=Pipeline([("scale", PCA(12)), ("net", estimator)]),
            param_grid={
                "net__" + name: grid for name, grid in search.param_grid.items()
            },
        )
    monkeypatch.setattr(PressCtrlC, "n_left_", 0)
    expected = clone(search).fit(X, y)
    monkeypatch.setattr(PressCtrlC, "n_left_", 1)
    with (
        pytest.warns(UserWarning, match="Ctrl-C stopped the fit"),
        pytest.raises(KeyboardInterrupt),
    ):
        SearchCheckpoint(search, tmp_path).fit(X, y)
    assert not kept(tmp_path)
    again = SearchCheckpoint(search, tmp_path).fit(X, y)
    same_results(again.cv_results_, expected.cv_results_)


def test_weights_of_rows_reach_scorers(tmp_path):
    X, y = data()
    weight = np.linspace(1, 2, len(y))
    scoring = {"scoring": ["accuracy", "roc_auc"], "refit": "accuracy"}
    expected = grid(**scoring).fit(X, y, sample_weight=weight)
    for _ in range(2):
        search = SearchCheckpoint(grid(**scoring), tmp_path)
        search.fit(X, y, sample_weight=weight)
        same_results(search.cv_results_, expected.cv_results_)


def test_metadata_is_routed(tmp_path):
    X, y = data()
    weight = np.linspace(1, 2, len(y))
    with config_context(enable_metadata_routing=True):
        scorer = make_scorer(accuracy_score).set_score_request(sample_weight=True)
        estimator = LogisticRegression().set_fit_request(sample_weight=True)
        search = GridSearchCV(estimator, GRID, cv=KFold(3), scoring=scorer)
        expected = clone(search).fit(X, y, sample_weight=weight)
        for n_reused in (0, 12):
            mine = SearchCheckpoint(search, tmp_path)
            mine.fit(X, y, sample_weight=weight)
            assert mine.n_reused_ == n_reused
            same_results(mine.cv_results_, expected.cv_results_)


def test_nothing_is_reused_of_another_version(done, monkeypatch):
    folder, search, X, y = done
    monkeypatch.setattr(records, "versions", lambda: {"sk_fiqdr": "0.0.1"})
    assert SearchCheckpoint(search, folder).fit(X, y).n_reused_ == 0


def test_how_and_where_is_computed_makes_no_difference(done):
    folder, search, X, y = done
    search.set_params(n_jobs=1, pre_dispatch=1, error_score="raise")
    assert SearchCheckpoint(search, folder).fit(X, y).n_reused_ == 12
    pipe = make_pipeline(PCA(2, random_state=0), LogisticRegression())
    search = GridSearchCV(pipe, {"logisticregression__C": [1, 2]}, cv=KFold(3))
    SearchCheckpoint(search, folder).fit(X, y)
    search.set_params(
        estimator__memory=str(folder / "memory"), estimator__verbose=False
    )
    assert SearchCheckpoint(search, folder).fit(X, y).n_reused_ == 6


def test_settings_deep_inside_a_net_count(tmp_path):
    """Callbacks of a net in a Pipeline, for one, stand many lists below the search."""
    from skorch.callbacks import EarlyStopping

    def key(**settings):
        stop = EarlyStopping(monitor="train_loss", **settings)
        net = FIQDRClassifier(**HEADS, callbacks=[("stop", stop)])
        pipe = make_pipeline(make_pipeline(make_pipeline(net)))
        return records.candidate_key(pipe)

    assert key(patience=3) == key(patience=3) != key(patience=4)
    rows = np.random.default_rng(0).normal(size=(20, 3))
    one, two, other = (PCA(2, random_state=0).fit(rows[:n]) for n in (20, 20, 19))
    frozen = [
        records.candidate_key(make_pipeline(FrozenEstimator(pca)))
        for pca in (one, two, other)
    ]
    assert frozen[0] == frozen[1] != frozen[2]


KEY_OF_FROZEN = """
from helpers.fits import make_features
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.model_selection._search._records import candidate_key

X, y = make_features(40)
for seed in (0, 1):
    net = FIQDRClassifier(backbone=None, max_epochs=1, random_state=seed)
    frozen = make_pipeline(StandardScaler(), net).fit(X, y)
    print(candidate_key(FrozenEstimator(frozen)))
"""


def test_a_frozen_pipeline_around_a_net_has_one_key_in_every_process():
    tests = str(Path(__file__).parents[1])
    one, other = (
        subprocess.check_output(
            [sys.executable, "-c", KEY_OF_FROZEN],
            env=os.environ | {"PYTHONPATH": os.pathsep.join([tests, *sys.path])},
        ).split()
        for _ in range(2)
    )
    assert one == other
    assert one[0] != one[1]


def test_weights_in_a_changed_file_count(tmp_path):
    path = tmp_path / "tiny.pth"
    keys = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        if len(keys) != 1:
            torch.save(TinyBackbone().state_dict(), path)
        os.utime(path, (1, 1))  # whoever copies files may set their times back
        keys.append(records.candidate_key(FIQDRClassifier(weights=path)))
    assert keys[0] == keys[1] != keys[2]


def test_photographs_count_by_name_size_and_time(tmp_path, fundus):
    paths = []
    for i, image in enumerate(fundus.data):
        paths.append(tmp_path / f"{fundus.groups[i]}_{fundus.frame['eye'][i]}.bmp")
        Image.fromarray(image).save(paths[-1])
        os.utime(paths[-1], (1, 1))
    key = records.data_key(paths)
    assert (
        records.data_key(np.array(paths)) == records.data_key(pd.Series(paths)) == key
    )
    moved = tmp_path / "elsewhere" / tmp_path.name
    moved.mkdir(parents=True)
    for path in paths:
        (moved / path.name).write_bytes(path.read_bytes())
        os.utime(moved / path.name, (1, 1))
    assert records.data_key([moved / path.name for path in paths]) == key
    os.utime(paths[5], (2, 2))
    assert records.data_key(paths) != key
    assert records.data_key(paths[::-1]) != records.data_key(paths)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.array(["a", "b"]), np.array(["a", "c"])),
        (pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": [1, 2]})),
        (pd.DataFrame({"a": [1.0, 2]}), pd.DataFrame({"a": [1.0, np.nan]})),
        (pd.Series([1, 2]), pd.Series([2, 1])),
        ([[1, 2], [3, 4]], [[1, 2], [3, 5]]),
        ({"sample_weight": np.ones(3)}, {"sample_weight": np.zeros(3)}),
        (None, []),
        (np.array(["a", None], dtype=object), np.array(["a", 3], dtype=object)),
    ],
)
def test_data_of_many_kinds_are_told_apart(one, two):
    assert records.data_key(one) == records.data_key(one) != records.data_key(two)


@pytest.mark.slow
def test_images_go_through_the_whole_of_it(tmp_path, fundus, fundus_paths):
    """Features from memory, results from the folder, checkpoints of each fit."""
    pipe = Pipeline(
        [
            (
                "features",
                DeepFeatures(TinyBackbone, image_size=48, memory=tmp_path / "memory"),
            ),
            ("fiqdr", FIQDRClassifier(**HEADS, checkpoint_dir=tmp_path / "fits")),
        ]
    )
    torch.manual_seed(0)
    pipe.set_params(features__backbone=TinyBackbone())
    search = GridSearchCV(
        pipe,
        {"fiqdr__beta": [1, 27]},
        scoring=fiqdr_scoring,
        refit="kappa",
        cv=PatientStratifiedKFold(3),
        n_jobs=2,
    )
    folder = tmp_path / "results"
    first = SearchCheckpoint(search, folder).fit(fundus_paths, fundus.target)
    again = SearchCheckpoint(search, folder).fit(fundus_paths, fundus.target)
    assert again.n_reused_ == 6
    same_results(again.cv_results_, first.cv_results_, times=True)
    expected = clone(search).set_params(n_jobs=1, estimator__fiqdr__checkpoint_dir=None)
    expected.fit(fundus_paths, fundus.target)
    same_results(again.cv_results_, expected.cv_results_)
    assert fiqdr_scoring(again, fundus_paths, fundus.target)["kappa"] == again.score(
        fundus_paths, fundus.target
    )
    assert not any("_left" in path.read_text() for path in kept(folder))


def flip_a_digit(path):
    content = json.loads(path.read_text())
    score = next(iter(content["record"]["scores"].values()))
    score["value"]["roc_auc"] = 1 - score["value"]["roc_auc"] / 2
    path.write_text(json.dumps(content))


DAMAGES = {
    "another score": flip_a_digit,
    "half a file": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "nothing": lambda path: path.write_bytes(b""),
    "bytes": lambda path: path.write_bytes(b"\xff\x00" * 50),
    "a list": lambda path: path.write_text("[1, 2]"),
    "another's": lambda path: path.write_bytes(
        next(other for other in kept(path.parent.parent) if other != path).read_bytes()
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_result_is_named_and_done_again(done, damage):
    folder, search, X, y = done
    path = kept(folder)[4]
    DAMAGES[damage](path)
    with pytest.warns(UserWarning, match="is damaged") as caught:
        again = SearchCheckpoint(search, folder).fit(X, y)
    assert str(path) in str(caught[0].message)
    assert again.n_reused_ == 11
    same_results(again.cv_results_, clone(search).fit(X, y).cv_results_)
    assert SearchCheckpoint(search, folder).fit(X, y).n_reused_ == 12


@pytest.mark.filterwarnings("ignore:One or more of the t:UserWarning")
def test_a_fit_that_failed_is_tried_again(tmp_path):
    X, y = data()
    log = tmp_path / "log"
    search = GridSearchCV(Noted(log=log, fails_for=0.1), GRID, cv=KFold(3))
    for n_reused in (0, 9):
        with pytest.warns(FitFailedWarning, match="3 fits failed"):
            broken = SearchCheckpoint(search, tmp_path / "results").fit(X, y)
        assert broken.n_reused_ == n_reused
        assert np.isnan(broken.cv_results_["mean_test_score"][2])
    (tmp_path / "log-mended").write_text("")
    mended = SearchCheckpoint(search, tmp_path / "results").fit(X, y)
    assert mended.n_reused_ == 9
    assert np.isfinite(mended.cv_results_["mean_test_score"]).all()


def broken_score(estimator, X, y):
    if estimator.C == 1:
        raise ValueError("no score")
    return 0.5


@pytest.mark.filterwarnings("ignore:One or more of the t:UserWarning")
@pytest.mark.parametrize("scoring", ["alone", "among others"])
def test_a_score_that_failed_is_asked_for_again(tmp_path, scoring):
    X, y = data()
    search = grid(scoring=broken_score)
    if scoring == "among others":
        search = grid(scoring={"a": broken_score, "b": "accuracy"}, refit="b")
    with pytest.warns(UserWarning, match="Scoring failed"):
        expected = clone(search).fit(X, y)
    for n_reused in (0, 9):
        with pytest.warns(UserWarning, match="Scoring failed"):
            mine = SearchCheckpoint(search, tmp_path).fit(X, y)
        assert mine.n_reused_ == n_reused
        same_results(mine.cv_results_, expected.cv_results_)


def nan_score(estimator, X, y):
    return np.nan if estimator.C == 1 else 0.5


@pytest.mark.filterwarnings("ignore:One or more of the test scores:UserWarning")
def test_a_score_of_nan_is_kept(tmp_path):
    X, y = data()
    search = grid(scoring=nan_score)
    for n_reused in (0, 12):
        mine = SearchCheckpoint(search, tmp_path).fit(X, y)
        assert mine.n_reused_ == n_reused
        same_results(mine.cv_results_, clone(search).fit(X, y).cv_results_)


def test_a_choice_by_time_looks_at_the_times_that_were_measured(tmp_path):
    X, y = data()
    search = grid(refit=quickest_of_the_best)
    first = SearchCheckpoint(search, tmp_path).fit(X, y)
    for path in kept(tmp_path)[:6]:  # what is missing is measured now, by right
        path.unlink()
    again = SearchCheckpoint(search, tmp_path).fit(X, y)
    assert again.best_index_ == quickest_of_the_best(again.cv_results_)
    assert again.search_.refit is first.search_.refit is quickest_of_the_best


@pytest.mark.parametrize(
    ("search", "what"),
    [
        (RandomizedSearchCV(Noted(), GRID, n_iter=2), "candidates anew"),
        (grid().set_params(cv=KFold(3, shuffle=True)), "folds anew"),
        (grid().set_params(cv=ShuffleSplit(3)), "folds anew"),
        (HalvingGridSearchCV(Noted(), GRID, cv=3), "samples anew"),
    ],
    ids=["candidates", "folds", "splits", "samples"],
)
def test_a_search_that_draws_anew_each_time_says_so(tmp_path, search, what):
    with pytest.warns(UserWarning, match=what):
        SearchCheckpoint(search, tmp_path).fit(*data())


def test_a_full_disk_costs_no_result(tmp_path):
    resource = pytest.importorskip("resource")
    search, X, y = noted_search()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, limits[1]))
    try:
        with pytest.warns(UserWarning, match="could not be kept in"):
            full = SearchCheckpoint(search, tmp_path).fit(X, y)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    same_results(full.cv_results_, clone(search).fit(X, y).cv_results_)
    assert not list(tmp_path.glob("*/*"))


def test_a_folder_that_is_none_is_named_before_anything_is_fitted(tmp_path):
    (tmp_path / "file").write_text("no folder")
    log = tmp_path / "log"
    search, X, y = noted_search(log)
    with pytest.raises(OSError, match=r"folder='.*file.*cannot be written to"):
        SearchCheckpoint(search, tmp_path / "file").fit(X, y)
    assert not log.exists()
    with pytest.raises(TypeError, match=r"The 'folder' parameter .* must be"):
        SearchCheckpoint(search, 3).fit(X, y)
    for wrong in (LogisticRegression(), "GridSearchCV"):
        with pytest.raises(TypeError, match=r"must be an instance of .*SearchCV"):
            SearchCheckpoint(wrong, tmp_path).fit(X, y)


def test_it_is_used_as_the_search_is(done, tmp_path):
    folder, search, X, y = done
    mine = SearchCheckpoint(search, folder)
    assert is_classifier(mine)
    assert not hasattr(mine, "cv_results_")
    assert repr(clone(mine)) == repr(mine)
    mine.set_params(search__refit="accuracy").fit(X, y)
    assert not hasattr(search, "cv_results_")  # the one given stays as it was
    again = pickle.loads(pickle.dumps(mine))
    np.testing.assert_array_equal(again.predict_proba(X), mine.predict_proba(X))
    assert again.score(X, y) == mine.search_.score(X, y)
    assert hasattr(mine, "predict_proba")
    assert not hasattr(mine, "transform")
    features, target = make_features()
    nets = SearchCheckpoint(net_search()[0], tmp_path).fit(features, target)
    assert fiqdr_scoring(nets, features, target)["kappa"] == nets.score(
        features, target
    )
