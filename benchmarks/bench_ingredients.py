"""Ingredients of other recipes, each added alone to the defaults of a fit.

    SK_FIQDR_DATA=... python benchmarks/bench_ingredients.py [--only NAME ...]

splits the real photographs by patients into 69, 11 and 20 %: to fit, to tune cut-points
and to score. It appends a line for each ingredient to
``benchmarks/results/ingredients.csv``. "low" and "high" are 95 % of a bootstrap over
patients of the difference of the tuned kappa to that of the first line. Small images
and few epochs, so that an ingredient takes minutes on one core.
"""

import argparse
import os
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from bench_average import GRADES, RESULTS, scores, split
from bench_make_fundus import processor
from bench_real import read_images
from bench_recipe import difference
from skorch.callbacks import Callback
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import sk_fiqdr
from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.datasets import load_kaggle_dr, make_fundus
from sk_fiqdr.model_selection._decisions._cut_points import (
    best_cut_points,
    grade_by_cut_points,
)

RESULTS = RESULTS.with_name("ingredients.csv")
BASE = "defaults"
LOSSES = (
    "cross_entropy",
    "squared_error",
    "distance_cross_entropy",
    "ordinal",
    "soft_kappa",
)


class AveragedWeights(Callback):
    """Keep an exponential moving average of the weights, and take it at the end."""

    def on_train_begin(self, net, **kwargs):
        """Start from the weights of the net."""
        average = get_ema_multi_avg_fn(0.99)
        self.average = AveragedModel(
            net.module_, multi_avg_fn=average, use_buffers=True
        )

    def on_batch_end(self, net, training, **kwargs):
        """Average after each step."""
        if training:
            self.average.update_parameters(net.module_)

    def on_train_end(self, net, **kwargs):
        """Take the averages for the weights."""
        net.module_.load_state_dict(self.average.module.state_dict())


class Mixup(FIQDRClassifier):
    """Train on convex combinations of two photographs and of their losses."""

    def train_step_single(self, batch, **fit_params):
        """Mix the images of a batch with themselves in another order."""
        (images, y), generator = batch, np.random.default_rng(len(self.history))
        self._share = float(generator.beta(0.2, 0.2))
        self._order = torch.randperm(len(y))
        images = images["images"] if isinstance(images, dict) else images
        other = images[self._order].float()
        mixed = self._share * images.float() + (1 - self._share) * other
        return super().train_step_single((mixed.to(images.dtype), y), **fit_params)

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Weigh the losses of both labels."""
        one = super().get_loss(y_pred, y_true, training=training)
        two = super().get_loss(y_pred, y_true[self._order], training=training)
        return self._share * one + (1 - self._share) * two


def plain(net, images, y, groups, args):
    """Fit."""
    return net.fit(images, y, groups=groups)


def progressive(net, images, y, groups, args):
    """Fit half of the epochs on images of two thirds of the size, and go on."""
    size = args.image_size * 2 // 3 // 32 * 32
    epochs = args.max_epochs // 2
    first = net.set_params(max_epochs=epochs, image_size=size).fit(
        images, y, groups=groups
    )
    return continued(first, images, y, groups, args, args.max_epochs - epochs)


def painted(net, images, y, groups, args):
    """Fit two epochs of as many painted photographs first."""
    eyes = make_fundus(
        len(images) // 2 * 2,
        image_size=args.image_size,
        poor_fraction=0.1,
        grade_fractions="balanced",
        random_state=0,
    )
    first = net.set_params(max_epochs=2).fit(eyes.data, eyes.target, groups=eyes.groups)
    return continued(first, images, y, groups, args, args.max_epochs)


def continued(first, images, y, groups, args, epochs):
    """Fit a net that starts from the backbone of another."""
    folder = Path(args.scratch)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "backbone.pt"
    torch.save(first.module_.backbone.state_dict(), path)
    net = FIQDRClassifier(**{**first.get_params(deep=False), "weights": str(path)})
    net.set_params(max_epochs=epochs, image_size=args.image_size)
    return net.fit(images, y, groups=groups)


INGREDIENTS = {
    BASE: ({}, plain, FIQDRClassifier),
    "the grade alone": ({"quality_loss_weight": 0.0}, plain, FIQDRClassifier),
    "moving average of the weights": (
        {"callbacks": [AveragedWeights()]},
        plain,
        FIQDRClassifier,
    ),
    "mixup": ({}, plain, Mixup),
    "half of the epochs at 2/3 of the size": ({}, progressive, FIQDRClassifier),
    "painted photographs first": ({}, painted, FIQDRClassifier),
    "efficientnet_lite1": (
        {"backbone": "efficientnet_lite1"},
        plain,
        FIQDRClassifier,
    ),
    **{
        f"grade_loss={loss!r}": ({"grade_loss": loss}, plain, FIQDRClassifier)
        for loss in LOSSES
    },
}


def main():
    """Fit and score each ingredient once."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=INGREDIENTS, default=INGREDIENTS)
    parser.add_argument("--image-size", type=int, default=128)
    parser.add_argument("--max-epochs", type=int, default=6)
    parser.add_argument("--n-images", type=int, default=None, help="only so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scratch", required=True, help="folder for weights")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    folder = os.environ.get("SK_FIQDR_DATA")
    if not folder:
        parser.error("set SK_FIQDR_DATA to the folder of real photographs")
    labels = Path(folder) / "labels"
    data = load_kaggle_dr(
        Path(folder) / "eyepacs-256" / "images",
        labels / "trainLabels.csv",
        labels / "quality_label_train.csv",
    )
    paths, y, groups = (
        values[: args.n_images] for values in (data.data, data.target, data.groups)
    )
    images = read_images(paths, args.image_size)
    fit, tune, test = split(y, groups, args.seed)
    answers = {}
    for name in args.only:
        settings, run, estimator = INGREDIENTS[name]
        net = estimator(
            image_size=args.image_size,
            max_epochs=args.max_epochs,
            lr=0.015,
            module__mirror=True,
            random_state=args.seed,
            verbose=1,
        ).set_params(**settings)
        start = time.perf_counter()
        net = run(net, images[fit], y[fit], groups[fit], args)
        minutes = (time.perf_counter() - start) / 60
        tuning, testing = (net.predict_tasks(images[rows]) for rows in (tune, test))
        cuts = best_cut_points(tuning[0] @ GRADES, y[tune, 0], GRADES)
        answers[name] = grade_by_cut_points(testing[0] @ GRADES, cuts, GRADES)
        low, high = np.nan, np.nan
        if BASE in answers and name != BASE:
            low, high = difference(
                y[test, 0], groups[test], answers[name], answers[BASE]
            )
        row = {
            "date": date.today().isoformat(),
            "machine": f"{processor()}, {torch.get_num_threads()} threads",
            "torch": torch.__version__,
            "sk_fiqdr": sk_fiqdr.__version__,
            "seed": args.seed,
            "n_fit": len(fit),
            "n_test": len(test),
            "image_size": args.image_size,
            "max_epochs": args.max_epochs,
            "ingredient": name,
            **scores(tuning, testing, y[tune], y[test]),
            "low": low,
            "high": high,
            "minutes": minutes,
        }
        row = {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
        print(row, flush=True)
        pd.DataFrame([row]).to_csv(
            args.results, mode="a", header=not args.results.exists(), index=False
        )


if __name__ == "__main__":
    main()
