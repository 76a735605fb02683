"""`sk-fiqdr demo`: what it prints, writes and refuses."""

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


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_demo_compares_saves_and_says_what_to_do_next(tmp_path, monkeypatch):
    monkeypatch.setattr("sk_fiqdr.cli._demo_run.SEARCH_EPOCHS", 1)
    monkeypatch.setattr("sk_fiqdr.cli._demo_run.FINAL_EPOCHS", 1)
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
