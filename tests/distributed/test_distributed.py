"""Several processes learn what one learns: real ones, started as users start them."""

import copy
import os
import pickle
import re
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from helpers import distributed_fits
from helpers.networks import TinyBackbone
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.distributed import DistributedDRGrader, DistributedFIQDRClassifier
from sk_fiqdr.distributed._processes import processes
from sk_fiqdr.model_selection import PatientStratifiedKFold

pytest.importorskip("accelerate")
SCRIPT = Path(distributed_fits.__file__)
GUIDE = Path(__file__).parents[2] / "docs" / "user_guide" / "several_devices.rst"
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone")
AS_ONE = [
    "heads",
    "weights",
    "one-sided labels",
    "one row left",
    "all rows at once",
    "AdamW",
    "grader",
    "quality",
    "images",
    "images, grader",
    "workers",
    "thawing",
    "validation",
    "early stopping",
]
OTHERS = [
    "one-sided labels, still",
    "any",
    "batch norm",
    "files",
    "different data",
    "different parameters",
    "plain",
    "checkpoints",
]


def start(*command, cwd, seconds=90, **environment):
    """Start processes on the CPU, wait for their end, and return what they said."""
    done = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        timeout=seconds,
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "CUDA_VISIBLE_DEVICES": "",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "HF_HOME": str(cwd),  # accelerate's configuration of whoever tests
            **environment,
        },
    )
    return done.returncode, done.stdout, done.stderr


def started(folder, *names, n_processes=2, **environment):
    """Fit scenarios in several processes, and return what each process then has."""
    code, out, error = start(
        *TORCHRUN,
        f"--nproc-per-node={n_processes}",
        SCRIPT,
        folder,
        *names,
        cwd=folder,
        **environment,
    )
    assert code == 0, out + error
    return {
        name: [
            pickle.loads((folder / f"{name}.{rank}.pkl").read_bytes())
            for rank in range(n_processes)
        ]
        for name in names
    }


