"""A fine-tuned net, one by ridge, and their average, on patients held out.

    SK_FIQDR_DATA=... python benchmarks/bench_average.py --seeds 0 1 2

splits the real photographs by patients into 69, 11 and 20 %: to fit, to tune cut-points
and to score. It appends a line for each kind of net to
``benchmarks/results/average.csv``: kappa of the most probable grade and by the tuned
cut-points, mean_acc, and the area under the curve of quality. Without arguments these
are the defaults of the library; it takes half an hour a seed on one core.
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
from bench_real import read_images
from sklearn.metrics import roc_auc_score

import sk_fiqdr
from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.datasets import load_kaggle_dr
from sk_fiqdr.metrics import mean_acc, quadratic_weighted_kappa
from sk_fiqdr.model_selection import patient_train_test_split
from sk_fiqdr.model_selection._decisions._cut_points import (
    best_cut_points,
    grade_by_cut_points,
)

RESULTS = Path(__file__).parent / "results" / "average.csv"
GRADES = np.arange(5)
RIDGE = {"freeze": True, "solver": "ridge", "module__pooling": "stages"}


def split(y, groups, seed):
    """Return the rows to fit, to tune and to score on; patients stay whole."""
    rows = np.arange(len(y))
    rest, test, *_ = patient_train_test_split(
        rows, y, groups, test_size=0.2, random_state=seed
    )
    fit, tune, *_ = patient_train_test_split(
        rest, y[rest], groups[rest], test_size=1 / 7, random_state=seed
    )
    return fit, tune, test


def scores(tuning, testing, y_tune, y_test):
    """Score the probabilities of held-out rows, with cut-points of the others."""
    (proba, _), (grade, quality) = tuning, testing
    cuts = best_cut_points(proba @ GRADES, y_tune[:, 0], GRADES)
    tuned = grade_by_cut_points(grade @ GRADES, cuts, GRADES)
    return {
        "kappa": quadratic_weighted_kappa(y_test[:, 0], grade.argmax(axis=1)),
        "kappa_tuned": quadratic_weighted_kappa(y_test[:, 0], tuned),
        "mean_acc": mean_acc(y_test[:, 1], quality.argmax(axis=1)),
        "auc_quality": roc_auc_score(y_test[:, 1], quality[:, 1]),
    }


def main():
    """Fit, average and score once for each seed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--max-epochs", type=int, default=8)
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--grade-loss", default="cross_entropy_kappa")
    parser.add_argument("--dropout", type=float, default=0.0)
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
    y, groups = data.target, data.groups
    tuned_settings = {
        "image_size": args.image_size,
        "max_epochs": args.max_epochs,
        "lr": args.lr,
        "grade_loss": args.grade_loss,
        "module__dropout": args.dropout,
    }
    for seed in args.seeds:
        fit, tune, test = split(y, groups, seed)
        found, seconds = {}, {}
        for name, settings in {"fine-tuned": tuned_settings, "ridge": RIDGE}.items():
            net = FIQDRClassifier(
                module__mirror=True, random_state=seed, verbose=1, **settings
            )
            images = read_images(data.data, net.image_size)
            start = time.perf_counter()
            net.fit(images[fit], y[fit], groups=groups[fit])
            seconds[name] = time.perf_counter() - start
            found[name] = [net.predict_tasks(images[rows]) for rows in (tune, test)]
            if name == "fine-tuned":
                net.module_.mirror = False
                plain = [net.predict_tasks(images[rows]) for rows in (tune, test)]
        found["fine-tuned, no mirror image"] = plain
        found["average"] = [
            tuple((one + other) / 2 for one, other in zip(*pair, strict=True))
            for pair in zip(found["fine-tuned"], found["ridge"], strict=True)
        ]
        rows = [
            {
                "date": date.today().isoformat(),
                "machine": f"{processor()}, {torch.get_num_threads()} threads",
                "torch": torch.__version__,
                "sk_fiqdr": sk_fiqdr.__version__,
                "seed": seed,
                "n_fit": len(fit),
                "n_test": len(test),
                **{name: getattr(args, name) for name in ("image_size", "max_epochs")},
                **{
                    name: getattr(args, name)
                    for name in ("lr", "dropout", "grade_loss")
                },
                "net": name,
                "minutes": round(seconds[name] / 60, 1) if name in seconds else None,
                **{
                    measure: round(float(value), 4)
                    for measure, value in scores(*predicted, y[tune], y[test]).items()
                },
            }
            for name, predicted in found.items()
        ]
        frame = pd.DataFrame(rows)
        print(frame.to_string())
        frame.to_csv(
            args.results, mode="a", header=not args.results.exists(), index=False
        )


if __name__ == "__main__":
    main()
