"""Workbooks of a few kB that unpack to gigabytes are refused, or read in seconds."""

import io
import zipfile

import pytest

from sk_fiqdr.datasets._readers._label_files import read_lines
from sk_fiqdr.datasets._readers._tables import (
    Column,
    grade_column,
    read_labels,
    read_table,
)

openpyxl = pytest.importorskip("openpyxl")

COLUMNS = {"image": Column(("image",), {}), "grade": Column(("level",), {})}
SPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = f'<worksheet xmlns="{SPACE}">{{}}<sheetData>{{}}</sheetData></worksheet>'
ROWS = (
    '<row r="1"><c r="A1" t="inlineStr"><is><t>image</t></is></c>'
    '<c r="B1" t="inlineStr"><is><t>level</t></is></c></row>'
    '<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>1_left</t></is></c>'
    '<c r="B{row}"><v>3</v></c></row>'
)


def _write(path, sheet=None, **parts):
    """Write a workbook, of one sheet or with other parts put in place of its own."""
    openpyxl.Workbook().save(stream := io.BytesIO())
    parts |= {"xl/worksheets/sheet1.xml": sheet} if sheet else {}
    with (
        zipfile.ZipFile(stream) as old,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in dict.fromkeys([*old.namelist(), *parts]):
            new.writestr(name, parts.get(name) or old.read(name))
    return str(path)


@pytest.mark.parametrize("claim", ["A1:XFD1048576", "A1:B2", "C3:C3", "A1"])
@pytest.mark.parametrize("row", [2, 1048576])
def test_rows_are_read_whatever_size_a_sheet_claims(claim, row, tmp_path):
    sheet = SHEET.format(f'<dimension ref="{claim}"/>', ROWS.format(row=row))
    table = read_table(_write(tmp_path / "t.xlsx", sheet), COLUMNS)
    assert table.to_dict("list") == {"line": [row], "image": ["1_left"], "grade": ["3"]}


def test_cells_that_are_left_out_at_the_end_of_a_row_are_empty(tmp_path):
    rows = ROWS.format(row=2) + '<row r="4"><c r="A4"><v>7</v></c></row>'
    table = read_table(_write(tmp_path / "t.xlsx", SHEET.format("", rows)), COLUMNS)
    assert table["grade"].tolist() == ["3", ""]
    assert table["line"].tolist() == [2, 4]


BOMBS = {
    "a row without end": (
        {"sheet": SHEET.format("", ROWS.format(row=99_999_999))},
        "rows",
    ),
    "rows of blanks as wide as can be": (
        {"sheet": SHEET.format("", '<row><c r="XFD1"/></row>' * 2000)},
        "cells",
    ),
    "wide rows behind a narrow header": (
        {
            "sheet": SHEET.format(
                "", ROWS.format(row=2) + '<row><c r="XFD1"><v>1</v></c></row>' * 2000
            )
        },
        "cells",
    ),
    "more cells than labels have": (
        {"sheet": SHEET.format("", f"<row>{'<c/>' * (1 << 22)}</row>")},
        "tags",
    ),
    "a part of many bytes": ({"xl/media/a.xml": b" " * ((1 << 26) + 1)}, "bytes"),
    "strings that unpack": (
        {"xl/sharedStrings.xml": b"<si/>" * (1 << 22) + b"<si/>"},
        "tags",
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_workbook_larger_than_labels_is_refused_with_the_way_out(bomb, tmp_path):
    parts, what = BOMBS[bomb]
    path = _write(tmp_path / "t.xlsx", **parts)
    with pytest.raises(
        ValueError, match=rf"t\.xlsx.* {what}.*columns of labels as CSV"
    ):
        read_lines(path, COLUMNS, "image and level")


def test_a_workbook_of_too_many_sheets_is_refused(tmp_path):
    book = openpyxl.Workbook()
    for number in range(64):
        book.create_sheet(f"s{number}")
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(ValueError, match="65 sheets, expected at most 64"):
        read_lines(str(tmp_path / "t.xlsx"), COLUMNS, "image and level")


def test_a_long_text_that_many_cells_share_counts_for_each(tmp_path):
    openpyxl.Workbook().save(tmp_path / "t.xlsx")
    types = "[Content_Types].xml"
    with zipfile.ZipFile(tmp_path / "t.xlsx") as archive:
        content = archive.read(types).decode()
    kind = "vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    part = f'<Override PartName="/xl/s.xml" ContentType="application/{kind}"/></Types>'
    strings = f'<sst xmlns="{SPACE}"><si><t>{"a" * (1 << 20)}</t></si></sst>'
    cells = '<row><c t="s"><v>0</v></c></row>' * 300
    parts = {types: content.replace("</Types>", part), "xl/s.xml": strings}
    path = _write(tmp_path / "u.xlsx", SHEET.format("", cells), **parts)
    with pytest.raises(ValueError, match="characters, expected at most"):
        read_lines(path, COLUMNS, "image and level")


@pytest.mark.parametrize(
    "text",
    [
        ",".join(f"column{n}" for n in range(15_000)),
        "image,grade\n" + "1" * 100_000 + ",7",
        "image,level\n1_left," + "9" * 100_000,
        "image," + "level" * 20_000,
    ],
)
def test_messages_do_not_grow_with_the_file(text, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    columns = {"grade": grade_column("level", "grade")}
    with pytest.raises(ValueError, match=r"t\.csv") as raised:
        read_labels(tmp_path / "t.csv", ("image",), columns)
    assert len(str(raised.value)) < 5000