def make_files(folder):
    """Write photographs, of which the second and the last are none."""
    from PIL import Image

    (folder / "images").mkdir()
    data = make_fundus(30, image_size=32, poor_fraction=0.4, random_state=0).data
    for i, image in enumerate(data):
        Image.fromarray(image).save(folder / "images" / f"{i:02}_left.png")
    for name in ("01_left.png", "29_left.png"):
        (folder / "images" / name).write_text("<html>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("two processes ä")


@pytest.fixture(scope="module")
def heads(folder):
    """What two processes have after fits of heads on features."""
    return started(folder, *[name for name in AS_ONE + OTHERS if on_features(name)])


@pytest.fixture(scope="module")
def images(folder):
    """What two processes have after fits on images."""
    make_files(folder)
    return started(folder, *[name for name in AS_ONE + OTHERS if not on_features(name)])


def on_features(name):
    return distributed_fits.SCENARIOS[name][1]["backbone"] is None


@pytest.fixture
def two(request):
    """What two processes have after whatever fit is asked for."""

    def outcomes(name):
        return request.getfixturevalue("heads" if on_features(name) else "images")[name]

    return outcomes


def assert_equal_nets(one, other, *, atol):
    """Compare weights, centres, predictions, and every number of the history."""
    for part in ("weights", "centers"):
        assert one[part].keys() == other[part].keys()
        for key, value in one[part].items():
            np.testing.assert_allclose(value, other[part][key], rtol=0, atol=atol)
    np.testing.assert_allclose(one["proba"], other["proba"], rtol=0, atol=atol)
    assert len(one["history"]) == len(other["history"])
    for epoch, other_epoch in zip(one["history"], other["history"], strict=True):
        assert numbers(epoch).keys() == numbers(other_epoch).keys()
        for key, value in numbers(epoch).items():
            np.testing.assert_allclose(
                value, numbers(other_epoch)[key], rtol=0, atol=atol
            )


def numbers(epoch):
    """Return what an epoch recorded, its batches among it; not how long it took."""
    flat = {key: value for key, value in epoch.items() if key not in ("batches", "dur")}
    for i, batch in enumerate(epoch["batches"]):
        flat |= {f"{key} of batch {i}": value for key, value in batch.items()}
    return flat


@pytest.mark.slow
@pytest.mark.parametrize("name", AS_ONE)
def test_two_processes_learn_what_one_learns(name, two, folder):
    one = distributed_fits.fit(name, folder, distributed=False)
    for outcome in two(name):
        assert_equal_nets(outcome, one, atol=1e-5)


@pytest.mark.slow
def test_early_stopping_stopped_both_before_the_last_epoch(two):
    assert {len(outcome["history"]) for outcome in two("early stopping")} < set(
        range(2, 12)
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", [*AS_ONE, "any", "batch norm", "files", "checkpoints"])
def test_both_processes_end_with_the_same_net(name, two):
    first, second = two(name)
    assert_equal_nets(first, second, atol=0)
    assert first["history"] == second["history"]


def loop_over_rows(proba, quality_proba, features, centers, y, weight, beta, lambd):
    """L_dr + L_q of a batch, row by row."""
    grade_sum = grade_weight = quality_sum = quality_weight = 0.0
    for p, q, f, (grade, quality), s in zip(
        proba, quality_proba, features, y, weight, strict=True
    ):
        if grade >= 0:
            grade_sum -= s * np.log(p[grade])
            grade_weight += s
        if quality >= 0:
            w = s * (beta if quality == 0 else 1.0)
            quality_sum -= w * np.log(q[quality])
            quality_sum += s * lambd / 2 * np.sum((f - centers[quality]) ** 2)
            quality_weight += w
    loss = grade_sum / grade_weight if grade_weight else 0.0
    return loss + 0.15 * (quality_sum / quality_weight if quality_weight else 0.0)


def move_by_wens_rule(centers, features, y, weight):
    """Return the centres after a batch, class by class."""
    moved = centers.copy()
    for k in range(2):
        rows = np.flatnonzero(y[:, 1] == k)
        pull = sum((weight[i] * (centers[k] - features[i]) for i in rows), np.zeros(1))
        moved[k] = centers[k] - 0.5 * pull / (1 + weight[rows].sum())
    return moved


@pytest.mark.slow
def test_every_batch_has_the_loss_of_a_loop_over_all_its_rows(two, folder):
    name = "one-sided labels, still"  # lr=0: what the net says of a row stays
    outcome = two(name)[1]
    X, y, more = distributed_fits.make_data(name, folder)
    one = FIQDRClassifier(**distributed_fits.SCENARIOS[name][1]).fit(X, y)
    proba, quality_proba = one.predict_tasks(X)
    features, weight = outcome["features"].astype(float), more["sample_weight"]
    centers = np.zeros((2, features.shape[1]))
    for epoch in outcome["history"]:
        for i, batch in enumerate(epoch["batches"]):
            rows = slice(8 * i, 8 * i + 8)
            expected = loop_over_rows(
                proba[rows],
                quality_proba[rows],
                features[rows],
                centers,
                y[rows],
                weight[rows],
                beta=27,
                lambd=0.1,
            )
            assert batch["train_loss"] == pytest.approx(expected, abs=1e-5)
            assert batch["train_batch_size"] == len(X[rows])
            centers = move_by_wens_rule(centers, features[rows], y[rows], weight[rows])
    np.testing.assert_allclose(outcome["centers"]["centers"], centers, atol=1e-5)


def test_the_data_of_that_test_leave_a_process_without_labels(folder):
    _, y, _ = distributed_fits.make_data("one-sided labels", folder)
    parts = [y[i : i + 4] for i in range(0, 16, 4)]
    known = [(part >= 0).any(axis=0).tolist() for part in parts]
    assert known == [[False, True], [True, False], [True, True], [False, False]]


@pytest.mark.slow
def test_what_is_drawn_for_the_noise_differs_and_nothing_else(two):
    first, second = two("any")
    assert first["held_out"] == second["held_out"] != []
    batches = [batch for epoch in first["history"] for batch in epoch["batches"]]
    n_steps = sum("train_loss" in batch for batch in batches)
    assert len(first["drawn"]) == len(second["drawn"]) == n_steps > 0
    assert not set(first["drawn"]) & set(second["drawn"])


@pytest.mark.slow
def test_the_main_process_alone_prints_and_warns(two):
    first, second = two("any")
    assert first["printed"].count("train_loss") == 1
    assert second["printed"] == ""
    first, second = two("files")
    assert sum("could not be read" in message for message in first["warned"]) == 1
    assert second["warned"] == []


@pytest.mark.slow
def test_each_process_names_the_files_that_either_could_not_read(two, folder):
    for outcome in two("files"):
        assert [Path(path).name for path in outcome["unreadable"]] == [
            "01_left.png",
            "29_left.png",
        ]


@pytest.mark.slow
def test_data_that_differ_are_an_error_in_every_process(two):
    for outcome in two("different data"):
        assert "different data, of 53, 52 rows" in outcome["error"]
        assert "the whole of X and y" in outcome["error"]


@pytest.mark.slow
def test_parameters_that_differ_are_named_in_every_process(two):
    for outcome in two("different parameters"):
        assert "were given different parameters: ['beta']" in outcome["error"]


@pytest.mark.slow
def test_a_plain_estimator_never_looks_at_the_other_processes(two, folder):
    for rank, outcome in enumerate(two("plain")):
        one = distributed_fits.fit("plain", folder, distributed=False, rank=rank)
        assert_equal_nets(outcome, one, atol=1e-6)


@pytest.mark.slow
def test_three_processes_of_which_one_may_have_no_row(tmp_path):
    # 53 rows, 17 at a time: two are left for three processes.
    outcomes = started(tmp_path, "heads", "one row left", n_processes=3)
    for name, of_each in outcomes.items():
        one = distributed_fits.fit(name, tmp_path, distributed=False)
        for outcome in of_each:
            assert_equal_nets(outcome, one, atol=1e-5)


@pytest.mark.slow
def test_an_error_in_one_process_ends_the_fit_and_all_go_on_from_it(two, tmp_path):
    began = time.monotonic()
    command = (*TORCHRUN, "--nproc-per-node=2", SCRIPT, tmp_path, "checkpoints")
    code, _, error = start(*command, cwd=tmp_path, STUMBLE="1")
    assert code != 0
    assert "ValueError: stumbled" in error
    assert time.monotonic() - began < 60  # and not the thirty minutes of the group
    (folder,) = (tmp_path / "checkpoints").iterdir()
    (checkpoint,) = folder.glob("epoch-*")  # by the main process, which stumbled not
    assert checkpoint.name.startswith("epoch-00002")
    resumed = started(tmp_path, "checkpoints")["checkpoints"]
    for outcome, undisturbed in zip(resumed, two("checkpoints"), strict=True):
        assert_equal_nets(outcome, undisturbed, atol=0)


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_on_two_gpus_batch_norm_is_that_of_the_whole_batch(tmp_path):
    outcomes = started(tmp_path, "batch norm", CUDA_VISIBLE_DEVICES="0,1")
    one = distributed_fits.fit("batch norm", tmp_path, distributed=False)
    for outcome in outcomes["batch norm"]:
        assert_equal_nets(outcome, one, atol=1e-4)


def block(mark):
    """Return the block of Python in the guide that holds a word."""
    blocks = re.findall(r"code-block:: python\n\n((?:   .*\n|\n)+)", GUIDE.read_text())
    (code,) = [code for code in blocks if mark in code]
    return re.sub(r"^   ", "", code, flags=re.MULTILINE)


@pytest.mark.slow
def test_accelerate_launches_the_script_of_the_guide_in_two_processes(tmp_path):
    (tmp_path / "script.py").write_text(
        block("DistributedFIQDRClassifier(")
        + "net.accelerator.print(net.accelerator.num_processes, 'processes')\n"
    )
    code, out, error = start(
        *(sys.executable, "-m", "accelerate.commands.launch"),
        # What it starts where there are GPUs; the processes find none, and take gloo.
        *("--multi_gpu", "--num_processes=2", "script.py"),
        cwd=tmp_path,
    )
    assert code == 0, error
    assert out.count("kappa") == 1
    assert "2 processes" in out
    net = FIQDRClassifier.from_pretrained(tmp_path / "my-model")
    images = make_fundus(4, image_size=64, random_state=1).data
    assert set(net.predict_quality(images)) <= {0, 1}


def test_alone_it_is_the_plain_estimator_bit_for_bit(tiny, fundus):
    settings = tiny | {"module__dropout": 0.5, "verbose": 0}
    nets = [
        estimator(**settings).fit(fundus.data, fundus.target)
        for estimator in (FIQDRClassifier, DistributedFIQDRClassifier)
    ]
    for value, other in zip(
        *(net.module_.state_dict().values() for net in nets), strict=True
    ):
        assert (value == other).all()
    assert nets[0].history[:, "train_loss"] == nets[1].history[:, "train_loss"]


def test_it_is_cloned_pickled_copied_and_saved(tiny, fundus, tmp_path):
    net = DistributedFIQDRClassifier(**tiny).fit(fundus.data, fundus.target)
    proba = net.predict_proba(fundus.data)
    plain = FIQDRClassifier(**tiny)
    assert clone(net).get_params(deep=False) == plain.get_params(deep=False)
    for again in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert type(again) is DistributedFIQDRClassifier
        assert (again.predict_proba(fundus.data) == proba).all()
    net.save_pretrained(tmp_path / "model")
    for estimator in (FIQDRClassifier, DistributedFIQDRClassifier):
        again = estimator.from_pretrained(tmp_path / "model", backbone=TinyBackbone)
        assert type(again) is estimator
        assert (again.predict_proba(fundus.data) == proba).all()
        again.partial_fit(fundus.data, fundus.target)
    with pytest.raises(ValueError, match="holds a 'FIQDRClassifier'"):
        DistributedDRGrader.from_pretrained(tmp_path / "model", backbone=TinyBackbone)


def test_without_accelerate_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ImportError, match=re.escape("sk-fiqdr[distributed]")):
        processes.__wrapped__(on_cpu=True)


def test_processes_that_do_not_know_each_other_are_an_error(monkeypatch):
    processes(on_cpu=True)  # alone from now on
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match="2 processes were started, and accelerate"):
        processes.__wrapped__(on_cpu=True)


