"""Labels of files as people have them; every complaint names file and line."""

import os
from typing import NamedTuple

import numpy as np
import pandas as pd

from ...utils._label_words import (
    GRADE_WORDS,
    NAMES,
    QUALITY_WORDS,
    WORDS,
    map_words,
    plain_label,
    plain_word,
)
from ...utils._labels import UNKNOWN
from .._folder import image_key, image_name
from ._label_files import SEPARATORS, SHORT, is_table, name_of, plain_name, read_lines

shown = SHORT.repr

# What a column is called that tells whose photographs are.
PATIENT_NAMES = (
    *("patient_id", "patient", "patientid", "patient_no", "patient_number"),
    *("patient_code", "subject", "subject_id", "subjectid", "pid", "person_id"),
    "participant_id",
)


class Column(NamedTuple):
    """A column of labels.

    Attributes
    ----------
    names : tuple of str
        What it may be called.
    values : dict
        What its numbers become.
    required : bool, default=True
        Whether a file must have it.
    words : dict, default={}
        What plain words in it become.
    poor : object, default=None
        The label that becomes 0, where the user says so; the other one becomes 1.
    """

    names: tuple
    values: dict
    required: bool = True
    words: dict = {}  # noqa: RUF012
    poor: object = None


def whole_numbers(largest, *names, required=True):
    """Return a Column of numbers from 0 to `largest` that stay what they are."""
    return Column(names, {n: n for n in range(largest + 1)}, required)


def grade_column(*names, required=True):
    """Return the Column of a grade: 0 to 4, or in words that are known."""
    names = names or NAMES["grade"]
    return whole_numbers(4, *names, required=required)._replace(words=GRADE_WORDS)


def quality_column(*names, poor_label=None, required=True):
    """Return the Column of a quality: 0 poor and 1 good, or in words that are known."""
    names = names or NAMES["quality"]
    return Column(names, {0: 0, 1: 1}, required, QUALITY_WORDS, poor_label)


def read_labels(files, image, columns, *, patient=None):
    """Read label files, contradictions refused.

    Parameters
    ----------
    files : str, Path, DataFrame, list of them, or None
        The files; None is none.
    image : tuple of str
        Names that the column of image names may have.
    columns : dict of Column
        What to read, by the name that it gets.
    patient : str, False or None, default=None
        Column that names the patient; None takes one that is called so, False none.

    Returns
    -------
    rows : DataFrame
        Columns image, key, patient ("" where none is named), file and line, and int64
        labels under the keys of `columns`, -1 where empty or where the file has no such
        column. ``attrs["patient"]`` is what the column of patients is called, or None.
    """
    if files is None:
        files = []
    elif isinstance(files, str | os.PathLike) or is_table(files):
        files = [files]
    names = () if patient is False else (patient,) if patient else PATIENT_NAMES
    wanted = {"image": Column(image, {}), "patient": Column(names, {}, False)}
    tables = [
        _read_file(file if is_table(file) else os.fspath(file), wanted | columns)
        for file in files
    ]
    called = [table.attrs.pop("patient") for table in tables]
    rows = pd.concat([_empty(columns), *tables], ignore_index=True)
    rows.attrs["patient"] = next(filter(None, called), None)
    for task, column in columns.items():
        _refuse_contradictions(rows, task, column.names[0])
    _refuse_contradictions(rows, "patient", rows.attrs["patient"], unknown="")
    return rows


