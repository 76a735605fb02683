"""Rows of an Excel workbook, within bounds, as a few kB can unpack to gigabytes."""

import io
import zipfile
import zlib

from ...utils._quiet import quiet

UNPACKED = 1 << 26  # bytes of all parts
TAGS = 1 << 22  # of one part; a cell has four
SHEETS = 64
ROWS = 1 << 20  # of a sheet, as Excel has them
CELLS = 1 << 24  # that are read, empty ones and one for each row included
CHARACTERS = 1 << 28  # as cells may share one long text


def read_workbook(data):
    """Return the rows of each sheet that are not blank.

    Parameters
    ----------
    data : bytes
        The file.

    Returns
    -------
    sheets : dict of list
        By the title of the sheet: pairs of the number of a row, from 1, and its values.
        All rows of a sheet have the same length.

    Raises
    ------
    ImportError
        If openpyxl is not installed.
    ValueError
        If the workbook is damaged, or larger than label files are.
    """
    import openpyxl

    _check_parts(data)
    try:
        with quiet(module="openpyxl"):  # styles and validations it does not know
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
    except Exception as error:  # openpyxl raises of all kinds on damaged files
        raise _damaged(error) from error
    _check("sheets", len(book.worksheets), SHEETS)
    used = {"cells": 0, "characters": 0}
    return {sheet.title: _read_sheet(sheet, used) for sheet in book.worksheets}


def _check_parts(data):
    """Raise if a part is too large to be parsed; its size as claimed bounds it."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            _check("unpacked bytes", sum(part.file_size for part in parts), UNPACKED)
            for part in parts:
                _check("tags in a part", archive.read(part).count(b"<"), TAGS)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError) as error:
        raise _damaged(error) from error


def _read_sheet(sheet, used):
    sheet.reset_dimensions()  # what the file claims would be filled up with blanks
    rows = _walk(sheet)
    kept, width = [], 0
    for number, row in enumerate(rows, 1):
        used["cells"] += 1 + len(row)
        used["characters"] += sum(len(v) for v in row if isinstance(v, str))
        if any(value is not None for value in row):
            kept.append((number, row))
            width = max(width, len(row))
        _check("rows", number, ROWS)
        _check("cells", max(used["cells"], len(kept) * width), CELLS)
        _check("characters", used["characters"], CHARACTERS)
    return [(number, row + (None,) * (width - len(row))) for number, row in kept]


def _walk(sheet):
    try:
        with quiet(module="openpyxl"):
            yield from sheet.iter_rows(values_only=True)
    except Exception as error:
        raise _damaged(error) from error


def _damaged(error):
    return ValueError(f"it is a damaged Excel workbook: {repr(error)[:200]}")


def _check(what, count, most):
    if count > most:
        raise ValueError(
            f"the workbook has {count:,} {what}, expected at most {most:,}: save the "
            "columns of labels as CSV"
        )
