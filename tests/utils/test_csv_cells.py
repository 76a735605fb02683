"""Cells that a spreadsheet takes for formulas are written as text, and read back."""

import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sk_fiqdr.utils._csv_cells import as_text, from_text, write_cells


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_what_begins_like_a_formula_gets_an_apostrophe(start):
    assert as_text(f"{start}cmd|' /C calc'!A1") == f"'{start}cmd|' /C calc'!A1"


@pytest.mark.parametrize("cell", ["1_left.png", "a=b", "", -1, -0.5, None, True])
def test_anything_else_stays(cell):
    assert as_text(cell) is cell


@given(st.text(alphabet="'=+-@\t\rab"))
def test_every_text_is_read_back_as_it_was(text):
    assert from_text(as_text(text)) == text
    assert not as_text(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_table_is_written_with_numbers_as_they_are():
    frame = pd.DataFrame({"path": ["=1+1", "b"], "error": [None, "-"], "x": [-1, 2]})
    rows = list(csv.reader(io.StringIO(write_cells(frame, None))))
    assert rows[1:] == [["'=1+1", "", "-1"], ["b", "'-", "2"]]


def test_a_name_that_is_not_utf8_is_written_with_its_bytes(tmp_path):
    write_cells(pd.DataFrame({"path": ["bad\udcff.png"]}), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == "path\nbad\\udcff.png\n"


@pytest.mark.parametrize("name", ["a\rb.png", "\r", "a\r\nb.png", "a\nb.png", 'a"\r'])
def test_a_name_that_breaks_lines_stays_one_cell(name):
    text = write_cells(pd.DataFrame({"path": [name, "c"], "x": [1, 2]}), None)
    rows = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert [[from_text(row[0]), row[1]] for row in rows] == [[name, "1"], ["c", "2"]]
