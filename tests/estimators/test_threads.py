"""Threads of one process: what each fits and predicts is what it would alone."""

import contextlib
import os
import random
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import torch
from helpers.networks import TinyBackbone
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from skorch.callbacks import Callback
from torchvision.models import mobilenet_v3_small

from sk_fiqdr import DeepFeatures, DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.model_selection import PatientStratifiedKFold, PatientValidSplit

HEADS = {"backbone": None, "max_epochs": 4, "batch_size": 16}
IMAGES = {
    "backbone": TinyBackbone,
    "image_size": 32,
    "max_epochs": 2,
    "batch_size": 8,
    "augment": "default",
}


@pytest.fixture(scope="module")
def features():
    rng = np.random.default_rng(0)
    y = np.column_stack([rng.integers(0, 5, 90), rng.integers(0, 2, 90)])
    return rng.normal(size=(90, 6)).astype(np.float32), y


def jobs_of(features, fundus):
    """Return nets that draw, each in ways of its own, and what they are fitted on."""
    X, y = features
    photographs, labels = fundus.data, fundus.target
    return [
        (FIQDRClassifier(**HEADS, module__dropout=0.5, random_state=0), X, y),
        (FIQDRClassifier(**HEADS, module__dropout=0.5, random_state=1), X, y),
        (FIQDRClassifier(**HEADS, balance="grade", random_state=2), X, y),
        (DRGrader(**HEADS, module__dropout=0.3, random_state=3), X, y[:, 0]),
        (QualityClassifier(**HEADS, random_state=4), X, y[:, 1]),
        (FIQDRClassifier(**IMAGES, random_state=5), photographs, labels),
        (DRGrader(**IMAGES, random_state=6), photographs, labels[:, 0]),
        (
            FIQDRClassifier(
                **IMAGES, train_split=PatientValidSplit(0.25), random_state=7
            ),
            photographs,
            labels,
        ),
    ]


def weights(net, X, y, groups=None):
    net = clone(net).fit(X, y, groups=groups)
    return {name: value.clone() for name, value in net.module_.state_dict().items()}


def assert_same(found, expected):
    for of_thread, alone in zip(found, expected, strict=True):
        for name, value in alone.items():
            assert torch.equal(of_thread[name], value), name


def in_joblib(work):
    with joblib.parallel_config("threading", n_jobs=4):
        return joblib.Parallel()(joblib.delayed(call)(*args) for call, *args in work)


def in_dask(work):
    dask = pytest.importorskip("dask")
    tasks = [dask.delayed(call, pure=False)(*args) for call, *args in work]
    return dask.compute(*tasks, scheduler="threads", num_workers=4)


def in_a_pool(work):
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda job: job[0](*job[1:]), work))


@pytest.mark.parametrize("run", [in_joblib, in_dask, in_a_pool])
def test_fits_in_threads_give_bit_for_bit_what_they_give_alone(run, features, fundus):
    groups = [None] * 7 + [fundus.groups]
    jobs = [
        (weights, *job, group)
        for job, group in zip(jobs_of(features, fundus), groups, strict=True)
    ]
    alone = [call(*args) for call, *args in jobs]
    assert_same(run(jobs), alone)


def test_fits_in_threads_leave_every_generator_as_it_was_found(features, fundus):
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    in_a_pool([(weights, *job) for job in jobs_of(features, fundus)[:7]])
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1][1])  # noqa: NPY002
    assert random.getstate() == states[2]


def test_training_further_in_threads_draws_the_nets_own_numbers(features):
    X, y = features

    def train_on(seed):
        net = FIQDRClassifier(**HEADS, module__dropout=0.5, random_state=seed)
        for _ in range(4):
            net.partial_fit(X, y)
        return net.module_.state_dict()

    alone = [train_on(seed) for seed in range(4)]
    assert_same(in_a_pool([(train_on, seed) for seed in range(4)]), alone)


