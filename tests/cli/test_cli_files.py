"""Each command accounts for every file of the folder that it is given."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.commands import SMALL, run, words
from helpers.image_files import damaged_jpegs
from PIL import Image

OTHER_KINDS = {".ppm": "PPM", ".gif": "GIF", ".jfif": "JPEG"}


@pytest.fixture
def messy(eyes, tmp_path):
    """Return the folder of images with other files, and one that cannot be read.

    Of the 60 images three are no .jpeg by their names; labels name them without.
    """
    folder = tmp_path / "messy"
    shutil.copytree(eyes.images, folder)
    first, *others = sorted(folder.iterdir())
    for path, (suffix, form) in zip(others, OTHER_KINDS.items(), strict=False):
        with Image.open(path) as image:
            image.save(path.with_suffix(suffix), form)
        path.unlink()
    (folder / "@eaDir").mkdir()
    shutil.copy(first, folder / "@eaDir" / first.name)
    shutil.copy(first, folder / f"._{first.name}")
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    (folder / "readme.txt").write_text("x")
    (folder / "98_left.heic").write_bytes(b"x")
    (folder / "deep").mkdir()
    (folder / "deep" / "99_left.png").write_text("<html>")
    return folder


def sums(text):
    """Return every sum that a command prints: the total, and the parts by name."""
    found = []
    for line in text.splitlines():
        if match := re.match(r" *(\d+) files? found = (.*)", line):
            parts = re.sub(r"\([^()]*\)", "", match[2]).split("(")[0].split(" + ")
            counts = {p.split(" ", 1)[1].strip(): int(p.split()[0]) for p in parts}
            assert sum(counts.values()) == int(match[1])
            found.append((int(match[1]), counts))
    return found


N_FILES = 60 + 6


def test_predict_has_a_row_for_every_file(messy, model, tmp_path):
    graded = tmp_path / "graded.csv"
    result = run("predict", model, messy, "--output", graded)
    assert result.exit_code == 1
    expected = {"graded": 60, "unreadable": 1, "left aside": 5}
    assert sums(result.stderr) == [(N_FILES, expected)]
    rows = pd.read_csv(graded)
    assert rows["status"].value_counts().to_dict() == expected
    assert sorted(rows["path"]) == sorted(
        path.as_posix() for path in messy.rglob("*") if path.is_file()
    )
    graded = rows.loc[rows["status"] == "graded", "path"]
    assert {Path(path).suffix for path in graded} == {".jpeg", *OTHER_KINDS}
    aside = rows[rows["status"] == "left aside"]
    assert aside["grade"].isna().all()
    assert aside["error"].str.contains("no image by its name").all()
    assert ".heic (98_left.heic)" in result.stderr


def test_predict_of_one_image_is_one_file(eyes, model):
    result = run("predict", model, sorted(eyes.images.iterdir())[0], "--csv")
    assert sums(result.stderr) == [(1, {"graded": 1})]


def test_prepare_accounts_for_every_file(messy, tmp_path):
    result = run("prepare", messy, tmp_path / "out", "--size", "48", "--json")
    assert result.exit_code == 1
    summary = json.loads(result.stdout)
    assert summary["found"] + summary["left_aside"] == N_FILES
    shown = run("prepare", messy, tmp_path / "out", "--size", "48")
    [(total, counts)] = sums(shown.stdout)
    assert total == N_FILES
    assert counts["left aside"] == 5
    manifest = pd.read_csv(tmp_path / "out" / "manifest.csv")
    assert manifest["status"].value_counts()["left aside"] == 5
    assert len(manifest) == N_FILES


FOUND = {"images": 61, "left aside": 5}


def test_train_accounts_for_every_file(messy, eyes, tmp_path):
    trained = run(
        *("train", messy, *eyes.labels, *SMALL, "--on-error", "skip"),
        *("--output", tmp_path / "model"),
    )
    assert trained.exit_code == 1, trained.output
    (_, first), (total, last) = sums(trained.stderr)
    assert first == FOUND
    assert total == N_FILES
    assert last["unreadable"] == 1
    assert last["left aside"] == 5
    assert last["trained on"] + last["scored"] == 60


def test_audit_accounts_for_every_file(messy, eyes):
    audited = run("audit", messy, *eyes.labels)
    expected = {"read": 60, "unreadable": 1, "left aside": 5}
    assert sums(audited.stderr)[-1] == (N_FILES, expected)
    assert sums(run("audit", messy).stderr)[-1] == (N_FILES, expected)


def test_evaluate_accounts_for_every_file(messy, eyes, model):
    scored = run("evaluate", model, messy, *eyes.labels, "--n-bootstraps", "0")
    total, counts = sums(scored.stderr)[-1]
    assert total == N_FILES
    split = pd.read_csv(model / "split.csv")
    n_trained = (split["part"] == "train").sum()
    expected = {"scored": 60 - n_trained, "unreadable": 1, "trained on": n_trained}
    assert counts == {**expected, "left aside": 5}


@pytest.mark.parametrize("frozen", [(), ("--frozen",)], ids=["fine-tuned", "frozen"])
def test_search_accounts_for_every_file(frozen, messy, eyes, tmp_path):
    search = (
        *("search", messy, *eyes.labels, *SMALL, *frozen, "--on-error", "skip"),
        *("--lambd", "0", "--n-splits", "2", "--output", tmp_path / "search"),
    )
    unseen = run(*search, "--beta", "1")
    [first, (total, last)] = sums(unseen.stderr)
    assert first == (N_FILES, FOUND)
    assert total == N_FILES
    assert last["left aside"] == 5
    held_out = last["held out"]
    shutil.rmtree(tmp_path / "search")
    searched = run(*search, "--beta", "1,9", "--test-size", "0")
    assert searched.exit_code == 1, searched.output
    expected = {"searched": 60, "unreadable": 1, "left aside": 5}
    assert sums(searched.stderr)[-1] == (N_FILES, expected)
    assert "1 image could not be read, and is ignored" in words(searched.stderr)
    assert 0 < held_out < 60
    again = run(*search, "--beta", "1,9", "--test-size", "0")
    assert sums(again.stderr) == sums(searched.stderr)


@pytest.fixture
def partly_damaged(eyes, tmp_path):
    """Return the folder of images, three of them with wrong pixels, and their names."""
    folder = tmp_path / "damaged"
    shutil.copytree(eyes.images, folder)
    paths = sorted(folder.iterdir())[:3]
    for path in paths:
        pixels = np.asarray(Image.open(path))
        path.write_bytes(damaged_jpegs(pixels)["cut short"])
    return folder, {path.as_posix() for path in paths}


def test_predict_grades_damaged_images_and_gives_the_reason(
    partly_damaged, model, tmp_path
):
    folder, names = partly_damaged
    graded = tmp_path / "graded.csv"
    result = run("predict", model, folder, "--output", graded)
    assert result.exit_code == 0, result.output
    assert sums(result.stderr) == [(60, {"graded": 57, "damaged": 3})]
    assert "Warning" not in result.stderr
    rows = pd.read_csv(graded)
    damaged = rows[rows["status"] == "damaged"]
    assert set(damaged["path"]) == names
    assert damaged["grade"].between(0, 4).all()
    assert damaged["error"].str.contains("premature end of data segment").all()
    assert rows.loc[rows["status"] == "graded", "error"].isna().all()

    strict = run("predict", model, folder, "--on-damage", "raise", "--json")
    assert strict.exit_code == 1
    assert sums(strict.stderr) == [(60, {"graded": 57, "unreadable": 3})]
    unread = [r for r in json.loads(strict.stdout) if r["status"] == "unreadable"]
    assert {row["path"] for row in unread} == names
    assert {row["grade"] for row in unread} == {None}

    loose = run("predict", model, folder, "--on-damage", "ignore", "--csv")
    assert sums(loose.stderr) == [(60, {"graded": 60})]


def test_train_and_evaluate_name_damaged_images(partly_damaged, eyes, model, tmp_path):
    folder, names = partly_damaged
    train = "train", folder, *eyes.labels, *SMALL
    result = run(*train, "--output", tmp_path / "a")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("  damaged: ") == 3
    assert all(name in result.stderr for name in names)
    assert "3 images are damaged, and are used all the same" in result.stderr
    total, counts = sums(result.stderr)[-1]
    assert (total, sum(counts.values())) == (60, 60)
    assert set(counts) == {"trained on", "scored"}
    stopped = run(*train, "--output", tmp_path / "b", "--on-damage", "raise")
    assert stopped.exit_code == 1
    assert "is damaged" in stopped.stderr
    skipped = run(
        *(*train, "--output", tmp_path / "c", "--on-damage", "raise"),
        *("--on-error", "skip"),
    )
    assert skipped.exit_code == 1
    assert sums(skipped.stderr)[-1][1]["unreadable"] == 3

    (tmp_path / "elsewhere").mkdir()  # without the split.csv beside the model
    shutil.copytree(model / "model", tmp_path / "elsewhere" / "model")
    evaluate = "evaluate", tmp_path / "elsewhere", folder, *eyes.labels
    scored = run(*evaluate, "--n-bootstraps", "0")
    assert scored.exit_code == 0, scored.output
    assert scored.stderr.count("  damaged: ") == 3
    assert sums(scored.stderr)[-1] == (60, {"scored": 60})
    strict = run(*evaluate, "--n-bootstraps", "0", "--on-damage", "raise")
    assert strict.exit_code == 1
    assert sums(strict.stderr)[-1] == (60, {"scored": 57, "unreadable": 3})


@pytest.fixture
def unnamed(eyes, tmp_path):
    """Return a folder whose names tell no patient, and labels that name them."""
    folder = tmp_path / "unnamed"
    folder.mkdir()
    grades = pd.read_csv(eyes.grades)
    for i, name in enumerate(grades["image"]):
        shutil.copy(eyes.images / f"{name}.jpeg", folder / f"img{i:05d}.jpeg")
    labels = pd.DataFrame(
        {
            "image": [f"img{i:05d}" for i in range(60)],
            "level": grades["level"],
            "patient_id": grades["image"].str.split("_").str[0],
        }
    )
    labels.to_csv(tmp_path / "with.csv", index=False)
    labels.drop(columns="patient_id").to_csv(tmp_path / "without.csv", index=False)
    return folder, tmp_path / "with.csv", tmp_path / "without.csv"


def test_train_speaks_of_patients_only_where_it_knows_them(unnamed, tmp_path):
    folder, known, unknown = unnamed
    args = "train", folder, *SMALL, "--output"
    result = run(*args, tmp_path / "a", "--grades", unknown)
    assert result.exit_code == 0, result.output
    assert "of patients that were held out" not in words(result.output)
    assert "60 images, patients unknown" in result.stderr
    assert "The patients of 60 of 60 images" in result.stderr
    result = run(*args, tmp_path / "b", "--grades", known)
    assert "of patients that were held out" in words(result.output)
    assert "60 images of 30 patients" in result.stderr
    split = pd.read_csv(tmp_path / "b" / "split.csv")
    assert split.groupby("patient")["part"].nunique().eq(1).all()
    # What was trained on is known again by its name, though no column names patients.
    scored = run("evaluate", tmp_path / "b", folder, "--grades", unknown)
    left_out = (split["part"] == "train").sum()
    assert f"Left out: {left_out} images" in scored.stderr
