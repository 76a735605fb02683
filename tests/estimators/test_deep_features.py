"""Features of a frozen backbone: computed once, never stale, whoever computes them."""

import os
import pickle
import signal
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from helpers.fits import PROCESSES, compute_features, slow_features
from helpers.networks import CountingBackbone, TinyBackbone
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import (
    check_get_params_invariance,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
)

from sk_fiqdr import DeepFeatures, DRGrader, FIQDRClassifier
from sk_fiqdr.estimators._deep_features._feature_cache import FeatureCache
from sk_fiqdr.metrics import fiqdr_scoring, kappa_scorer
from sk_fiqdr.model_selection import PatientLeakageError, PatientStratifiedKFold
from sk_fiqdr.utils._read_image import UnreadableImageError

TESTS = Path(__file__).parents[1]
HEADS = {"backbone": None, "max_epochs": 3, "batch_size": 8, "random_state": 0}


def seen(log):
    """Return how many images a CountingBackbone has seen."""
    return len(log.read_text()) if log.exists() else 0


@pytest.fixture
def log(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def counted(tmp_path, log):
    """Return a transformer that keeps its features and counts its images."""
    torch.manual_seed(0)
    return DeepFeatures(
        CountingBackbone(log), image_size=48, batch_size=5, memory=tmp_path / "memory ä"
    )


@pytest.fixture
def tiny_weights(tmp_path):
    """Return the path of a state dict of TinyBackbone."""
    path = tmp_path / "tiny.safetensors"
    write_weights(path, seed=0)
    return path


def write_weights(path, seed):
    torch.manual_seed(seed)
    state = TinyBackbone().state_dict()
    path.write_bytes(safetensors.torch.save(state))


def kept(folder):
    """Return the files of features in a memory."""
    return sorted(Path(folder).glob("*/*.safetensors"))


def test_features_are_those_of_a_bare_loop(fundus_paths, tiny_weights):
    backbone = TinyBackbone().eval()
    backbone.load_state_dict(safetensors.torch.load_file(tiny_weights))
    mean, std = (0.4, 0.3, 0.2), (0.3, 0.2, 0.1)
    rows = []
    for path in fundus_paths:
        pixels = np.asarray(Image.open(path)) / 255
        pixels = torch.tensor((pixels - mean) / std, dtype=torch.float32)
        with torch.inference_mode():
            maps = backbone(pixels.permute(2, 0, 1)[None])
        rows.append(maps.mean(dim=(2, 3))[0].numpy())
    features = DeepFeatures(
        TinyBackbone,
        weights=tiny_weights,
        image_size=48,
        mean=mean,
        std=std,
        amp=False,
        batch_size=7,
    ).fit_transform(fundus_paths)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, rows, rtol=1e-4, atol=1e-5)


def test_paths_pixels_and_series_give_the_same_features(counted, fundus, fundus_paths):
    expected = counted.fit_transform(fundus_paths)
    for X in (fundus.data, pd.Series(fundus_paths), np.array(fundus_paths, dtype=str)):
        np.testing.assert_allclose(counted.transform(X), expected, rtol=1e-5)


def test_worker_processes_read_the_same(counted, fundus_paths):
    expected = counted.fit_transform(fundus_paths)
    other = clone(counted).set_params(memory=None, num_workers=2)
    np.testing.assert_allclose(other.fit_transform(fundus_paths), expected, rtol=1e-5)


def test_nothing_is_computed_twice(counted, log, fundus_paths):
    expected = counted.fit(fundus_paths[:10]).transform(fundus_paths)
    assert seen(log) == 24
    order = np.random.default_rng(0).permutation(24)
    shuffled = clone(counted).fit_transform([fundus_paths[i] for i in order])
    np.testing.assert_array_equal(shuffled, expected[order])
    assert seen(log) == 24
    (folder,) = (path for path in counted.memory.iterdir())
    assert len(list(folder.iterdir())) <= 2 * 64 + 1


