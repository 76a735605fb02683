"""`sk-fiqdr prepare`."""

from pathlib import Path
from typing import Annotated

import typer

from ._messages import count_files, explain, log, status_of, stop

N_SHOWN = 20  # failures that the command names; the manifest names all


def prepare(
    images: Annotated[
        Path,
        typer.Argument(help="Folder of photographs, and subfolders of any depth."),
    ],
    output: Annotated[
        Path,
        typer.Argument(help="Folder for the result: new, or of an earlier run."),
    ],
    image_size: Annotated[
        int,
        typer.Option("--image-size", "--size", help="Height and width in pixels."),
    ] = 512,
    normalize: Annotated[
        str | None,
        typer.Option(help="graham (local average subtracted) or clahe."),
    ] = None,
    format: Annotated[
        str, typer.Option(help="jpeg, or png: exact, but 4 times larger.")
    ] = "jpeg",
    quality: Annotated[int, typer.Option(help="Of JPEG, from 1 to 100.")] = 95,
    n_jobs: Annotated[
        int, typer.Option(help="Number of processes; -1: all cores.")
    ] = -1,
    on_error: Annotated[
        str,
        typer.Option(help="raise: stop at the first unreadable photograph."),
    ] = "warn",
    on_damage: Annotated[
        str,
        typer.Option(
            help="Damaged JPEGs: warn and prepare, raise: take for unreadable, ignore."
        ),
    ] = "warn",
    progress: Annotated[
        bool, typer.Option(help="Show a progress bar if stderr is a terminal.")
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON on stdout.")
    ] = False,
):
    """Crop a folder of photographs to their circles, for training; resumable.

    Mirrors the folder, and writes manifest.csv, which accounts for every photograph.
    After a stop or a kill the same command resumes; no file is processed twice.

    Exit status: 0 all prepared, 1 some photographs failed (see the manifest), 2 it
    cannot be done like this, 3 stopped before the end, 130 interrupted.
    """
    import json
    import time

    from ..exceptions import NoFundusError, UnreadableImageError
    from ..preprocessing import prepare_images

    start = time.perf_counter()
    try:
        manifest = prepare_images(
            images,
            output,
            image_size=image_size,
            normalize=normalize,
            format=format,
            quality=quality,
            n_jobs=n_jobs,
            on_error="skip" if on_error == "warn" else on_error,
            on_damage=on_damage,
            progress=progress,
        )
    except KeyboardInterrupt as error:
        stop(error, 130)
    except (UnreadableImageError, NoFundusError) as error:
        stop(error, 1)
    except Exception as error:
        status = status_of(error, failed=3)
        if status is None:
            raise
        stop(explain(error), status)
    failed, damaged = (
        manifest.loc[manifest["status"] == status, ["source", "reason"]]
        for status in ("failed", "damaged")
    )
    summary = {
        "images": str(images),
        "output": str(output),
        "manifest": str(output / "manifest.csv"),
        "seconds": round(time.perf_counter() - start, 1),
        **manifest.attrs,
        "failures": failed.head(N_SHOWN).to_dict("records"),
        "damages": damaged.head(N_SHOWN).to_dict("records"),
    }
    others = ", ".join(f"{n} {s}" for s, n in sorted(summary["other_files"].items()))
    n_prepared = summary["prepared"] + summary["unchanged"] - summary["damaged"]
    counts = {"prepared": n_prepared}
    counts |= {status: summary[status] for status in ("damaged", "failed")}
    found = count_files({**counts, "left aside": summary["left_aside"]}, others)
    if as_json:
        typer.echo(json.dumps(summary, indent=2))
        log(found)
    else:
        _print_summary(summary, found)
    raise typer.Exit(1 if summary["failed"] else 0)


def _print_summary(summary, found):
    typer.echo(
        f"{summary['found']} photographs: {summary['prepared']} prepared, "
        f"{summary['unchanged']} unchanged, {summary['failed']} failed; "
        f"{summary['seconds']:.0f} s."
    )
    for name, what in {
        "source_changed": "prepared again: the photograph has changed",
        "settings_changed": "prepared again: the settings have changed",
        "output_changed": "prepared again: the output was missing or altered",
        "failed_before": "tried again: failed before",
        "gone": "left in place: prepared before, but the photograph was removed; "
        "delete those not to be trained on (status gone in the manifest)",
        "suffix_kept": "have names that differ only in the suffix, and keep it "
        "(eye.png.jpeg): label rows with that name will not match; remove one",
    }.items():
        if summary[name]:
            typer.echo(f"  {summary[name]} {what}")
    typer.echo(f"  {found}")
    for status, rows in (("damaged", "damages"), ("failed", "failures")):
        for row in summary[rows]:
            typer.secho(f"  {status}: {row['reason']}", fg="red", err=True)
        if summary[status] > N_SHOWN:
            text = f"  and {summary[status] - N_SHOWN} more {status}"
            typer.secho(text, fg="red", err=True)
    typer.echo(f"Details are in {summary['manifest']}")