@pytest.fixture
def cluster(tmp_path):
    """Two worker processes on loopback."""
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
        client.wait_for_workers(2)
        yield client


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_search_on_a_cluster_has_the_results_of_one_without(tiny, fundus):
    search = GridSearchCV(
        FIQDRClassifier(**tiny),
        {"beta": [1, 27], "lambd": [0, 0.1]},
        scoring=distributed_fits.scores_and_process,
        refit="kappa",
        cv=PatientStratifiedKFold(2),
        error_score="raise",
    )
    data = (fundus.data, fundus.target)
    serial = clone(search).fit(*data, groups=fundus.groups)
    with joblib.parallel_config("dask", wait_for_workers_timeout=60):
        search.fit(*data, groups=fundus.groups)
    assert search.cv_results_["params"] == serial.cv_results_["params"]
    scores = {key for key in serial.cv_results_ if re.match("split._test_", key)}
    processes = {"split0_test_process", "split1_test_process"}
    assert len(scores - processes) >= 8
    for key in scores - processes:
        np.testing.assert_allclose(
            search.cv_results_[key], serial.cv_results_[key], atol=1e-5, err_msg=key
        )
    worked = {pid for key in processes for pid in search.cv_results_[key]}
    assert len(worked) == 2
    assert os.getpid() not in worked


@pytest.mark.slow
def test_each_worker_of_the_guide_sees_a_gpu_of_its_own(tmp_path):
    (tmp_path / "script.py").write_text(block("CUDA_VISIBLE_DEVICES"))
    code, out, error = start(sys.executable, "script.py", cwd=tmp_path)
    assert code == 0, error
    seen = re.findall(r"'tcp://[^']+': '(\d)'", out)
    assert sorted(seen) == ["0", "1"]
    assert "beta" in out
