"""The progress bar of the library: on stderr, and only on a terminal."""

from contextlib import contextmanager


@contextmanager
def progress_bar(what, total, *, unit="images", shown=True):
    """Show the progress, the rate and the time left.

    Parameters
    ----------
    what : str
        What is done, such as "preparing".
    total : int
        How many there are.
    unit : str, default="images"
        Of what.
    shown : bool, default=True
        False shows nothing.

    Yields
    ------
    show : callable
        ``show(n)`` says that n are done.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    with Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not (shown and console.is_terminal),
    ) as bar:
        row = bar.add_task(what, total=total, rate=unit)

        def show(completed):
            bar.update(row, completed=completed)
            speed = bar.tasks[0].speed
            bar.update(row, rate=f"{speed:.1f} {unit}/s" if speed else unit)

        yield show


def counting(show):
    """Return a function that adds to the number that a progress bar shows."""
    n_shown = 0

    def add(n):
        nonlocal n_shown
        n_shown += n
        show(n_shown)

    return add
