"""Commands where the disk, the memory, open files, permissions or names run short."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from helpers import limited_commands
from helpers.commands import SMALL
from PIL import Image

from sk_fiqdr.datasets import make_fundus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")
NOBODY = 65534
FULL_DISK = {"limits": {"RLIMIT_FSIZE": 200}}  # bytes of a file
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


class Runner:
    """A process that forks for each command."""

    def __init__(self, environment):
        self.process = subprocess.Popen(
            [sys.executable, limited_commands.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        assert self.process.stdout.readline() == "ready\n"

    def __call__(self, args, folder, **limits):
        """Return the exit status and what the command wrote."""
        folder.mkdir(parents=True, exist_ok=True)
        args = [os.fsencode(arg).decode("latin-1") for arg in args]
        job = {"args": args, "folder": os.fsencode(folder).decode("latin-1"), **limits}
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        status, text = json.loads(self.process.stdout.readline())
        assert "Traceback" not in text, text
        assert "╭─ Error" not in text, text
        return status, " ".join(text.split())

    def end(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def runner():
    runner = Runner(ENVIRONMENT)
    yield runner
    runner.end()


@pytest.fixture(scope="module")
def place(tmp_path_factory, runner):
    """Photographs, their labels and a model."""
    place = tmp_path_factory.mktemp("place")
    eyes = make_fundus(
        24, image_size=48, poor_fraction=0.3, grade_fractions="balanced", random_state=0
    )
    names = eyes.frame["patient"] + "_" + eyes.frame["eye"]
    (place / "eyes").mkdir()
    for name, pixels in zip(names, eyes.data, strict=True):
        Image.fromarray(pixels).save(place / "eyes" / f"{name}.jpeg")
    frame = {"image": names, "level": eyes.target[:, 0], "quality": eyes.target[:, 1]}
    pd.DataFrame(frame).to_csv(place / "labels.csv", index=False)
    command = commands(place, place / "eyes", place)["train"]
    command[-1] = place / "model"
    status, text = runner(command, place / "training")
    assert status == 0, text
    return place


def commands(place, eyes, folder):
    """Return each command that writes, with what it writes last."""
    labels = ["--grades", place / "labels.csv", "--quality", place / "labels.csv"]
    learn = [*SMALL, "--max-epochs", "4", "--batch-size", "4", "--lr", "0.001"]
    return {
        "prepare": ["prepare", eyes, folder / "out", "--size", "128", "--n-jobs", "1"],
        "audit": ["audit", eyes, *labels, "--picture", folder / "out.png"],
        "search": [
            *("search", eyes, *labels, *learn, "--beta", "1,3", "--lambd", "0"),
            *("--n-splits", "2", "--output", folder / "out"),
        ],
        "train": ["train", eyes, *labels, *learn, "--output", folder / "out"],
        "predict": ["predict", place / "model", eyes, "--output", folder / "out.csv"],
        "evaluate": [
            *("evaluate", place / "model", eyes, *labels, "--n-bootstraps", "10"),
            *("--report", folder / "out.html"),
        ],
        "export": ["export", place / "model", folder / "out.pt2"],
    }


NAMES = list(commands(Path(), Path(), Path()))


def whole_files(folder):
    """Return the files that a user would take for results."""
    return [
        path.name
        for path in folder.glob("*")
        if path.is_file() and not path.name.endswith(".toml")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_leaves_nothing_half_written_and_a_rerun_finishes(
    name, place, runner, tmp_path
):
    command = commands(place, place / "eyes", tmp_path)[name]
    status, text = runner(command, tmp_path, **FULL_DISK)
    assert status in (1, 3), text
    assert "free some space" in text or "Make room" in text
    assert whole_files(tmp_path) == []
    status, text = runner(command, tmp_path)
    assert status == 0, text


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_64_open_files_are_enough(name, place, runner, tmp_path):
    command = commands(place, place / "eyes", tmp_path)[name]
    status, text = runner(command, tmp_path, limits={"RLIMIT_NOFILE": 64})
    assert status == 0, text


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_may_not_be_written_to_is_named_with_a_way_out(
    name, place, runner, tmp_path
):
    folder = tmp_path / "of another"
    folder.mkdir()
    command = commands(place, place / "eyes", folder)[name]
    if os.getuid() == 0:
        os.chown(folder, NOBODY, NOBODY)
    else:
        folder.chmod(0o555)
    status, text = runner(command, tmp_path, permissions=os.getuid() == 0)
    folder.chmod(0o777)
    assert status in (2, 3), text
    assert "Permission denied" in text
    assert "permission to" in text
    assert os.listdir(folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["prepare", "train", "predict", "evaluate"])
def test_too_little_memory_ends_with_a_message_and_a_rerun_finishes(
    name, place, runner, tmp_path
):
    """Memory is taken from it until it no longer fits."""
    command = commands(place, place / "eyes", tmp_path)[name]
    for mebibytes in (1024, 256, 64, 16, 0):
        folder = tmp_path / str(mebibytes)
        command = commands(place, place / "eyes", folder)[name]
        status, text = runner(command, folder, memory=mebibytes * 2**20)
        if status > 0:
            break
    if status < 0:
        pytest.skip(f"torch ended the process by signal {-status} where memory ran out")
    assert status in (1, 3), (status, text)
    assert "emory" in text
    status, text = runner(command, folder)
    assert status == 0, text


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["no home", "ASCII"])
def test_neither_a_home_nor_an_encoding_is_needed(kind, place, tmp_path):
    environment = dict(ENVIRONMENT)
    if kind == "no home":
        environment.pop("HOME", None)
    else:
        environment |= {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    eyes = tmp_path / "Augen für ä"
    shutil.copytree(place / "eyes", eyes)
    other = Runner(environment)
    try:
        for name in ("prepare", "train", "predict", "audit"):
            folder = tmp_path / name
            status, text = other(commands(place, eyes, folder)[name], folder)
            assert status == 0, text
    finally:
        other.end()
    assert len(pd.read_csv(tmp_path / "predict" / "out.csv")) == 24


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_not_utf_8_are_read_and_written(name, place, runner, tmp_path):
    folder = tmp_path / os.fsdecode(b"out\xff")
    eyes = tmp_path / os.fsdecode(b"eyes\xfe")
    shutil.copytree(place / "eyes", eyes)
    status, text = runner(commands(place, eyes, folder)[name], folder)
    assert status == 0, text
    if name == "predict":
        content = (folder / "out.csv").read_text(encoding="utf-8")
        assert content.count("graded") == 24
        assert os.fsencode(eyes) in (folder / "out.csv.toml").read_bytes()
