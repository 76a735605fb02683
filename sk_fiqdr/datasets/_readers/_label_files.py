"""From a label file of any make to its lines; every complaint names the file."""

import csv
import gzip
import io
import os
import re
import reprlib
import zipfile
import zlib

import pandas as pd

from ._workbook import read_workbook

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SHORT = reprlib.Repr()  # of what a file holds, in a message
SHORT.maxlist, SHORT.maxstring = 30, 80
LARGEST = 1 << 28  # bytes of an unpacked label file
EXCEL = "pass pandas.read_excel(file) in place of the file, or save it as CSV"
SIGNATURES = {  # how files begin that are taken for label files
    b"\xd0\xcf\x11\xe0": f"is an old Excel workbook (.xls): {EXCEL}",
    b"PAR1": "is a Parquet file: pass pandas.read_parquet(file) in place of the file",
    b"%PDF": "is a PDF: save its table as CSV",
    b"BZh": "is packed by bzip2: unpack it first",
    b"\xfd7zXZ": "is packed by xz: unpack it first",
    b"\x28\xb5\x2f\xfd": "is packed by zstd: unpack it first",
    b"7z\xbc\xaf": "is a 7z archive: unpack it first",
    b"Rar!": "is a RAR archive: unpack it first",
    b"SQLite": "is a database: export its table as CSV",
    b"<": "is a web page or XML, as a failed download is: fetch the file itself",
    b"{": "is JSON: pass pandas.read_json(file) in place of the file",
    b"[{": "is JSON: pass pandas.read_json(file) in place of the file",
}


def is_table(thing):
    """Tell whether labels come as a DataFrame rather than as the name of a file."""
    return hasattr(thing, "columns") and hasattr(thing, "__getitem__")


def name_of(file):
    """Return what a message calls a label file or a DataFrame."""
    return file.attrs.get("name", "DataFrame") if is_table(file) else os.fspath(file)


def read_lines(file, columns, wanted):
    """Return the header, the numbered lines below it, blank ones left out, and sep."""
    if is_table(file):
        header, lines, separator = *_table_lines(file), ","
    else:
        lines, separator = _file_lines(file, columns, wanted)
        lines = [(number, fields) for number, fields in lines if any(fields)]
        header = lines.pop(0)[1] if lines else []
    if not header:
        raise ValueError(
            f"{name_of(file)!r} is not a readable CSV (it is empty). Expected a header "
            f"with {wanted} and a line for each image. Copy it again."
        )
    return header, lines, separator


def _table_lines(table):
    if not isinstance(table, pd.DataFrame):  # of polars and others
        table = pd.DataFrame({name: list(table[name]) for name in table.columns})
    if any(name is not None for name in table.index.names):
        table = table.reset_index()
    header = [str(name).strip() for name in table.columns]
    columns = [[cell_text(v) for v in table.iloc[:, at]] for at in range(len(header))]
    rows = map(list, zip(*columns, strict=True))
    rows = enumerate(rows, table.attrs.get("first_line", 0))
    return header, [(row, fields) for row, fields in rows if any(fields)]


def _file_lines(file, columns, wanted):
    if not os.path.exists(file):
        raise FileNotFoundError(
            f"There is no label file {file!r}. Expected a CSV with columns {wanted}."
        )
    try:
        data = read_bytes(file)
        if data.startswith(b"PK\x03\x04"):
            if not _is_workbook(data):
                raise ValueError("it is a ZIP archive")
            return _excel_lines(file, data), ","
        return _csv_lines(decode(data), columns)
    except (OSError, ValueError, csv.Error) as error:
        raise ValueError(
            f"{file!r} is not a readable CSV ({error}). Expected UTF-8 text with "
            f"columns {wanted}; a ZIP archive must be unpacked first."
        ) from error


def read_bytes(file):
    """Return the bytes of a label file, unpacked by gzip; refuse others by name."""
    with open(file, "rb") as stream:
        data = stream.read()
    if data.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(io.BytesIO(data)) as stream:
                data = stream.read(LARGEST + 1)
        except (EOFError, zlib.error) as error:
            raise ValueError(f"it is damaged or incomplete: {error}") from error
        if len(data) > LARGEST:
            raise ValueError(f"unpacked it has more than {LARGEST:,} bytes")
    for start, what in SIGNATURES.items():
        if data.startswith(start):
            raise ValueError(f"it {what}")
    return data


def decode(data):
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
        names = set(map(plain_name, header))
        found = sum(
            not names.isdisjoint(map(plain_name, c.names)) for c in columns.values()
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
            names = archive.namelist()
            if "content.xml" in names and "mimetype" in names:
                raise ValueError(f"it is an OpenDocument spreadsheet (.ods): {EXCEL}")
            return "xl/workbook.xml" in names
    except zipfile.BadZipFile:
        return False


def _excel_lines(file, data):
    try:
        sheets = read_workbook(data)
    except ImportError as error:
        raise ImportError(
            f"{file!r} is an Excel workbook, and openpyxl, which reads those, is not "
            "installed. pip install 'sk-fiqdr[excel]', or save it as CSV."
        ) from error
    sheets = {
        title: [(line, [cell_text(value) for value in row]) for line, row in rows]
        for title, rows in sheets.items()
    }
    filled = [name for name, lines in sheets.items() if any(any(f) for _, f in lines)]
    if len(filled) > 1:
        raise ValueError(
            f"the workbook has {len(filled)} sheets ({', '.join(filled)[:200]}); save "
            "each as a CSV and pass the list of files"
        )
    return sheets[filled[0]] if filled else []


def cell_text(value):
    """Return a cell of a table as a CSV file would have it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return (
        "" if value is None or value is pd.NA or value != value else str(value).strip()
    )


def plain_name(name):
    """Return a column's name in small letters, blanks for underscores and hyphens."""
    return re.sub(r"[\s_\-]+", " ", name).strip().casefold()
