"""`sk-fiqdr train`."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from ..utils._progress import progress_bar
from . import _options as o
from ._config import RUN, check_output, settings_of, write_config
from ._evaluate import is_scored, log_unreadable, score_predictions
from ._messages import interrupted, log, on_ctrl_c, telling
from ._model import SPLIT, last_status
from ._output import check_format, show, write_csv

SHARE_TO_TUNE = 1 / 7  # of the patients that are trained on
FEWEST_TO_TUNE = 100  # images, below which cut-points are noise


def train(
    ctx: typer.Context,
    images: o.Images,
    output: o.Output = Path("my-model"),
    grades: o.Grades = None,
    quality: o.Quality = None,
    layout: o.Layout = "auto",
    patient_column: o.PatientColumn = None,
    poor_label: o.PoorLabel = None,
    test_size: o.TestSize = 0.2,
    beta: Annotated[
        str, typer.Option(help="Weight of poor images in the loss; or balanced.")
    ] = "27",
    lambd: Annotated[float, typer.Option(help="Weight of the centre loss.")] = 0.1,
    backbone: o.Backbone = "efficientnet_lite0",
    weights: o.Weights = "auto",
    image_size: o.ImageSize = 224,
    max_epochs: o.MaxEpochs = 8,
    batch_size: o.BatchSize = 16,
    lr: o.Lr = 0.01,
    backbone_lr: o.BackboneLr = None,
    quality_loss_weight: o.QualityLossWeight = 0.15,
    balance: o.Balance = None,
    early_stopping: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=o.NET,
            help="Epochs without a better loss on patients that are held out.",
        ),
    ] = None,
    frozen: Annotated[
        bool,
        typer.Option(
            "--frozen",
            rich_help_panel=o.NET,
            help="Train the heads alone, on features computed once: minutes instead "
            "of an hour.",
        ),
    ] = False,
    average: Annotated[
        bool,
        typer.Option(
            rich_help_panel=o.NET,
            help="Average with a second network, frozen and fitted as by --frozen, if "
            "the weights are not random.",
        ),
    ] = True,
    mirror: Annotated[
        bool,
        typer.Option(
            rich_help_panel=o.NET,
            help="Average predictions with those of the mirror image, in twice the "
            "time.",
        ),
    ] = True,
    tune: Annotated[
        bool,
        typer.Option(
            rich_help_panel=o.NET,
            help="Tune cut-points of the grade, on a seventh of the patients that is "
            "held out; with --frozen on all, out of fold.",
        ),
    ] = True,
    device: o.Device = "auto",
    num_workers: o.NumWorkers = 0,
    on_error: o.OnError = "raise",
    on_damage: o.OnDamage = "warn",
    random_state: o.RandomState = 0,
    config: o.Config = None,
    progress: o.Progress = True,
    as_json: o.AsJson = False,
    as_csv: o.AsCsv = False,
):
    """Train a net on a folder with labels, and score it on patients held out.

    OUTPUT gets model/ (for predict, evaluate, export and from_pretrained), run.toml
    (these settings, for --config), split.csv (who was trained on) and scores.csv.
    Stopped or killed, the same command resumes after the last complete epoch.

    Exit status: 0 done, 1 failed on the way, or some images could not be read, 2 it
    cannot be done like this, 130 interrupted.
    """
    with telling():
        check_format(as_json, as_csv)
        settings = settings_of(ctx)
        if (output / "model").exists():
            raise FileExistsError(
                f"{str(output)!r} holds a trained model already, and nothing is "
                "overwritten. Choose another --output, or remove it."
            )
        has_begun = any((output / "checkpoints").rglob("*.safetensors"))
        check_output(output, "train", settings, has_begun=has_begun)
        import pandas as pd

        from ..modules._backbones import resolve
        from ._fit_model import (
            beta_of,
            describe_held_out,
            frozen_settings,
            hold_out,
            load,
            log_found,
            make_net,
            weights_of,
        )
        from ._progress_by_epoch import listening

        chosen = {**ctx.params, "beta": beta_of(beta), "module__mirror": mirror}
        is_random = resolve(weights_of(weights), backbone) is None
        if frozen:
            chosen |= frozen_settings(backbone, progress)
        elif average and not is_random:
            chosen["solver"] = "average"
        net = make_net(chosen, checkpoint_dir=output / "checkpoints")
        data = load(images, grades, quality, layout, patient_column, poor_label)
        train, test = hold_out(data, test_size, random_state)
        tuning = _hold_out_to_tune(data, train, random_state, tune and not frozen)
        if is_random:
            log("From random weights; --weights DEFAULT starts from ImageNet's.")
        net._check_parameters()
        output.mkdir(parents=True, exist_ok=True)
        write_config(output / RUN, "train", settings)
        write_csv(_parts(data, train), output / SPLIT)
        with (
            progress_bar(
                "training", max_epochs, unit="epochs", shown=progress
            ) as progressed,
            on_ctrl_c(interrupted),
            listening(progressed),
        ):
            fitted = train[~tuning]
            net.fit(data.data[fitted], data.target[fitted], groups=data.groups[fitted])
        if frozen and not tune:
            vars(net).pop("grade_cut_points_", None)
        status = [last_status(net), _tune(net, data, train[tuning])]
        scores, held_out = score_predictions(
            net, data.data[test], data.target[test], data.groups[test]
        )
        status = pd.concat(status)
        n_trained = len(train) - int((~is_scored(status)).sum())
        status = pd.concat([status, held_out])
        n_unreadable = int((~is_scored(status)).sum())
        # What shows progress is not saved.
        net.set_params(callbacks=None, checkpoint_dir=None, verbose=0)
        _save(net, output, scores)
        show(
            scores,
            title=f"Scores on {describe_held_out(data, len(test))}",
            as_json=as_json,
            as_csv=as_csv,
        )
        log_unreadable(status)
        n_scored = len(data.data) - n_trained - n_unreadable
        counts = {"trained on": n_trained, "scored": n_scored}
        log_found(data, {**counts, "unreadable": n_unreadable})
        log(f"The model is in {output}: sk-fiqdr predict {output} FOLDER")
    raise typer.Exit(1 if n_unreadable else 0)


def _hold_out_to_tune(data, train, random_state, tune):
    """Return which rows of `train` the cut-points are tuned on, as a mask."""
    import numpy as np
    from sklearn.utils import Bunch

    from ._fit_model import hold_out

    tuning = np.zeros(len(train), dtype=bool)
    if not tune:
        return tuning
    part = Bunch(**{name: data[name][train] for name in ("data", "target", "groups")})
    held_out = hold_out(part, SHARE_TO_TUNE, random_state)[1]
    grades = part.target[held_out, 0]
    if (grades >= 0).sum() < FEWEST_TO_TUNE or len(set(grades[grades >= 0])) < 2:
        log(
            f"Too few images to tune the cut-points of the grade on, fewer than "
            f"{FEWEST_TO_TUNE}: the most probable grade is predicted."
        )
        return tuning
    tuning[held_out] = True
    return tuning


def _tune(net, data, rows):
    """Tune the cut-points, and return what was wrong with images."""
    if not len(rows):
        return None
    try:
        net.tune_grades(data.data[rows], data.target[rows], groups=data.groups[rows])
    except ValueError as error:  # such as a net that predicts the same for all
        log(f"The most probable grade is predicted. {error}")
        return last_status(net)
    cuts = ", ".join(f"{cut:.2f}" for cut in net.grade_cut_points_)
    log(f"Cut-points of the expected grade, tuned on {len(rows)} images: {cuts}")
    return last_status(net)


def _parts(data, train):
    import numpy as np

    frame = data.frame[["image", "patient"]].copy()
    frame["part"] = np.where(np.isin(np.arange(len(frame)), train), "train", "test")
    return frame


def _save(net, output, scores):
    from ..metrics._scorers import SCORES

    values = dict(zip(scores["measure"], scores["value"].astype(float), strict=True))
    known = {name: v for name, v in values.items() if name in SCORES and v == v}
    net.save_pretrained(output / "model", scores=known)
    write_csv(scores, output / "scores.csv")
    shutil.rmtree(output / "checkpoints", ignore_errors=True)
