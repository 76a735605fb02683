"""`sk-fiqdr search`."""

import shlex
from inspect import signature
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from ..utils._progress import progress_bar
from . import _options as o
from ._config import RUN, check_output, settings_of, write_config
from ._messages import interrupted, log, on_ctrl_c, telling
from ._output import check_format, show, write_csv
from ._train import train

SHOWN = ("kappa", "mean_acc", "specificity", "sensitivity")


def _each(values: list[str] | None):
    """Split what commas join; each may be given by an option of its own, too."""
    return [one.strip() for text in values or [] for one in text.split(",")] or None


def _each_number(values: list[str] | None):
    try:
        return [float(one) for one in _each(values) or []] or None
    except ValueError as error:
        raise typer.BadParameter(f"expected numbers: {error}.") from None


def search(
    ctx: typer.Context,
    images: o.Images,
    output: o.Output = Path("my-search"),
    grades: o.Grades = None,
    quality: o.Quality = None,
    layout: o.Layout = "auto",
    patient_column: o.PatientColumn = None,
    poor_label: o.PoorLabel = None,
    test_size: o.TestSize = 0.2,
    beta: Annotated[
        list[str] | None,
        typer.Option(help="Weights of poor images to try: 1,9,27.", callback=_each),
    ] = None,
    lambd: Annotated[
        list[str] | None,
        typer.Option(
            help="Weights of the centre loss to try: 0,0.1.", callback=_each_number
        ),
    ] = None,
    frozen: Annotated[
        bool,
        typer.Option(
            "--frozen", help="Train only the heads, on features computed once."
        ),
    ] = False,
    n_splits: Annotated[int, typer.Option(min=2, help="Folds, by patient.")] = 3,
    refit: Annotated[
        str | None,
        typer.Option(
            help="Score to choose by; default: kappa, or mean_acc with --frozen."
        ),
    ] = None,
    backbone: o.Backbone = "efficientnet_lite0",
    weights: o.Weights = "auto",
    image_size: o.ImageSize = 224,
    max_epochs: o.MaxEpochs = 8,
    batch_size: o.BatchSize = 16,
    lr: o.Lr = 0.01,
    quality_loss_weight: o.QualityLossWeight = 0.15,
    balance: o.Balance = None,
    device: o.Device = "auto",
    num_workers: o.NumWorkers = 0,
    n_jobs: Annotated[
        int, typer.Option(help="Number of parallel fits; -1: all cores.")
    ] = 1,
    on_error: o.OnError = "raise",
    on_damage: o.OnDamage = "warn",
    random_state: o.RandomState = 0,
    config: o.Config = None,
    progress: o.Progress = True,
    as_json: o.AsJson = False,
    as_csv: o.AsCsv = False,
):
    """Choose beta and lambd by cross-validation over patients.

    The patients that train will hold out (--test-size, --random-state) stay unseen.

    OUTPUT gets results.csv, best.toml (for train --config) and run.toml. Stopped or
    killed, the same command resumes at the first missing candidate and fold.

    Exit status: 0 done, 1 failed on the way, or some images could not be read, 2 it
    cannot be done like this, 130 interrupted.
    """
    with telling():
        check_format(as_json, as_csv)
        chosen_by = refit or ("mean_acc" if frozen else "kappa")
        _check_score(chosen_by)
        settings = settings_of(ctx)
        has_begun = (output / "candidates").exists()
        check_output(output, "search", settings, has_begun=has_begun)
        from ._fit_model import (
            beta_of,
            describe_held_out,
            hold_out,
            load,
            log_found,
        )
        from ._progress_by_epoch import listening

        grid = {
            "beta": [beta_of(text) for text in beta or ["1", "9", "27"]],
            "lambd": list(lambd or [0.0, 0.1]),
        }
        run = _make_search(ctx.params, grid, frozen, output)
        data = load(images, grades, quality, layout, patient_column, poor_label)
        rows, held_out = hold_out(data, test_size, random_state)
        log(
            f"{describe_held_out(data, len(held_out))}: the search does not use them, "
            "and `sk-fiqdr train` scores on them."
        )
        output.mkdir(parents=True, exist_ok=True)
        write_config(output / RUN, "search", settings)
        n_fits = len(grid["beta"]) * len(grid["lambd"]) * n_splits
        ticks = count(1)
        with (
            progress_bar(
                "searching", n_fits * max_epochs, unit="epochs", shown=progress
            ) as progressed,
            on_ctrl_c(interrupted),
            listening(lambda n: progressed(next(ticks))),
        ):
            run.fit(data.data[rows], data.target[rows], groups=data.groups[rows])
        table = _table(run, frozen, chosen_by)
        write_csv(table, output / "results.csv")
        of_train = signature(train).parameters
        best = {
            **{name: settings[name] for name in settings if name in of_train},
            "beta": str(table["beta"].iloc[0]),
            "lambd": float(table["lambd"].iloc[0]),
        }
        write_config(output / "best.toml", "train", best)
        show(
            table,
            title=f"Candidates, best {chosen_by} first: mean over {n_splits} folds",
            as_json=as_json,
            as_csv=as_csv,
        )
        n_unreadable = _count_unreadable(run.cv_results_, n_splits)
        if n_unreadable:
            log(_name_unreadable(n_unreadable, images))
        counts = {"searched": len(rows) - n_unreadable, "unreadable": n_unreadable}
        log_found(data, {**counts, "held out": len(held_out)})
        log(f"To train the best: sk-fiqdr train --config {output / 'best.toml'}")
    raise typer.Exit(1 if n_unreadable else 0)


