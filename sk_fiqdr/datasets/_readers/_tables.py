"""Label files as people have them; every complaint names the file and the line."""

import csv
import io
import os
import re
import warnings
import zipfile
from typing import NamedTuple

import numpy as np
import pandas as pd

from ...utils._labels import UNKNOWN
from .._folder import image_key, image_name

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


class Column(NamedTuple):
    """A column of labels: the names it goes by, and what its numbers become."""

    names: tuple
    values: dict
    required: bool = True


def whole_numbers(largest, *names, required=True):
    """Return a Column of numbers from 0 to `largest` that stay what they are."""
    return Column(names, {n: n for n in range(largest + 1)}, required)


def read_labels(files, image, columns):
    """Read label files, contradictions refused.

    Parameters
    ----------
    files : str, Path, list of them, or None
        The files; None is none.
    image : tuple of str
        Names that the column of image names may have.
    columns : dict of Column
        What to read, by the name that it gets.

    Returns
    -------
    rows : DataFrame
        Columns image, key, file and line, and int64 labels under the keys of `columns`,
        -1 where empty or where the file has no such column.
    """
    if files is None:
        files = []
    elif isinstance(files, str | os.PathLike):
        files = [files]
    names = {"image": Column(image, {}), **columns}
    rows = pd.concat(
        [_empty(columns), *(_read_file(os.fspath(file), names) for file in files)],
        ignore_index=True,
    )
    for task, column in columns.items():
        _refuse_contradictions(rows, task, column.names[0])
    return rows


def read_table(file, columns):
    """Read the text of some columns of one file, CSV or Excel.

    Parameters
    ----------
    file : str
        The file.
    columns : dict of Column
        What to read, by the name that it gets.

    Returns
    -------
    table : DataFrame
        Columns of stripped str, "" where the file has no such column; and line.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a table, or not this one. The message names file and line.
    """
    names = [column.names[0] for column in columns.values() if column.required]
    *others, last = dict.fromkeys(names)
    wanted = f"{', '.join(others)} and {last}" if others else last
    header, lines, separator = _read_lines(file, columns, wanted)
    where = _find_columns(file, header, columns, wanted)
    lines = _without_index(lines, len(header))
    if not lines:
        raise ValueError(
            f"{file!r} holds no row below its header. Expected one for each image."
        )
    needed = max(at for at in where.values() if at is not None)
    for line, fields in lines:
        if len(fields) <= needed or any(fields[len(header) :]):
            raise ValueError(
                f"{file!r} line {line} has {len(fields)} fields where the header has "
                f"{len(header)}: {separator.join(fields)[:80]!r}. Expected {wanted}, "
                f"separated by a {SEPARATORS[separator]}; a name that holds one stands "
                "in quotes."
            )
    table = {"line": [line for line, _ in lines]}
    for key, at in where.items():
        table[key] = "" if at is None else [fields[at] for _, fields in lines]
    return pd.DataFrame(table)


def _empty(columns):
    types = {"image": str, "key": str, "file": str, "line": np.int64}
    types |= dict.fromkeys(columns, np.int64)
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})


def _read_file(file, columns):
    table = read_table(file, columns)
    rows = pd.DataFrame({"image": table["image"].map(image_name)})
    rows["key"] = rows["image"].map(image_key)
    rows["file"] = file
    rows["line"] = table["line"]
    for task, column in columns.items():
        if task != "image":
            rows[task] = _to_labels(file, rows, table[task], column)
    return rows


def _to_labels(file, rows, text, column):
    """Return what the numbers of a column mean; refuse what is none of them."""
    numbers = pd.to_numeric(text.replace("", str(UNKNOWN)), errors="coerce")
    allowed = numbers.isin([UNKNOWN, *column.values]) & (rows["image"] != "")
    if not allowed.all():
        bad = (~allowed).idxmax()
        raise ValueError(
            f"{file!r} line {rows['line'][bad]}: image {rows['image'][bad]!r} has "
            f"{column.names[0]} {text[bad]!r}, expected a name and a whole number from "
            f"{min(column.values)} to {max(column.values)} ({int((~allowed).sum())} "
            "such lines). Correct it, or leave the label empty where it is unknown."
        )
    return numbers.astype(np.int64).map({UNKNOWN: UNKNOWN, **column.values})


def _refuse_contradictions(rows, task, column):
    known = rows[rows[task] != UNKNOWN]
    first = known.groupby("key")[[task, "file", "line"]].transform("first")
    contradicting = known[known[task] != first[task]]
    if len(contradicting):
        other = contradicting.iloc[0]
        one = first.loc[other.name]
        raise ValueError(
            f"{other['image']!r} has {column} {one[task]} in {one['file']!r} line "
            f"{one['line']} and {other[task]} in {other['file']!r} line "
            f"{other['line']} ({len(contradicting)} such contradictions). Keep the row "
            "that is right; where two images in two folders share the name, read each "
            "folder with its own label file."
        )


