"""One setting of a fit changed at a time, on the real photographs.

    SK_FIQDR_DATA=... python benchmarks/bench_recipe.py [--only NAME ...]

needs the extra ``bench`` (see bench_real.py) and appends a line for each recipe to
``benchmarks/results/recipes.csv``, with its scores on patients that were held out and
the difference of its kappa to that of the first: 95 % of the draws of a bootstrap
over patients, the same patients for both. Small images and few epochs, so that a recipe
takes minutes on one core: the figures tell recipes apart, not how good a net can get.
"""

import argparse
import os
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from bench_make_fundus import processor
from bench_real import EfficientNetLite0, read_images
from sklearn.metrics import log_loss, roc_auc_score
from torchvision.transforms import v2

import sk_fiqdr
from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.datasets import load_kaggle_dr
from sk_fiqdr.metrics import mean_acc, quadratic_weighted_kappa
from sk_fiqdr.model_selection import PatientValidSplit, patient_train_test_split

RESULTS = Path(__file__).parent / "results" / "recipes.csv"
FLIPS = v2.Compose([v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()])
BASE = "lr=0.02"
RECIPES = {
    BASE: {},
    "quality_loss_weight=0.3": {"quality_loss_weight": 0.3},
    "augment=flips": {"augment": FLIPS},
    "balance='quality', beta=1": {"balance": "quality", "beta": 1.0},
    "AdamW, lr=0.0005, weight_decay=0.02": {
        "optimizer": torch.optim.AdamW,
        "lr": 0.0005,
        "optimizer__weight_decay": 0.02,
    },
    "backbone_lr=lr/10": {"backbone_lr": 0.002},
    "lr=0.01": {"lr": 0.01},
    "lr_schedule='constant'": {"lr_schedule": "constant"},
    "freeze=1": {"freeze": 1},
    "augment=None": {"augment": None},
    "gradient_clip=1": {"gradient_clip": 1.0},
    "balance='grade'": {"balance": "grade"},
    "early_stopping=2": {
        "early_stopping": 2,
        "train_split": PatientValidSplit(0.15, random_state=0),
    },
}


def difference(y, patients, answer, reference, n_draws=1000):
    """Return 95 % of the bootstrap differences of two kappas, patients as the unit."""
    rng = np.random.default_rng(0)
    names, codes = np.unique(patients, return_inverse=True)
    rows_of = [np.flatnonzero(codes == i) for i in range(len(names))]
    differences = []
    for _ in range(n_draws):
        drawn = rng.integers(0, len(names), len(names))
        rows = np.concatenate([rows_of[i] for i in drawn])
        differences.append(
            quadratic_weighted_kappa(y[rows], answer[rows])
            - quadratic_weighted_kappa(y[rows], reference[rows])
        )
    return np.quantile(differences, [0.025, 0.975])


def main():
    """Fit and score each recipe once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--image-size", type=int, default=160)
    parser.add_argument("--max-epochs", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
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
    rows = np.arange(len(data.data))
    train, test, y_train, y_test = patient_train_test_split(
        rows, data.target, data.groups, test_size=0.2, random_state=args.seed
    )
    images = read_images(data.data, args.image_size)
    answers = {}
    for name in args.only:
        net = FIQDRClassifier(
            backbone=EfficientNetLite0,
            module__mean=(0.498,) * 3,
            module__std=(0.502,) * 3,
            image_size=args.image_size,
            max_epochs=args.max_epochs,
            lr=0.02,
            batch_size=32,
            quality_loss_weight=1.0,
            grade_loss="cross_entropy",
            augment="default",
            amp=False,  # bfloat16 is slower for depthwise convolutions on a CPU
            random_state=args.seed,
            verbose=1,
        ).set_params(**RECIPES[name])
        start = time.perf_counter()
        net.fit(images[train], y_train, groups=data.groups[train])
        seconds = time.perf_counter() - start
        grade, quality = net.predict_tasks(images[test])
        answer = answers[name] = grade.argmax(axis=1)
        known, truth = y_test[:, 1] >= 0, y_test[:, 0]
        low, high = np.nan, np.nan
        if BASE in answers and name != BASE:
            low, high = difference(truth, data.groups[test], answer, answers[BASE])
        row = {
            "date": date.today().isoformat(),
            "machine": f"{processor()}, {os.cpu_count()} cores",
            "torch": torch.__version__,
            "sk_fiqdr": sk_fiqdr.__version__,
            "image_size": args.image_size,
            "max_epochs": args.max_epochs,
            "seed": args.seed,
            "n_test": len(test),
            "n_poor_test": int((y_test[:, 1] == 0).sum()),
            "recipe": name,
            "kappa": quadratic_weighted_kappa(truth, answer),
            "kappa_difference_low": low,
            "kappa_difference_high": high,
            "grade_log_loss": log_loss(truth, grade, labels=range(5)),
            "mean_acc": mean_acc(y_test[:, 1], quality.argmax(axis=1)),
            "quality_auc": roc_auc_score(y_test[known, 1], quality[known, 1]),
            "train_loss": net.history[-1, "train_loss"],
            "epochs": len(net.history),
            "minutes": seconds / 60,
        }
        row = {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
        print(row, flush=True)
        pd.DataFrame([row]).to_csv(
            args.results, mode="a", header=not args.results.exists(), index=False
        )


if __name__ == "__main__":
    main()
