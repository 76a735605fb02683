"""Fits that torchrun starts in several processes; no test is in here.

    torchrun --nproc-per-node 2 distributed_fits.py FOLDER NAME...

fits each scenario and leaves what every process then has in ``FOLDER/NAME.RANK.pkl``.
"""

import os
import pickle
import sys
import warnings
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import torch
from skorch.callbacks import Callback, EpochScoring
from torch import nn

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.distributed import (
    DistributedDRGrader,
    DistributedFIQDRClassifier,
    DistributedQualityClassifier,
)
from sk_fiqdr.metrics import fiqdr_scoring, kappa_scorer
from sk_fiqdr.model_selection import PatientValidSplit

DISTRIBUTED = {
    FIQDRClassifier: DistributedFIQDRClassifier,
    QualityClassifier: DistributedQualityClassifier,
    DRGrader: DistributedDRGrader,
}


class SmoothBackbone(nn.Module):
    """A network without batch statistics, and with a layer that it does not use."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=4), nn.Tanh(), nn.Conv2d(8, 16, 3, stride=2)
        )
        self.unused = nn.Linear(3, 3)

    def forward(self, images):
        return self.layers(images)


class NoisyBackbone(SmoothBackbone):
    """A network that remembers what it drew."""

    drawn = ()

    def forward(self, images):
        if self.training:
            self.drawn = [*self.drawn, torch.rand(()).item()]
        return super().forward(images)


class NormedBackbone(nn.Sequential):
    """A network with batch statistics."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 8, 5, stride=4), nn.BatchNorm2d(8), nn.AdaptiveAvgPool2d(1)
        )


def kappa(net, X, y):
    """Score by kappa, which only the rows of all processes together have."""
    return kappa_scorer(net, X, y)


def scores_and_process(net, X, y):
    """Score, and say which process it was."""
    return {**fiqdr_scoring(net, X, y), "process": os.getpid()}


class HeldOut(Callback):
    """Remember which rows were held out."""

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        self.rows_ = np.asarray(dataset_valid.indices).tolist()


class Stumble(Callback):
    """Fail after two epochs, in the process that $STUMBLE names."""

    def on_epoch_begin(self, net, **kwargs):
        rank = str(net.accelerator.process_index)
        if len(net.history) == 3 and os.environ.get("STUMBLE") == rank:
            raise ValueError("stumbled")


HEADS = {
    "backbone": None,
    "lr": 0.05,
    "max_epochs": 3,
    "batch_size": 13,
    "random_state": 0,
}
IMAGES = {
    "backbone": SmoothBackbone,
    "image_size": 32,
    "amp": False,  # bfloat16 rounds to three digits
    "lr": 0.05,
    "max_epochs": 4,
    "batch_size": 7,
    "random_state": 0,
}
VALIDATION = {
    "train_split": PatientValidSplit(0.3, random_state=0),
    "callbacks": [
        EpochScoring(kappa, lower_is_better=False, name="valid_kappa"),
        EpochScoring(kappa, on_train=True, lower_is_better=False, name="train_kappa"),
    ],
}
# Rows in their order, eight at a time: four for each of two processes.
IN_ORDER = {"batch_size": 8, "iterator_train__shuffle": False}

# Estimator, its parameters, and what fit is given beside X and y.
SCENARIOS = {
    "heads": (FIQDRClassifier, HEADS, ()),
    "weights": (FIQDRClassifier, HEADS, ("sample_weight",)),
    "one-sided labels": (FIQDRClassifier, HEADS | IN_ORDER, ()),
    "one-sided labels, still": (
        FIQDRClassifier,
        HEADS | IN_ORDER | {"lr": 0.0, "max_epochs": 2, "grade_loss": "cross_entropy"},
        ("sample_weight",),
    ),
    "one row left": (FIQDRClassifier, HEADS | {"batch_size": 26}, ()),
    "all rows at once": (FIQDRClassifier, HEADS | {"batch_size": -1}, ()),
    "AdamW": (
        FIQDRClassifier,
        HEADS
        | {
            "optimizer": torch.optim.AdamW,
            "lr": 0.01,
            "beta": "balanced",
            "balance": "grade",
        },
        (),
    ),
    "grader": (DRGrader, HEADS, ("sample_weight",)),
    "quality": (QualityClassifier, HEADS | {"gradient_clip": 0.5}, ("sample_weight",)),
    "images": (FIQDRClassifier, IMAGES, ()),
    "images, grader": (DRGrader, IMAGES, ()),
    "workers": (
        FIQDRClassifier,
        IMAGES | {"iterator_train__num_workers": 2},
        ("sample_weight",),
    ),
    "thawing": (FIQDRClassifier, IMAGES | {"freeze": 2, "backbone_lr": 0.01}, ()),
    "validation": (FIQDRClassifier, IMAGES | VALIDATION, ("groups",)),
    "early stopping": (
        FIQDRClassifier,
        IMAGES
        | {
            "train_split": VALIDATION["train_split"],
            "early_stopping": 1,
            "max_epochs": 12,
        },
        ("groups",),
    ),
    "any": (
        FIQDRClassifier,
        IMAGES
        | {
            "backbone": NoisyBackbone,
            "random_state": None,
            "train_split": PatientValidSplit(0.3, random_state=None),
            "module__dropout": 0.5,
            "callbacks": [("held_out", HeldOut())],
            "verbose": 1,
        },
        ("groups",),
    ),
    "batch norm": (FIQDRClassifier, IMAGES | {"backbone": NormedBackbone}, ()),
    # One epoch, in which each file is read by one process.
    "files": (FIQDRClassifier, IMAGES | {"on_error": "warn", "max_epochs": 1}, ()),
    "different data": (FIQDRClassifier, HEADS, ()),
    "different parameters": (FIQDRClassifier, HEADS, ()),
    "plain": (FIQDRClassifier, HEADS, ()),
    "checkpoints": (
        FIQDRClassifier,
        IMAGES | {"module__dropout": 0.5, "callbacks": [("stumble", Stumble())]},
        (),
    ),
}


