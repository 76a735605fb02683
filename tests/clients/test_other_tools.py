"""Nets beside other tools: metadata routing, frames, memories, Optuna, TensorBoard."""

import functools
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.fits import make_features
from helpers.networks import CountingBackbone, TinyBackbone
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_fiqdr import DeepFeatures, DRGrader, FIQDRClassifier
from sk_fiqdr.metrics import fiqdr_scoring
from sk_fiqdr.model_selection import PatientStratifiedKFold, PatientValidSplit

PAGE = Path(__file__).parents[2] / "docs" / "user_guide" / "other_tools.rst"
HEADS = {"backbone": None, "max_epochs": 3, "random_state": 0}


@pytest.fixture
def features():
    return make_features()


@pytest.fixture
def patients():
    return np.repeat(np.arange(100), 2)


@pytest.fixture
def weights():
    return np.random.default_rng(1).random(200)


# Metadata routing


def test_weights_and_patients_reach_the_net_through_search_and_pipeline(
    features, patients, weights
):
    """The refitted net is the one that is fitted on them by hand, and on no others."""
    X, y = features
    net = FIQDRClassifier(**HEADS, train_split=PatientValidSplit(0.3, random_state=0))
    with config_context(enable_metadata_routing=True):
        asking = clone(net).set_fit_request(sample_weight=True, groups=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        search = GridSearchCV(
            make_pipeline(scaler, asking),
            {"fiqdrclassifier__beta": [9.0]},
            cv=PatientStratifiedKFold(3),
            scoring=fiqdr_scoring,
            refit="kappa",
        )
        search.fit(X, y, groups=patients, sample_weight=weights)
    scaled = StandardScaler().fit_transform(X)
    net.set_params(beta=9.0)
    by_hand = clone(net).fit(scaled, y, sample_weight=weights, groups=patients)
    np.testing.assert_array_equal(
        search.predict_proba(X), by_hand.predict_proba(scaled)
    )
    for other in (
        clone(net).fit(scaled, y, groups=patients),
        clone(net).fit(scaled, y, sample_weight=weights, groups=np.arange(len(X))),
    ):
        assert (other.predict_proba(scaled) != by_hand.predict_proba(scaled)).any()


def test_a_search_keeps_patients_whole_by_routed_groups(features, patients):
    X, y = features
    seen = []

    class Noting(DRGrader):
        def fit(self, X, y, groups=None, **kwargs):
            seen.append(set(groups))
            return super().fit(X, y, groups=groups, **kwargs)

    with config_context(enable_metadata_routing=True):
        net = Noting(**HEADS).set_fit_request(groups=True)
        cv = PatientStratifiedKFold(4)
        search = GridSearchCV(net, {"lr": [0.1]}, cv=cv, refit=False)
        search.fit(X, y[:, 0], groups=patients)
    held_out = [set(patients) - part for part in seen]
    assert len(held_out) == 4
    assert set.union(*held_out) == set(patients)
    assert sum(map(len, held_out)) == 100


def test_what_nobody_asked_for_is_refused_by_name(features, patients):
    X, y = features
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(StandardScaler(), FIQDRClassifier(**HEADS))
        with pytest.raises(ValueError, match=r"\[groups\].*set_fit_request"):
            pipeline.fit(X, y, groups=patients)


def test_without_routing_the_step_is_named(features, weights):
    X, y = features
    pipeline = make_pipeline(StandardScaler(), FIQDRClassifier(**HEADS))
    pipeline.fit(X, y, fiqdrclassifier__sample_weight=weights)
    scaled = StandardScaler().fit_transform(X)
    by_hand = FIQDRClassifier(**HEADS).fit(scaled, y, sample_weight=weights)
    np.testing.assert_array_equal(
        pipeline.predict_proba(X), by_hand.predict_proba(scaled)
    )


# Frames


def test_deep_features_come_as_a_frame_with_the_index_of_the_paths(fundus_paths):
    paths = pd.Series(fundus_paths, index=[f"row {i}" for i in range(24)])
    features = DeepFeatures(TinyBackbone(), image_size=48)
    plain = features.fit_transform(paths)
    frame = features.set_output(transform="pandas").transform(paths)
    assert frame.columns.tolist() == [f"deepfeatures{i}" for i in range(16)]
    assert frame.index.tolist() == paths.index.tolist()
    np.testing.assert_array_equal(frame.to_numpy(), plain)


def test_features_of_a_net_come_as_a_frame(features):
    X, y = features
    net = FIQDRClassifier(**HEADS, module__embedding_size=3).fit(X, y)
    frame = net.set_output(transform="pandas").transform(X)
    assert frame.columns.tolist() == [f"fiqdrclassifier{i}" for i in range(3)]
    assert frame.columns.tolist() == net.get_feature_names_out().tolist()


@pytest.mark.parametrize("dtype", ["str", "string", object, "category"])
def test_paths_may_be_any_text_of_pandas(dtype, tiny, fundus, fundus_paths):
    paths = pd.Series([str(path) for path in fundus_paths], dtype=dtype)
    y = pd.DataFrame(fundus.target, columns=["grade", "quality"]).astype("Int64")
    net = FIQDRClassifier(**tiny).fit(paths, y)
    expected = FIQDRClassifier(**tiny).fit(fundus_paths, fundus.target)
    np.testing.assert_array_equal(
        net.predict_proba(paths), expected.predict_proba(fundus_paths)
    )


def test_paths_may_be_strings_of_numpy_2(tiny, fundus, fundus_paths):
    paths = np.array(
        [str(path) for path in fundus_paths], dtype=np.dtypes.StringDType()
    )
    net = FIQDRClassifier(**tiny).fit(paths, fundus.target)
    expected = net.predict_proba(fundus_paths)
    np.testing.assert_array_equal(net.predict_proba(paths), expected)


def test_a_missing_label_of_pandas_says_how_to_mark_it(tiny, fundus, fundus_paths):
    y = pd.DataFrame(fundus.target).astype("Int64")
    y.iloc[3, 1] = pd.NA
    with pytest.raises(ValueError, match=r"got <NA>.*fillna\(-1\)"):
        FIQDRClassifier(**tiny).fit(fundus_paths, y)


# Memories


def test_a_pipelines_memory_keeps_the_features(fundus_paths, fundus, tmp_path):
    log = tmp_path / "log"
    pipeline = make_pipeline(
        DeepFeatures(
            functools.partial(CountingBackbone, log), image_size=48, random_state=0
        ),
        FIQDRClassifier(**HEADS),
        memory=str(tmp_path / "memory"),
    )
    search = GridSearchCV(
        pipeline,
        {"fiqdrclassifier__beta": [1, 9, 27]},
        cv=PatientStratifiedKFold(2),
        scoring=fiqdr_scoring,
        refit=False,
    )
    search.fit(fundus_paths, fundus.target)
    n_images = len(log.read_text())
    # Each fold's training part once; its test part once for each candidate.
    assert n_images == 24 + 3 * 24


# The examples of the guide


def example(caption):
    pattern = rf"   :caption: {caption}\n\n((?:   .*\n|\n)+)"
    (block,) = re.findall(pattern, PAGE.read_text())
    return "\n".join(line[3:] for line in block.splitlines())


@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental")
@pytest.mark.filterwarnings("ignore:.*optuna:FutureWarning")
def test_optunas_search_tunes_beta_and_lambd():
    optuna = pytest.importorskip("optuna")
    pytest.importorskip("optuna_integration")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = {}
    exec(example("Optuna"), names)
    search, X, y = (names[name] for name in ("search", "X", "y"))
    assert len(search.trials_) == 4
    assert len({trial.params["beta"] for trial in search.trials_}) == 4
    assert search.best_estimator_.beta == search.best_params_["beta"]
    assert search.best_score_ == max(trial.value for trial in search.trials_)
    assert search.predict(X).shape == (len(y),)


def test_tensorboard_gets_the_losses_of_every_epoch(tmp_path, monkeypatch):
    events = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(example("TensorBoard"), names)
    log = events.EventAccumulator(str(tmp_path / "runs" / "first")).Reload()
    tags = log.Tags()["scalars"]
    for tag, name in (("Loss/train_loss", "train_loss"), ("Loss/valid_loss",) * 2):
        assert tag in tags
        values = [event.value for event in log.Scalars(tag)]
        key = name.removeprefix("Loss/")
        np.testing.assert_allclose(values, names["net"].history[:, key], rtol=1e-6)


def test_mlflow_gets_the_losses_and_the_model(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    names = {}
    exec(example("MLflow"), names)
    (run,) = mlflow.search_runs(output_format="list")
    assert run.data.metrics["train_loss"] == names["net"].history[-1, "train_loss"]
    files = mlflow.artifacts.list_artifacts(
        run_id=run.info.run_id, artifact_path="my-model"
    )
    assert {Path(file.path).name for file in files} == {
        "README.md",
        "config.json",
        "model.safetensors",
    }