def test_an_image_that_stands_there_twice_has_one_row_in_memory(
    counted, log, fundus_paths
):
    once = counted.fit_transform(fundus_paths[:3])
    twice = counted.set_params(memory=log.parent / "other")
    rows = twice.fit_transform([*fundus_paths[:3], *fundus_paths[:3]])
    np.testing.assert_allclose(rows, np.concatenate([once, once]), rtol=1e-5)
    np.testing.assert_array_equal(clone(twice).fit_transform(fundus_paths[:3]), once)


def test_joblibs_memory_names_the_folder(counted, log, fundus_paths, tmp_path):
    memory = joblib.Memory(tmp_path / "joblib", verbose=0)
    counted.set_params(memory=memory).fit_transform(fundus_paths)
    clone(counted).fit_transform(fundus_paths)
    assert seen(log) == 24
    assert kept(tmp_path / "joblib" / "deep_features")
    nowhere = clone(counted).set_params(memory=joblib.Memory(None))
    nowhere.fit_transform(fundus_paths)
    assert seen(log) == 48


@pytest.fixture
def pipe(counted):
    net = FIQDRClassifier(**HEADS)
    return Pipeline([("features", counted), ("fiqdr", net)])


def grid_search(pipe, **kwargs):
    return GridSearchCV(
        pipe,
        {"fiqdr__beta": [1, 9, 27], "fiqdr__lambd": [0, 0.1]},
        scoring=fiqdr_scoring,
        refit="kappa",
        cv=PatientStratifiedKFold(3),
        error_score="raise",
        **kwargs,
    )


def scores_of(search):
    return {
        name: column.tolist()
        for name, column in search.cv_results_.items()
        if "_test_" in name
    }


def test_a_search_sees_each_image_once_and_scores_as_on_features(
    pipe, log, fundus, fundus_paths
):
    search = grid_search(pipe).fit(fundus_paths, fundus.target)
    assert seen(log) == 24
    heads = grid_search(Pipeline([("fiqdr", pipe[-1])]))
    heads.fit(
        clone(pipe[0]).fit_transform(fundus_paths),
        fundus.target,
        groups=[path.name.rpartition("_")[0] for path in fundus_paths],
    )
    assert scores_of(search) == scores_of(heads)
    assert search.predict(fundus_paths).shape == (24,)
    best = search.best_estimator_
    quality = best[-1].predict_quality(best[:-1].transform(fundus_paths))
    assert set(quality) <= {0, 1}
    assert seen(log) == 24


def test_threads_share_the_work(counted, log, fundus_paths):
    transform = joblib.delayed(counted.fit(fundus_paths).transform)
    rows = joblib.Parallel(2, backend="threading")(
        transform(fundus_paths[at:]) for at in (0, 3, 6, 9)
    )
    assert seen(log) == 24
    for at, part in zip((0, 3, 6, 9), rows, strict=True):
        np.testing.assert_array_equal(part, rows[0][at:])


@pytest.mark.slow
def test_parallel_searches_share_the_work(pipe, log, fundus, fundus_paths):
    search = grid_search(pipe, n_jobs=2).fit(fundus_paths, fundus.target)
    assert seen(log) == 24
    expected = grid_search(clone(pipe)).fit(fundus_paths, fundus.target)
    assert scores_of(search) == scores_of(expected)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_dask_cluster_shares_the_work(pipe, log, fundus, fundus_paths, tmp_path):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=tmp_path / "dask",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.run(sys.path.append, str(TESTS))
        with joblib.parallel_config("dask", wait_for_workers_timeout=60):
            search = grid_search(pipe).fit(fundus_paths, fundus.target)
    assert seen(log) == 24
    expected = grid_search(clone(pipe)).fit(fundus_paths, fundus.target)
    assert scores_of(search) == scores_of(expected)


