"""Paths that a manifest or a journal names: none leads out of the output folder."""

import contextlib
import csv
import json
import os
import warnings
from pathlib import Path

import pytest
from PIL import Image

from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.preprocessing import prepare_images
from sk_fiqdr.preprocessing._prepare._manifest import Record

NAMES = ("1_left.png", "1_right.png", "more/2_left.png")


@pytest.fixture(scope="module")
def eyes():
    return make_fundus(len(NAMES), image_size=96, random_state=0).data


@pytest.fixture
def images(eyes, tmp_path):
    folder = tmp_path / "in"
    for name, eye in zip(NAMES, eyes, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(eye).save(folder / name)
    return folder


@pytest.fixture
def output(images, tmp_path):
    prepare(images, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def victim(tmp_path):
    path = tmp_path / "victim.txt"
    path.write_text("precious")
    return path


def prepare(images, output, **kwargs):
    return prepare_images(images, output, **{"image_size": 48, "n_jobs": 1, **kwargs})


def rows_of(output):
    with open(output / "manifest.csv", encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def write_rows(output, rows):
    with open(output / "manifest.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


OUTSIDE = [
    "../victim.txt",
    "{folder}/victim.txt",
    "more/../../victim.txt",
    "./../victim.txt",
    "..//victim.txt",
    "..\\victim.txt",
    "..\\..\\out\\..\\victim.txt",
    "link/victim.txt",
    "manifest.csv",
    ".sk-fiqdr-prepare/lock",
    "more",
    ".",
    "",
    "1_right.jpeg",
    "victim\0.txt",
    "\\\\server\\share\\victim.txt",
    "C:victim.txt",
]


@pytest.mark.parametrize("change", [{}, {"image_size": 32}, {"format": "png"}])
@pytest.mark.parametrize("name", OUTSIDE)
def test_a_row_that_names_what_is_not_its_own_deletes_nothing(
    name, change, images, output, victim, tmp_path
):
    (output / "link").symlink_to(tmp_path)
    (output / "victim\\.txt").write_text("precious")
    rows = rows_of(output)
    rows[1][1] = name.format(folder=tmp_path)
    write_rows(output, rows)
    with pytest.warns(UserWarning, match=r"1 rows in .*manifest\.csv' are ignored"):
        manifest = prepare(images, output, **change)
    assert victim.read_text() == "precious"
    assert manifest["status"].tolist() == ["prepared"] * 3
    suffix = change.get("format", "jpeg")
    assert manifest["output"][0] == f"1_left.{suffix}"
    assert all((output / made).is_file() for made in manifest["output"])
    with warnings.catch_warnings():  # and the next run knows nothing of it
        warnings.simplefilter("error")
        assert prepare(images, output, **change).attrs["unchanged"] == 3


@pytest.mark.parametrize(
    "source", ["../victim.png", "/victim.png", "more//x.png", "..\\v.png", "a/./v.png"]
)
def test_a_row_of_a_source_elsewhere_is_ignored(source, images, output, tmp_path):
    stem = os.path.splitext(source)[0]
    (tmp_path / "victim.jpeg").write_text("precious")
    rows = rows_of(output)
    rows.append([source, stem + ".jpeg", *rows[1][2:]])
    write_rows(output, rows)
    with pytest.warns(UserWarning, match="1 rows in"):
        manifest = prepare(images, output)
    assert manifest["source"].tolist() == list(NAMES)
    assert (tmp_path / "victim.jpeg").read_text() == "precious"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: row[:4],
        lambda row: [*row, "more"],
        lambda row: [*row[:2], "deleted", *row[3:]],
        lambda row: [*row[:4], "x = 3", *row[5:]],
        lambda row: [*row[:7], "1e99", *row[8:]],
        lambda row: ["", *row[1:]],
    ],
    ids=["short", "long", "status", "number", "whole number", "no source"],
)
def test_a_row_that_was_not_written_here_is_told_of(spoil, images, output):
    expected = tree(output)
    rows = rows_of(output)
    rows[2] = spoil(rows[2])
    write_rows(output, rows)
    with pytest.warns(UserWarning, match=r"1 rows in .* The first: \["):
        assert prepare(images, output).attrs["unchanged"] == 2
    assert tree(output) == expected


def journal_of(output, *lines, name="000001-host-1-1.jsonl"):
    workplace = output / ".sk-fiqdr-prepare"
    workplace.mkdir(exist_ok=True)
    (workplace / name).write_bytes(b"".join(line + b"\n" for line in lines))


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_line_of_a_journal_deletes_nothing(name, images, output, victim, tmp_path):
    (output / "link").symlink_to(tmp_path)
    place = name.format(folder=tmp_path)
    record = Record("1_left.png", place, "prepared", output_bytes=8)._asdict()
    record["output_mtime_ns"] = victim.stat().st_mtime_ns
    journal_of(output, json.dumps(record).encode())
    with pytest.warns(UserWarning, match="1 rows in"):
        prepare(images, output, image_size=32)
    assert victim.read_text() == "precious"
    assert sorted(tree(output)) == sorted(
        ["1_left.jpeg", "1_right.jpeg", "more/2_left.jpeg", "manifest.csv"]
        + [path for path in tree(output) if path.startswith("link")]
    )


@pytest.mark.parametrize(
    "line",
    [
        b"7",
        b"null",
        b'"begin"',
        b"[" * 100_000,
        b"\xff\xfe",
        b'{"begin": ["1_left.png"]}',
        b'{"source": 3}',
        b"{}",
    ],
)
def test_a_line_of_anything_stops_nothing(line, images, output):
    journal_of(output, line)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert prepare(images, output, image_size=32).attrs["prepared"] == 3


@pytest.mark.parametrize("name", ["x.jsonl", "000001.jsonl", f"{'9' * 200}-a.jsonl"])
def test_a_journal_of_another_name_is_no_journal(name, images, output):
    journal_of(output, b"{}", name=name)
    assert prepare(images, output, image_size=32).attrs["prepared"] == 3


def test_no_folder_is_made_behind_a_link(images, output, eyes, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (images / "new" / "deep").mkdir(parents=True)
    Image.fromarray(eyes[0]).save(images / "new" / "deep" / "3_left.png")
    (output / "new").symlink_to(elsewhere)
    with pytest.raises(OSError, match="link points outside the output folder"):
        prepare(images, output)
    assert not list(elsewhere.iterdir())


def test_nothing_is_deleted_behind_a_link(images, output, tmp_path):
    """What fails now leaves no output of before, but not where a link leads."""
    elsewhere = (output / "more").rename(tmp_path / "elsewhere")
    (output / "more").symlink_to(elsewhere)
    before = tree(elsewhere)
    (images / "more" / "2_left.png").write_text("<html>")
    manifest = prepare(images, output, on_error="skip")
    assert manifest["status"].tolist() == ["prepared", "prepared", "failed"]
    assert tree(elsewhere) == before


def test_a_workplace_that_is_a_link_is_refused(images, output, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "drafts-of-my-thesis").mkdir(parents=True)
    (elsewhere / "drafts-of-my-thesis" / "1.txt").write_text("precious")
    (output / ".sk-fiqdr-prepare").symlink_to(elsewhere)
    with pytest.raises(OSError, match="is a link"):
        prepare(images, output, image_size=32)
    assert tree(elsewhere) == {"drafts-of-my-thesis/1.txt": b"precious"}


@pytest.mark.parametrize("name", ["lock", "000001-host-1-1.jsonl", "drafts-1"])
def test_a_link_in_the_workplace_is_not_followed(
    name, images, output, victim, tmp_path
):
    workplace = output / ".sk-fiqdr-prepare"
    workplace.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.txt").write_text("precious")
    target = tmp_path / "elsewhere" if name == "drafts-1" else victim
    (workplace / name).symlink_to(target)
    refused = pytest.raises(OSError, match="Cannot write")
    with refused if name == "lock" else contextlib.nullcontext():
        prepare(images, output, image_size=32)
    assert victim.read_text() == "precious"
    assert (tmp_path / "elsewhere" / "1.txt").read_text() == "precious"


def test_a_link_in_place_of_an_output_is_replaced(images, output, victim):
    (output / "1_left.jpeg").unlink()
    (output / "1_left.jpeg").symlink_to(victim)
    (output / "manifest.csv").rename(output.parent / "moved.csv")
    (output / "manifest.csv").symlink_to(output.parent / "moved.csv")
    moved = (output.parent / "moved.csv").read_bytes()
    prepare(images, output, image_size=32)
    assert victim.read_text() == "precious"
    assert (output.parent / "moved.csv").read_bytes() == moved
    assert not any(path.is_symlink() for path in Path(output).rglob("*"))


def test_colleagues_may_read_what_is_prepared(output, tmp_path):
    (tmp_path / "ordinary").touch()
    for path in Path(output).rglob("*"):
        if path.is_file():
            assert path.stat().st_mode == (tmp_path / "ordinary").stat().st_mode