def _read_lines(file, columns, wanted):
    """Return the header, the numbered lines below it, blank ones left out, and sep."""
    if not os.path.exists(file):
        raise FileNotFoundError(
            f"There is no label file {file!r}. Expected a CSV with columns {wanted}."
        )
    try:
        with open(file, "rb") as stream:
            data = stream.read()
        if data.startswith(b"PK\x03\x04"):
            if not _is_workbook(data):
                raise ValueError("it is a ZIP archive")
            lines, separator = _excel_lines(file, data), ","
        else:
            lines, separator = _csv_lines(_decode(data), columns)
    except (OSError, ValueError, csv.Error) as error:
        raise ValueError(
            f"{file!r} is not a readable CSV ({error}). Expected UTF-8 text with "
            f"columns {wanted}; a ZIP archive must be unpacked first."
        ) from error
    lines = [(number, fields) for number, fields in lines if any(fields)]
    if not lines:
        raise ValueError(
            f"{file!r} is not a readable CSV (it is empty). Expected a header with "
            f"{wanted} and a line for each image. Copy it again."
        )
    return lines[0][1], lines[1:], separator


def _decode(data):
    """Return the text of a file: UTF-8, or UTF-16 as Excel's "Unicode text" has it."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16")
    nulls = [data[at:200:2].count(0) for at in (0, 1)]
    if max(nulls) > 0.4 * len(data[:200:2]):  # UTF-16 without a mark
        return data.decode("utf-16-be" if nulls[0] > nulls[1] else "utf-16-le")
    text = data.decode("utf-8-sig")
    if "\x00" in text:
        raise ValueError("it holds null bytes, so it is not text")
    return text


def _csv_lines(text, columns):
    """Split lines at the separator under which the header has the wanted columns."""
    best, most = ",", -1
    for separator in SEPARATORS:
        start = _split(text, separator, strict=False)
        header = next((row for _, row in start if any(row)), [])
        names = set(map(_plain, header))
        found = sum(
            not names.isdisjoint(map(_plain, c.names)) for c in columns.values()
        )
        if found > most:
            best, most = separator, found
    return list(_split(text, best)), best


def _split(text, separator, *, strict=True):
    reader = csv.reader(
        io.StringIO(text, newline=None),
        delimiter=separator,
        skipinitialspace=separator != "\t",
        strict=strict,
    )
    line = 1
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise csv.Error(f"line {line}: {error}") from error
        yield line, [field.strip() for field in fields]
        line = reader.line_num + 1


def _is_workbook(data):
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return "xl/workbook.xml" in archive.namelist()
    except zipfile.BadZipFile:
        return False


def _excel_lines(file, data):
    try:
        import openpyxl
    except ImportError as error:
        raise ImportError(
            f"{file!r} is an Excel workbook, and openpyxl, which reads those, is not "
            "installed. pip install 'sk-fiqdr[excel]', or save it as CSV."
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # styles and validations it does not know
            book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
            sheets = {
                sheet.title: [
                    (line, [_cell(value) for value in row])
                    for line, row in enumerate(sheet.iter_rows(values_only=True), 1)
                ]
                for sheet in book.worksheets
            }
    except Exception as error:  # openpyxl raises of all kinds on damaged files
        raise ValueError(f"it is a damaged Excel workbook: {error!r}") from error
    filled = [name for name, lines in sheets.items() if any(any(f) for _, f in lines)]
    if len(filled) > 1:
        raise ValueError(
            f"it is a workbook of {len(filled)} sheets, {', '.join(filled)}; save each "
            "as a CSV and pass the list of them"
        )
    return sheets[filled[0]] if filled else []


def _cell(value):
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def _plain(name):
    """Return a column's name in small letters, blanks for underscores and hyphens."""
    return re.sub(r"[\s_\-]+", " ", name).strip().casefold()


def _find_columns(file, header, columns, wanted):
    """Return the place of each column; an optional one that is missing has None."""
    places = {}
    for at, name in enumerate(header):
        places.setdefault(_plain(name), []).append(at)
    where = {}
    for key, column in columns.items():
        found = [at for name in column.names for at in places.get(_plain(name), [])]
        if not found and column.required:
            raise ValueError(
                f"{file!r} has no column {column.names[0]!r}, but {header!r}. "
                f"Expected {wanted} in its first line, separated by a comma."
            )
        if len(found) > 1:
            raise ValueError(
                f"{file!r} has {len(found)} columns for {column.names[0]!r} in its "
                f"header {header!r}. Keep the one that is right."
            )
        where[key] = found[0] if found else None
    return where


def _without_index(lines, n_columns):
    """Drop the row numbers that R writes without a name in the header."""
    longer = all(len(fields) == n_columns + 1 for _, fields in lines)
    if longer and any(fields[-1] for _, fields in lines):
        return [(line, fields[1:]) for line, fields in lines]
    return lines