def read_table(file, columns):
    """Read the text of some columns of one file, CSV or Excel.

    Parameters
    ----------
    file : str or DataFrame
        The file.
    columns : dict of Column
        What to read, by the name that it gets.

    Returns
    -------
    table : DataFrame
        Columns of stripped str, "" where the file has no such column; and line.
        ``attrs["called"]`` is what each column is called there, or None.

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
    header, lines, separator = read_lines(file, columns, wanted)
    file = name_of(file)
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
    table = pd.DataFrame(table)
    table.attrs["header"] = header
    table.attrs["called"] = {
        key: None if at is None else header[at] for key, at in where.items()
    }
    return table


def _empty(columns):
    types = dict.fromkeys(("image", "key", "patient", "file"), str)
    types["line"] = np.int64
    types |= dict.fromkeys(columns, np.int64)
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in types.items()})


def _read_file(file, columns):
    table = read_table(file, columns)
    rows = pd.DataFrame({"image": table["image"].map(image_name)})
    rows["key"] = rows["image"].map(image_key)
    rows["patient"] = table["patient"]
    rows["file"] = name_of(file)
    rows["line"] = table["line"]
    for task, column in columns.items():
        if task not in ("image", "patient"):
            _refuse_eyeq(rows["file"][0], table.attrs["header"], column)
            rows[task] = _to_labels(rows, table[task], column, task)
    named = rows["patient"].ne("").any()
    rows.attrs["patient"] = table.attrs["called"]["patient"] if named else None
    return rows


def is_eyeq(file, header):
    """Tell by its name, or by its columns, whether a label file seems to be EyeQ's."""
    called = is_called_eyeq(file)
    return called or {"quality", "dr grade"} <= {*map(plain_name, header)}


def is_called_eyeq(file):
    """Tell by its name whether a label file is EyeQ's."""
    return "eyeq" in plain_word(os.path.basename(file)).replace(" ", "")


def _refuse_eyeq(file, header, column):
    """Raise where 0 and 1 seem to be EyeQ's good and usable, not poor and good."""
    if column.words is not QUALITY_WORDS or column.poor is not None:
        return
    if is_eyeq(file, header):
        named = is_called_eyeq(file)
        raise ValueError(
            f"{file!r} seems to be EyeQ's: its {'name' if named else 'columns'} "
            f"{os.path.basename(file) if named else shown(header)} say so, and EyeQ "
            "counts 0 good, 1 usable and 2 reject, the other way round than here. Read "
            "it with sk_fiqdr.datasets.load_eyeq (sk-fiqdr: --layout eyeq). If 0 means "
            "poor in it, say poor_label=0 (sk-fiqdr: --poor-label 0)."
        )


def _to_labels(rows, text, column, task):
    """Return what a column means; refuse what is none of its numbers and words."""
    numbers = _numbers(text, column)
    allowed = numbers.isin([UNKNOWN, *column.values]) & (rows["image"] != "")
    if not allowed.all():
        bad = (~allowed).idxmax()
        raise ValueError(
            f"{rows['file'][bad]!r} line {rows['line'][bad]}: image "
            f"{shown(rows['image'][bad])} has {column.names[0]} "
            f"{shown(text[bad])}, expected a "
            f"name and a whole number from {min(column.values)} to "
            f"{max(column.values)} ({int((~allowed).sum())} such lines). "
            f"{_advice(task, column, text)}"
        )
    return numbers.astype(np.int64).map({UNKNOWN: UNKNOWN, **column.values})


def _numbers(text, column):
    if column.poor is not None:
        return _by_poor_label(text, column)
    numbers = pd.to_numeric(text.replace("", str(UNKNOWN)), errors="coerce")
    if column.words:
        numbers = numbers.where(
            numbers.notna(), text.map(lambda word: column.words.get(plain_word(word)))
        )
    return numbers


def _by_poor_label(text, column):
    """Return 0 for the label that the user calls poor, 1 for the other."""
    plain = text.map(plain_label)
    poor = plain_label(column.poor)
    others = sorted(set(plain) - {poor, "", str(UNKNOWN)})
    if poor not in set(plain) or len(others) > 1:
        raise ValueError(
            f"poor_label={column.poor!r} must be one of the two labels of the column "
            f"{column.names[0]!r}, which holds {shown(sorted(set(text))[:6])}. "
            "Name the one that means poor; leave a third one empty, or map it to one "
            "of the two."
        )
    known = {poor: 0, **dict.fromkeys(others, 1)}
    return plain.map(lambda label: known.get(label, UNKNOWN))


