"""What a network is and how long it may learn, for two cores, a GPU, and a test."""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from bench_deciding import BLOCKS, compute_features
from bench_real import EfficientNetLite0
from torchvision.transforms import v2

from sk_fiqdr.baselines import (
    EdgeIntensityClassifier,
    TemplateHistogramClassifier,
    make_cnn_svm,
    make_finetuned_cnn,
)
from sk_fiqdr.baselines._cnn import FINE_TUNED
from sk_fiqdr.modules import MultiTaskNet
from sk_fiqdr.utils._digest import digest

HAND_CRAFTED = {
    "Template histogram [6]": TemplateHistogramClassifier(),
    "Edges and intensity [5]": EdgeIntensityClassifier(),
}


@dataclass(frozen=True)
class Budget:
    """Inputs and settings of all fits.

    `make_inputs(data, folder)` returns an array (n, n_views, ...): what a net takes, in
    one or more views of each photograph. All views are trained on; an answer is the
    mean over them. `make_baselines(folder)` returns estimators that classify the
    quality of the photographs themselves.
    """

    make_inputs: callable
    settings: dict
    optimizers: dict
    n_seeds: int
    n_folds: int
    trunk: str  # the part of the module that both heads share
    n_jobs: int = 1
    description: str = ""
    make_baselines: callable = lambda folder: HAND_CRAFTED


class SharedLayer(MultiTaskNet):
    """The two-headed network on features, with a layer that both heads share."""

    def __init__(
        self, backbone=None, weights=None, *, n_inputs, width=256, **parameters
    ):
        super().__init__(None, None, n_inputs=width, **parameters)
        self.trunk = torch.nn.Sequential(
            torch.nn.BatchNorm1d(n_inputs, affine=False),
            torch.nn.Dropout(0.2),
            torch.nn.Linear(n_inputs, width),
            torch.nn.ReLU(),
            torch.nn.Dropout(0.5),
        )

    def forward(self, features):
        """Return both logits and the embedding."""
        return super().forward(self.trunk(features))


def block_statistics(data, folder):
    """Return mean and standard deviation of five frozen blocks for each photograph.

    Kept in `folder`, since it takes minutes.
    """
    path = folder / f"features-{photographs_hash(data)}.npy"
    if not path.exists():
        print("Features of the frozen network: some minutes ...", flush=True)
        passing = path.with_suffix(".writing.npy")
        np.save(passing, compute_features(data.data))
        os.replace(passing, path)
    return np.load(path)[:, None]


def images_alone(data, folder):
    """Return paths or pixels as they are, in one view."""
    return np.asarray(data.data)[:, None]


def fixed_cnn(folder):
    """Return the hand-crafted baselines, and an SVM on features of a fixed network."""
    svm = make_cnn_svm(
        EfficientNetLite0,
        mean=(0.498,) * 3,
        std=(0.502,) * 3,
        memory=folder / "features",
    )
    return {**HAND_CRAFTED, "Fixed CNN and SVM [9]": svm}


def fine_tuned_cnns(folder):
    """Return the hand-crafted baselines and four fine-tuned networks."""
    nets = {
        f"Fine-tuned {name} [7]": make_finetuned_cnn(name, weights="DEFAULT")
        for name in FINE_TUNED
    }
    return {**HAND_CRAFTED, **nets}


def photographs_hash(data, rows=slice(None)):
    """Return what tells the photographs of one set from those of another.

    Files count by name, size and time of change: what is prepared anew is other data.
    """
    if np.ndim(data.data) != 1:
        return digest(data.data[rows])[:12]
    paths = [Path(path) for path in np.asarray(data.data)[rows]]
    status = [path.stat() for path in paths]
    return digest(
        [
            (path.name, it.st_size, it.st_mtime_ns)
            for path, it in zip(paths, status, strict=True)
        ]
    )[:12]


MOMENTUM = {"optimizer": torch.optim.SGD, "optimizer__momentum": 0.9}
ADADELTA = {"optimizer": torch.optim.Adadelta}
FLIPS = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()])

BUDGETS = {
    "cpu": Budget(
        description=(
            "mean and standard deviation of blocks "
            f"{', '.join(map(str, BLOCKS))} of an EfficientNet-lite0 that stays as "
            "ImageNet made it, at 224 px; a layer of 256 units that both tasks share, "
            "and the heads, are trained"
        ),
        make_inputs=block_statistics,
        settings={
            "backbone": None,
            "module": SharedLayer,
            "batch_size": 64,
            "max_epochs": 15,
            "gradient_clip": 1.0,
            "optimizer__weight_decay": 1e-3,
            "amp": False,
        },
        optimizers={
            "Momentum": {**MOMENTUM, "lr": 0.01},
            "Adadelta": {**ADADELTA, "lr": 0.1},
        },
        n_seeds=3,
        n_folds=5,
        n_jobs=2,
        trunk="trunk",
        make_baselines=fixed_cnn,
    ),
    "cpu-night": Budget(
        description="EfficientNet-lite0 from ImageNet at 192 px, trained as a whole",
        make_inputs=images_alone,
        settings={
            "backbone": EfficientNetLite0,
            "module__mean": (0.498,) * 3,
            "module__std": (0.502,) * 3,
            "module__dropout": 0.2,
            "image_size": 192,
            "batch_size": 16,
            "max_epochs": 10,
            "augment": FLIPS,
            "amp": False,  # bfloat16 is slower for depthwise convolutions on a CPU
        },
        optimizers={
            "Momentum": {**MOMENTUM, "lr": 0.015},
            "Adadelta": {**ADADELTA, "lr": 0.1},
        },
        n_seeds=1,
        n_folds=3,
        n_jobs=2,
        trunk="backbone",
        make_baselines=fixed_cnn,
    ),
    "gpu": Budget(
        description="ResNet-50 with ImageNet weights at 224 px, trained as a whole",
        make_inputs=images_alone,
        settings={
            "backbone": "resnet50",
            "weights": "DEFAULT",
            "image_size": 224,
            "batch_size": 64,
            "max_epochs": 15,
            "augment": "default",
            "optimizer__weight_decay": 1e-4,
            "iterator_train__num_workers": 8,
            "iterator_valid__num_workers": 8,
        },
        optimizers={
            "Momentum": {**MOMENTUM, "lr": 0.02},
            "Adadelta": {**ADADELTA, "lr": 0.3},
        },
        n_seeds=5,
        n_folds=3,
        trunk="backbone",
        make_baselines=fine_tuned_cnns,
    ),
    "test": Budget(
        description="a small network from nothing, one epoch: it learns nothing",
        make_inputs=images_alone,
        settings={
            "backbone": "shufflenet_v2_x0_5",
            "image_size": 32,
            "batch_size": 32,
            "max_epochs": 1,
            "augment": None,
            "amp": False,
        },
        optimizers={
            "Momentum": {**MOMENTUM, "lr": 0.01},
            "Adadelta": {**ADADELTA, "lr": 0.3},
        },
        n_seeds=1,
        n_folds=2,
        trunk="backbone",
    ),
}
