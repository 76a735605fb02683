"""The manifest of a prepared folder, and the journals that it is made from."""

import csv
import json
import os
import re
import warnings
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ...utils._csv_cells import as_text, from_text
from ...utils._files import written_whole
from ...utils._same_file import size_and_time
from ._sources import could_be_output

PREPARED, DAMAGED, FAILED = "prepared", "damaged", "failed"
GONE, ASIDE = "gone", "left aside"


class Record(NamedTuple):
    """The record of one photograph: a row of the manifest."""

    source: str  # path in the folder of photographs, parted by "/"
    output: str | None = None  # path in the output folder
    status: str = FAILED  # or PREPARED, DAMAGED, ASIDE; GONE if the source was removed
    reason: str | None = None  # why it failed, is damaged, or is left aside
    circle_x: float | None = None  # in pixels of the source, upright
    circle_y: float | None = None
    circle_radius: float | None = None
    source_bytes: int | None = None
    source_mtime_ns: int | None = None
    output_bytes: int | None = None
    settings: str | None = None  # all that decides about the pixels


NUMBERS = {
    **dict.fromkeys(("circle_x", "circle_y", "circle_radius"), float),
    **dict.fromkeys(("source_bytes", "source_mtime_ns", "output_bytes"), int),
}


class Journal:
    """What one worker has done, as lines of JSON that are appended one by one.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path):
        self.path = path

    def begin(self, source):
        """Record which photograph comes next, in case it ends the process.

        Parameters
        ----------
        source : str
            Its path in the folder of photographs.
        """
        self._append({"begin": source})

    def append(self, record, output_mtime_ns=None):
        """Add a record.

        It is written before its file gets its name. So what has its name is on record,
        and what is on record without its file, by size and time, is not done.

        Parameters
        ----------
        record : Record
            The record.
        output_mtime_ns : int, default=None
            Time of the output file.
        """
        self._append({**record._asdict(), "output_mtime_ns": output_mtime_ns})

    def _append(self, line):
        with open(self.path, "ab", buffering=0, opener=_open_no_link) as file:
            file.write(json.dumps(line).encode() + b"\n")


def _open_no_link(path, flags):
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _find_journals(folder, run=None):
    """Return the journals of a run, or of all, by the number of their run."""
    return sorted(
        (int(found[1]), path)
        for path in folder.glob("*.jsonl")
        if (found := re.match(r"(\d{6,9})-", path.name))
        and run in (None, int(found[1]))
        and path.is_file()
        and not path.is_symlink()
    )


def last_run(folder):
    """Return the number of the last run that has journals.

    Parameters
    ----------
    folder : Path
        Where journals are.

    Returns
    -------
    run : int
        0 if there was none.
    """
    return max((run for run, _ in _find_journals(folder)), default=0)


def _read_lines(journal):
    with open(journal, "rb") as lines:
        for text in lines:
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                continue  # incomplete, as its process was killed: the last
            if isinstance(line, dict):
                yield line


def read_begun(folder, run):
    """Return the photographs begun in a run and neither prepared nor failed.

    Parameters
    ----------
    folder : Path
        Where journals are.
    run : int
        Number of the run.

    Returns
    -------
    sources : list of str
        At most one for each worker.
    """
    begun = []
    for _, journal in _find_journals(folder, run):
        lines = list(_read_lines(journal))
        if lines and isinstance(lines[-1].get("begin"), str):
            begun.append(lines[-1]["begin"])
    return begun


def read_journals(folder, output, run=None):
    """Read the records in journals that match the files in the output folder.

    Parameters
    ----------
    folder : Path
        Where journals are.
    output : Path
        The output folder.
    run : int, default=None
        Number of the run to read; None reads all.

    Returns
    -------
    records : dict of str to Record
        By source.
    """
    records, strange = {}, []
    for _, journal in _find_journals(folder, run):
        for line in _read_lines(journal):
            if "begin" in line:
                continue
            output_mtime_ns = line.pop("output_mtime_ns", None)
            record = _record(line)
            if record is None:
                strange.append(f"{line!r:.200}")
            elif record.status == FAILED or (
                size_and_time(output / record.output)
                == (record.output_bytes, output_mtime_ns)
            ):
                records[record.source] = record
    _warn_of_strange(folder, strange)
    return records


def _record(values):
    """Return the record in a row or a line, None if it was not written here.

    Whoever may write to the folder may have changed it. A path that leads out of the
    folder, or to what was made of another photograph, could delete anything.
    """
    if values.keys() != set(Record._fields):
        return None
    record = Record(**values)
    texts = [value for name, value in values.items() if name not in NUMBERS]
    numbers = [values[name] for name in NUMBERS]
    if not (
        all(isinstance(text, str | None) for text in texts)
        and all(type(number) in (int, float, type(None)) for number in numbers)
        and record.source
        and record.status in (PREPARED, DAMAGED, FAILED, GONE, ASIDE)
    ):
        return None
    if record.output is None:
        return record if record.status in (FAILED, ASIDE) else None
    return record if could_be_output(record.output, record.source) else None


def _warn_of_strange(place, strange):
    if strange:
        warnings.warn(
            f"{len(strange)} rows in {str(place)!r} are ignored: they do not name a "
            "photograph in the folder, or name the output of another. The files that "
            f"they name are not touched. The first: {strange[0]}",
            UserWarning,
            stacklevel=4,
        )


def read_rows(manifest):
    """Read the rows of a manifest one by one, those that are gone as prepared.

    Parameters
    ----------
    manifest : Path
        The CSV file; it may be missing.

    Yields
    ------
    record : Record
        A row. One that was not written here is ignored, with a warning.
    """
    if not manifest.is_file():
        return
    with open(manifest, encoding="utf-8", newline="") as file:
        rows = _rows_of_text(manifest, file)
        header = next(rows, [])
        if tuple(header) != Record._fields:
            raise ValueError(
                f"{str(manifest)!r} has columns {header!r:.500}, expected those of a "
                f"prepared folder: {list(Record._fields)!r}. Choose another output "
                "folder; files of other origin are never overwritten."
            )
        strange = []
        for row in rows:
            try:
                values = dict(
                    zip(header, (from_text(cell) or None for cell in row), strict=True)
                )
                for name, number in NUMBERS.items():
                    if values[name] is not None:
                        values[name] = number(values[name])
                record = _record(values)
            except ValueError:
                record = None
            if record is None:
                strange.append(f"{row!r:.200}")
                continue
            if record.status == ASIDE:  # looked at anew each time
                continue
            if record.status == GONE:  # until it is found again that it is
                status = DAMAGED if record.reason else PREPARED
                record = record._replace(status=status)
            yield record
    _warn_of_strange(manifest, strange)


def _rows_of_text(manifest, file):
    try:
        yield from csv.reader(file)
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(
            f"{str(manifest)!r} is not a readable CSV ({error}). Copy it again, or "
            "choose another output folder."
        ) from error


def write_manifest(manifest, records, drafts):
    """Write a manifest, whole or not at all.

    Parameters
    ----------
    manifest : Path
        The CSV file.
    records : iterable of Record
        Its rows.
    drafts : Path
        Folder where it is written before it gets its name.
    """
    # Names that are not UTF-8 are shown with their bytes as \\udc80 to \\udcff.
    with (
        written_whole(manifest, durable=True, drafts=drafts) as draft,
        open(
            draft, "w", encoding="utf-8", errors="backslashreplace", newline=""
        ) as file,
    ):
        rows = csv.writer(file)
        rows.writerow(Record._fields)
        rows.writerows(map(as_text, record) for record in records)


def read_manifest(manifest):
    """Read a manifest as a table.

    Parameters
    ----------
    manifest : str or Path
        The CSV file that `prepare_images` wrote.

    Returns
    -------
    manifest : DataFrame
        One row for each photograph.
    """
    text = set(Record._fields) - set(NUMBERS)
    frame = pd.read_csv(
        Path(manifest),
        dtype={
            **dict.fromkeys(text, str),
            **{name: "Int64" for name, kind in NUMBERS.items() if kind is int},
            **{name: "float64" for name, kind in NUMBERS.items() if kind is float},
        },
        keep_default_na=False,
        na_values=[""],
    )
    return frame.assign(**{name: frame[name].map(from_text) for name in text})
