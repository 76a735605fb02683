"""The command: what it prints, writes and refuses."""

import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from sk_fiqdr import FIQDRClassifier, __version__
from sk_fiqdr.cli import app


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
    assert scores["loss"].tolist() == ["weighted + centre", "cross-entropy"]
    assert scores[["kappa", "mean_acc"]].notna().all(axis=None)
    assert len(pd.read_csv(folder / "search.csv")) == 4
    with Image.open(folder / "graded.png") as picture:
        assert picture.size == (1414, 578)
    net = FIQDRClassifier.from_pretrained(folder / "model")
    assert net.beta == scores["beta"][0]


def test_demo_overwrites_nothing(tmp_path):
    result = CliRunner().invoke(app, ["demo", "--folder", str(tmp_path)])
    assert result.exit_code == 2
    assert "nothing is overwritten" in result.stderr.replace("\n", " ")


def test_the_version_is_told():
    assert CliRunner().invoke(app, ["--version"]).stdout.strip() == __version__