def test_what_was_computed_before_a_kill_is_kept(tmp_path, log, fundus_paths):
    memory = tmp_path / "memory"
    rng = np.random.default_rng(0)
    kills = 0
    while seen(log) < 20:
        before = seen(log)
        process = PROCESSES.Process(
            target=compute_features, args=(fundus_paths, log, memory)
        )
        process.start()
        while seen(log) == before and process.exitcode is None:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.15))
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        assert kills < 30
    assert kills >= 2
    assert seen(log) <= 24 + 2 * kills  # what was under way is lost, and no more
    rows = slow_features(log, memory).fit_transform(fundus_paths)
    fresh = slow_features(log, None).fit_transform(fundus_paths)
    np.testing.assert_allclose(rows, fresh, rtol=1e-5)
    assert seen(log) <= 24 + 24 + 2 * kills
    assert not list(memory.glob("*/*.writing-*"))


@pytest.mark.parametrize("name", ["{}.writing", "{}.writing-", "{}.writing-0"])
def test_a_link_under_a_passing_name_is_not_followed(
    name, counted, fundus_paths, tmp_path
):
    counted.fit_transform(fundus_paths)
    victim = tmp_path / "thesis.txt"
    victim.write_text("precious")
    for path in kept(counted.memory):
        path.unlink()
        path.with_name(name.format(path.stem)).symlink_to(victim)
    counted.transform(fundus_paths)
    assert victim.read_text() == "precious"
    assert kept(counted.memory)


def test_a_link_in_place_of_a_file_of_features_is_replaced(
    counted, fundus_paths, tmp_path
):
    rows = counted.fit_transform(fundus_paths)
    victim = tmp_path / "thesis.txt"
    victim.write_text("precious")
    for path in kept(counted.memory):
        path.unlink()
        path.symlink_to(victim)
    with pytest.warns(UserWarning, match="is damaged"):
        np.testing.assert_allclose(counted.transform(fundus_paths), rows, rtol=1e-5)
    assert victim.read_text() == "precious"
    assert not any(path.is_symlink() for path in kept(counted.memory))


def test_a_link_in_place_of_a_lock_is_not_followed(counted, fundus_paths, tmp_path):
    counted.fit_transform(fundus_paths)
    victim = tmp_path / "thesis.txt"
    victim.write_text("precious")
    for path in kept(counted.memory):
        path.unlink()
        path.with_suffix(".lock").unlink(missing_ok=True)
        path.with_suffix(".lock").symlink_to(victim)
    with pytest.raises(OSError, match="cannot be written to"):
        counted.transform(fundus_paths)
    assert victim.read_text() == "precious"


def test_a_link_in_place_of_the_networks_folder_is_refused(
    counted, fundus_paths, tmp_path
):
    counted.fit_transform(fundus_paths)
    (folder,) = counted.memory.iterdir()
    elsewhere = folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(elsewhere)
    for path in elsewhere.iterdir():
        path.write_text("precious")
    with (
        pytest.warns(UserWarning, match="is damaged"),
        pytest.raises(OSError, match="it is a link"),
    ):
        counted.transform(fundus_paths)
    assert {path.read_text() for path in elsewhere.iterdir()} == {"precious"}


def test_colleagues_may_read_the_features(counted, fundus_paths, tmp_path):
    counted.fit_transform(fundus_paths)
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    (folder,) = counted.memory.iterdir()
    for path in (*kept(counted.memory), folder / "network.json"):
        assert path.stat().st_mode == ordinary.stat().st_mode


