"""`sk-fiqdr predict`."""

from pathlib import Path
from typing import Annotated

import typer

from ..utils._csv_cells import write_cells
from ..utils._files import written_whole
from ..utils._progress import progress_bar
from . import _options as o
from ._both_eyes import add_both_eyes, check_grades
from ._config import settings_of, write_beside
from ._messages import count_files, log, telling
from ._model import (
    ASIDE,
    DAMAGED,
    NOT_FINITE,
    STATUSES,
    UNREADABLE,
    load_model,
    model_folder,
    predictions,
)
from ._output import check_format, check_free, show

UNCLEAR = "unclear"  # why a photograph is poor
N_NAMED = 20  # files that the command names; the table names all


def predict(
    ctx: typer.Context,
    model: o.Model,
    images: Annotated[
        Path, typer.Argument(help="A folder of images, any depth; or one image.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="CSV to write; default: stdout only."),
    ] = None,
    refuse_below: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Refuse to grade if p_good is lower; off by default."
        ),
    ] = None,
    both_eyes: o.BothEyes = False,
    device: o.Device = "auto",
    on_damage: o.OnDamage = "warn",
    overwrite: o.Overwrite = False,
    config: o.Config = None,
    progress: o.Progress = True,
    as_json: o.AsJson = False,
    as_csv: o.AsCsv = False,
):
    """Grade images and classify their quality; unreadable files are listed.

    A row for each file: path, grade, its probabilities, quality (1 good, 0 poor),
    p_good, reason (why it is poor), refused, status (graded, damaged, unreadable, not
    finite, left aside) and error, which says why. A damaged image is graded all the
    same. With --both-eyes also grade_both_eyes and its probabilities. Prepare the
    images as those that the model was trained on.

    Exit status: 0 done, 1 some files could not be read, 2 it cannot be done like this.
    """
    with telling():
        check_format(as_json, as_csv)
        model_folder(model)  # before torch is waited for
        check_free(output, overwrite)
        from ..datasets._folder import find_images
        from ..utils._image_files import Listing, describe_aside

        is_file = images.is_file()
        paths, aside = Listing([str(images)], {}) if is_file else find_images(images)
        net = load_model(model, device=device, on_error="skip", on_damage=on_damage)
        tasks = {task.name for task in net._tasks}
        if refuse_below is not None and "quality" not in tasks:
            raise ValueError(
                f"--refuse-below asks for the quality, which a {type(net).__name__} "
                "does not predict."
            )
        if both_eyes:
            check_grades(net)
        with progress_bar("grading", len(paths), shown=progress) as progressed:
            frame = _graded(
                net, paths, aside, refuse_below, both_eyes, progressed, output
            )
        if output is None:
            show(frame, as_json=as_json, as_csv=as_csv)
        else:
            write_beside(output, "predict", settings_of(ctx))
            show(_summary(frame), title=None, as_json=as_json, as_csv=as_csv)
            log(f"The predictions are in {output}")
        failed = frame["status"].isin([UNREADABLE, NOT_FINITE])
        named = frame.loc[failed | frame["status"].eq(DAMAGED)].head(N_NAMED)
        for path, status, error in named[["path", "status", "error"]].values:
            log(f"  {status}: {error}" + f" ({path})" * (path not in error))
        counts = {status: int(frame["status"].eq(status).sum()) for status in STATUSES}
        log(count_files(counts, describe_aside(aside)))
    raise typer.Exit(1 if failed.any() else 0)


def _graded(net, paths, aside, refuse_below, both_eyes, progressed, output):
    """Return all predictions; an output file grows under a temporary name meanwhile."""
    import contextlib

    import pandas as pd

    parts = []
    with written_whole(output) if output else contextlib.nullcontext() as draft:

        def keep(part):
            parts.append(part)
            if draft is not None:
                first = len(parts) == 1
                write_cells(part, draft, mode="a", header=first)

        found = predictions(net, paths, progressed)
        for part in _with_fellow_eyes(found, net) if both_eyes else found:
            if "p_good" in part:
                part.insert(part.columns.get_loc("status"), "reason", _reasons(part))
                refused = part["p_good"].lt(refuse_below or 0)
                part.insert(part.columns.get_loc("status"), "refused", refused)
            keep(part)
        if aside:
            keep(_left_aside(aside).reindex(columns=parts[0].columns))
    return pd.concat(parts, ignore_index=True)


def _reasons(part):
    """Say why the photographs that are predicted poor are poor, "" for all others."""
    import numpy as np

    from ..preprocessing import measure_quality

    poor = part["quality"].eq(0).fillna(False).to_numpy(dtype=bool)
    reasons = np.full(len(part), "", dtype=object)
    if poor.any():
        found = measure_quality(part.loc[poor, "path"].tolist())["reason"]
        reasons[poor] = found.replace("", UNCLEAR)
    return reasons


def _with_fellow_eyes(parts, net):
    """Yield all predictions together, as the eyes of a patient may be apart."""
    import pandas as pd

    frame, n_fellows = add_both_eyes(pd.concat(parts, ignore_index=True), net)
    log(f"{n_fellows} of {len(frame)} images are of an eye whose fellow eye is here.")
    yield frame


def _left_aside(aside):
    """Return a row for each file that is not an image by its name."""
    import pandas as pd

    frame = pd.DataFrame({"path": [Path(path).as_posix() for path in aside]})
    why = [f"no image by its name: {why}" for why in aside.values()]
    return frame.assign(refused=False, status=ASIDE, error=why)


def _summary(frame):
    """Count images by grade, and those that are poor, refused and unreadable."""
    import pandas as pd

    images = frame["status"].ne(ASIDE)
    rows = [("files", len(frame)), ("images", int(images.sum()))]
    if "grade" in frame:
        counts = frame["grade"].value_counts().sort_index()
        rows += [(f"grade {grade}", n) for grade, n in counts.items()]
    if "quality" in frame:
        rows.append(("poor quality", int(frame["quality"].eq(0).sum())))
        counts = frame["reason"].replace("", None).value_counts()
        rows += [(f"poor: {reason}", n) for reason, n in counts.items()]
        rows.append(("refused", int(frame["refused"].sum())))
    for status in (DAMAGED, UNREADABLE, NOT_FINITE, ASIDE):
        rows.append((status, int(frame["status"].eq(status).sum())))
    return pd.DataFrame(rows, columns=["what", "n"])