@pytest.mark.parametrize("search", [GridSearchCV, RandomizedSearchCV])
def test_a_search_in_threads_scores_as_alone(search, features):
    X, y = features
    groups = np.repeat(np.arange(45), 2)
    net = FIQDRClassifier(**HEADS, module__dropout=0.5, random_state=0)

    def scores():
        splits = PatientStratifiedKFold(3)
        tried = search(net, {"beta": [1, 9, 27]}, cv=splits, refit=False)
        tried.set_params(**{"n_iter": 3} if search is RandomizedSearchCV else {})
        return tried.fit(X, y, groups=groups).cv_results_["mean_test_score"]

    alone = scores()
    state = torch.get_rng_state()
    with joblib.parallel_config("threading", n_jobs=4):
        np.testing.assert_array_equal(scores(), alone)
    assert torch.equal(torch.get_rng_state(), state)


def test_cross_validation_in_threads_scores_as_alone(features):
    X, y = features
    net = QualityClassifier(**HEADS, module__dropout=0.5, random_state=0)
    alone = cross_val_score(net, X, y[:, 1], cv=4)
    with joblib.parallel_config("threading", n_jobs=4):
        np.testing.assert_array_equal(cross_val_score(net, X, y[:, 1], cv=4), alone)


def test_random_backbones_built_in_threads_are_those_of_their_seeds(fundus, tmp_path):
    def describe(seed):
        return DeepFeatures(
            mobilenet_v3_small, image_size=32, random_state=seed, memory=tmp_path
        ).fit_transform(fundus.data[:6])

    found = in_a_pool([(describe, seed % 3) for seed in range(6)])
    for file in tmp_path.rglob("*.safetensors"):
        file.unlink()  # so that nothing is taken from what the threads have kept
    for seed, of_thread in enumerate(found):
        np.testing.assert_array_equal(describe(seed % 3), of_thread)


def test_named_backbones_of_threads_stay_usable_for_the_whole_process(fundus):
    def make():
        return DeepFeatures("mobilenet_v3_small", image_size=32, random_state=11)

    found = in_a_pool([(make().fit_transform, fundus.data[:4])] * 4)
    for features in [*found, make().fit_transform(fundus.data[:4])]:
        np.testing.assert_array_equal(features, found[0])


def test_one_net_of_deep_features_serves_all_threads(fundus):
    features = DeepFeatures("mobilenet_v3_small", image_size=32).fit(fundus.data[:4])
    expected = features.transform(fundus.data)
    again = DeepFeatures("mobilenet_v3_small", image_size=32).fit(fundus.data[:4])
    first, *others = in_a_pool([(again._net,)] * 4)
    assert all(net is first for net in others)
    for found in in_a_pool([(again.transform, fundus.data)] * 4):
        np.testing.assert_array_equal(found, expected)


def test_predictions_in_threads_are_those_of_one_thread(fundus, features):
    for net, X, y in jobs_of(features, fundus)[:7:5]:
        net.fit(X, y)
        parts = [X[:5], X, X[3:20], X[::-1].copy()] * 5
        expected = [net.predict_proba(part) for part in parts]
        for found, alone in zip(
            in_a_pool([(net.predict_proba, part) for part in parts]),
            expected,
            strict=True,
        ):
            np.testing.assert_array_equal(found, alone)


def test_predictions_are_undisturbed_by_a_fit_beside_them(features):
    X, y = features
    net = FIQDRClassifier(**HEADS, module__dropout=0.5, random_state=0).fit(X, y)
    other = FIQDRClassifier(**HEADS, module__dropout=0.5, random_state=1)
    expected, alone = net.predict_proba(X), weights(other, X, y)
    with ThreadPoolExecutor(1) as pool:
        fit = pool.submit(weights, other, X, y)
        while not fit.done():
            np.testing.assert_array_equal(net.predict_proba(X), expected)
        assert_same([fit.result()], [alone])


