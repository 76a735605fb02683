"""Fits that are killed, damaged, crowded out and begun again."""

import ctypes
import json
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
import safetensors.torch
import torch
from helpers.fits import (
    PROCESSES,
    PressCtrlC,
    fit,
    fit_and_die,
    fit_under_fire,
    run,
    scenario,
)
from helpers.networks import TinyBackbone
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.utils.estimator_checks import (
    check_dict_unchanged,
    check_dont_overwrite_parameters,
    check_estimators_pickle,
    check_fit_idempotent,
    check_get_params_invariance,
    check_set_params,
)
from skorch.callbacks import Callback

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.estimators._checkpoints import _checkpoint
from sk_fiqdr.estimators._checkpoints._checkpoint import JSON, TENSORS
from sk_fiqdr.losses import WeightedCenterLoss
from sk_fiqdr.metrics import kappa_scorer
from sk_fiqdr.model_selection import PatientStratifiedKFold, QualityGate
from sk_fiqdr.modules import MultiTaskNet
from sk_fiqdr.utils import _interrupts
from sk_fiqdr.utils._digest import describe

# `fits` fits on rows of which each is a patient.
pytestmark = pytest.mark.filterwarnings("ignore:PatientValidSplit does not know")
TESTS = str(Path(__file__).parents[1])


def undisturbed(name):
    """Fit a scenario in one go and without checkpoints."""
    net, X, y = scenario(name)
    np.random.seed(0)  # noqa: NPY002 as `fit` does in its first process
    return net.fit(X, y), X, y


def without_times(history):
    keep = [
        {key: value for key, value in row.items() if key != "dur"} for row in history
    ]
    return json.loads(json.dumps(keep, default=lambda value: value.item()))


