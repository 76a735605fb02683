"""`sk-fiqdr demo`."""

import contextlib
import itertools
from pathlib import Path
from typing import Annotated

import typer

from ..utils._progress import progress_bar
from ._messages import on_ctrl_c, telling

NEXT_STEPS = """\
Your own photographs, from the command line:

  sk-fiqdr prepare photographs/ images/
  sk-fiqdr train images/ --grades trainLabels.csv --quality quality_label_train.csv
  sk-fiqdr predict my-model images/ --output graded.csv

or in Python:

  from sk_fiqdr import FIQDRClassifier
  from sk_fiqdr.datasets import load_kaggle_dr
  from sk_fiqdr.model_selection import patient_train_test_split

  data = load_kaggle_dr("images/", "trainLabels.csv", "quality_label_train.csv")
  X_train, X_test, y_train, y_test = patient_train_test_split(data.data, data.target)
  net = FIQDRClassifier(verbose=1).fit(X_train, y_train)
  print("kappa", net.score(X_test, y_test))
"""


def demo(
    folder: Annotated[
        Path, typer.Option(help="Where model, scores and picture go.")
    ] = Path("sk-fiqdr-demo"),
    n_samples: Annotated[
        int | None,
        typer.Option(
            min=80,
            help="Number of painted photographs. By default 480, or fewer on a slow "
            "machine.",
        ),
    ] = None,
    image_size: Annotated[
        int, typer.Option(min=64, max=512, help="Their height and width in pixels.")
    ] = 128,
    random_state: Annotated[int, typer.Option(min=0, help="Seed of everything.")] = 0,
):
    """Search, fit and compare on synthetic photographs; no data and no network needed.

    Paints fundus photographs, searches beta and lambda of the loss, trains the heads of
    a network with the best and with plain cross-entropy, tunes cut-points of the grade,
    and scores both on unseen patients.
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

    def say(text):
        log.print(f"{time.perf_counter() - start:4.0f} s  {text}", highlight=False)

    say("Starting: a minute or less on two idle cores.")
    from ._demo_run import FINAL_EPOCHS, N_SAMPLES, affordable, findings, run_demo

    def end(*_):
        with contextlib.suppress(OSError):
            folder.rmdir()
        log.print("\nInterrupted; nothing was written.", style="red")
        raise SystemExit(130)

    if n_samples is None:
        n_samples = affordable(image_size)
        if n_samples < N_SAMPLES:
            say(f"A slow or busy machine: {n_samples} photographs, not {N_SAMPLES}.")
    n_done = itertools.count(1)
    n_epochs = 2 * FINAL_EPOCHS
    with (
        telling(),
        progress_bar("training", n_epochs, unit="epochs") as show,
        on_ctrl_c(end),
    ):

        def advance():
            done = next(n_done)
            show(done)
            if not log.is_terminal and done % 3 == 0:
                say(f"{done} of {n_epochs} epochs.")

        scores, _ = run_demo(
            folder,
            n_samples=n_samples,
            image_size=image_size,
            random_state=random_state,
            say=say,
            advance=advance,
        )
    _print_scores(scores, findings(scores))
    say(f"Done. In {folder}/:")
    for name, what in {
        "graded.png": "test photographs with grades and quality; look at it first",
        "scores.csv": "the table above",
        "search.csv": "every candidate of the search",
        "model/": "the net; FIQDRClassifier.from_pretrained reads it",
    }.items():
        log.print(f"  {name:<11} {what}", highlight=False)
    log.print()
    log.print(NEXT_STEPS, highlight=False, markup=False, soft_wrap=True)


def _print_scores(scores, sentences):
    from rich.console import Console
    from rich.table import Table

    # A column for each net: that fits into any terminal.
    n_test, n_poor = scores["n_test"][0], scores["n_poor"][0]
    table = Table(
        title=f"{n_test} photographs of other patients, {n_poor} of them poor"
    )
    table.add_column("")
    for loss in scores["loss"]:
        table.add_column(loss, justify="right")
    headings = {
        "beta": "beta (weight of poor)",
        "lambd": "lambda (centre loss)",
        "mean_acc": "quality: mean_acc",
        "specificity": "  poor ones recognised",
        "sensitivity": "  good ones recognised",
        "kappa": "grade: kappa",
        "kappa_good": "  of good photographs",
        "kappa_poor": "  of poor photographs",
        "kappa_most_probable": "  most probable grade",
        "kappa_both_eyes": "  with the other eye",
        "kappa_graded": "  if poor are refused",
    }
    for column, heading in headings.items():
        form = "{:g}" if column in ("beta", "lambd") else "{:.3f}"
        table.add_row(heading, *map(form.format, scores[column]))
    Console().print(table)
    log = Console(stderr=True)
    for sentence in sentences:
        log.print(f"- {sentence}", highlight=False)
    log.print(
        "Painted photographs are easier than real ones, and one small run decides "
        "nothing: try another --random-state.\n",
        highlight=False,
    )
