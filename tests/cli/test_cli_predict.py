"""`sk-fiqdr predict`, `evaluate`, `export`, `audit` and `info`."""

import io
import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest
from helpers.commands import run, words

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.cli._model import trained_patients
from sk_fiqdr.cli._predict import _reasons
from sk_fiqdr.datasets import audit, load_kaggle_dr
from sk_fiqdr.estimators._saving._saved_format import checksum
from sk_fiqdr.metrics import grading_report, quality_report
from sk_fiqdr.preprocessing import measure_quality

LABELS = ["--grades", "{grades}", "--quality", "{quality}"]


def test_predict_writes_what_the_net_says_of_each_image(eyes, model, tmp_path):
    result = run("predict", model, eyes.images, "--output", tmp_path / "graded.csv")
    assert result.exit_code == 0, result.output
    graded = pd.read_csv(tmp_path / "graded.csv")
    net = FIQDRClassifier.from_pretrained(model / "model")
    paths = sorted(map(str, eyes.images.iterdir()))
    assert graded["path"].tolist() == paths
    grade, quality = net.predict_tasks(paths)
    assert graded["grade"].tolist() == net.predict(paths).tolist()
    assert graded["quality"].tolist() == net.predict_quality(paths).tolist()
    columns = [f"p_grade_{k}" for k in range(5)]
    np.testing.assert_allclose(graded[columns], grade, atol=1e-6)
    np.testing.assert_allclose(graded["p_good"], quality[:, 1], atol=1e-6)
    assert not graded["refused"].any()
    assert graded["error"].isna().all()


def test_predict_goes_on_past_what_it_cannot_read(eyes, model, tmp_path, monkeypatch):
    monkeypatch.setattr("sk_fiqdr.cli._model.N_AT_ONCE", 2)
    folder = tmp_path / "mixed"
    folder.mkdir()
    whole = sorted(eyes.images.iterdir())[:3]
    for path in whole:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "00_left.jpeg").write_text("<html>")
    (folder / "99_left.jpeg").write_bytes(whole[0].read_bytes()[:500])
    result = run(
        "predict", model, folder, "--output", tmp_path / "graded.csv", "--json"
    )
    assert result.exit_code == 1
    graded = pd.read_csv(tmp_path / "graded.csv").set_index("path")
    graded.index = graded.index.str.rsplit("/").str[-1]
    unreadable = graded.loc[["00_left.jpeg", "99_left.jpeg"]]
    said = ["status", "error", "refused"]
    assert unreadable.drop(columns=said).isna().all(axis=None)
    assert (unreadable["status"] == "unreadable").all()
    assert "is not an image" in unreadable["error"].iloc[0]
    net = FIQDRClassifier.from_pretrained(model / "model")
    read = graded.loc[[path.name for path in whole]]
    assert read["grade"].tolist() == net.predict(list(map(str, whole))).tolist()
    counts = {row["what"]: row["n"] for row in json.loads(result.stdout)}
    assert counts["images"] == 5
    assert counts["unreadable"] == 2


def test_predict_refuses_where_the_quality_is_too_poor(eyes, model):
    everything = run("predict", model, eyes.images, "--json")
    p_good = pd.DataFrame(json.loads(everything.stdout))["p_good"]
    threshold = p_good.median()
    result = run("predict", model, eyes.images, "--json", "--refuse-below", threshold)
    refused = pd.DataFrame(json.loads(result.stdout))["refused"]
    assert refused.tolist() == (p_good < threshold).tolist()
    assert 0 < refused.sum() < len(refused)


def test_predict_says_why_photographs_are_predicted_poor(eyes, model):
    result = run("predict", model, eyes.images, "--json")
    table = pd.DataFrame(json.loads(result.stdout))
    poor = table["quality"] == 0
    expected = measure_quality(table.loc[poor, "path"])["reason"].replace("", "unclear")
    assert table.loc[poor, "reason"].tolist() == expected.tolist()
    assert (table.loc[~poor, "reason"] == "").all()
    # The same where half of them are predicted poor, whatever the model predicts.
    table["quality"] = np.arange(len(table)) % 2
    reasons = _reasons(table)
    assert (reasons[1::2] == "").all()
    found = measure_quality(table["path"][::2])["reason"].replace("", "unclear")
    assert reasons[::2].tolist() == found.tolist()