def assert_equal(one, two):
    """Compare nested state bit by bit."""
    assert type(one) is type(two) or {type(one), type(two)} <= {dict, type(one)}
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two)
    elif isinstance(one, dict):
        assert list(one) == list(two)
        for key in one:
            assert_equal(one[key], two[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(two)
        for first, second in zip(one, two, strict=True):
            assert_equal(first, second)
    else:
        assert one == two


def assert_same_fit(one, two, X):
    """All that a fit leaves behind is the same to the last bit, but for the time."""
    for part in ("module_", "criterion_", "optimizer_"):
        assert_equal(getattr(one, part).state_dict(), getattr(two, part).state_dict())
    assert torch.equal(one.generator_state_, two.generator_state_)
    assert without_times(one.history) == without_times(two.history)
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def checkpoints(folder):
    return sorted(folder.glob("*/[!.]*-*-*"))


@contextmanager
def stopped_in_epoch(n, monkeypatch, error=RuntimeError):
    """Let fits fail at the start of epoch n."""
    begin = FIQDRClassifier.on_epoch_begin

    def fail(net, *args, **kwargs):
        begin(net, *args, **kwargs)
        if len(net.history) == n:
            raise error("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(FIQDRClassifier, "on_epoch_begin", fail)
        yield


@pytest.fixture
def half_done(tmp_path, monkeypatch):
    """Return the checkpoint of a fit that was stopped after two epochs."""
    folder = tmp_path / "half done"
    with (
        stopped_in_epoch(3, monkeypatch),
        pytest.raises(RuntimeError, match="power cut"),
    ):
        fit("features", folder)
    (path,) = checkpoints(folder)
    assert path.name.startswith("epoch-00002-")
    return path


@pytest.mark.parametrize(
    "name",
    [
        "augmented",
        "workers",
        "workers and numpy",
        "early stopping",
        "freeze",
        "balanced",
        "AdamW",
        "quality",
        "features",
        "plateau",
        "sampler",
    ],
)
@pytest.mark.slow
def test_a_fit_killed_at_random_moments_ends_where_an_undisturbed_one_ends(
    name, tmp_path
):
    kills = fit_under_fire(name, tmp_path, np.random.default_rng(len(name)))
    assert kills > 1
    expected, X, _ = undisturbed(name)
    assert [path.name[:9] for path in checkpoints(tmp_path)] == ["finished-"]
    assert_same_fit(fit(name, tmp_path), expected, X)


@pytest.mark.slow
def test_a_fit_killed_at_any_step_of_writing_ends_where_an_undisturbed_one_ends(
    tmp_path,
):
    expected, X, _ = undisturbed("short")
    deaths = 0
    for n_calls in [1, 3, 6, *range(9, 27), 30, 34]:
        folder = tmp_path / str(n_calls)
        exitcode = run(fit_and_die, "short", folder, n_calls)
        assert exitcode in (-signal.SIGKILL, 0)
        deaths += exitcode != 0
        assert_same_fit(fit("short", folder), expected, X)
        (path,) = checkpoints(folder)
        # Beside it, the draft that the killed process was writing or deleting.
        others = [other.name for other in path.parent.iterdir() if other != path]
        assert len(others) <= 1
        assert all(name.startswith(".writing-") for name in others)
    assert deaths >= 20


def test_early_stopping_and_its_split_outlive_the_process(tmp_path, monkeypatch):
    """Epochs without improvement are counted on, on the same validation rows."""
    expected, X, _ = undisturbed("early stopping")
    for n, seed in ((2, 0), (4, 1)):
        with stopped_in_epoch(n, monkeypatch), pytest.raises(RuntimeError):
            fit("early stopping", tmp_path, seed)
    resumed = fit("early stopping", tmp_path, 2)
    assert_same_fit(resumed, expected, X)
    mine, other = (dict(net.callbacks_)["stop"] for net in (resumed, expected))
    assert (mine.misses_, mine.best_epoch_) == (other.misses_, other.best_epoch_)
    assert mine.dynamic_threshold_ == other.dynamic_threshold_


def test_checkpoints_change_nothing_in_a_fit(tmp_path):
    expected, X, _ = undisturbed("augmented")
    assert_same_fit(fit("augmented", tmp_path), expected, X)


def test_the_number_of_workers_changes_nothing_in_a_fit():
    expected, X, _ = undisturbed("workers")
    net, X, y = scenario("workers")
    net.set_params(iterator_train__num_workers=0, iterator_valid__num_workers=0)
    assert_same_fit(net.fit(X, y), expected, X)


def test_another_number_of_workers_may_go_on(tmp_path, monkeypatch):
    expected, X, y = undisturbed("workers")
    with stopped_in_epoch(3, monkeypatch), pytest.raises(RuntimeError):
        fit("workers", tmp_path)
    net, X, y = scenario("workers")
    net.set_params(
        checkpoint_dir=tmp_path, iterator_train__num_workers=0, verbose=1, device="cpu"
    )
    assert_same_fit(net.fit(X, y), expected, X)


def test_a_finished_fit_is_not_done_again(tmp_path, monkeypatch, capsys):
    first = fit("features", tmp_path)
    net, X, y = scenario("features")
    net.set_params(checkpoint_dir=tmp_path, verbose=1)
    monkeypatch.setattr(FIQDRClassifier, "train_step", None)  # none is made
    assert_same_fit(net.fit(X, y), first, X)
    assert "Finished before" in capsys.readouterr().out


def test_a_fit_that_goes_on_says_so(half_done, capsys):
    net, X, y = scenario("features")
    net.set_params(checkpoint_dir=half_done.parents[1], verbose=1).fit(X, y)
    assert "Resuming after epoch 2 of 12" in capsys.readouterr().out


def test_training_goes_on_from_a_finished_fit_as_from_an_undisturbed_one(tmp_path):
    expected, X, y = undisturbed("features")
    fit("features", tmp_path)
    net = fit("features", tmp_path)
    assert_same_fit(net.partial_fit(X, y), expected.partial_fit(X, y), X)
    assert len(checkpoints(tmp_path)) == 1  # partial_fit writes none


def test_a_warm_start_is_a_fit_of_its_own_and_goes_on_too(tmp_path, monkeypatch):
    net, X, y = scenario("features")
    expected = clone(net).set_params(warm_start=True).fit(X, y).fit(X, y)
    net.set_params(warm_start=True, checkpoint_dir=tmp_path).fit(X, y)
    with stopped_in_epoch(12 + 4, monkeypatch), pytest.raises(RuntimeError):
        net.fit(X, y)
    again = clone(net)
    with monkeypatch.context() as patch:
        patch.setattr(FIQDRClassifier, "train_step", None)
        again.fit(X, y)
    again.fit(X, y)
    assert_same_fit(again, expected, X)
    assert len(again.history) == 24
    assert len(checkpoints(tmp_path)) == 2


def test_a_checkpoint_is_json_and_safetensors_and_the_history_is_readable(tmp_path):
    net = fit("features", tmp_path)
    (path,) = checkpoints(tmp_path)
    assert sorted(file.name for file in path.iterdir()) == [JSON, TENSORS]
    history = json.loads((path / JSON).read_text())["state"]["history"]
    assert [row["train_loss"] for row in history] == net.history[:, "train_loss"]


def test_unicode_and_blanks_in_the_path(tmp_path):
    folder = tmp_path / "Prüfstände 眼底" / "deep er"
    assert_same_fit(fit("features", folder), fit("features", str(folder)), np.eye(12))


def test_other_parameters_or_data_are_other_fits(tmp_path):
    net, X, y = scenario("features")
    net.set_params(checkpoint_dir=tmp_path, max_epochs=1)
    weight = np.linspace(1, 2, len(X))
    net.fit(X, y)
    clone(net).fit(X, y)
    clone(net).set_params(beta=27, verbose=0, checkpoint_dir=Path(tmp_path)).fit(X, y)
    assert len(checkpoints(tmp_path)) == 1
    clone(net).set_params(beta=26.5).fit(X, y)
    clone(net).set_params(module__dropout=0.25).fit(X, y)
    clone(net).set_params(callbacks=[Callback()]).fit(X, y)
    clone(net).fit(X[::-1], y)
    clone(net).fit(X, y[::-1])
    clone(net).fit(X, y, sample_weight=weight)
    clone(net).fit(X, y, groups=np.arange(len(X)) // 2)
    assert len(checkpoints(tmp_path)) == 8


def test_files_are_known_by_name_and_size_wherever_they_lie(
    tiny, fundus, fundus_paths, tmp_path
):
    net = FIQDRClassifier(**tiny, checkpoint_dir=tmp_path / "checkpoints")
    net.fit(fundus_paths, fundus.target)
    moved = tmp_path / "elsewhere" / fundus_paths[0].parent.name
    shutil.copytree(fundus_paths[0].parent, moved)
    paths = [moved / path.name for path in fundus_paths]
    clone(net).fit(paths, fundus.target)
    assert len(checkpoints(tmp_path / "checkpoints")) == 1
    with open(paths[0], "ab") as file:
        file.write(b"more")
    clone(net).fit(paths, fundus.target)
    assert len(checkpoints(tmp_path / "checkpoints")) == 2


def two_lambdas():
    return [lambda x: x + 1, lambda x: x + 2]


def describe_here(queue):
    queue.put([describe(value) for value in two_lambdas()])


def test_functions_are_told_apart_by_what_they_do_in_every_process():
    queue = PROCESSES.SimpleQueue()
    assert run(describe_here, queue) == 0
    one, two = queue.get()
    assert one != two
    assert [one, two] == [describe(value) for value in two_lambdas()]


def test_a_class_of_ones_own_is_told_apart_by_what_its_methods_do():
    def described(factor):
        class Doubling(TinyBackbone):
            def forward(self, images):
                return super().forward(images) * 2

        class Tripling(TinyBackbone):
            def forward(self, images):
                return super().forward(images) * 3

        Tripling.__qualname__ = Doubling.__qualname__
        return describe({2: Doubling, 3: Tripling}[factor])

    assert described(2) == described(2) != described(3)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_parallel_searches_do_not_collide_and_are_not_done_twice(tmp_path):
    net, X, y = scenario("features")
    grid = {"beta": [1.0, 27.0]}
    settings = {
        "scoring": kappa_scorer,
        "cv": PatientStratifiedKFold(2),
        "error_score": "raise",
    }
    expected = GridSearchCV(net, grid, **settings).fit(X, y, groups=range(len(X)))
    net.set_params(checkpoint_dir=tmp_path)
    for n_jobs in (2, 1):
        search = GridSearchCV(net, grid, **settings, n_jobs=n_jobs)
        search.fit(X, y, groups=range(len(X)))
        assert_same_scores(search, expected)
        assert_same_fit(search.best_estimator_, expected.best_estimator_, X)
        assert len(checkpoints(tmp_path)) == 2 * 2 + 1  # the last one refits


def assert_same_scores(one, two):
    keys = [key for key in two.cv_results_ if "time" not in key]
    for key in keys:
        np.testing.assert_array_equal(one.cv_results_[key], two.cv_results_[key])


SEARCH = """
import sys
from helpers.fits import scenario
from sklearn.model_selection import GridSearchCV
from sk_fiqdr.losses import WeightedCenterLoss
from sk_fiqdr.metrics import kappa_scorer
from sk_fiqdr.model_selection import PatientStratifiedKFold, QualityGate
from sk_fiqdr.modules import MultiTaskNet
net, X, y = scenario("features")
net.set_params(checkpoint_dir=sys.argv[1], max_epochs=40)
GridSearchCV(
    net, {"beta": [1.0, 9.0, 27.0]}, scoring=kappa_scorer, n_jobs=2, refit=False,
    cv=PatientStratifiedKFold(2), error_score="raise",
).fit(X, y, groups=range(len(X)))
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_search_goes_on(tmp_path):
    command = [sys.executable, "-c", SEARCH, str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, TESTS])}
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    while len(checkpoints(tmp_path)) < 3 and process.poll() is None:
        time.sleep(0.1)
    assert process.poll() is None
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for worker in family:  # they would go on meanwhile
        with suppress(psutil.NoSuchProcess):
            worker.kill()
    psutil.wait_procs(family, timeout=30)
    ended = {path.name for path in checkpoints(tmp_path) if "finished" in path.name}
    net, X, y = scenario("features")
    net.set_params(max_epochs=40)
    settings = {"scoring": kappa_scorer, "refit": False}
    searches = [
        GridSearchCV(
            each, {"beta": [1.0, 9.0, 27.0]}, cv=PatientStratifiedKFold(2), **settings
        ).fit(X, y, groups=range(len(X)))
        for each in (clone(net).set_params(checkpoint_dir=tmp_path), net)
    ]
    assert_same_scores(*searches)
    names = {path.name for path in checkpoints(tmp_path)}
    assert len(names) == 6
    assert ended <= names  # what had ended was not done again


@pytest.mark.slow
def test_the_same_fit_at_the_same_time_disturbs_neither(tmp_path):
    """Each ends, and what is left is one whole checkpoint."""
    expected, X, _ = undisturbed("augmented")
    begins = [PROCESSES.Event() for _ in range(3)]
    twins = [
        PROCESSES.Process(target=fit, args=("augmented", tmp_path, 0, event))
        for event in begins
    ]
    for twin in twins:
        twin.start()
    for twin in twins:
        twin.join(90)
    assert [twin.exitcode for twin in twins] == [0, 0, 0]
    (folder,) = tmp_path.iterdir()
    (path,) = folder.iterdir()
    assert path.name.startswith("finished-")
    assert_same_fit(fit("augmented", tmp_path), expected, X)


def test_of_two_fits_that_end_together_one_checkpoint_stays(tmp_path, monkeypatch):
    """Each lists the folder before the other has deleted anything."""
    found = _checkpoint.Checkpoint._found
    fit("features", tmp_path / "one")
    fit("features", tmp_path / "two")
    (one,), (two,) = checkpoints(tmp_path / "one"), checkpoints(tmp_path / "two")
    assert one.name != two.name, "the histories hold times, so the checksums differ"
    both = tmp_path / "both"
    for name in (one, two):
        folder = both / name.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(name, folder / name.name)
    listed = sorted(checkpoints(both))
    kept = []
    for path in listed:
        checkpoint = object.__new__(_checkpoint.Checkpoint)
        checkpoint.folder = path.parent
        monkeypatch.setattr(_checkpoint.Checkpoint, "_found", lambda self: listed)
        checkpoint._remove_overtaken(path)
        monkeypatch.setattr(_checkpoint.Checkpoint, "_found", found)
        kept.append(checkpoint._found())
    assert len(kept[-1]) == 1
    assert kept[-1][0] in listed


def test_a_slower_twin_deletes_no_later_epoch(half_done, monkeypatch):
    """What another process has written meanwhile stays until it is overtaken."""
    later = half_done.with_name(half_done.name.replace("00002", "00004"))
    begin = FIQDRClassifier.on_epoch_begin

    def meanwhile(net, *args, **kwargs):
        begin(net, *args, **kwargs)
        if len(net.history) == 3:
            shutil.copytree(half_done, later)
        if len(net.history) == 4:
            raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(FIQDRClassifier, "on_epoch_begin", meanwhile)
        with pytest.raises(RuntimeError, match="power cut"):
            fit("features", half_done.parents[1])
    names = [path.name[:11] for path in checkpoints(half_done.parents[1])]
    assert names == ["epoch-00003", "epoch-00004"]
    shutil.rmtree(later)
    expected, X, _ = undisturbed("features")
    assert_same_fit(fit("features", half_done.parents[1]), expected, X)


def test_only_an_abandoned_draft_of_another_process_is_removed(half_done):
    fresh, stale = (half_done.with_name(f".writing-{age}") for age in ("new", "old"))
    for draft in (fresh, stale):
        draft.mkdir()
        (draft / TENSORS).write_bytes(b"half")
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(stale, (two_days_ago, two_days_ago))
    fit("features", half_done.parents[1])
    assert (fresh / TENSORS).read_bytes() == b"half"
    assert not stale.exists()


def truncate(path, name):
    os.truncate(path / name, (path / name).stat().st_size // 2)


def flip_a_byte(path, name):
    data = bytearray((path / name).read_bytes())
    data[np.random.default_rng().integers(len(data))] ^= 0x10
    (path / name).write_bytes(data)


def delete(path, name):
    (path / name).unlink()


def replace(path, name):
    (path / name).write_text('{"a": 1}')


@pytest.mark.parametrize("name", [JSON, TENSORS])
@pytest.mark.parametrize("damage", [truncate, flip_a_byte, delete, replace])
def test_a_damaged_checkpoint_is_an_error_that_tells_the_way_out(
    damage, name, half_done
):
    folder = half_done.parents[1]
    damage(half_done, name)
    with pytest.raises(ValueError, match=r"damaged|cannot be read") as error:
        fit("features", folder)
    assert f"Delete '{half_done}', and the fit starts from" in str(error.value)
    shutil.rmtree(half_done)
    expected, X, _ = undisturbed("features")
    assert_same_fit(fit("features", folder), expected, X)


def test_no_flipped_byte_goes_unnoticed(half_done):
    rng = np.random.default_rng(0)
    for name in (JSON, TENSORS):
        whole = (half_done / name).read_bytes()
        for position in rng.integers(len(whole), size=25):
            data = bytearray(whole)
            data[position] ^= 1 << rng.integers(8)
            (half_done / name).write_bytes(data)
            with pytest.raises(ValueError, match="damaged"):
                fit("features", half_done.parents[1])
        (half_done / name).write_bytes(whole)
    fit("features", half_done.parents[1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: {"a": 1}, "was not written by fit"),
        (lambda content: [], "was not written by fit"),
        (lambda content: content | {"format": 99}, "has format 99.*reads 1.*sk_fiqdr"),
        (lambda content: content | {"key": "0" * 40}, "other parameters or data"),
    ],
)
def test_foreign_json_is_told_apart_even_with_its_checksum(change, message, half_done):
    content = change(json.loads((half_done / JSON).read_text()))
    text = json.dumps(content).encode()
    (half_done / JSON).write_bytes(text)
    checksum = _checkpoint._digest(text)[:16]
    path = half_done.rename(half_done.with_name(f"epoch-00002-{checksum}"))
    with pytest.raises(ValueError, match=message) as error:
        fit("features", path.parents[1])
    assert f"Delete '{path}'" in str(error.value)


def test_a_folder_of_other_things_is_no_reason_to_start_afresh(half_done):
    half_done.rename(half_done.with_name("my backup"))
    with pytest.raises(ValueError, match="contains 'my backup' and no checkpoint"):
        fit("features", half_done.parents[1])


def test_a_checkpoint_of_other_layers_is_refused(half_done, monkeypatch):
    """The same parameters may build another network once the code has changed."""
    from sk_fiqdr.modules import _multi_task_net as modules

    monkeypatch.setattr(modules.nn, "Linear", WiderLinear)
    with pytest.raises(ValueError, match=r"(?s)may have changed.*size mismatch"):
        fit("features", half_done.parents[1])


class WiderLinear(torch.nn.Linear):
    def __init__(self, n_in, n_out):
        super().__init__(n_in + 1, n_out)

    def forward(self, x):
        return super().forward(torch.nn.functional.pad(x, (0, 1)))


def test_other_versions_go_on_with_a_warning(half_done, monkeypatch):
    monkeypatch.setitem(_checkpoint.VERSIONS, "torch", "99")
    with pytest.warns(UserWarning, match=r"resumes with .*'99'.*last bits"):
        fit("features", half_done.parents[1])


class Fill(Callback):
    """Fill the disk in some epoch."""

    at_, junk_ = None, None

    def on_epoch_begin(self, net, **kwargs):
        if len(net.history) == self.at_:
            with open(self.junk_, "wb", buffering=0) as file:
                try:
                    while file.write(bytes(1024)) == 1024:
                        pass
                except OSError:
                    pass


def fit_on_a_full_disk(folder, queue):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x20000):  # CLONE_NEWNS: the mount is seen by this process alone
        queue.put("no mount namespace")
        return
    subprocess.run(["mount", "--make-rprivate", "/"], check=False)
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        queue.put("no tmpfs")
        return
    Fill.junk_ = folder / "junk"
    net, X, y = scenario("features")
    net.set_params(callbacks=[Fill], checkpoint_dir=folder / "checkpoints")
    for epoch in (1, 4):
        Fill.at_ = epoch
        try:
            clone(net).fit(X, y)
            queue.put("no error")
        except OSError as error:
            queue.put((error.errno, str(error)))
        Fill.junk_.unlink()
    Fill.at_ = None
    queue.put(clone(net).fit(X, y).history[:, "train_loss"])


def test_a_full_disk_is_said_and_the_fit_goes_on_once_there_is_room(tmp_path):
    queue = PROCESSES.SimpleQueue()
    assert run(fit_on_a_full_disk, tmp_path, queue) == 0
    first = queue.get()
    if isinstance(first, str):
        pytest.skip(f"{first}, so that no disk can be full")
    assert first[0] == 28
    assert "epoch 1 could not be written" in first[1]
    assert "There is no earlier one" in first[1]
    number, message = queue.get()
    assert number == 28
    assert "epoch 4 could not be written" in message
    assert "No space left on device" in message
    assert "That of epoch 3 is complete: free some space" in message
    assert queue.get() == undisturbed("features")[0].history[:, "train_loss"]


def fit_with_small_files(folder, queue):
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
    try:
        fit("features", folder)
    except OSError as error:
        queue.put(str(error))


def test_a_file_that_may_not_grow_is_said_and_leaves_nothing_behind(tmp_path):
    queue = PROCESSES.SimpleQueue()
    assert run(fit_with_small_files, tmp_path, queue) == 0
    assert "epoch 1 could not be written" in queue.get()
    (folder,) = tmp_path.iterdir()
    assert not list(folder.iterdir())


def fit_as_nobody(folder, queue):
    if os.getuid() == 0:  # whom no permission stops
        os.setuid(65534)
    try:
        fit("features", folder)
    except OSError as error:
        queue.put((type(error).__name__, str(error)))


def test_a_folder_that_may_not_be_written_is_said_before_training():
    queue = PROCESSES.SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        assert run(fit_as_nobody, Path(folder) / "sub", queue) == 0
    name, message = queue.get()
    assert name == "PermissionError"
    assert "cannot be written to (Permission denied). Choose another" in message


def test_a_file_is_no_folder_for_checkpoints(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="Choose another folder"):
        fit("features", tmp_path / "file")


@pytest.mark.parametrize("bad", [3, True, ["a"]])
def test_a_checkpoint_dir_that_is_no_path_is_refused(bad):
    with pytest.raises(TypeError, match=r"'checkpoint_dir' .* must be"):
        fit("features", bad)


@pytest.fixture
def ctrl_c(monkeypatch):
    monkeypatch.setattr(_interrupts, "_last_pressed", -np.inf)
    monkeypatch.setattr(PressCtrlC, "n_left_", 1)
    return [PressCtrlC]


def test_ctrl_c_keeps_what_is_learned_and_says_so(ctrl_c):
    net, X, y = scenario("features")
    before = signal.getsignal(signal.SIGINT)
    with pytest.warns(UserWarning, match=r"epoch 3 of 12.*partial_fit trains it"):
        net.set_params(callbacks=ctrl_c).fit(X, y)
    assert len(net.predict(X)) == len(X)
    assert len(net.history) == 3
    assert signal.getsignal(signal.SIGINT) is before


def test_a_fit_stopped_by_ctrl_c_goes_on(ctrl_c, tmp_path):
    net, X, y = scenario("features")
    net.set_params(callbacks=ctrl_c, checkpoint_dir=tmp_path)
    with pytest.warns(UserWarning, match="Fit again to resume after epoch 2"):
        net.fit(X, y)
    expected, *_ = undisturbed("features")
    assert_same_fit(net.fit(X, y), expected, X)


def test_ctrl_c_ends_one_fit_of_a_search_and_twice_the_search(ctrl_c, monkeypatch):
    net, X, y = scenario("features")
    net.set_params(callbacks=ctrl_c)
    grid, settings = {"beta": [1, 9, 27]}, {"cv": KFold(2), "refit": False}
    with pytest.warns(UserWarning, match=r"Ctrl-C stopped the fit.*Pressed twice"):
        search = GridSearchCV(net, grid, scoring=kappa_scorer, **settings).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    monkeypatch.setattr(PressCtrlC, "n_left_", 2)
    monkeypatch.setattr(_interrupts, "_last_pressed", -np.inf)
    with (
        pytest.warns(UserWarning, match="Ctrl-C stopped the fit"),
        pytest.raises(KeyboardInterrupt),
    ):
        search.fit(X, y)
    assert PressCtrlC.n_left_ == 0


def test_a_callback_that_ends_a_fit_is_no_ctrl_c(tmp_path, monkeypatch):
    """And the fit counts as finished."""
    with stopped_in_epoch(3, monkeypatch, error=KeyboardInterrupt):
        fit("features", tmp_path)
    (path,) = checkpoints(tmp_path)
    assert path.name.startswith("finished-")


def test_a_thread_may_fit_where_no_signals_arrive(tmp_path):
    thread = threading.Thread(target=fit, args=("features", tmp_path))
    thread.start()
    thread.join()
    assert checkpoints(tmp_path)[0].name.startswith("finished-")


def test_a_loss_of_nan_stops_the_fit_and_names_place_and_cause(tmp_path):
    net, X, y = scenario("features")
    net.set_params(lr=1e4, checkpoint_dir=tmp_path, lr_schedule="constant")
    with pytest.raises(
        FloatingPointError,
        match=r"became (nan|inf) in epoch \d+, batch \d+ .*before it.*lr=10000.*by 10",
    ):
        net.fit(X, y)


def test_a_loss_of_nan_in_the_first_batch_is_not_blamed_on_the_learning_rate():
    net, X, y = scenario("features")
    with pytest.raises(FloatingPointError, match=r"epoch 1, batch 1\. .*not the cause"):
        net.fit(X * np.float32(1e30), y)


def test_a_checkpoint_before_the_loss_became_nan_is_named(tmp_path, monkeypatch):
    loss = FIQDRClassifier.get_loss

    def spoil(net, *args, **kwargs):
        value = loss(net, *args, **kwargs)
        return value * np.nan if len(net.history) == 3 else value

    monkeypatch.setattr(FIQDRClassifier, "get_loss", spoil)
    with pytest.raises(FloatingPointError, match="checkpoint of epoch 2 is still in"):
        fit("features", tmp_path)


def test_the_unreadable_images_of_a_finished_fit_are_named_again(
    tiny, fundus, fundus_paths, tmp_path
):
    broken = tmp_path / "broken.jpeg"
    broken.write_bytes(b"<html>not found</html>")
    paths, y = [*fundus_paths[:7], broken], fundus.target[:8]
    net = FIQDRClassifier(**tiny, on_error="warn", checkpoint_dir=tmp_path / "folder")
    for _ in range(2):
        with pytest.warns(UserWarning, match="1 of 8 images could not be read"):
            net = clone(net).fit(paths, y)
        assert list(net.unreadable_) == [str(broken)]


class PickleNet(Callback):
    """Pickle the net after its first epoch."""

    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 1:
            PickleNet.pickled = pickle.dumps(net)


def test_a_callback_may_pickle_the_net_in_the_middle_of_a_fit(tmp_path):
    net, X, y = scenario("features")
    net.set_params(checkpoint_dir=tmp_path, callbacks=[PickleNet]).fit(X, y)
    assert pickle.loads(PickleNet.pickled).history == net.history[:1]
    copy = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(copy.predict(X), net.predict(X))
    assert copy.get_params()["checkpoint_dir"] == tmp_path


def write_weights(path, seed):
    """Write weights of the same size, and with the same time."""
    torch.manual_seed(seed)
    state = TinyBackbone().state_dict()
    save = safetensors.torch.save_file if path.suffix != ".pth" else torch.save
    save(state, path)
    os.utime(path, (1, 1))


def fit_on_weights(fundus, name, path, folder, **settings):
    settings = {
        "backbone": TinyBackbone,
        "image_size": 32,
        "max_epochs": 1,
        "random_state": 0,
        "amp": False,
        "checkpoint_dir": folder,
        name: path,
        **settings,
    }
    return FIQDRClassifier(**settings).fit(fundus.data, fundus.target)


def probabilities(net, fundus):
    return net.predict_proba(fundus.data)


@pytest.mark.parametrize("kind", [str, Path])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_other_weights_at_the_same_path_make_another_fit(
    kind, suffix, fundus, tmp_path
):
    path, folder = tmp_path / f"backbone{suffix}", tmp_path / "checkpoints"
    got, expected = [], []
    for seed in (0, 1, 0):
        write_weights(path, seed)
        net = fit_on_weights(fundus, "weights", kind(path), folder)
        got.append(probabilities(net, fundus))
        net = fit_on_weights(fundus, "weights", kind(path), None)
        expected.append(probabilities(net, fundus))
    np.testing.assert_array_equal(got, expected)
    assert not np.array_equal(got[0], got[1])
    assert len(checkpoints(folder)) == 2


def test_a_link_that_leads_to_other_weights_makes_another_fit(fundus, tmp_path):
    link, got = tmp_path / "backbone.pth", []
    for seed in (0, 1):
        write_weights(tmp_path / f"{seed}.pth", seed)
        link.unlink(missing_ok=True)
        link.symlink_to(tmp_path / f"{seed}.pth")
        net = fit_on_weights(fundus, "weights", link, tmp_path / "checkpoints")
        got.append(probabilities(net, fundus))
    assert not np.array_equal(*got)


def test_a_stopped_fit_does_not_go_on_from_other_weights(fundus, tmp_path, monkeypatch):
    path, folder = tmp_path / "backbone.pth", tmp_path / "checkpoints"
    write_weights(path, 0)
    with (
        stopped_in_epoch(2, monkeypatch),
        pytest.raises(RuntimeError, match="power cut"),
    ):
        fit_on_weights(fundus, "weights", path, folder, max_epochs=3)
    write_weights(path, 1)
    net = fit_on_weights(fundus, "weights", path, folder, max_epochs=3)
    expected = fit_on_weights(fundus, "weights", path, None, max_epochs=3)
    np.testing.assert_array_equal(
        probabilities(net, fundus), probabilities(expected, fundus)
    )


def test_the_same_weights_at_another_path_are_the_same_fit(fundus, tmp_path):
    folder = tmp_path / "checkpoints"
    for name in ("here.safetensors", "there.safetensors"):
        write_weights(tmp_path / name, 0)
        fit_on_weights(fundus, "weights", tmp_path / name, folder)
    assert len(checkpoints(folder)) == 1


def test_a_saved_model_does_not_carry_the_folder_of_its_checkpoints(tmp_path):
    fit("features", str(tmp_path / "checkpoints")).save_pretrained(tmp_path / "model")
    assert "checkpoints" not in (tmp_path / "model" / "config.json").read_text()
    loaded = FIQDRClassifier.from_pretrained(tmp_path / "model")
    assert loaded.checkpoint_dir is None


@pytest.mark.parametrize(
    "check",
    [
        check_dict_unchanged,
        check_dont_overwrite_parameters,
        check_estimators_pickle,
        check_fit_idempotent,
        check_get_params_invariance,
        check_set_params,
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks_hold_with_checkpoints(check, tmp_path):
    net = QualityClassifier(
        backbone=None,
        gradient_clip=1.0,
        max_epochs=3,
        random_state=0,
        checkpoint_dir=str(tmp_path),
    )
    check("QualityClassifier", net)


def test_a_checkpoint_of_the_first_format_is_found_and_taken_over(tmp_path):
    """It was written when the estimators stood in another file."""
    first = Path(TESTS) / "data" / "checkpoint-1"
    shutil.copytree(first, tmp_path, dirs_exist_ok=True)
    expected = json.loads((first / "expected.json").read_text())
    X = np.random.default_rng(0).normal(size=(24, 7)).astype(np.float32)
    net = FIQDRClassifier(
        backbone=None, max_epochs=2, random_state=0, checkpoint_dir=tmp_path
    )
    of_then = {"quality_loss_weight": 1.0, "batch_size": 32}
    of_then |= {"augment": "default", "grade_loss": "cross_entropy"}
    net.set_params(**of_then)
    net.fit(X, np.array(expected["y"]))
    np.testing.assert_allclose(net.predict_proba(X), expected["proba"], rtol=1e-5)
    assert len(list(tmp_path.glob("FIQDRClassifier-*"))) == 1


@pytest.mark.parametrize(
    ("estimator", "key"),
    [
        (QualityClassifier, "7ec559f279aa9fdaf035"),
        (DRGrader, "0c396fcec68dcec173dd"),
    ],
)
def test_fits_of_one_task_have_the_key_that_the_first_format_gave(
    estimator, key, tmp_path
):
    """The keys are those that the code of then gave; parameters came since."""
    X = np.arange(24 * 7, dtype=np.float32).reshape(24, 7) % 11
    net = estimator(
        backbone=None,
        max_epochs=1,
        batch_size=32,
        lr=0.01,
        augment="default",
        random_state=0,
        checkpoint_dir=tmp_path,
    )
    net.fit(X, np.arange(24) % (2 if estimator is QualityClassifier else 5))
    assert [path.name for path in tmp_path.iterdir()] == [f"{estimator.__name__}-{key}"]


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (WeightedCenterLoss, "sk_fiqdr.losses.WeightedCenterLoss"),
        (MultiTaskNet, "sk_fiqdr.modules.MultiTaskNet"),
        (QualityGate, "sk_fiqdr.model_selection.QualityGate"),
        (FIQDRClassifier, "sk_fiqdr._classifiers.FIQDRClassifier"),
    ],
)
def test_a_key_does_not_depend_on_the_file_that_holds_a_class(thing, name):
    assert describe(thing) == name
