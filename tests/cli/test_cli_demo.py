"""`sk-fiqdr demo`: what it prints, writes and refuses."""

import itertools
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from sk_fiqdr import FIQDRClassifier, __version__
from sk_fiqdr.cli import _demo_run, app
from sk_fiqdr.cli._demo_run import FEWEST, N_SAMPLES, affordable, findings


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
    assert "2 of 2 epochs" not in result.stderr  # a line for each third epoch
    scores = pd.read_csv(folder / "scores.csv")
    assert scores["loss"].tolist() == [
        "chosen by the search",
        "plain cross-entropy",
    ]
    assert scores[["kappa", "mean_acc", "kappa_both_eyes"]].notna().all(axis=None)
    for sentence in findings(scores):
        assert sentence in " ".join(result.stderr.split())
    assert len(pd.read_csv(folder / "search.csv")) == 4
    with Image.open(folder / "graded.png") as picture:
        assert picture.size == (1414, 578)
    net = FIQDRClassifier.from_pretrained(folder / "model")
    assert net.beta == scores["beta"][0]
    assert len(net.grade_cut_points_) == 4


SHOWN = {
    "kappa": 0.8,
    "kappa_most_probable": 0.7,
    "kappa_both_eyes": 0.9,
    "kappa_graded": 0.85,
    "refused": 0.1,
    "mean_acc": 0.9,
    "specificity": 0.9,
    "n_poor": 10,
    "n_test": 100,
    "n_tuned_on": 50,
}


def test_the_sentences_say_what_the_figures_show():
    worse = {"mean_acc": 0.8, "specificity": 0.5}
    sentences = findings(pd.DataFrame([SHOWN, SHOWN | worse]))
    assert "Of 10 poor photographs the chosen loss recognises 9, plain" in sentences[0]
    assert "mean_acc is higher (0.800 to 0.900)" in sentences[0]
    assert "did not help" not in sentences[0]
    assert "raise kappa (0.700 to 0.800)" in sentences[1]
    assert "raise kappa (0.800 to 0.900)" in sentences[2]
    assert "real" not in sentences[2]
    assert "Refusing the 10% that are predicted poor would raise" in sentences[3]


def test_the_sentences_say_so_if_nothing_helped():
    chosen = SHOWN | {
        "kappa_most_probable": 0.8,
        "kappa_both_eyes": 0.75,
        "kappa_graded": 0.7,
    }
    better = {"mean_acc": 0.95, "specificity": 1.0}
    sentences = findings(pd.DataFrame([chosen, SHOWN | better]))
    assert "mean_acc is lower (0.950 to 0.900)" in sentences[0]
    assert "did not help" in sentences[0]
    assert "leave kappa as it is (0.800)" in sentences[1]
    assert "lower kappa (0.800 to 0.750); on 26,960 real" in sentences[2]
    assert "lower kappa (0.800 to 0.700)" in sentences[3]


def test_a_slow_machine_paints_fewer_photographs(monkeypatch):
    seconds = itertools.count(0, 64)  # two for each of the 32 photographs
    monkeypatch.setattr(_demo_run.time, "perf_counter", lambda: float(next(seconds)))
    assert affordable(64) == FEWEST
    monkeypatch.setattr(_demo_run.time, "perf_counter", lambda: 0.001 * next(seconds))
    assert affordable(64) == N_SAMPLES


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
    time.sleep(2)  # into the features
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
