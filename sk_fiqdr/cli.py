"""The command `sk-fiqdr`: parses, calls the library, prints."""

import contextlib
import itertools
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from ._progress import progress_bar

app = typer.Typer(
    help="Grade diabetic retinopathy and judge image quality. Not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)

# What the library raises where a command cannot be carried out as it was given.
USAGE_ERRORS = (
    ValueError,
    TypeError,
    ImportError,
    BlockingIOError,
    FileNotFoundError,
    NotADirectoryError,
)
N_SHOWN = 20  # failures that the command names; the manifest names all
NEXT_STEPS = """\
Your own photographs (ResNet-18 with ImageNet weights, fetched once; 224 pixels):

  from sk_fiqdr import FIQDRClassifier
  from sk_fiqdr.datasets import load_kaggle_dr
  from sk_fiqdr.model_selection import patient_train_test_split

  data = load_kaggle_dr("images/", "trainLabels.csv", "quality_label_train.csv")
  X_train, X_test, y_train, y_test = patient_train_test_split(data.data, data.target)
  net = FIQDRClassifier(weights="DEFAULT", verbose=1).fit(X_train, y_train)
  print("kappa", net.score(X_test, y_test))
"""


def _version(value: bool):
    if value:
        from . import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Version."),
    ] = False,
):
    """Grade diabetic retinopathy and judge image quality. Not a medical device."""


@app.command(epilog="Example: sk-fiqdr demo --folder my-first-run")
def demo(
    folder: Annotated[
        Path, typer.Option(help="Where model, scores and picture go.")
    ] = Path("sk-fiqdr-demo"),
    n_samples: Annotated[
        int, typer.Option(min=80, help="Number of painted photographs.")
    ] = 480,
    image_size: Annotated[
        int, typer.Option(min=64, max=512, help="Their height and width in pixels.")
    ] = 80,
    random_state: Annotated[int, typer.Option(min=0, help="Seed of everything.")] = 0,
):
    """Search, fit and compare on synthetic photographs; no data and no network needed.

    Paints fundus photographs, searches beta and lambda of the loss, fits the best and a
    plain cross-entropy net of the same budget, and scores both on unseen patients.
    """
    import time

    from rich.console import Console

    log = Console(stderr=True)
    if folder.exists():
        log.print(
            f"{folder} exists already, and nothing is overwritten. "
            "Choose another with --folder, or remove it.",
            style="red",
            highlight=False,
        )
        raise typer.Exit(2)
    start = time.perf_counter()
    log.print(
        f"Painting {n_samples} photographs and searching: a minute or two on two idle "
        "cores ..."
    )
    from ._demo import n_epochs, run_demo

    def stop(*_):
        with contextlib.suppress(OSError):
            folder.rmdir()
        log.print("\nInterrupted; nothing was written.", style="red")
        raise SystemExit(130)

    n_done = itertools.count(1)
    with (
        progress_bar("training", n_epochs(), unit="epochs") as show,
        _on_ctrl_c(stop),
    ):
        scores, _ = run_demo(
            folder,
            n_samples=n_samples,
            image_size=image_size,
            random_state=random_state,
            advance=lambda: show(next(n_done)),
        )
    _print_scores(scores)
    seconds = time.perf_counter() - start
    log.print(f"Done in {seconds:.0f} s. In {folder}/:", highlight=False)
    for name, what in {
        "graded.png": "test photographs with grades and quality; look at it first",
        "scores.csv": "the table above",
        "search.csv": "every candidate of the search",
        "model/": "the net; FIQDRClassifier.from_pretrained reads it",
    }.items():
        log.print(f"  {name:<11} {what}", highlight=False)
    log.print()
    log.print(NEXT_STEPS, highlight=False, markup=False, soft_wrap=True)


