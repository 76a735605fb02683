"""Each answer to "is it the same file?" holds, and fails, where its table says."""

import hashlib
import os
import shutil

import pytest

from sk_fiqdr.utils._same_file import (
    content_of,
    name_and_size,
    place_and_times,
    size_and_time,
)

EACH = (content_of, name_and_size, size_and_time, place_and_times)


def move(path):
    """Move the folder of the data set; nothing of the file itself changes."""
    path.parents[1].rename(path.parents[2] / "elsewhere")
    return path.parents[2] / "elsewhere" / path.parent.name / path.name


def copy(path):
    """Copy the data set as `cp -r` does, with new times."""
    shutil.copytree(path.parents[1], path.parents[2] / "copy")
    new = path.parents[2] / "copy" / path.parent.name / path.name
    os.utime(new, ns=(0, 0))
    return new


def rename(path):
    return path.rename(path.with_name("2.jpeg"))


def edit(path):
    """Change one byte, and set the time back."""
    status = path.stat()
    path.write_bytes(b"2" + path.read_bytes()[1:])
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    return path


def append(path):
    with open(path, "ab") as file:
        file.write(b"more")
    return path


def leave(path):
    return path


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (leave, {content_of, name_and_size, size_and_time, place_and_times}),
        (move, {content_of, name_and_size, size_and_time}),
        (copy, {content_of, name_and_size}),
        (rename, {content_of, size_and_time}),
        (edit, {name_and_size, size_and_time}),
        (append, set()),
    ],
)
def test_what_counts_as_the_same_file(tmp_path, change, same):
    path = tmp_path / "data" / "train" / "1.jpeg"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"1234")
    before = {answer: answer(path) for answer in EACH}
    path = change(path)
    assert {answer for answer in EACH if answer(path) == before[answer]} == same


def test_the_content_is_the_sha256_of_the_bytes(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(bytes(range(256)) * 4096)
    assert content_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["missing.jpeg", "with\0null.jpeg", "a" * 300])
def test_a_missing_file_is_the_same_as_none(tmp_path, name):
    path = str(tmp_path / "train" / name)
    assert size_and_time(path) is None
    assert place_and_times(path) is None
    assert name_and_size(path) == ("train", name, -1)