def test_predict_takes_a_single_image_and_overwrites_nothing(eyes, model, tmp_path):
    image = sorted(eyes.images.iterdir())[0]
    output = tmp_path / "one.csv"
    assert run("predict", model, image, "-o", output).exit_code == 0
    assert len(pd.read_csv(output)) == 1
    again = run("predict", model, image, "-o", output)
    assert again.exit_code == 2
    assert "--overwrite" in again.stderr
    repeated = run("predict", "--config", f"{output}.toml", "-o", output, "--overwrite")
    assert repeated.exit_code == 0, repeated.output


@pytest.mark.parametrize("estimator", [DRGrader, QualityClassifier])
def test_predict_serves_the_single_tasks_too(estimator, eyes, tmp_path):
    data = load_kaggle_dr(eyes.images, eyes.grades, eyes.quality)
    y = data.target[:, 0 if estimator is DRGrader else 1]
    net = estimator(
        backbone="shufflenet_v2_x0_5", image_size=32, max_epochs=1, random_state=0
    ).fit(data.data, y)
    net.save_pretrained(tmp_path / "net")
    result = run("predict", tmp_path / "net", eyes.images, "--json")
    assert result.exit_code == 0, result.output
    table = pd.DataFrame(json.loads(result.stdout))
    column = "grade" if estimator is DRGrader else "quality"
    assert table[column].tolist() == net.predict(data.data).tolist()
    assert ("p_good" in table) == (estimator is QualityClassifier)


def test_evaluate_scores_only_patients_that_were_not_trained_on(eyes, model):
    result = run("evaluate", model, eyes.images, *eyes.labels, "--json")
    assert result.exit_code == 0, result.output
    split = pd.read_csv(model / "split.csv")
    test = (split["part"] == "test").to_numpy()
    assert f"Left out: {(~test).sum()} images" in result.stderr
    data = load_kaggle_dr(eyes.images, eyes.grades, eyes.quality)
    net = FIQDRClassifier.from_pretrained(model / "model")
    X, y, groups = data.data[test], data.target[test], data.groups[test]
    expected = pd.concat(
        [
            grading_report(y, net.predict(X), groups=groups),
            quality_report(y[:, 1], net.predict_quality(X), groups=groups),
        ]
    )
    table = pd.DataFrame(json.loads(result.stdout))
    assert table["measure"].tolist() == expected.index.tolist()
    for column in ("value", "lower", "upper"):
        np.testing.assert_allclose(
            table[column].astype(float), expected[column], atol=1e-9
        )


def test_evaluate_writes_the_report_of_the_same_images(
    eyes, model, tmp_path, monkeypatch
):
    monkeypatch.delenv("DISPLAY", raising=False)
    result = run(
        *("evaluate", model, eyes.images, *eyes.labels, "--n-bootstraps", "50"),
        *("--report", tmp_path / "report.html", "--csv"),
    )
    assert result.exit_code == 0, result.output
    table = pd.read_csv(io.StringIO(result.stdout)).set_index(["task", "measure"])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    kappa = table.loc[("grade", "kappa"), "value"]
    assert f"<strong>{kappa:.3f}</strong>quadratic weighted kappa" in page
    assert f"{table.loc[('grade', 'n'), 'value']:.0f}</strong>images" in page


@pytest.mark.parametrize(
    "args",
    [
        ["evaluate", "{model}", "{images}", *LABELS, "--report", "{file}"],
        ["audit", "{images}", *LABELS, "--picture", "{file}"],
        ["export", "{model}", "{file}", "--format", "torch"],
        ["predict", "{model}", "{images}", "--output", "{file}"],
    ],
)
def test_no_command_writes_over_what_is_there(args, eyes, model, tmp_path):
    file = tmp_path / "labels.csv"
    file.write_text("years of work")
    names = {"model": model, "images": eyes.images, "file": file}
    names |= {"grades": eyes.grades, "quality": eyes.quality}
    result = run(*[arg.format(**names) for arg in args])
    assert result.exit_code == 2
    assert result.stdout == ""  # told before any work
    assert "nothing is overwritten without --overwrite" in words(result.stderr)
    assert file.read_text() == "years of work"
    assert list(tmp_path.iterdir()) == [file]


