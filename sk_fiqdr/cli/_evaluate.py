"""`sk-fiqdr evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from .._progress import progress_bar
from . import _options as o
from ._config import settings_of, write_beside
from ._messages import log, telling
from ._model import answers, load_model, model_folder, trained_patients
from ._output import check_format, check_free, show

COLUMNS = ["task", "measure", "value", "lower", "upper"]


def evaluate(
    ctx: typer.Context,
    model: o.Model,
    images: o.Images,
    grades: o.Grades = None,
    quality: o.Quality = None,
    report: Annotated[
        Path | None, typer.Option(help="Write one HTML file with pictures, too.")
    ] = None,
    n_bootstraps: Annotated[
        int, typer.Option(min=0, help="Draws of patients for the intervals.")
    ] = 1000,
    device: o.Device = "auto",
    on_error: o.OnError = "warn",
    random_state: o.RandomState = 0,
    overwrite: o.Overwrite = False,
    config: o.Config = None,
    progress: o.Progress = True,
    as_json: o.AsJson = False,
    as_csv: o.AsCsv = False,
):
    """Score a model on labelled images of patients that it has not seen.

    Images of patients that split.csv beside the model says it was trained on are left
    out. Intervals hold 95 % of draws of patients.

    Exit status: 0 done, 1 some images could not be read, 2 it cannot be done like this.
    """
    with telling():
        check_format(as_json, as_csv)
        check_free(report, overwrite)
        model_folder(model)  # before torch is waited for
        from ._training import load

        data = load(images, grades, quality)
        rows = _unseen(model, data)
        net = load_model(
            model, device=device, on_error="raise" if on_error == "raise" else "skip"
        )
        paths, y, groups = data.data[rows], data.target[rows], data.groups[rows]
        with progress_bar("answering", len(paths), shown=progress) as told:
            frame = _joined(answers(net, list(paths), told))
        read = frame["error"].eq("").to_numpy()
        scores = _scores_of(frame[read], y[read], groups[read], n_bootstraps)
        show(
            scores,
            title=f"{int(read.sum())} images of {len(set(groups[read]))} patients",
            as_json=as_json,
            as_csv=as_csv,
        )
        _tell_unreadable(frame[~read])
        if report is not None:
            _write_report(
                report,
                net,
                paths[read],
                y[read],
                groups[read],
                n_bootstraps,
                random_state,
            )
            write_beside(report, "evaluate", settings_of(ctx))
    raise typer.Exit(0 if read.all() else 1)


def _unseen(model, data):
    """Return the rows of patients that the model was not trained on."""
    import numpy as np

    trained = trained_patients(model)
    if trained is None:
        log(
            "No split.csv tells whom this model was trained on: see that these are "
            "other patients."
        )
        return np.arange(len(data.data))
    seen = np.isin(data.groups.astype(str), sorted(trained))
    if seen.all():
        raise ValueError(
            f"All {len(seen)} images are of patients that the model was trained on, by "
            "split.csv beside it: their scores would measure memory. Give images of "
            "other patients, or train with --test-size above 0."
        )
    if seen.any():
        log(f"Left out: {seen.sum()} images of patients that it was trained on.")
    return np.flatnonzero(~seen)


def _joined(parts):
    import pandas as pd

    return pd.concat(parts, ignore_index=True)


def _scores_of(frame, y, groups, n_bootstraps):
    predicted = {
        task: frame[task].to_numpy(dtype=int)
        for task in ("grade", "quality")
        if task in frame
    }
    return score_table(y, predicted, groups, n_bootstraps)


def score_table(y, predicted, groups, n_bootstraps=1000):
    """Return all measures of both tasks with their intervals.

    Parameters
    ----------
    y : ndarray of shape (n, 2)
        True grade and quality.
    predicted : dict of str to ndarray
        Of each task: classes (n,), or probabilities (n, n_classes).
    groups : ndarray of shape (n,)
        Patients.
    n_bootstraps : int, default=1000
        Draws.

    Returns
    -------
    scores : DataFrame
        With columns task, measure, value, lower and upper; a task that nobody
        labelled is not in it.
    """
    import pandas as pd

    from ..metrics import grading_report, quality_report

    parts = [pd.DataFrame(columns=COLUMNS)]
    for column, (task, reporter) in enumerate(
        [("grade", grading_report), ("quality", quality_report)]
    ):
        if task not in predicted or not (y[:, column] >= 0).any():
            continue
        answer = predicted[task]
        answer = answer.argmax(axis=1) if answer.ndim == 2 else answer
        truth = y if task == "grade" else y[:, 1]
        table = reporter(truth, answer, groups=groups, n_bootstraps=n_bootstraps)
        parts.append(table.reset_index().assign(task=task)[COLUMNS])
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _tell_unreadable(frame):
    for error in frame["error"].head(20):
        log(f"  unreadable: {error}")
    if len(frame):
        log(f"{len(frame)} images could not be read, and count nowhere.")


def _write_report(path, net, X, y, groups, n_bootstraps, random_state):
    from ..inspection import estimator_report

    estimator_report(
        net,
        X,
        y,
        groups=groups,
        n_bootstraps=n_bootstraps,
        random_state=random_state,
    ).save(path)
    log(f"The report is in {path}")
