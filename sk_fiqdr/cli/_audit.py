"""`sk-fiqdr audit`."""

from pathlib import Path
from typing import Annotated

import typer

from ..utils._files import written_whole
from . import _options as o
from ._config import settings_of, write_beside
from ._messages import log, telling
from ._output import check_format, check_free, show


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
        str,
        typer.Option(
            help="summary, labels, eyes, disagreements, patients, exact_duplicates, "
            "near_duplicates, unreadable or images."
        ),
    ] = "summary",
    n_jobs: Annotated[int, typer.Option(help="Threads; -1: all cores.")] = -1,
    overwrite: o.Overwrite = False,
    config: o.Config = None,
    progress: o.Progress = True,
    as_json: o.AsJson = False,
    as_csv: o.AsCsv = False,
):
    """Check a folder: labels, patients, copies, unreadable files.

    Exit status: 0 done, 1 some files could not be read, 2 it cannot be done like this.
    """
    with telling():
        check_format(as_json, as_csv)
        check_free(picture, overwrite)
        from .. import datasets
        from ..datasets._readers._load_folder import NoLabelsError
        from ._fit_model import load, log_found

        try:
            data = load(images, grades, quality, layout, patient_column, poor_label)
        except NoLabelsError:
            data = _without_labels(images)
        found = datasets.audit(data, n_jobs=n_jobs, progress=progress)
        frame = found.frame(table)
        if frame.columns.nlevels > 1:
            frame.columns = [" ".join(map(str, name)) for name in frame.columns]
        show(
            frame.reset_index()
            if frame.index.name or len(frame.index.names) > 1
            else frame,
            title=f"{table} of {images}; split hash {found.split_hash}",
            as_json=as_json,
            as_csv=as_csv,
        )
        if picture is not None:
            _draw(found, picture)
            write_beside(picture, "audit", settings_of(ctx))
        unreadable = found.frame("unreadable")
        n_read = len(data.data) - len(unreadable)
        log_found(data, {"read": n_read, "unreadable": len(unreadable)})
        if len(unreadable):
            log(f"{len(unreadable)} files cannot be read; see --table unreadable.")
    raise typer.Exit(1 if len(unreadable) else 0)


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