@pytest.fixture
def good_and_missing(fundus_paths, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    missing = [tmp_path / f"missing_{i}.png" for i in range(3)]
    good = list(fundus_paths[:6])
    return [good, [*good, *missing], [broken, *good], good[:2]]


def test_each_thread_sees_the_reasons_of_its_own_call(good_and_missing, tiny, fundus):
    net = FIQDRClassifier(**tiny, on_error="skip").fit(fundus.data, fundus.target)
    features = DeepFeatures(TinyBackbone, image_size=48, on_error="skip")
    features.fit(fundus.data)
    together = threading.Barrier(len(good_and_missing), timeout=60)

    def ask(estimator, call, paths):
        for _ in range(5):
            together.wait()
            unread = np.isnan(getattr(estimator, call)(paths)).any(axis=1)
            together.wait()  # all have predicted before any of them looks
            expected = {str(p) for p, u in zip(paths, unread, strict=True) if u}
            assert estimator.unreadable_.keys() == expected
        return estimator.unreadable_

    for estimator, call in [(net, "predict_proba"), (features, "transform")]:
        found = in_a_pool([(ask, estimator, call, part) for part in good_and_missing])
        assert [len(reasons) for reasons in found] == [0, 3, 1, 0]
        assert "not an image" in next(iter(found[2].values()))


def test_the_reasons_of_another_threads_call_are_seen_by_who_made_none(
    good_and_missing, tiny, fundus
):
    def fit():
        net = FIQDRClassifier(**tiny, on_error="skip").fit(fundus.data, fundus.target)
        net.predict(good_and_missing[1])
        return net

    (net,) = in_a_pool([(fit,)])
    assert len(net.unreadable_) == 3
    net.predict(good_and_missing[0])
    assert net.unreadable_ == {}


def test_a_net_is_not_fitted_by_two_threads_at_once(features):
    X, y = features
    inside, leave = threading.Event(), threading.Event()

    class Wait(Callback):
        def on_epoch_end(self, net, **kwargs):
            inside.set()
            leave.wait(30)

    net = FIQDRClassifier(**HEADS, callbacks=[Wait()], random_state=0)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(net.fit, X, y)
        assert inside.wait(30)
        try:
            with pytest.raises(RuntimeError, match="being fitted already"):
                net.fit(X, y)
        finally:
            leave.set()
        assert first.result().predict(X).shape == (90,)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_during_a_fit_of_another_thread_can_fit(features):
    X, y = features
    inside, leave = threading.Event(), threading.Event()

    class Wait(Callback):
        def on_epoch_end(self, net, **kwargs):
            inside.set()
            leave.wait(60)

    busy = FIQDRClassifier(**HEADS, callbacks=[Wait()], random_state=0)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(busy.fit, X, y)
        assert inside.wait(30)
        try:
            child = os.fork()
            if child == 0:
                code = 1
                with contextlib.suppress(BaseException):
                    torch.set_num_threads(1)
                    weights(FIQDRClassifier(**HEADS, random_state=0), X, y)
                    code = 0
                os._exit(code)
            for _ in range(300):
                done, status = os.waitpid(child, os.WNOHANG)
                if done:
                    break
                time.sleep(0.1)
            else:
                os.kill(child, 9)
                os.waitpid(child, 0)
                pytest.fail("the child waits for a thread that it does not have")
            assert status == 0
        finally:
            leave.set()
        first.result()


def test_reading_and_scoring_in_threads_leaves_the_warnings_as_found(
    fundus_paths, tiny, fundus
):
    from sk_fiqdr.metrics import fiqdr_scoring

    net = FIQDRClassifier(**tiny).fit(fundus.data, fundus.target)
    found = list(warnings.filters)

    def read():
        return fiqdr_scoring(net, fundus_paths, fundus.target)

    in_a_pool([(read,)] * 12)
    assert warnings.filters == found
