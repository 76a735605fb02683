"""Any names of files get places of their own inside a folder, and can be written."""

import csv
import io
import os
import tempfile

import pandas as pd
from helpers.fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st

from sk_fiqdr.datasets._folder import image_key, image_name
from sk_fiqdr.preprocessing._prepare._sources import (
    could_be_output,
    find_sources,
    name_outputs,
)
from sk_fiqdr.utils._csv_cells import from_text, write_cells

# Bytes as a file system has them, and as Python shows those that are not UTF-8.
NAMES = (
    st.binary(min_size=1, max_size=20)
    .filter(lambda name: not {0, ord("/")} & {*name} and name not in (b".", b".."))
    .map(os.fsdecode)
) | st.sampled_from(["=1+1.png", "A.PNG", "a.png", "ä.png", "a\u0308.png", "a\nb.tif"])


@fuzz
@given(st.lists(NAMES, max_size=6, unique=True))
def test_outputs_are_apart_and_inside(names):
    outputs = [out for out in name_outputs(names, ".jpeg") if out is not None]
    assert len({out.casefold() for out in outputs}) == len(outputs)
    assert all("/" not in out and out.endswith(".jpeg") for out in outputs)


@fuzz
@given(st.text(max_size=20), st.text(max_size=20))
def test_no_output_is_outside(source, output):
    for name in (output, f"{source}.jpeg"):
        if could_be_output(name, source):
            path = os.path.normpath(os.path.join("/top/out", name))
            assert path.startswith("/top/out/")


@fuzz
@given(st.lists(NAMES, max_size=4, unique=True))
def test_every_file_is_found_or_left_aside(names):
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            with open(os.path.join(folder, name), "wb") as file:
                file.write(b"x")
        sources, aside = find_sources(folder, folder + "-out")
        there = set(os.listdir(folder))
        assert {*sources, *aside} <= there
        assert not {*sources} & {*aside}
        hidden = {name for name in there if name.startswith(".")}
        assert there - hidden <= {*sources, *aside}


@fuzz
@given(NAMES)
def test_a_name_is_a_key_whatever_its_case(name):
    assert image_key(image_name(name)) == image_key(image_key(image_name(name)))


@fuzz
@given(st.lists(NAMES, min_size=1, max_size=4))
def test_a_table_of_names_is_read_back(names):
    text = write_cells(pd.DataFrame({"path": names}), None)
    rows = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert [from_text(row[0]) for row in rows] == names
    assert all(row[0][:1] not in ("=", "+", "-", "@", "\t", "\r") for row in rows)