def test_a_changed_photograph_is_computed_again(counted, tmp_path, fundus):
    path = tmp_path / "1_left.bmp"
    Image.fromarray(fundus.data[0]).save(path)
    before, first = path.stat(), counted.fit_transform([path])
    Image.fromarray(fundus.data[1]).save(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    now = path.stat()
    assert (now.st_size, now.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    second = clone(counted).fit_transform([path])
    np.testing.assert_allclose(second, counted.transform(fundus.data[1:2]), rtol=1e-5)
    assert not np.allclose(first, second)


def test_changed_weights_are_noticed(tmp_path, tiny_weights, fundus_paths):
    features = DeepFeatures(
        TinyBackbone, weights=tiny_weights, image_size=48, memory=tmp_path / "memory"
    )
    first = features.fit_transform(fundus_paths)
    write_weights(tiny_weights, seed=1)
    second = clone(features).fit_transform(fundus_paths)
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(features.transform(fundus_paths), first)
    write_weights(tiny_weights, seed=0)
    again = clone(features).fit_transform(fundus_paths)
    np.testing.assert_array_equal(again, first)


def test_a_named_networks_changed_weights_are_noticed(tmp_path, fundus_paths):
    """Named networks are known without being built, and still never served stale."""
    path = tmp_path / "resnet18.pth"
    from torchvision.models import resnet18

    features = DeepFeatures(
        "resnet18", weights=path, image_size=48, memory=tmp_path / "memory"
    )
    rows = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        torch.save(resnet18().state_dict(), path)
        if seed:
            late = clone(fitted).fit(fundus_paths[:2])  # noqa: F821 of the first turn
        fitted = clone(features).fit(fundus_paths[:2])
        rows.append(fitted.transform(fundus_paths[:2]))
    assert not np.allclose(*rows)
    np.testing.assert_array_equal(late.transform(fundus_paths[:2]), rows[1])
    known = clone(features).fit(fundus_paths[:2])
    assert not hasattr(known, "net_")
    torch.save(resnet18().state_dict(), path)
    np.testing.assert_array_equal(known.transform(fundus_paths[:2]), rows[1])
    with pytest.raises(ValueError, match="have changed since this DeepFeatures was"):
        known.transform(fundus_paths[2:])


@pytest.mark.parametrize(
    "change",
    [
        {"image_size": 40},
        {"mean": (0, 0, 0)},
        {"std": (1, 1, 1)},
        {"amp": True},
        {"backbone": TinyBackbone},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_settings_have_other_features(counted, fundus_paths, change):
    first = counted.set_params(amp=False).fit_transform(fundus_paths)
    second = clone(counted).set_params(**change).fit_transform(fundus_paths)
    assert not np.array_equal(first, second)
    alone = clone(counted).set_params(**change, memory=None).fit_transform(fundus_paths)
    np.testing.assert_allclose(second, alone, rtol=1e-2 if "amp" in change else 1e-5)


def test_the_slightest_other_setting_of_a_named_network_counts(fundus):
    networks = {
        DeepFeatures(image_size=48, mean=kind([0.4, 0.3, 0.2 + change]), random_state=0)
        .fit(fundus.data[:1])
        .network_
        for kind in (tuple, np.array)
        for change in (0, 1e-6)
    }
    assert len(networks) == 2


def test_other_code_of_a_network_has_other_features(tmp_path, fundus_paths):
    rows = []
    for scale in (1, 2):
        code = (
            "from helpers.networks import TinyBackbone\n"
            "class Scaled(TinyBackbone):\n"
            "    def forward(self, images):\n"
            f"        return {scale} * super().forward(images)\n"
        )
        names = {"__name__": "scaled"}
        exec(code, names)
        features = DeepFeatures(names["Scaled"], image_size=48, memory=tmp_path)
        rows.append(features.fit_transform(fundus_paths[:3]))
    np.testing.assert_allclose(2 * rows[0], rows[1], rtol=1e-5)


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 1
    path.write_bytes(data)


class Trap:
    def __reduce__(self):
        return os.abort, ()


DAMAGES = {
    "a wrong bit": flip_a_bit,
    "half a file": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "nothing": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("features"),
    "a pickle": lambda path: path.write_bytes(pickle.dumps(Trap())),
    "other tensors": lambda path: path.write_bytes(
        safetensors.torch.save({"keys": torch.zeros(3)})
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_and_computed_again(counted, log, fundus_paths, damage):
    expected = counted.fit_transform(fundus_paths)
    path = kept(counted.memory)[0]
    DAMAGES[damage](path)
    with pytest.warns(UserWarning, match="is damaged") as caught:
        rows = clone(counted).fit_transform(fundus_paths)
    assert str(path) in str(caught[0].message)
    np.testing.assert_allclose(rows, expected, rtol=1e-5)
    assert 24 < seen(log) < 48
    np.testing.assert_array_equal(clone(counted).fit_transform(fundus_paths), rows)


def test_a_folder_that_cannot_be_written_to_is_named(counted, log, fundus_paths):
    log.parent.joinpath("file").write_text("no folder")
    counted.set_params(memory=log.parent / "file")
    with pytest.raises(OSError, match=r"memory='.*file.*cannot be written to"):
        counted.fit_transform(fundus_paths)


def test_a_full_disk_leaves_nothing_half_written(tmp_path, fundus_paths):
    resource = pytest.importorskip("resource")
    keys = [bytes([0, i]) + bytes(30) for i in range(4)]
    rows = np.ones((4, 1000), np.float32)
    cache = FeatureCache(tmp_path, keys, rows.copy())
    cache.complete({0: [0, 1]}, lambda rows: np.ones((2, 1000)), lambda n: None)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(OSError, match="Make room there"):
            cache.complete({0: [2, 3]}, lambda rows: np.ones((2, 1000)), lambda n: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert sorted(path.name for path in tmp_path.iterdir()) in (
        ["00.lock", "00.safetensors"],
        ["00.safetensors"],
    )
    assert FeatureCache(tmp_path, keys, rows).read() == {0: [2, 3]}


@pytest.fixture
def holed_paths(fundus_paths, tmp_path):
    """Return the photographs with one that is damaged and one that is missing."""
    damaged = tmp_path / "damaged_left.png"
    damaged.write_bytes(fundus_paths[3].read_bytes()[:200])
    paths = list(fundus_paths)
    paths[3], paths[7] = damaged, tmp_path / "missing_left.png"
    return paths


def test_an_unreadable_image_stops_by_name(counted, holed_paths):
    with pytest.raises(FileNotFoundError, match="missing_left"):
        counted.fit_transform(holed_paths)
    with pytest.raises(UnreadableImageError, match="damaged_left"):
        counted.fit_transform(holed_paths[:7])


@pytest.mark.parametrize("memory", [True, False])
def test_unreadable_images_are_rows_of_nan(counted, holed_paths, memory):
    counted.set_params(on_error="warn")
    if not memory:
        counted.set_params(memory=None)
    for _ in range(2):  # the second time from memory
        with pytest.warns(UserWarning, match="2 of 24 images could not be read"):
            rows = counted.fit_transform(holed_paths)
        np.testing.assert_array_equal(
            np.isnan(rows), np.isin(np.arange(24), [3, 7])[:, None].repeat(16, axis=1)
        )
        assert list(counted.unreadable_) == [str(holed_paths[3]), str(holed_paths[7])]
    silent = clone(counted).set_params(on_error="skip").fit(holed_paths)
    silent.transform(holed_paths)
    assert len(silent.unreadable_) == 2


def test_a_mended_image_is_read_again(counted, holed_paths, fundus_paths):
    counted.set_params(on_error="skip").fit_transform(holed_paths)
    holed_paths[3].write_bytes(fundus_paths[3].read_bytes())
    rows = clone(counted).fit_transform(holed_paths)
    assert np.flatnonzero(np.isnan(rows[:, 0])).tolist() == [7]


def test_rows_of_nan_teach_nothing_and_have_no_answer(
    counted, holed_paths, fundus, fundus_paths
):
    rows = counted.set_params(on_error="skip").fit_transform(holed_paths)
    target = fundus.target.copy()
    with pytest.warns(UserWarning, match=r"2 of 24.*Row 3 of X is all nan"):
        net = FIQDRClassifier(**HEADS, on_error="warn").fit(rows, target)
    np.testing.assert_array_equal(target, fundus.target)  # y is the user's
    assert list(net.unreadable_) == [3, 7]
    # By hand: rows without labels, of whatever features.
    masked, filled = target.copy(), rows.copy()
    masked[[3, 7]], filled[[3, 7]] = -1, 0
    by_hand = FIQDRClassifier(**HEADS).fit(filled, masked)
    for mine, other in zip(
        net.module_.parameters(), by_hand.module_.parameters(), strict=True
    ):
        assert torch.equal(mine, other)
    net.set_params(on_error="skip")
    assert net.predict(rows)[[3, 7]].tolist() == [-1, -1]
    assert net.predict_quality(rows)[[3, 7]].tolist() == [-1, -1]
    assert np.flatnonzero(np.isnan(net.predict_proba(rows)[:, 0])).tolist() == [3, 7]
    read = np.delete(np.arange(24), [3, 7])
    for scorer in (kappa_scorer, fiqdr_scoring):
        assert scorer(net, rows, target) == scorer(net, rows[read], target[read])


def test_rows_of_nan_are_an_error_by_default():
    X, y = np.zeros((6, 3), np.float32), np.tile([[0, 0], [1, 1]], (3, 1))
    X[4] = np.nan
    with pytest.raises(ValueError, match=r"NaN in 1 of 6 rows.*row 4.*on_error='warn'"):
        FIQDRClassifier(**HEADS).fit(X, y)
    X[2, 1] = np.nan
    for setting in ("warn", "skip"):
        with pytest.raises(ValueError, match=r"NaN in 1 of 6 rows.*row 2"):
            DRGrader(**HEADS, on_error=setting).fit(X, y[:, 0])
    X[:] = np.nan
    with pytest.raises(ValueError, match="Every label in y is -1"):
        FIQDRClassifier(**HEADS, on_error="skip").fit(X, y)


def test_a_search_goes_on_past_unreadable_images(pipe, fundus, holed_paths):
    pipe.set_params(features__on_error="skip", fiqdr__on_error="skip")
    search = grid_search(pipe).fit(holed_paths, fundus.target)
    assert np.isfinite(search.cv_results_["mean_test_kappa"]).all()


def test_scoring_a_patient_whose_other_eye_was_trained_on_is_an_error(
    pipe, fundus, fundus_paths
):
    fellow = fundus_paths[0].name.rpartition("_")[0]
    patients = [path.name.rpartition("_")[0] for path in fundus_paths]
    assert patients.count(fellow) == 2
    rest = fundus_paths[1:]
    pipe.fit(rest, fundus.target[1:])
    for scored in (pipe, make_pipeline("passthrough", pipe)):
        for scorer in (fiqdr_scoring, kappa_scorer):
            scorer(scored, rest, fundus.target[1:])  # a training score
            with pytest.raises(PatientLeakageError, match=fellow):
                scorer(scored, fundus_paths, fundus.target)
    inner = make_pipeline(pipe[:-1], StandardScaler())  # the names stand deep inside
    scaled = make_pipeline(inner, FIQDRClassifier(**HEADS)).fit(rest, fundus.target[1:])
    with pytest.raises(PatientLeakageError, match=fellow):
        fiqdr_scoring(scaled, fundus_paths, fundus.target)


def test_random_weights_repeat_and_leave_torchs_generator_alone(fundus_paths):
    def fit(random_state):
        features = DeepFeatures(weights=None, image_size=48, random_state=random_state)
        return features.fit_transform(fundus_paths[:2])

    state = torch.get_rng_state()
    first = fit(0)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(fit(0), first)
    assert not np.allclose(fit(1), first)
    assert not np.allclose(fit(None), fit(None))


def test_a_pickle_needs_neither_weights_nor_memory(tmp_path, fundus_paths):
    path = tmp_path / "tiny.safetensors"
    write_weights(path, seed=0)
    features = DeepFeatures(
        TinyBackbone, weights=path, image_size=48, memory=tmp_path / "memory"
    )
    expected = features.fit_transform(fundus_paths)
    data = pickle.dumps(clone(features).fit(fundus_paths))
    path.unlink()
    again = pickle.loads(data).set_params(memory=None)
    np.testing.assert_allclose(again.transform(fundus_paths), expected, rtol=1e-5)


def test_the_backbone_of_a_fitted_net_can_be_taken(
    tiny, fundus, fundus_paths, tmp_path
):
    net = FIQDRClassifier(
        **tiny, module__mean=(0.4,) * 3, module__std=(0.3,) * 3, amp=False
    )
    net.fit(fundus.data, fundus.target)
    with torch.inference_mode():
        pixels = torch.from_numpy(fundus.data)
        expected = net.module_.eval().backbone_features(pixels).numpy()
    features = DeepFeatures.from_estimator(net, memory=tmp_path)
    for turn in range(2):
        rows = clone(features).fit_transform(fundus_paths)
        np.testing.assert_allclose(rows, expected, rtol=1e-4, atol=1e-5)
        if turn == 0:
            net.partial_fit(fundus.data, fundus.target)  # it is a copy that was taken
    assert not np.allclose(
        DeepFeatures.from_estimator(net, memory=tmp_path).fit_transform(fundus_paths),
        expected,
    )


def test_what_is_no_backbone_says_where_to_go(tiny, fundus):
    net = FIQDRClassifier(**tiny)
    with pytest.raises(TypeError, match=r"DeepFeatures\.from_estimator"):
        DeepFeatures(net, image_size=48).fit(fundus.data)
    with pytest.raises(TypeError, match="backbone must be the name"):
        DeepFeatures(None, image_size=48).fit(fundus.data)
    for wrong in (StandardScaler(), FIQDRClassifier(backbone=None)):
        with pytest.raises(TypeError, match="fitted on images"):
            DeepFeatures.from_estimator(wrong)
    with pytest.raises(ValueError, match="Did you mean 'resnet18'"):
        DeepFeatures("resnet_18").fit(fundus.data)


@pytest.mark.parametrize(
    ("parameter", "error"),
    [
        ({"memory": 3}, TypeError),
        ({"on_error": "ignore"}, ValueError),
        ({"image_size": 0}, ValueError),
        ({"batch_size": 0}, ValueError),
        ({"amp": "yes"}, ValueError),
    ],
)
def test_wrong_parameters_are_named(counted, fundus, parameter, error):
    (name,) = parameter
    with pytest.raises(error, match=name):
        counted.set_params(**parameter).fit(fundus.data)


def test_wrong_parameters_of_a_known_network_are_named(fundus):
    features = DeepFeatures(image_size=48).fit(fundus.data)
    with pytest.raises(ValueError, match="on_error"):
        clone(features).set_params(on_error="ignore").fit(fundus.data)


def test_a_network_that_makes_nan_is_an_error(fundus, tmp_path):
    backbone = TinyBackbone()
    with torch.no_grad():
        backbone[0].weight[0] = torch.nan
    features = DeepFeatures(backbone, image_size=48, memory=tmp_path)
    with pytest.raises(FloatingPointError, match="nan in its weights"):
        features.fit_transform(fundus.data)
    assert not kept(tmp_path)


def test_features_have_names_and_frames(counted, fundus_paths):
    counted.set_output(transform="pandas")
    frame = counted.fit_transform(fundus_paths)
    assert list(frame) == list(counted.get_feature_names_out())
    assert frame.shape == (24, 16)
    assert list(frame)[:2] == ["deepfeatures0", "deepfeatures1"]
    plain = clone(counted).set_output(transform="default")
    np.testing.assert_array_equal(frame, plain.fit_transform(fundus_paths))


@pytest.mark.parametrize(
    "check",
    [
        check_parameters_default_constructible,
        check_no_attributes_set_in_init,
        check_get_params_invariance,
        check_set_params,
    ],
)
def test_it_is_a_scikit_learn_estimator(check):
    check("DeepFeatures", DeepFeatures())


def test_transform_before_fit_says_so(fundus):
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        DeepFeatures().transform(fundus.data)


@pytest.mark.realdata
@pytest.mark.slow
def test_real_photographs_are_computed_once(real_data, tmp_path, log):
    paths = sorted((real_data / "originals").glob("*.jpeg"))[:6]
    features = DeepFeatures(
        CountingBackbone(log), image_size=64, memory=tmp_path / "memory"
    )
    expected = features.fit_transform(paths)
    np.testing.assert_array_equal(clone(features).fit_transform(paths), expected)
    assert seen(log) == len(paths)