def _advice(task, column, text):
    """Say what labels that are refused may be, and what to do about it."""
    labels = {plain_label(label) for label in text} - {"", str(UNKNOWN)}
    if task == "grade" and labels <= {*"012345"} and "5" in labels:
        return (
            "5 is DDR's mark for an image that cannot be graded: read its list with "
            "sk_fiqdr.datasets.load_ddr (sk-fiqdr: --layout ddr); elsewhere leave such "
            "a grade empty, and give the image the quality 0."
        )
    if task == "quality" and labels == {"1", "2"}:
        return (
            "Say which of the two means poor: poor_label=1 or poor_label=2 (sk-fiqdr: "
            "--poor-label)."
        )
    if task == "quality" and (labels <= {*"012"} or "usable" in labels):
        return (
            "EyeQ's labels are 0 good, 1 usable and 2 reject, the other way round "
            "than here: read them with sk_fiqdr.datasets.load_eyeq (sk-fiqdr: --layout "
            "eyeq)."
        )
    words = sorted(label for label in text if not _is_number(label) and label)
    if words and task == "quality" and len(labels) == 2:
        one, other = sorted(labels)
        return (
            f"Say which of the two means poor: poor_label={shown(one)} or "
            f"poor_label={shown(other)} (sk-fiqdr: --poor-label)."
        )
    if words:
        name, meanings = column.names[0], WORDS.get(task, {})
        words = list(dict.fromkeys(word[:80] for word in words))
        return (
            f"Write down what each word means: frame[{name!r}] = "
            f"{map_words(name, words, meanings)}, and pass the "
            "frame in place of the file."
        )
    return "Correct it, or leave the label empty where it is unknown."


def _is_number(text):
    return pd.notna(pd.to_numeric(text, errors="coerce"))


def _refuse_contradictions(rows, task, column, unknown=UNKNOWN):
    known = rows[rows[task] != unknown]
    first = known.groupby("key")[[task, "file", "line"]].transform("first")
    contradicting = known[known[task] != first[task]]
    if len(contradicting):
        other = contradicting.iloc[0]
        one = first.loc[other.name]
        values = [str(row[task])[:80] for row in (one, other)]
        raise ValueError(
            f"{shown(other['image'])} has {column} {values[0]} in {one['file']!r} "
            f"line {one['line']} and {values[1]} in {other['file']!r} line "
            f"{other['line']} ({len(contradicting)} such contradictions). Keep the row "
            "that is right; where two images in two folders share the name, read each "
            "folder with its own label file."
        )


def _find_columns(file, header, columns, wanted):
    """Return the place of each column; an optional one that is missing has None."""
    places = {}
    for at, name in enumerate(header):
        places.setdefault(plain_name(name), []).append(at)
    where = {}
    for key, column in columns.items():
        found = [at for name in column.names for at in places.get(plain_name(name), [])]
        if not found and column.required:
            raise ValueError(
                f"{file!r} has no column {column.names[0]!r}, but {shown(header)}. "
                f"Expected {wanted} in its first line, separated by a comma."
            )
        if len(found) > 1 and key == "image":
            found = found[: len(places[plain_name(header[found[0]])])]
        if len(found) > 1:
            raise ValueError(
                f"{file!r} has {len(found)} columns for {column.names[0]!r} in its "
                f"header {shown(header)}. Keep the one that is right"
                + (", or name it: patient_column=." if key == "patient" else ".")
            )
        where[key] = found[0] if found else None
    return where


def _without_index(lines, n_columns):
    """Drop the row numbers that R writes without a name in the header."""
    longer = all(len(fields) == n_columns + 1 for _, fields in lines)
    if longer and any(fields[-1] for _, fields in lines):
        return [(line, fields[1:]) for line, fields in lines]
    return lines