def test_a_report_and_a_picture_are_repeated_by_the_settings_beside_them(
    eyes, model, tmp_path
):
    report, picture = tmp_path / "report.html", tmp_path / "audit.png"
    small = "--n-bootstraps", "20"
    run("evaluate", model, eyes.images, *eyes.labels, *small, "--report", report)
    run("audit", eyes.images, *eyes.labels, "--picture", picture)
    for file, command in ((report, "evaluate"), (picture, "audit")):
        file.unlink()
        again = run(command, "--config", f"{file}.toml", "--overwrite")
        assert again.exit_code == 0, again.output
        assert file.is_file()


def test_a_patient_whose_name_looks_like_a_gap_was_trained_on_too(tmp_path):
    (tmp_path / "config.json").touch()
    rows = "image,patient,part\nNA_left,NA,train\n7_left,7,test\n"
    (tmp_path / "split.csv").write_text(rows)
    assert trained_patients(tmp_path) == {"NA"}


def test_evaluate_stops_at_an_unreadable_image_where_asked_to(eyes, model):
    args = ["evaluate", model, eyes.images, *eyes.labels, "--csv", "--on-error"]
    whole = run(*args, "raise")
    assert whole.exit_code == 0, whole.output
    assert whole.stdout == run(*args, "warn").stdout
    split = pd.read_csv(model / "split.csv")
    name = split.loc[split["part"] == "test", "image"].iloc[0]
    path = eyes.images / f"{name}.jpeg"
    pixels = path.read_bytes()
    path.write_text("<html>")
    try:
        stopped, passed = run(*args, "raise"), run(*args, "warn")
    finally:
        path.write_bytes(pixels)
    assert stopped.exit_code == passed.exit_code == 1
    assert stopped.stdout == ""
    assert "1 images could not be read, and are ignored" in passed.stderr


def test_evaluate_refuses_a_set_of_nothing_but_training_patients(eyes, model, tmp_path):
    split = pd.read_csv(model / "split.csv", dtype=str)
    for name in split.loc[split["part"] == "train", "image"]:
        path = eyes.images / f"{name}.jpeg"
        (tmp_path / path.name).write_bytes(path.read_bytes())
    result = run("evaluate", model, tmp_path, "--grades", eyes.grades)
    assert result.exit_code == 2
    assert "their scores would reward memory" in result.stderr


def test_export_writes_a_file_that_answers_as_the_net_does(eyes, model, tmp_path):
    import onnxruntime

    path = tmp_path / "net.onnx"
    assert run("export", model, path).stdout.strip() == str(path)
    pixels = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(path)
    answers = session.run(None, {session.get_inputs()[0].name: pixels})
    net = FIQDRClassifier.from_pretrained(model / "model", amp=False)
    for answer, expected in zip(answers, net.predict_tasks(pixels), strict=True):
        np.testing.assert_allclose(answer, expected, atol=1e-4)
    again = run("export", model, path)
    assert again.exit_code == 2
    assert "exists" in again.stderr


