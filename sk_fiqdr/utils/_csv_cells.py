"""Cells of CSV files that spreadsheets show as text, whatever a file is called.

A spreadsheet computes a cell that begins with = + - or @, also one that is the name of
a file of somebody else. An apostrophe before it makes it text.
"""

import csv

STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_text(cell):
    """Return a cell that no spreadsheet takes for a formula.

    Parameters
    ----------
    cell : object
        A cell; only text is changed.

    Returns
    -------
    cell : object
        With an apostrophe before text that begins like a formula.
    """
    return f"'{cell}" if _looks_like_formula(cell) else cell


def from_text(cell):
    """Return a cell as it was before `as_text`.

    Parameters
    ----------
    cell : object
        From a CSV file.

    Returns
    -------
    cell : object
        Without the apostrophe.
    """
    is_marked = isinstance(cell, str) and cell[:1] == "'" and _looks_like_formula(cell)
    return cell[1:] if is_marked else cell


def write_cells(frame, file, **kwargs):
    """Write a table as CSV.

    Parameters
    ----------
    frame : DataFrame
        The table; its index is not written.
    file : path, file or None
        Where to; None returns the text.
    **kwargs : dict
        Those of `DataFrame.to_csv`.

    Returns
    -------
    text : str or None
        The CSV, if `file` is None.
    """
    texts = frame.select_dtypes(["object", "str"]).columns
    frame = frame.assign(**{name: frame[name].map(as_text) for name in texts})
    # Python before 3.13 does not quote \r, which ends a row for others.
    texts = (cell for name in texts for cell in frame[name] if isinstance(cell, str))
    if any("\r" in cell for cell in texts):
        kwargs["quoting"] = csv.QUOTE_NONNUMERIC
    # Names that are not UTF-8 are shown with their bytes as \\udc80 to \\udcff.
    return frame.to_csv(file, index=False, errors="backslashreplace", **kwargs)


def _looks_like_formula(cell):
    # Behind apostrophes, too, so that each text is read back as it was.
    return isinstance(cell, str) and cell.lstrip("'").startswith(STARTS)
