"""What goes to stdout: a table for people, or JSON or CSV for programs."""

import os

import typer

from ..utils._csv_cells import write_cells
from ..utils._files import check_place, written_whole
from ._config import beside

WIDE = 160  # columns, where stdout is not a terminal with a width


def check_format(as_json, as_csv):
    """Raise if two forms are asked for.

    Parameters
    ----------
    as_json, as_csv : bool
        The options of a command.

    Raises
    ------
    ValueError
        If both are set.
    """
    if as_json and as_csv:
        raise ValueError("--json and --csv exclude each other: choose one.")


def show(frame, *, title=None, as_json=False, as_csv=False):
    """Print a table.

    Parameters
    ----------
    frame : DataFrame
        What to show; its index is not shown.
    title : str, default=None
        Of the table for people.
    as_json, as_csv : bool, default=False
        Print records of JSON, or CSV, in place of the table.
    """
    if as_json:
        typer.echo(frame.to_json(orient="records", indent=2, force_ascii=False))
    elif as_csv:
        typer.echo(write_cells(frame, None), nl=False)
    else:
        _print_table(frame, title)


def _print_table(frame, title):
    from pandas.api.types import is_numeric_dtype
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    table = Table(title=title, title_justify="left")
    for name in frame.columns:
        table.add_column(
            str(name), justify="right" if is_numeric_dtype(frame[name]) else "left"
        )
    cells = [_cells(frame[name].tolist()) for name in frame.columns]
    for row in zip(*cells, strict=True):
        table.add_row(*map(Text, row))
    console.print(table)


def _cells(values):
    numbers = [v for v in values if isinstance(v, float) and v == v]
    whole = all(number.is_integer() for number in numbers)
    return [_cell(value, whole) for value in values]


def _cell(value, whole):
    if isinstance(value, float):
        if value != value:
            return "-"
        count = whole or (value.is_integer() and abs(value) > 1)
        return f"{value:.0f}" if count else f"{value:.3f}"
    return "" if value is None else str(value)


def check_free(path, overwrite):
    """Raise, before any work, where a file and its settings cannot go.

    Parameters
    ----------
    path : Path or None
        The file; None is none.
    overwrite : bool
        Whether it may replace one that is there.

    Raises
    ------
    FileExistsError
        If there is one, and it may not.
    FileNotFoundError, IsADirectoryError
        If its folder is not there, or it is a folder itself.
    """
    if path is None:
        return
    check_place(path)
    for file in (path, beside(path)):
        if os.path.lexists(file) and not overwrite:
            raise FileExistsError(
                f"{str(file)!r} exists, and nothing is overwritten without --overwrite."
            )


def write_csv(frame, path):
    """Write a table whole or not at all.

    Parameters
    ----------
    frame : DataFrame
        The table; its index is not written.
    path : Path
        The file.
    """
    with written_whole(path) as draft:
        write_cells(frame, draft)
