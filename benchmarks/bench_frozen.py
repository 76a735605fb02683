"""Heads on frozen features, one ingredient changed at a time, out of fold.

    SK_FIQDR_DATA=... python benchmarks/bench_frozen.py [--only NAME ...]

computes the features of the real photographs once for each kind (kept in ``--memory``),
fits the heads in five folds of patients times three seeds, and appends a line for each
ingredient to ``benchmarks/results/frozen.csv``. Cut-points of a fold are tuned on the
out-of-fold predictions of the other four. "low" and "high" are 95 % of a bootstrap over
patients of the difference of the tuned kappa to that of the first line, the same
patients for both, averaged over seeds.
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
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sk_fiqdr
from sk_fiqdr import DeepFeatures, FIQDRClassifier
from sk_fiqdr.datasets import load_kaggle_dr
from sk_fiqdr.metrics import mean_acc, quadratic_weighted_kappa
from sk_fiqdr.model_selection import PatientStratifiedKFold, fuse_fellow_eyes
from sk_fiqdr.model_selection._decisions._cut_points import (
    best_cut_points,
    grade_by_cut_points,
)

RESULTS = Path(__file__).parent / "results" / "frozen.csv"
GRADES = np.arange(5)
SEEDS = range(3)
BASE = {"image_size": 224, "pooling": "stages", "mirror": True}
FEATURES = {
    "ridge, stages, mirror, 224 px": {},
    "no mirror image": {"mirror": False},
    "pooling='mean'": {"pooling": "mean"},
    "192 px": {"image_size": 192},
    "256 px": {"image_size": 256},
    "efficientnet_lite1": {"backbone": "efficientnet_lite1"},
    "efficientnet_lite2": {"backbone": "efficientnet_lite2"},
}
LOGISTIC = "balanced logistic regression"
AVERAGE = "average with efficientnet_lite1"
FELLOW = "fellow eye"
CUTS = {"quality by a tuned cut": 1.0, "quality by a cut halfway to 0.5": 0.5}
FIRST = next(iter(FEATURES))


def ridge(features, y, groups, train, test):
    """Return the probabilities of grade and quality of the held-out rows."""
    net = FIQDRClassifier(backbone=None, solver="ridge", random_state=0)
    net.fit(features[train], y[train], groups=groups[train])
    return net.predict_tasks(features[test])


def logistic(features, y, groups, train, test):
    """Return the probabilities of two logistic regressions, classes balanced."""
    return [
        make_pipeline(
            StandardScaler(),
            LogisticRegression(C=1e-3, class_weight="balanced", max_iter=500),
        )
        .fit(features[train], labels[train])
        .predict_proba(features[test])
        for labels in y.T
    ]


def out_of_fold(fit, features, y, groups, seed):
    """Return probabilities of both tasks, and the fold of each row."""
    grade, quality, fold = (
        np.empty((len(y), 5)),
        np.empty((len(y), 2)),
        np.empty(len(y)),
    )
    folds = PatientStratifiedKFold(5, shuffle=True, random_state=seed)
    for number, (train, test) in enumerate(folds.split(features, y, groups)):
        grade[test], quality[test] = fit(features, y, groups, train, test)
        fold[test] = number
    return grade, quality, fold


def tuned(y, grade, fold):
    """Return grades by cut-points that were tuned on the other folds."""
    expected, grades = grade @ GRADES, np.empty(len(y), int)
    for number in np.unique(fold):
        here = fold == number
        cuts = best_cut_points(expected[~here], y[~here, 0], GRADES)
        grades[here] = grade_by_cut_points(expected[here], cuts, GRADES)
    return grades


def tuned_quality(y, quality, fold, share):
    """Return qualities by cuts tuned on the other folds, and moved towards 0.5."""
    good, predicted = quality[:, 1], np.empty(len(y), int)
    for number in np.unique(fold):
        here = fold == number
        false, true, cuts = roc_curve(y[~here, 1], good[~here])
        best = cuts[np.argmax(true - false)]
        predicted[here] = good[here] >= share * best + (1 - share) * 0.5
    return predicted


def interval(y, groups, answers, reference, n_draws=500):
    """Return 95 % of the bootstrap differences of the mean kappa over seeds."""
    rng = np.random.default_rng(0)
    _, codes = np.unique(groups, return_inverse=True)
    rows_of = [np.flatnonzero(codes == patient) for patient in range(codes.max() + 1)]
    differences = []
    for _ in range(n_draws):
        drawn = rng.integers(0, len(rows_of), len(rows_of))
        rows = np.concatenate([rows_of[patient] for patient in drawn])
        differences.append(
            np.mean(
                [
                    quadratic_weighted_kappa(y[rows, 0], new[rows])
                    - quadratic_weighted_kappa(y[rows, 0], old[rows])
                    for new, old in zip(answers, reference, strict=True)
                ]
            )
        )
    return np.quantile(differences, [0.025, 0.975])


def main():
    """Score each ingredient."""
    names = [*FEATURES, LOGISTIC, AVERAGE, FELLOW, *CUTS]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--memory", type=Path, required=True, help="of the features")
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
    predicted, minutes = {}, {}

    def run(name):
        if name in predicted:
            return predicted[name]
        start = time.perf_counter()
        if name == AVERAGE:
            pairs = zip(run(FIRST), run("efficientnet_lite1"), strict=True)
            predicted[name] = [
                ((one[0] + two[0]) / 2, (one[1] + two[1]) / 2, one[2])
                for one, two in pairs
            ]
        elif name in CUTS:
            predicted[name] = run(FIRST)
        elif name == FELLOW:
            eyes = [Path(path).stem.rsplit("_", 1)[1] for path in data.data]
            predicted[name] = [
                (
                    fuse_fellow_eyes(grade, groups, eyes=eyes, quality_proba=quality),
                    quality,
                    fold,
                )
                for grade, quality, fold in run(FIRST)
            ]
        else:
            settings = {**BASE, **FEATURES.get(name, {}), "memory": args.memory}
            features = DeepFeatures(**settings).fit_transform(data.data)
            fit = logistic if name == LOGISTIC else ridge
            predicted[name] = [
                out_of_fold(fit, features, y, groups, seed) for seed in SEEDS
            ]
        minutes[name] = (time.perf_counter() - start) / 60
        return predicted[name]

    for name in args.only:
        reference = [tuned(y, grade, fold) for grade, _, fold in run(FIRST)]
        found = run(name)
        answers = [tuned(y, grade, fold) for grade, _, fold in found]
        low, high = interval(y, groups, answers, reference)
        row = {
            "date": date.today().isoformat(),
            "machine": f"{processor()}, {torch.get_num_threads()} threads",
            "torch": torch.__version__,
            "sk_fiqdr": sk_fiqdr.__version__,
            "ingredient": name,
            "kappa": np.mean(
                [quadratic_weighted_kappa(y[:, 0], p.argmax(axis=1)) for p, *_ in found]
            ),
            "kappa_tuned": np.mean(
                [quadratic_weighted_kappa(y[:, 0], answer) for answer in answers]
            ),
            "low": low,
            "high": high,
            "mean_acc": np.mean(
                [
                    mean_acc(
                        y[:, 1],
                        tuned_quality(y, q, fold, CUTS[name])
                        if name in CUTS
                        else q.argmax(axis=1),
                    )
                    for _, q, fold in found
                ]
            ),
            "auc_quality": np.mean(
                [roc_auc_score(y[:, 1], q[:, 1]) for _, q, _ in found]
            ),
            "minutes": minutes[name],
        }
        row = {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()}
        print(row, flush=True)
        pd.DataFrame([row]).to_csv(
            args.results, mode="a", header=not args.results.exists(), index=False
        )


if __name__ == "__main__":
    main()
