"""`sk-fiqdr audit`."""

import warnings
from pathlib import Path
from typing import Annotated

import typer

from ..utils._files import written_whole
from . import _options as o
from ._audit_screen import next_steps, screen
from ._config import settings_of, write_beside
from ._messages import log, telling
from ._output import check_format, check_free, show

LONGEST = 200  # characters of the line about files, on the screen
# How the warnings begin that the screen repeats in a line each.
ON_SCREEN = ("Of .* images in", "Left aside in", "The patients of")


def audit(
    ctx: typer.Context,
    images: o.Images,
    grades: o.Grades = None,
    quality: o.Quality = None,
    layout: o.Layout = "auto",
    patient_column: o.PatientColumn = None,
    poor_label: o.PoorLabel = None,
    picture: Annotated[
        Path | None, typer.Option(help="Plot into a file, such as audit.png.")
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            help="In place of the overview: summary, labels, eyes, disagreements, "
            "patients, exact_duplicates, near_duplicates, unreadable, left_aside or "
            "images."
        ),
    ] = None,
    n_jobs: Annotated[int, typer.Option(help="Threads; -1: all cores.")] = -1,
    overwrite: o.Overwrite = False,
    config: o.Config = None,
    progress: o.Progress = True,
    as_json: o.AsJson = False,
    as_csv: o.AsCsv = False,
):
    """Check a folder: files, patients, labels, copies, and what to do next.

    The first command to run on new data. It shows one screen; --table, --json and --csv
    show a table instead.

    Exit status: 0 done, 1 some files could not be read, 2 it cannot be done like this.
    """
    with telling():
        check_format(as_json, as_csv)
        check_free(picture, overwrite)
        from .. import datasets
        from ._fit_model import read_as, sum_of_files

        is_screen = table is None and not (as_json or as_csv)
        data = _read(
            images, grades, quality, layout, patient_column, poor_label, is_screen
        )
        head = [read_as(data)] if "layout" in data else []
        log("\n".join(head) or "No labels were found.")
        found = datasets.audit(data, n_jobs=n_jobs, progress=progress)
        unreadable = found.frame("unreadable")
        n_read = len(data.data) - len(unreadable)
        files = sum_of_files(data, {"read": n_read, "unreadable": len(unreadable)})
        if is_screen:
            if len(files) > LONGEST:
                files = f"{files[:LONGEST]}...: --table left_aside"
            log(files)
            given = _given(grades, quality, layout, patient_column, poor_label)
            steps = next_steps(images, data, found, given)
            typer.echo(screen(data, found, steps, [*head, files]))
        else:
            frame = _table(data, found, table or "summary")
            title = f"{table or 'summary'} of {images}; split hash {found.split_hash}"
            show(frame, title=title, as_json=as_json, as_csv=as_csv)
            log(files)
        if picture is not None:
            _draw(found, picture)
            write_beside(picture, "audit", settings_of(ctx))
        if len(unreadable) and not is_screen:
            log(f"{len(unreadable)} files cannot be read; see --table unreadable.")
    raise typer.Exit(1 if len(unreadable) else 0)


def _read(images, grades, quality, layout, patient_column, poor_label, is_screen):
    """Read the folder, without labels if it has none; the screen says what is amiss."""
    from ..datasets._readers._load_folder import NoLabelsError
    from ._fit_model import read_folder

    with warnings.catch_warnings():
        if is_screen:
            for start in ON_SCREEN:
                warnings.filterwarnings("ignore", start, UserWarning)
        try:
            return read_folder(
                images, grades, quality, layout, patient_column, poor_label
            )
        except NoLabelsError:
            return _without_labels(images)


def _given(grades, quality, layout, patient_column, poor_label):
    """Return the options that say how labels are read, as far as they were given."""
    given = {
        "grades": [*(grades or [])],
        "quality": [*(quality or [])],
        "layout": None if layout == "auto" else layout,
        "patient-column": patient_column,
        "poor-label": poor_label,
    }
    return {name: value for name, value in given.items() if value}


def _table(data, found, name):
    """Return one table, its index and its headings as plain columns."""
    if name == "left_aside":
        return data.left_aside
    frame = found.frame(name)
    if frame.columns.nlevels > 1:
        frame.columns = [" ".join(map(str, name)) for name in frame.columns]
    has_index = frame.index.name or len(frame.index.names) > 1
    return frame.reset_index() if has_index else frame


def _without_labels(images):
    from ..datasets._readers._assemble import as_bunch, frame_of_images

    return as_bunch(frame_of_images(images), {}, images, "", return_X_y=False)


def _draw(found, picture):
    import matplotlib

    matplotlib.use("Agg")  # no display is needed
    found.plot()
    with written_whole(picture) as draft:
        found.figure_.savefig(draft, format=picture.suffix.lstrip(".") or "png")
    log(f"The picture is in {picture}")
