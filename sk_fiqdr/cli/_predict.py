"""`sk-fiqdr predict`."""

from pathlib import Path
from typing import Annotated

import typer

from ..utils._files import written_whole
from ..utils._progress import progress_bar
from . import _options as o
from ._config import settings_of, write_beside
from ._messages import log, telling
from ._model import answers, load_model, model_folder
from ._output import check_format, check_free, show


def predict(
    ctx: typer.Context,
    model: o.Model,
    images: Annotated[
        Path, typer.Argument(help="A folder of images, any depth; or one image.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="CSV to write; left out: stdout alone."),
    ] = None,
    refuse_below: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Refuse to grade where p_good is lower; off by default."
        ),
    ] = None,
    device: o.Device = "auto",
    overwrite: o.Overwrite = False,
    config: o.Config = None,
    progress: o.Progress = True,
    as_json: o.AsJson = False,
    as_csv: o.AsCsv = False,
):
    """Grade images, judge their quality, and go on past unreadable files.

    A row for each image: path, grade, its probabilities, quality (1 good, 0 poor),
    p_good, refused, and error, which says why a file could not be read. Prepare the
    images as those that the model was trained on.

    Exit status: 0 done, 1 some files could not be read, 2 it cannot be done like this.
    """
    with telling():
        check_format(as_json, as_csv)
        model_folder(model)  # before torch is waited for
        check_free(output, overwrite)
        from ..datasets._folder import find_images

        paths = [str(images)] if images.is_file() else find_images(images)
        net = load_model(model, device=device, on_error="skip")
        tasks = {task.name for task in net._tasks}
        if refuse_below is not None and "quality" not in tasks:
            raise ValueError(
                f"--refuse-below asks for the quality, which a {type(net).__name__} "
                "does not judge."
            )
        with progress_bar("grading", len(paths), shown=progress) as told:
            frame = _graded(net, paths, refuse_below, told, output)
        if output is None:
            show(frame, as_json=as_json, as_csv=as_csv)
        else:
            write_beside(output, "predict", settings_of(ctx))
            show(_summary(frame), title=None, as_json=as_json, as_csv=as_csv)
            log(f"The answers are in {output}")
        unreadable = frame.loc[frame["error"].ne(""), "error"]
        for error in unreadable.head(20):
            log(f"  unreadable: {error}")
    raise typer.Exit(1 if len(unreadable) else 0)


def _graded(net, paths, refuse_below, told, output):
    """Return all answers; an output file grows under a passing name meanwhile."""
    import contextlib

    import pandas as pd

    parts = []
    with written_whole(output) if output else contextlib.nullcontext() as draft:
        for part in answers(net, paths, told):
            if "p_good" in part:
                refused = part["p_good"].lt(refuse_below or 0)
                part.insert(part.columns.get_loc("error"), "refused", refused)
            parts.append(part)
            if draft is not None:
                first = len(parts) == 1
                part.to_csv(draft, mode="a", header=first, index=False)
    return pd.concat(parts, ignore_index=True)


def _summary(frame):
    """Count images by grade, and those that are poor, refused and unreadable."""
    import pandas as pd

    rows = [("images", len(frame))]
    if "grade" in frame:
        counts = frame["grade"].value_counts().sort_index()
        rows += [(f"grade {grade}", n) for grade, n in counts.items()]
    if "quality" in frame:
        rows.append(("poor quality", int(frame["quality"].eq(0).sum())))
        rows.append(("refused", int(frame["refused"].sum())))
    rows.append(("unreadable", int(frame["error"].ne("").sum())))
    return pd.DataFrame(rows, columns=["what", "n"])
