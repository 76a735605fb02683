"""`sk-fiqdr audit` is the first command to run: one screen, and the next command."""

import math
import re
import shlex
import shutil

import numpy as np
import pandas as pd
import pytest
from helpers.commands import SMALL, run
from PIL import Image

from sk_fiqdr.datasets import audit, load_kaggle_dr


def lines(result):
    """Return what the command shows, wrapped as a terminal of 80 columns does."""
    shown = []
    for line in (result.stderr + result.stdout).splitlines():
        n = max(math.ceil(len(line) / 80), 1)
        shown += [line[80 * at : 80 * at + 80] for at in range(n)]
    return shown


def fact(result, name):
    [line] = [x for x in result.stdout.splitlines() if x.startswith(name)]
    return line[11:]


def doubts(result):
    if "Look at:" not in result.stdout:
        return []
    part = result.stdout.split("Look at:\n")[1].split("Next:\n")[0]
    return [line.strip() for line in part.splitlines()]


def next_commands(result):
    text = result.stdout.split("Next:\n")[1].replace("\\\n", "")
    found = [line for line in text.splitlines() if line.strip().startswith("sk-fiqdr ")]
    return [shlex.split(line)[1:] for line in found]


def own_set(folder, n=12, size=64, **columns):
    """Write n photographs of n / 2 patients, and labels.csv; return its table."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0)
    names = [f"{i // 2}_{('left', 'right')[i % 2]}" for i in range(n)]
    for name in names:
        pixels = noise.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).resize((size, size))
        image.save(folder / f"{name}.png")
    table = pd.DataFrame({"image": names, "level": np.arange(n) % 5, "quality": 1})
    table = table.assign(**columns)
    table.to_csv(folder / "labels.csv", index=False)
    return table


def test_one_screen_says_what_was_found_and_counts_right(tmp_path):
    folder = tmp_path / "my photographs"
    table = own_set(folder, quality=[0] * 3 + [1] * 9)
    result = run("audit", folder)
    assert result.exit_code == 0, result.output
    assert len(lines(result)) <= 24
    assert "Read as labels: grades from labels.csv; quality from labels.csv." in (
        result.stderr
    )
    assert "13 files found = 12 read + 1 left aside (1 .csv (labels.csv))" in (
        result.stderr
    )
    grades = table["level"].value_counts()
    expected = ", ".join(f"{grade}: {grades[grade]}" for grade in range(5))
    assert fact(result, "Grades") == f"{expected}, unknown: 0"
    assert fact(result, "Qualities") == "poor: 3, good: 9, unknown: 0"
    assert fact(result, "Patients") == (
        "6 by the names of images, as '0_left'; images of each: 2"
    )
    levels = table["level"].to_numpy().reshape(-1, 2)
    differ = (levels[:, 0] != levels[:, 1]).sum()
    assert fact(result, "Eyes") == f"both graded of 6 patients, differently of {differ}"
    assert fact(result, "Pixels") == "64 x 64"
    whole = audit(load_kaggle_dr(folder, folder / "labels.csv", folder / "labels.csv"))
    assert fact(result, "Split hash") == whole.split_hash


def test_all_that_can_be_amiss_fits_into_one_screen(tmp_path):
    folder = tmp_path / "photos"
    table = own_set(folder, 20, patient_id="", quality=0)
    table["patient_id"] = np.arange(20) // 2
    table = pd.concat([table.iloc[1:], table.tail(1).assign(image="99_left")])
    table.to_csv(folder / "labels.csv", index=False)
    shutil.copy(folder / "1_left.png", folder / "2_left.png")
    (folder / "deep").mkdir()
    shutil.copy(folder / "3_left.png", folder / "deep")
    (folder / ("long" * 40 + ".png")).write_text("<html>")
    shutil.copy(folder / "4_left.png", folder / "scan7.png")
    for number in range(20):
        (folder / f"{number:060}.x{number}").write_text("x")
    result = run("audit", folder)
    assert result.exit_code == 1
    assert len(lines(result)) <= 24
    assert "--table left_aside" in result.stderr
    found = doubts(result)
    assert "cannot be read: --table unreadable" in found[0]
    assert found[1].startswith("left aside, and perhaps photographs: 1 .x")
    assert found[2].startswith("2 images of unknown patients")
    assert re.fullmatch(r"and \d+ more: .*", found[-1])
    left_aside = run("audit", folder, "--table", "left_aside", "--csv")
    assert left_aside.stdout.count("\n") == 1 + 20 + 1


@pytest.mark.parametrize(
    ("columns", "doubt"),
    [
        ({"quality": 0}, "more poor than good: if it is the other way round"),
        ({"level": [0, 4] * 6}, "6 patients with eyes 3 or more grades apart"),
        ({"level": [0] * 11 + [3]}, "grade of fewer than 10 images: 1 (0), 2 (0), 3"),
        ({"quality": [1] * 11 + [None]}, "quality of fewer than 10 images: 0 (0)"),
        ({"image": ["7_left"] + [f"x{i}" for i in range(11)]}, None),
    ],
)
def test_unusual_labels_are_pointed_at(tmp_path, columns, doubt):
    own_set(tmp_path / "photos", **columns)
    result = run("audit", tmp_path / "photos")
    if doubt is None:  # labels of other images are refused, not audited
        assert result.exit_code == 2
        assert "Pass the label file of these images" in result.stderr
        return
    assert any(line.startswith(doubt) for line in doubts(result)), result.stdout


def test_usual_labels_are_not(tmp_path):
    own_set(tmp_path / "photos", 100, size=224, quality=[0] * 20 + [1] * 80)
    found = doubts(run("audit", tmp_path / "photos"))
    assert [line for line in found if "grades apart" not in line] == []


@pytest.mark.parametrize(
    ("columns", "patients"),
    [
        ({"subject": [7] * 4 + [8] * 8}, "2 by the column 'subject'"),
        ({}, "6 by the names of images"),
    ],
)
def test_it_says_who_is_a_patient(tmp_path, columns, patients):
    own_set(tmp_path / "photos", **columns)
    assert fact(run("audit", tmp_path / "photos"), "Patients").startswith(patients)


def test_it_says_that_patients_are_unknown(tmp_path):
    names = [f"scan{i * 7919}" for i in range(12)]
    own_set(tmp_path / "photos", image=names)
    for path in sorted((tmp_path / "photos").glob("*.png")):
        path.rename(path.with_name(f"{names.pop()}.png"))
    result = run("audit", tmp_path / "photos")
    assert fact(result, "Patients").startswith("unknown, each image counts as one")
    assert doubts(result)[0].startswith("12 images of unknown patients")
    assert "Warning" not in result.stderr


def test_the_next_command_trains_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own_set(tmp_path / "my photos", 20, quality=["ok", "so-so"] * 10)
    (tmp_path / "my photos" / "30_left.png").write_text("<html>")
    result = run("audit", "my photos", "--poor-label", "so-so")
    [command] = next_commands(result)
    assert command[:2] == ["train", "my photos"]
    trained = run(*command, *SMALL)
    assert trained.exit_code == 1, trained.output  # one file cannot be read
    assert (tmp_path / "my-model" / "model").is_dir()


def test_large_photographs_are_prepared_first_and_keep_their_labels(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    own_set(tmp_path / "photos", 4, size=1500)
    first = run("audit", "photos")
    prepare, again = next_commands(first)
    assert prepare == ["prepare", "photos", "photos-512"]
    run(*prepare, "--n-jobs", "1")
    then = run(*again)
    assert then.exit_code == 0, then.output
    for name in ("Grades", "Qualities", "Patients", "Split hash"):
        assert fact(then, name) == fact(first, name)
    assert next_commands(then)[0][:2] == ["train", "photos-512"]


def test_without_labels_it_says_how_to_write_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = own_set(tmp_path / "photos")
    (tmp_path / "photos" / "labels.csv").unlink()
    result = run("audit", "photos")
    assert "No labels were found" in result.stderr
    assert "columns image, and level (0 to 4) or quality (1, 0)" in result.stdout
    table.to_csv("labels.csv", index=False)
    [command] = next_commands(result)
    assert fact(run(*command), "Grades").endswith("unknown: 0")


def test_where_nothing_can_be_read_the_reasons_come_next(tmp_path):
    for name in ("1_left.png", "1_right.png"):
        (tmp_path / name).write_text("<html>")
    result = run("audit", tmp_path)
    [command] = next_commands(result)
    assert command[2:] == ["--table", "unreadable"]
    reasons = run(*command, "--json").stdout
    assert all(name in reasons for name in ("1_left.png", "1_right.png"))
    assert fact(result, "Pixels") == "no image can be read"


def test_names_of_files_give_a_terminal_no_orders(tmp_path):
    own_set(tmp_path)
    (tmp_path / "a\x1b[2J_left.png").write_text("x")
    (tmp_path / "a\x1b[2J.txt").write_text("x")
    (tmp_path / "a\x1b[2J.heic").write_text("x")
    result = run("audit", tmp_path)
    assert "\x1b" not in result.output