def test_audit_prints_the_tables_of_the_library(eyes, tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    picture = tmp_path / "audit.png"
    result = run("audit", eyes.images, *eyes.labels, "--json", "--picture", picture)
    assert result.exit_code == 0, result.output
    data = load_kaggle_dr(eyes.images, eyes.grades, eyes.quality)
    expected = audit(data).frame("summary")["count"]
    counts = {row["finding"]: row["count"] for row in json.loads(result.stdout)}
    assert counts == expected.to_dict()
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_audit_needs_no_labels_and_tells_of_unreadable_files(eyes, tmp_path):
    (tmp_path / "1_left.jpeg").write_text("<html>")
    image = sorted(eyes.images.iterdir())[0]
    (tmp_path / "2_left.jpeg").write_bytes(image.read_bytes())
    result = run("audit", tmp_path, "--table", "unreadable", "--csv")
    assert result.exit_code == 1
    assert "1_left.jpeg" in result.stdout
    assert "2_left.jpeg" not in result.stdout


def test_info_tells_of_the_model_and_of_the_machine(model):
    rows = json.loads(run("info", model, "--json").stdout)
    told = {row["what"]: row["value"] for row in rows}
    assert told["estimator"] == "FIQDRClassifier"
    assert told["parameters.image_size"] == "32"
    assert told["trained on: images"] == "48"
    machine = json.loads(run("info", "--json").stdout)
    assert {"torch", "skorch", "GPUs"} <= {row["what"] for row in machine}


def test_a_table_fits_a_narrow_terminal(model):
    shown = run("info", model).stdout
    assert "FIQDRClassifier" in words(shown)
    assert max(map(len, shown.splitlines())) <= 160


@pytest.mark.parametrize("name", ["DeepFeatures", "__name__", "os.system"])
def test_a_model_names_one_of_the_three_estimators(name, eyes, model, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(model / "model", folder)
    config = json.loads((folder / "config.json").read_text()) | {"estimator": name}
    sealed = json.dumps(config | {"sha256": checksum(config)})
    (folder / "config.json").write_text(sealed)
    result = run("predict", folder, eyes.images)
    assert result.exit_code == 2
    assert repr(name) in words(result.output)


@pytest.mark.parametrize("kind", ["file", "link", "dangling"])
@pytest.mark.parametrize(
    "args",
    [
        ["predict", "{model}", "{image}", "--output", "{file}"],
        ["export", "{model}", "{file}", "--format", "onnx"],
        ["evaluate", "{model}", "{images}", *LABELS, "--report", "{file}"],
        ["audit", "{images}", *LABELS, "--picture", "{file}"],
    ],
)
def test_settings_of_ones_own_are_not_replaced_unasked(
    args, kind, eyes, model, tmp_path
):
    file = tmp_path / "k.csv"
    settings, mine = tmp_path / "k.csv.toml", tmp_path / "mine"
    if kind != "dangling":
        mine.write_text("years of work")
    settings.symlink_to(mine) if kind != "file" else mine.rename(settings)
    before = sorted(tmp_path.iterdir())
    names = {"model": model, "images": eyes.images, "file": file}
    names |= {"grades": eyes.grades, "quality": eyes.quality}
    names |= {"image": sorted(eyes.images.iterdir())[0]}
    result = run(*[arg.format(**names) for arg in args])
    assert result.exit_code == 2
    assert "k.csv.toml' exists, and nothing is overwritten" in words(result.stderr)
    assert sorted(tmp_path.iterdir()) == before
    assert kind == "dangling" or settings.read_text() == "years of work"


@pytest.mark.parametrize(
    "content", ["a,b\n1,2\n", "", "image,patient\n1_left,1\n", "part\ntrain\n"]
)
def test_a_split_csv_of_other_columns_is_named(eyes, model, tmp_path, content):
    shutil.copytree(model / "model", tmp_path / "model")
    (tmp_path / "model" / "split.csv").write_text(content)
    result = run("evaluate", tmp_path / "model", eyes.images, *eyes.labels)
    assert result.exit_code == 2, result.output
    assert "split.csv" in result.stderr
    assert "expected image, patient and part" in words(result.stderr)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(1)"])
def test_names_that_look_like_formulas_are_written_as_text(
    name, eyes, model, tmp_path, monkeypatch
):
    photograph = next(eyes.images.iterdir())
    shutil.copy(photograph, tmp_path / f"{name}_left.jpeg")
    monkeypatch.chdir(tmp_path)
    result = run("predict", model, ".", "--csv")
    assert result.exit_code == 0, result.output
    (path,) = pd.read_csv(io.StringIO(result.stdout))["path"]
    assert path == f"'{name}_left.jpeg"


def test_a_name_that_is_not_utf8_has_its_row(eyes, model, tmp_path):
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    photograph = next(eyes.images.iterdir())
    shutil.copy(photograph, photographs / "1_left.jpeg")
    shutil.copy(photograph, os.fsencode(photographs) + b"/bad\xff_left.jpeg")
    result = run("predict", model, photographs, "--output", tmp_path / "p.csv")
    assert result.exit_code == 0, result.output
    graded = pd.read_csv(tmp_path / "p.csv")
    assert graded["grade"].nunique() == 1
    assert graded["path"].str.contains(r"bad\udcff_left", regex=False).sum() == 1
