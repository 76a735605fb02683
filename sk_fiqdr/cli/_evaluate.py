"""`sk-fiqdr evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from ..utils._progress import progress_bar
from . import _options as o
from ._both_eyes import FLATTERS, add_both_eyes, check_grades
from ._config import settings_of, write_beside
from ._messages import log, telling
from ._model import (
    DAMAGED,
    GRADED,
    load_model,
    model_folder,
    predictions,
    trained_rows,
)
from ._output import check_format, check_free, show

BOTH = "grade, both eyes"
MOST_PROBABLE = "most_probable_grade"
N_SHOWN = 20
COLUMNS = ["task", "measure", "value", "lower", "upper"]


def evaluate(
    ctx: typer.Context,
    model: o.Model,
    images: o.Images,
    grades: o.Grades = None,
    quality: o.Quality = None,
    layout: o.Layout = "auto",
    patient_column: o.PatientColumn = None,
    poor_label: o.PoorLabel = None,
    report: Annotated[
        Path | None, typer.Option(help="Also write a report with plots: one HTML file.")
    ] = None,
    both_eyes: o.BothEyes = False,
    n_bootstraps: Annotated[
        int, typer.Option(min=0, help="Number of draws of patients for the intervals.")
    ] = 1000,
    device: o.Device = "auto",
    on_error: o.OnError = "warn",
    on_damage: o.OnDamage = "warn",
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
        from ._fit_model import describe_patients, load, log_found

        data = load(images, grades, quality, layout, patient_column, poor_label)
        rows = _unseen(model, data)
        net = load_model(
            model,
            device=device,
            on_error="raise" if on_error == "raise" else "skip",
            on_damage=on_damage,
        )
        if both_eyes:
            check_grades(net)
        paths, y, groups = data.data[rows], data.target[rows], data.groups[rows]
        with progress_bar("predicting", len(paths), shown=progress) as progressed:
            scores, status = score_predictions(
                net, paths, y, groups, n_bootstraps, progressed, both_eyes=both_eyes
            )
        read = is_scored(status).to_numpy()
        show(
            scores,
            title=describe_patients(data, rows[read]),
            as_json=as_json,
            as_csv=as_csv,
        )
        if both_eyes:
            log(FLATTERS)
        log_unreadable(status)
        counts = {"scored": int(read.sum()), "unreadable": int((~read).sum())}
        log_found(data, {**counts, "trained on": len(data.data) - len(rows)})
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

    trained = trained_rows(model)
    if trained is None:
        log(
            "Found no split.csv that lists the patients this model was trained on: "
            "make sure that these are other patients."
        )
        return np.arange(len(data.data))
    seen = np.isin(data.groups.astype(str), trained["patient"].to_numpy(dtype=str))
    seen |= _seen_by_name(data.frame["image"], trained["image"])
    if seen.all():
        raise ValueError(
            f"All {len(seen)} images are of patients that the model was trained on, by "
            "split.csv beside it: their scores would reward memory. Pass images of "
            "other patients, or train with --test-size above 0."
        )
    if seen.any():
        log(f"Left out: {seen.sum()} images of patients that it was trained on.")
    return np.flatnonzero(~seen)


def _seen_by_name(names, trained):
    """Return which images, or their fellow eyes, were trained on by their names.

    Patients may be named differently now, such as without the column that named them in
    training. Names that are only a side do not identify a patient without their folder.
    """
    import numpy as np

    from ..model_selection._patient_ids import read_patients

    names = [f"folder/{name}" for name in (*trained, *names)]
    read = np.array([patient for patient, _ in read_patients(names)], dtype=str)
    then, now = read[: len(trained)], read[len(trained) :]
    return np.isin(now, then) & (now != "folder")


def score_predictions(
    net,
    paths,
    y,
    groups,
    n_bootstraps=1000,
    progressed=lambda n: None,
    *,
    both_eyes=False,
):
    """Predict, and return all measures of both tasks with their intervals.

    Parameters
    ----------
    net : FundusNet
        Fitted.
    paths : ndarray of shape (n,)
        Images.
    y : ndarray of shape (n, 2)
        True grade and quality.
    groups : ndarray of shape (n,)
        Patients.
    n_bootstraps : int, default=1000
        Draws.
    progressed : callable, default=lambda n: None
        Called with the number of images that are done.
    both_eyes : bool, default=False
        Also score the grades fused over both eyes, as the task "grade, both eyes".

    Returns
    -------
    scores : DataFrame
        With columns task, measure, value, lower and upper, and, where cut-points
        decide the grade, most_probable: the value of the most probable grade. A task
        without labels is not in it.
    status : DataFrame of shape (n, 2)
        Columns status and error of `predictions`: what is unreadable is ignored.
    """
    import pandas as pd

    from ..metrics import grading_report, quality_report

    scores = [pd.DataFrame(columns=COLUMNS)]
    if not len(paths):
        return scores[0], pd.DataFrame({"status": [], "error": []}, dtype=str)
    frame = pd.concat(predictions(net, list(paths), progressed), ignore_index=True)
    if both_eyes:
        frame, n_fellows = add_both_eyes(frame, net, groups)
        frame = frame.rename(columns={"grade_both_eyes": BOTH})
        log(f"{n_fellows} of {len(frame)} images have a fellow eye among them.")
    read = is_scored(frame).to_numpy()
    y, groups = y[read], groups[read]
    for task, known, truth, reporter in (
        ("grade", y[:, 0] >= 0, y, grading_report),
        (BOTH, y[:, 0] >= 0, y, grading_report),
        ("quality", y[:, 1] >= 0, y[:, 1], quality_report),
    ):
        if task in frame and known.any():
            predicted = frame.loc[read, task].to_numpy(dtype=int)
            table = reporter(truth, predicted, groups=groups, n_bootstraps=n_bootstraps)
            table = table.reset_index().assign(task=task)[COLUMNS]
            if task == "grade" and MOST_PROBABLE in frame:
                best = frame.loc[read, MOST_PROBABLE].to_numpy(dtype=int)
                other = reporter(truth, best, groups=groups, n_bootstraps=0)
                table["most_probable"] = other["value"].to_numpy()
            scores.append(table)
    return pd.concat(scores[1:] or scores, ignore_index=True), frame[
        ["status", "error"]
    ]


def is_scored(status):
    """Tell which images were predicted, if only from damaged pixels.

    Parameters
    ----------
    status : DataFrame
        From `score_predictions`.

    Returns
    -------
    is_scored : Series of bool
        False for what is ignored.
    """
    return status["status"].isin([GRADED, DAMAGED])


def log_unreadable(status):
    """List the first files that could not be read or are damaged, and count all.

    Parameters
    ----------
    status : DataFrame
        From `score_predictions`.
    """
    named = status[status["status"].ne(GRADED)]
    for kind, error in named[["status", "error"]].head(N_SHOWN).values:
        log(f"  {kind}: {error}")
    counts = named["status"].value_counts()
    if n_damaged := counts.pop(DAMAGED) if DAMAGED in counts else 0:
        log(f"{n_damaged} images are damaged, and are used all the same.")
    if n := counts.sum():
        log(f"{n} images could not be read, and are ignored.")


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
