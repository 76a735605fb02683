"""The command: what it prints, writes and refuses."""

import json
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from sk_fiqdr import FIQDRClassifier, __version__
from sk_fiqdr.cli import app
from sk_fiqdr.preprocessing import prepare_images


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_demo_compares_saves_and_says_what_to_do_next(tmp_path, monkeypatch):
    monkeypatch.setattr("sk_fiqdr._demo.SEARCH_EPOCHS", 1)
    monkeypatch.setattr("sk_fiqdr._demo.FINAL_EPOCHS", 1)
    folder = tmp_path / "first run ä"
    args = ["demo", "--folder", str(folder), "--n-samples", "80", "--image-size", "64"]
    result = CliRunner().invoke(app, args)
    assert result.exit_code == 0, result.output
    assert "cross-entropy" in result.stdout
    assert "load_kaggle_dr" in result.stderr
    scores = pd.read_csv(folder / "scores.csv")
    assert scores["loss"].tolist() == [
        "chosen by the search",
        "plain cross-entropy",
    ]
    assert scores[["kappa", "mean_acc"]].notna().all(axis=None)
    assert len(pd.read_csv(folder / "search.csv")) == 4
    with Image.open(folder / "graded.png") as picture:
        assert picture.size == (1414, 578)
    net = FIQDRClassifier.from_pretrained(folder / "model")
    assert net.beta == scores["beta"][0]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ctrl_c_ends_the_demo_and_leaves_nothing(tmp_path):
    folder = tmp_path / "demo"
    command = "from sk_fiqdr.cli import app; app()"
    args = ["demo", "--folder", folder, "--n-samples", "80", "--image-size", "64"]
    demo = subprocess.Popen(
        [sys.executable, "-c", command, *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not folder.exists() and demo.poll() is None:
        time.sleep(0.05)
    time.sleep(2)  # into the search
    demo.send_signal(signal.SIGINT)
    out, log = demo.communicate(timeout=120)
    assert demo.returncode == 130
    assert "Interrupted; nothing was written" in log
    assert out == ""
    assert not folder.exists()


def test_demo_overwrites_nothing(tmp_path):
    result = CliRunner().invoke(app, ["demo", "--folder", str(tmp_path)])
    assert result.exit_code == 2
    assert "nothing is overwritten" in result.stderr.replace("\n", " ")


def test_the_version_is_told():
    assert CliRunner().invoke(app, ["--version"]).stdout.strip() == __version__


@pytest.fixture
def photographs(fundus, tmp_path):
    folder = tmp_path / "my eyes"
    for i, eye in enumerate(fundus.data[:3]):
        path = folder / f"{i} é" / "eye.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(eye).save(path)
    return folder


def run_prepare(*args):
    return CliRunner().invoke(app, ["prepare", *map(str, args), "--n-jobs", "1"])


def test_prepare_tells_of_names_that_differ_in_the_suffix_only(photographs, tmp_path):
    twin = next(photographs.rglob("eye.png"))
    Image.open(twin).save(twin.with_suffix(".tif"))
    result = run_prepare(photographs, tmp_path / "out")
    assert "2 share a name but for the suffix" in result.stdout
    summary = json.loads(run_prepare(photographs, tmp_path / "out", "--json").stdout)
    assert summary["suffix_kept"] == 2
    assert summary["unchanged"] == 4


def test_prepare_does_what_the_function_does(photographs, tmp_path):
    result = run_prepare(photographs, tmp_path / "out", "--size", 64, "--format", "png")
    assert result.exit_code == 0, result.output
    assert "3 photographs: 3 prepared, 0 were already, 0 failed" in result.stdout
    assert not result.stderr  # no bar where there is no terminal
    prepare_images(
        photographs, tmp_path / "same", image_size=64, format="png", n_jobs=1
    )
    for path in (tmp_path / "same").rglob("*.*"):
        other = tmp_path / "out" / path.relative_to(tmp_path / "same")
        assert other.read_bytes() == path.read_bytes()


def test_prepare_tells_what_failed_and_what_is_done_anew(photographs, tmp_path):
    (photographs / "page.jpeg").write_text("<html>")
    (photographs / "labels.csv").touch()
    result = run_prepare(photographs, tmp_path / "out")
    assert result.exit_code == 1
    assert "failed: 'page.jpeg' is no image" in result.stderr
    assert "left aside, no photographs by their suffix: 1 .csv" in result.stdout
    (photographs / "page.jpeg").unlink()
    result = run_prepare(photographs, tmp_path / "out", "--normalize", "graham")
    assert result.exit_code == 0
    assert "3 done anew: the settings have changed since" in result.stdout


def test_prepare_prints_json_alone_on_stdout(photographs, tmp_path):
    (photographs / "page.jpeg").write_text("<html>")
    result = run_prepare(photographs, tmp_path / "out", "--json")
    assert result.exit_code == 1
    summary = json.loads(result.stdout)
    counts = [summary[key] for key in ("found", "prepared", "failed")]
    assert counts == [4, 3, 1]
    assert [failure["source"] for failure in summary["failures"]] == ["page.jpeg"]
    assert len(pd.read_csv(summary["manifest"])) == 4


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["{in}", "{in}/out"], "must not lie in one another"),
        (["{in}/none", "{out}"], "There is no folder"),
        (["{in}", "{out}", "--size", "3"], "image_size must be from 16"),
        (["{in}", "{out}", "--format", "gif"], "format must be one of"),
        (["{in}"], "Missing argument"),
        (["{in}", "{out}", "--sise", "3"], "No such option"),
    ],
)
def test_prepare_refuses_with_a_message_and_status_two(
    photographs, tmp_path, args, message
):
    folders = {"in": photographs, "out": tmp_path / "out"}
    result = run_prepare(*[arg.format(**folders) for arg in args])
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_prepare_stops_at_the_first_failure_if_asked_to(photographs, tmp_path):
    (photographs / "page.jpeg").write_text("<html>")
    result = run_prepare(photographs, tmp_path / "out", "--on-error", "raise")
    assert result.exit_code == 1
    assert "page.jpeg' is no image" in result.stderr


def test_prepare_shows_an_example_in_its_help():
    result = CliRunner().invoke(app, ["prepare", "--help"])
    assert "Example: sk-fiqdr prepare train/ train-512/ --size 512" in result.stdout
