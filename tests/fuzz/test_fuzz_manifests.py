"""Any bytes of a manifest or a journal give records of the folder's own files."""

import json
import warnings
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from helpers.fuzzing import JSON, check_message, damaged, fuzz
from hypothesis import given
from hypothesis import strategies as st

from sk_fiqdr.preprocessing._prepare._manifest import (
    Record,
    read_begun,
    read_journals,
    read_rows,
    write_manifest,
)

RECORD = Record("a/1.tif", "a/1.jpeg", "prepared", None, 1.5, 2.5, 3.5, 10, 20, 0, "{}")
PATHS = st.sampled_from(
    ["../victim", "/etc/passwd", "a/../../b", "C:\\x", "a\\..\\b", "", ".", "a/1.tif"]
) | st.text(max_size=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared")
    write_manifest(folder / "whole.csv", [RECORD] * 3, folder)
    return folder


def _check(records):
    for record in records:
        if record.output is not None:
            for kind in (PurePosixPath, PureWindowsPath):
                path = kind(record.output)
                assert not path.is_absolute()
                assert not path.drive
                assert ".." not in path.parts
            stem = record.source.rsplit(".", 1)[0]
            assert record.output.startswith(stem)


@fuzz
@given(st.data())
def test_bytes_of_a_manifest(folder, data):
    whole = (folder / "whole.csv").read_bytes()
    manifest = folder / "manifest.csv"
    manifest.write_bytes(data.draw(damaged(whole) | st.binary()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _check(read_rows(manifest))
        except ValueError as error:
            check_message(error, "manifest.csv")


@fuzz
@given(PATHS, PATHS)
def test_paths_of_a_manifest(folder, source, output):
    manifest = folder / "manifest.csv"
    write_manifest(manifest, [RECORD._replace(source=source, output=output)], folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _check(read_rows(manifest))


def _check_journal(folder, data):
    (folder / "000001-x.jsonl").write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _check(read_journals(folder, folder).values())
        read_begun(folder, 1)


@fuzz
@given(damaged(json.dumps(RECORD._asdict()).encode() * 2) | st.binary())
def test_bytes_of_a_journal(folder, data):
    _check_journal(folder, data)


@fuzz
@given(
    st.lists(
        st.builds(
            lambda fields, changed: fields | changed,
            st.just(RECORD._asdict() | {"output_mtime_ns": 1}),
            st.dictionaries(st.sampled_from(Record._fields), JSON | PATHS),
        )
        | JSON,
        max_size=3,
    )
)
def test_records_of_a_journal(folder, lines):
    _check_journal(folder, b"".join(json.dumps(x).encode() + b"\n" for x in lines))