def _check_score(name):
    from ..metrics._scorers import SCORES

    if name not in SCORES:
        raise ValueError(f"--refit must be one of {', '.join(SCORES)}, got {name!r}.")


def _make_search(settings, grid, frozen, output):
    """Return the search that keeps what it has found; not fitted."""
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    from ..model_selection import PatientStratifiedKFold, SearchCheckpoint
    from ._fit_model import make_net, weights_of

    names = ("backbone", "weights", "image_size", "device", "on_error", "on_damage")
    if frozen:
        from .. import DeepFeatures

        features = DeepFeatures(
            **{
                **{name: settings[name] for name in names},
                "weights": weights_of(settings["weights"]),
            },
            num_workers=settings["num_workers"],
            memory=output / "features",
            progress=settings["progress"],
        )
        heads = make_net(
            {
                **{k: v for k, v in settings.items() if k not in names[:3]},
                "beta": 1.0,
                "lambd": 0.0,
                "num_workers": 0,
            },
            gradient_clip=1.0,
        ).set_params(backbone=None)
        net = Pipeline(
            [("features", features), ("scale", StandardScaler()), ("net", heads)]
        )
        grid = {f"net__{name}": values for name, values in grid.items()}
    else:
        net = make_net({**settings, "beta": 1.0, "lambd": 0.0})
    return SearchCheckpoint(
        GridSearchCV(
            net,
            grid,
            scoring=score_and_count,
            refit=False,
            cv=PatientStratifiedKFold(settings["n_splits"]),
            n_jobs=settings["n_jobs"],
            error_score="raise",
        ),
        output / "candidates",
    )


def score_and_count(estimator, X, y):
    """Score both tasks, and count what could not be read.

    Parameters
    ----------
    estimator : FIQDRClassifier or Pipeline
        Fitted.
    X : array-like of str
        Paths.
    y : array-like of shape (n, 2)
        Grade and quality.

    Returns
    -------
    scores : dict of float
        Those of `fiqdr_scoring`, and "unreadable", a number of images.
    """
    from sklearn.pipeline import Pipeline

    from ..metrics import fiqdr_scoring

    scores = fiqdr_scoring(estimator, X, y)
    net = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    return scores | {"unreadable": len(net.unreadable_)}


def _count_unreadable(results, n_splits):
    """Return how many images could not be read: each is scored in one fold."""
    of_folds = [f"split{fold}_test_unreadable" for fold in range(n_splits)]
    return int(sum(results[name][0] for name in of_folds))


def _name_unreadable(n, images):
    image, are = ("image", "is") if n == 1 else ("images", "are")
    folder = shlex.quote(str(images))
    return (
        f"{n} {image} could not be read, and {are} ignored: "
        f"sk-fiqdr audit {folder} --table unreadable names them."
    )


def _table(run, frozen, chosen_by):
    import pandas as pd

    results = run.cv_results_
    prefix = "param_net__" if frozen else "param_"
    frame = pd.DataFrame(
        {
            "beta": list(results[f"{prefix}beta"]),
            "lambd": list(results[f"{prefix}lambd"]),
            **{name: results[f"mean_test_{name}"] for name in SHOWN},
            f"std_{chosen_by}": results[f"std_test_{chosen_by}"],
        }
    )
    if chosen_by not in frame:
        frame.insert(2, chosen_by, results[f"mean_test_{chosen_by}"])
    return frame.sort_values(chosen_by, ascending=False, ignore_index=True)