@app.command(epilog="Example: sk-fiqdr prepare train/ train-512/ --size 512")
def prepare(
    images: Annotated[
        Path,
        typer.Argument(help="Folder of photographs, with any folders in it."),
    ],
    output: Annotated[
        Path,
        typer.Argument(help="Folder for the prepared ones: new, or of an earlier run."),
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
    progress: Annotated[
        bool, typer.Option(help="Show a bar, where stderr is a terminal.")
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the summary as JSON on stdout.")
    ] = False,
):
    """Crop a folder of photographs to their circles, for training; resumable.

    Mirrors the folder, and writes manifest.csv, which accounts for every photograph.
    Stopped or killed, the same command goes on where it was; nothing is done twice.

    Exit status: 0 all prepared, 1 some photographs failed (see the manifest), 2 it
    cannot be done like this, 3 stopped before the end, 130 interrupted.
    """
    import json
    import time

    from ._images import UnreadableImageError
    from .preprocessing import NoFundusError, prepare_images

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
            progress=progress,
        )
    except KeyboardInterrupt as error:
        _stop(error, 130)
    except (UnreadableImageError, NoFundusError) as error:
        _stop(error, 1)
    except USAGE_ERRORS as error:
        _stop(error, 2)
    except (OSError, RuntimeError) as error:
        _stop(error, 3)
    failed = manifest.loc[manifest["status"] == "failed", ["source", "reason"]]
    summary = {
        "images": str(images),
        "output": str(output),
        "manifest": str(output / "manifest.csv"),
        "seconds": round(time.perf_counter() - start, 1),
        **manifest.attrs,
        "failures": failed.head(N_SHOWN).to_dict("records"),
    }
    if as_json:
        typer.echo(json.dumps(summary, indent=2))
    else:
        _tell_prepared(summary)
    raise typer.Exit(1 if summary["failed"] else 0)


def _stop(error, status):
    """End with a message instead of a traceback."""
    typer.secho(str(error), fg="red", err=True)
    raise typer.Exit(status) from None


def _tell_prepared(summary):
    typer.echo(
        f"{summary['found']} photographs: {summary['prepared']} prepared, "
        f"{summary['unchanged']} were already, {summary['failed']} failed; "
        f"{summary['seconds']:.0f} s."
    )
    for name, what in {
        "source_changed": "done anew: the photograph has changed since",
        "settings_changed": "done anew: the settings have changed since",
        "output_changed": "done anew: what had been prepared was missing or altered",
        "failed_before": "tried again: failed before",
        "gone": "left in place: prepared before, the photograph is no more; delete "
        "what must not be trained on (status gone in the manifest)",
        "suffix_kept": "share a name but for the suffix, and keep it (eye.png.jpeg): a "
        "label row of that name will not match; take one out",
    }.items():
        if summary[name]:
            typer.echo(f"  {summary[name]} {what}")
    if summary["other_files"]:
        others = ", ".join(
            f"{n} {s}" for s, n in sorted(summary["other_files"].items())
        )
        typer.echo(f"  left aside, no photographs by their suffix: {others}")
    for failure in summary["failures"]:
        typer.secho(f"  failed: {failure['reason']}", fg="red", err=True)
    if summary["failed"] > N_SHOWN:
        typer.secho(
            f"  and {summary['failed'] - N_SHOWN} more failed", fg="red", err=True
        )
    typer.echo(f"All of it is in {summary['manifest']}")


@contextlib.contextmanager
def _on_ctrl_c(stop):
    """Call `stop`; a fit takes Ctrl-C for its own end, and a search would go on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _print_scores(scores):
    from rich.console import Console
    from rich.table import Table

    # A column for each net: that fits into any terminal.
    table = Table(title="Scores on patients that no net has seen")
    table.add_column("")
    for loss in scores["loss"]:
        table.add_column(loss, justify="right")
    headings = {
        "beta": "beta (weight of poor)",
        "lambd": "lambda (centre loss)",
        "kappa": "grade: kappa",
        "kappa_good": "  of good photographs",
        "kappa_poor": "  of poor photographs",
        "mean_acc": "quality: mean_acc",
        "specificity": "  poor ones recognised",
        "sensitivity": "  good ones recognised",
    }
    for column, heading in headings.items():
        form = "{:g}" if column in ("beta", "lambd") else "{:.3f}"
        table.add_row(heading, *map(form.format, scores[column]))
    Console().print(table)
    Console(stderr=True).print(
        "Plain cross-entropy tends to call every photograph good, as most are: a "
        "mean_acc of 0.5. The weight beta makes the poor ones count; kappa may rise or "
        "fall a little with it, and one small run does not tell which.",
        highlight=False,
    )