def make_data(name, folder):
    """Return X, y and what else there is for it."""
    _, parameters, _ = SCENARIOS[name]
    rng = np.random.default_rng(0)
    if parameters["backbone"] is None:
        n = 53
        X = rng.normal(size=(n, 12)).astype(np.float32)
        y = np.column_stack([rng.integers(-1, 5, n), rng.integers(-1, 2, n)])
        more = {"sample_weight": rng.uniform(0, 3, n)}
        if name.startswith("one-sided"):
            place = np.arange(n) % 16  # in two batches: four parts of four rows
            y[place < 4, 0] = -1
            y[(place >= 4) & (place < 8), 1] = -1
            y[place >= 12] = -1
    else:
        data = make_fundus(30, image_size=32, poor_fraction=0.4, random_state=0)
        X, y = data.data, data.target.copy()
        y[::5, 0], y[1::4, 1] = -1, -1
        more = {"groups": data.groups, "sample_weight": rng.uniform(0, 3, 30)}
        if name == "files":
            X = sorted((folder / "images").iterdir())
    if SCENARIOS[name][0] is not FIQDRClassifier:
        y = y[:, int(SCENARIOS[name][0] is QualityClassifier)]
    return X, y, more


def fit(name, folder, *, distributed, rank=0):
    """Fit one scenario, and return what came of it as plain arrays."""
    estimator, parameters, given = SCENARIOS[name]
    X, y, known = make_data(name, folder)
    if name == "plain":  # each on its own data, beside a group that it is not in
        X, distributed = X + rank, False
    elif name == "different data":
        X, y = X[rank:], y[rank:]
    elif name == "different parameters":
        parameters = parameters | {"beta": 1.0 + rank, "verbose": rank}
    elif name == "checkpoints":
        parameters = parameters | {"checkpoint_dir": folder / "checkpoints"}
    net = (DISTRIBUTED[estimator] if distributed else estimator)(**parameters)
    printed = StringIO()
    with warnings.catch_warnings(record=True) as warned, redirect_stdout(printed):
        warnings.simplefilter("always")
        try:
            net.fit(X, y, **{key: known[key] for key in given})
        except ValueError as error:
            if not name.startswith("different"):
                raise
            return {"error": str(error)}
    unreadable = sorted(net.unreadable_)  # of the fit, before predict looks again
    return {
        "weights": arrays(net.module_),
        "centers": arrays(net.criterion_),
        "history": net.history.to_list(),
        "proba": net.predict_proba(X),
        "features": net.transform(X),
        "drawn": getattr(net.module_.backbone, "drawn", ()),
        "held_out": getattr(dict(net.callbacks_).get("held_out"), "rows_", ()),
        "unreadable": unreadable,
        "printed": printed.getvalue(),
        "warned": [str(warning.message) for warning in warned],
    }


def arrays(module):
    return {key: value.cpu().numpy() for key, value in module.state_dict().items()}


def main():
    """Fit what is asked for."""
    folder, *names = sys.argv[1:]
    rank = int(os.environ["RANK"])
    for name in names:
        outcome = fit(name, Path(folder), distributed=True, rank=rank)
        Path(folder, f"{name}.{rank}.pkl").write_bytes(pickle.dumps(outcome))


if __name__ == "__main__":
    main()
