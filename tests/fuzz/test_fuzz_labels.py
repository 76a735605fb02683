"""Any bytes of a label file give labels that are allowed, or an error that names it."""

import gzip
import io
import zipfile

import pytest
from helpers.fuzzing import check_message, damaged, fuzz
from hypothesis import given
from hypothesis import strategies as st

from sk_fiqdr.datasets._readers._tables import (
    grade_column,
    quality_column,
    read_labels,
)

COLUMNS = {"grade": grade_column(), "quality": quality_column(required=False)}
TABLE = "image,level,quality,patient_id\n1_left,0,good,7\n1_right,4,poor,7\n2_left,,,\n"
CELLS = st.sampled_from(
    ["image", "level", "quality", "1_left", "-1", "5", "1e400", "nan", "No_DR", '"', ""]
) | st.text(max_size=6)


def _check(path):
    try:
        rows = read_labels(path, ("image",), COLUMNS)
    except ValueError as error:
        check_message(error, path.name)
        return
    assert rows["grade"].between(-1, 4).all()
    assert rows["quality"].between(-1, 1).all()
    assert (rows["image"] != "").all()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("labels")


@fuzz
@given(damaged(TABLE.encode()) | damaged(TABLE.encode("utf-16")) | st.binary())
def test_bytes_of_a_table(folder, data):
    path = folder / "labels.csv"
    path.write_bytes(data)
    _check(path)


@fuzz
@given(damaged(gzip.compress(TABLE.encode(), mtime=0)))
def test_bytes_of_a_table_by_gzip(folder, data):
    path = folder / "labels.csv.gz"
    path.write_bytes(data)
    _check(path)


@fuzz
@given(
    st.lists(st.lists(CELLS, max_size=5), max_size=5),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_cells_of_a_table(folder, rows, separator, end):
    path = folder / "labels.csv"
    rows = [["image", "level", "quality"], *rows]
    text = end.join(separator.join(row) for row in rows)
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    _check(path)


@pytest.fixture(scope="module")
def parts():
    """Return the parts of a workbook, by name."""
    book = pytest.importorskip("openpyxl").Workbook()
    for line in TABLE.splitlines():
        book.active.append(line.split(","))
    book.save(stream := io.BytesIO())
    with zipfile.ZipFile(stream) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@fuzz
@given(st.data())
def test_parts_of_a_workbook(folder, parts, data):
    name = data.draw(st.sampled_from(sorted(parts)))
    changed = parts | {name: data.draw(damaged(parts[name]))}
    path = folder / "labels.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in changed.items():
            archive.writestr(part, content)
    _check(path)


@fuzz
@given(st.data())
def test_bytes_of_a_workbook(folder, parts, data):
    with zipfile.ZipFile(stream := io.BytesIO(), "w") as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    path = folder / "labels.xlsx"
    path.write_bytes(data.draw(damaged(stream.getvalue())))
    _check(path)
