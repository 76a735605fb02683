"""`--both-eyes` fuses the eyes of a patient, and shows the single eye beside."""

import io
import json

import numpy as np
import pandas as pd
import pytest
from helpers.commands import run, words

from sk_fiqdr import FIQDRClassifier, QualityClassifier
from sk_fiqdr.datasets import load_kaggle_dr
from sk_fiqdr.metrics import grading_report
from sk_fiqdr.model_selection import FellowEyeClassifier


@pytest.fixture(scope="session")
def net(model):
    return FIQDRClassifier.from_pretrained(model / "model")


def fused(net, paths):
    return FellowEyeClassifier(net, cv="prefit").fit(paths, np.zeros(len(paths), int))


def test_predict_writes_the_fused_grades_beside_those_of_each_eye(
    eyes, model, net, tmp_path, monkeypatch
):
    monkeypatch.setattr("sk_fiqdr.cli._model.N_AT_ONCE", 7)  # eyes of a patient apart
    plain, both = tmp_path / "plain.csv", tmp_path / "both.csv"
    assert run("predict", model, eyes.images, "--output", plain).exit_code == 0
    result = run("predict", model, eyes.images, "--output", both, "--both-eyes")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(both)
    alone = pd.read_csv(plain)
    pd.testing.assert_frame_equal(table[alone.columns], alone)
    fellow = fused(net, table["path"].tolist())
    proba = fellow.predict_proba(table["path"].tolist())
    columns = [f"p_both_eyes_{k}" for k in range(5)]
    np.testing.assert_allclose(table[columns], proba, atol=2e-6)
    grade = fellow.predict(table["path"].tolist())
    assert (table["grade_both_eyes"] == grade).mean() > 0.95  # but for rounding
    n_fellows = alone["path"].str.rsplit("_", n=1).str[0].duplicated(keep=False).sum()
    assert f"{n_fellows} of {len(alone)} images" in result.stderr


def test_an_eye_without_a_graded_fellow_keeps_its_grade(eyes, model, tmp_path):
    folder = tmp_path / "some"
    folder.mkdir()
    paths = sorted(eyes.images.iterdir())[:4]
    for path in paths:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / paths[1].name).write_text("<html>")
    result = run("predict", model, folder, "--both-eyes", "--csv")
    assert result.exit_code == 1
    table = pd.read_csv(io.StringIO(result.stdout))
    first, broken = table.iloc[0], table.iloc[1]
    assert first["grade_both_eyes"] == first["grade"]
    for k in range(5):
        assert first[f"p_both_eyes_{k}"] == first[f"p_grade_{k}"]
    assert np.isnan(broken["grade_both_eyes"])
    assert broken["status"] == "unreadable"


def test_evaluate_scores_both_and_says_what_flatters(eyes, model, net):
    result = run("evaluate", model, eyes.images, *eyes.labels, "--both-eyes", "--json")
    assert result.exit_code == 0, result.output
    assert "which flatters scores of both eyes" in words(result.stderr)
    table = pd.DataFrame(json.loads(result.stdout)).set_index(["task", "measure"])
    split = pd.read_csv(model / "split.csv")
    test = (split["part"] == "test").to_numpy()
    data = load_kaggle_dr(eyes.images, eyes.grades, eyes.quality)
    X, y, groups = data.data[test], data.target[test], data.groups[test]
    for task, grade in (
        ("grade", net.predict(X)),
        ("grade, both eyes", fused(net, X).predict(X)),
    ):
        expected = grading_report(y, grade, groups=groups)["value"]
        found = table.loc[task, "value"].astype(float)
        np.testing.assert_allclose(found, expected, atol=1e-9)
    plain = run("evaluate", model, eyes.images, *eyes.labels, "--json")
    assert "both eyes" not in plain.output


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_net_without_grades_cannot_use_both_eyes(command, eyes, tmp_path):
    data = load_kaggle_dr(eyes.images, eyes.grades, eyes.quality)
    net = QualityClassifier(
        backbone="shufflenet_v2_x0_5", weights=None, image_size=32, max_epochs=1
    )
    net.fit(data.data[:16], data.target[:16, 1]).save_pretrained(tmp_path / "model")
    labels = eyes.labels if command == "evaluate" else []
    result = run(command, tmp_path / "model", eyes.images, *labels, "--both-eyes")
    assert result.exit_code == 2
    assert "--both-eyes asks for grades" in words(result.stderr)


def test_an_eye_that_has_two_photographs_is_pooled(eyes, model, tmp_path):
    folder = tmp_path / "twice"
    folder.mkdir()
    left, right = sorted(eyes.images.iterdir())[:2]
    for path, name in (
        (left, "1_left.jpeg"),
        (right, "1_left_2.jpeg"),
        (right, "1_right.jpeg"),
    ):
        (folder / name).write_bytes(path.read_bytes())
    result = run("predict", model, folder, "--both-eyes", "--csv")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(io.StringIO(result.stdout))
    columns = [f"p_both_eyes_{k}" for k in range(5)]
    assert table[columns].iloc[0].tolist() == table[columns].iloc[1].tolist()
