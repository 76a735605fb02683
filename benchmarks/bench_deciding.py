"""Deciding on real photographs: argmax, rounding, tuned cut-points; a gate's price.

    SK_FIQDR_DATA=... python benchmarks/bench_deciding.py

needs the extra ``bench`` and writes ``benchmarks/results/deciding.csv`` anew. Features
come from an EfficientNet-lite0 that is left as ImageNet made it, on photographs cropped
to 224 pixels: mean and standard deviation of five of its blocks. Computing them takes
minutes; they are kept in ``--features``. Everything is scored on patients whom neither
the fit nor the cut-points, the threshold or the temperatures have seen: each of the
3,298 photographs once, in one of five splits.
"""

import argparse
import os
import platform
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import sklearn
import torch
from bench_make_fundus import processor
from bench_real import EfficientNetLite0
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import sk_fiqdr
from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.datasets import load_kaggle_dr
from sk_fiqdr.metrics import quadratic_weighted_kappa, refusal_report
from sk_fiqdr.metrics._grading import kappa_of_confusion
from sk_fiqdr.model_selection import (
    CalibratedTasksCV,
    PatientStratifiedKFold,
    QualityGate,
    TunedGradeThresholdsCV,
    patient_train_test_split,
)
from sk_fiqdr.model_selection._decisions._cut_points import (
    best_cut_points,
    grade_by_cut_points,
)
from sk_fiqdr.preprocessing import FundusCropper

RESULTS = Path(__file__).parent / "results" / "deciding.csv"
BLOCKS = (4, 7, 10, 14, 15)
N_SPLITS, N_BOOTSTRAPS = 5, 2000
GOALS = {"max_refused": 0.05, "min_severe_kept": 0.95}
GRADES = np.arange(5)

MODELS = {
    "logistic regression": LogisticRegression(C=0.002, max_iter=1000),
    "logistic regression, balanced": LogisticRegression(
        C=0.002, max_iter=1000, class_weight="balanced"
    ),
    "FIQDRClassifier": FIQDRClassifier(
        backbone=None,
        lr=0.01,
        max_epochs=20,
        batch_size=64,
        quality_loss_weight=0.15,
        grade_loss="cross_entropy",
        optimizer__weight_decay=0.1,
        random_state=0,
    ),
}


def compute_features(paths):
    """Return mean and standard deviation of some blocks for each photograph."""
    network = EfficientNetLite0().eval()
    maps = {}
    for block in BLOCKS:
        network.network._blocks[block].register_forward_hook(
            lambda module, given, out, block=block: maps.__setitem__(block, out)
        )
    cropper = FundusCropper(image_size=224)
    rows = []
    for start in range(0, len(paths), 32):
        images = torch.from_numpy(cropper.transform(paths[start : start + 32]))
        images = images.permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            network((images - 0.498) / 0.502)
        pooled = [
            moment
            for block in BLOCKS
            for moment in (maps[block].mean((2, 3)), maps[block].std((2, 3)))
        ]
        rows.append(torch.cat(pooled, dim=1).numpy())
    return np.concatenate(rows)


def read_features(path, paths):
    """Return features from a file, which is made if it is not there."""
    if not path.exists():
        start = time.perf_counter()
        np.save(path, compute_features(paths))
        print(f"features: {time.perf_counter() - start:.0f} s, kept in {path}")
    features = np.load(path)
    if len(features) != len(paths):
        raise SystemExit(f"{path} is of other photographs: remove it.")
    return features


def kappas(truth, answers, groups):
    """Yield kappa of each rule and what it has above argmax, with intervals."""
    patients, patient = np.unique(groups, return_inverse=True)
    rng = np.random.default_rng(0)
    draws = rng.multinomial(
        len(patients), np.full(len(patients), 1 / len(patients)), size=N_BOOTSTRAPS
    )
    found = {}
    for rule, answer in answers.items():
        counts = np.zeros((len(patients), 5, 5))
        np.add.at(counts, (patient, truth, answer), 1)
        drawn = (draws @ counts.reshape(len(patients), -1)).reshape(-1, 5, 5)
        found[rule] = (
            kappa_of_confusion(counts.sum(axis=0)),
            kappa_of_confusion(drawn),
        )
        yield f"kappa, {rule}", *_with_interval(*found[rule])
    for rule in list(answers)[1:]:
        value, drawn = (
            a - b for a, b in zip(found[rule], found["argmax"], strict=True)
        )
        yield f"kappa, {rule} - argmax", *_with_interval(value, drawn)


def _with_interval(value, drawn):
    return value, *np.quantile(drawn, [0.025, 0.975])


def measure_rules(model, X, y, groups):
    """Yield kappas of three ways to decide, each split and all together."""
    answers = {rule: np.zeros(len(y), dtype=int) for rule in ("argmax", "rounded")}
    answers["tuned"] = np.zeros(len(y), dtype=int)
    probabilities, flattering = np.zeros((len(y), 5)), []
    for train, test in splits(X, y, groups):
        tuned = TunedGradeThresholdsCV(make_pipeline(StandardScaler(), model))
        tuned.fit(X[train], y[train], groups=groups[train])
        proba = tuned.predict_proba(X[test])
        probabilities[test] = proba
        answers["argmax"][test] = proba.argmax(axis=1)
        answers["rounded"][test] = (proba @ GRADES).round()
        answers["tuned"][test] = tuned.predict(X[test])
        flattering.append(tuned.best_score_)
        print("  cut-points", tuned.best_thresholds_.round(3))
    yield from kappas(y[:, 0], answers, groups)
    yield "kappa, tuned, on the rows tuned on", np.mean(flattering), np.nan, np.nan
    yield from tuned_on_few(probabilities @ GRADES, y[:, 0], groups)


def tuned_on_few(expected, truth, groups):
    """Yield kappa of cut-points tuned on so many patients and scored on the others."""
    rng, patients = np.random.default_rng(0), np.unique(groups)
    for n_patients in (50, 100, 200, 400, 800):
        found = []
        for _ in range(50):
            few = np.isin(groups, rng.choice(patients, n_patients, replace=False))
            cuts = best_cut_points(expected[few], truth[few], GRADES)
            answer = grade_by_cut_points(expected[~few], cuts, GRADES)
            found.append(quadratic_weighted_kappa(truth[~few], answer))
        what = f"kappa, tuned on {n_patients} patients, mean and range of 50 draws"
        yield what, np.mean(found), np.min(found), np.max(found)


def measure_gate(model, X, y, groups):
    """Yield what gates cost that were chosen on patients apart, by grade."""
    grade = np.zeros(len(y), dtype=int)
    refused = {goal: np.zeros(len(y), dtype=bool) for goal in GOALS}
    for train, test in splits(X, y, groups):
        rows, chosen_on, *_ = patient_train_test_split(
            train, y[train], groups[train], test_size=0.25, random_state=0
        )
        tuned = TunedGradeThresholdsCV(make_pipeline(StandardScaler(), model))
        tuned.fit(X[rows], y[rows], groups=groups[rows])
        grade[test] = tuned.predict(X[test])
        for goal, wanted in GOALS.items():
            gate = QualityGate(tuned, **{goal: wanted}, cv="prefit")
            gate.fit(X[chosen_on], y[chosen_on])
            refused[goal][test] = ~gate.is_gradable(X[test])
            price = gate.report_.loc[["all", "severe"], "share"]
            print(f"  {goal}: chosen at", price.round(3).to_dict())
    for goal, wanted in GOALS.items():
        report = refusal_report(y, grade, refused[goal], groups=groups)
        for stratum, row in report.iterrows():
            what = f"share refused of {int(row.n)} ({stratum}), {goal}={wanted}"
            yield what, row.share, row.lower, row.upper
        for column in ("kappa", "kappa_graded"):
            what = f"{column}, {goal}={wanted}"
            yield what, report.loc["all", column], np.nan, np.nan


def measure_calibration(model, X, y, groups):
    """Yield the log loss of both tasks before and after."""
    before, after = (
        [np.zeros((len(y), n_classes)) for n_classes in (5, 2)] for _ in range(2)
    )
    for train, test in splits(X, y, groups):
        calibrated = CalibratedTasksCV(make_pipeline(StandardScaler(), model))
        calibrated.fit(X[train], y[train], groups=groups[train])
        scaler, net = calibrated.estimator_
        for task in (0, 1):
            before[task][test] = net.predict_tasks(scaler.transform(X[test]))[task]
            after[task][test] = calibrated.predict_tasks(X[test])[task]
        print("  temperatures", calibrated.temperatures_.round(3))
    for task, name in enumerate(("grade", "quality")):
        for when, probabilities in (("before", before), ("after", after)):
            loss = log_loss(y[:, task], probabilities[task])
            yield f"log loss of {name} {when}", loss, np.nan, np.nan


def splits(X, y, groups):
    """Return the five splits."""
    folds = PatientStratifiedKFold(N_SPLITS, shuffle=True, random_state=0)
    return folds.split(X, y, groups)


def main():
    """Measure everything and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    features = Path(tempfile.gettempdir()) / "sk_fiqdr-lite0-224.npy"
    parser.add_argument("--features", type=Path, default=features)
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
    X, y, groups = read_features(args.features, data.data), data.target, data.groups
    rows = []
    for model, estimator in MODELS.items():
        measures = [measure_rules]
        if isinstance(estimator, FIQDRClassifier):
            measures += [measure_gate, measure_calibration]
        for measure in measures:
            print(model, measure.__name__)
            for what, value, lower, upper in measure(estimator, X, y, groups):
                rows.append(
                    {
                        "date": date.today().isoformat(),
                        "processor": processor(),
                        "python": platform.python_version(),
                        "scikit-learn": sklearn.__version__,
                        "torch": torch.__version__,
                        "sk_fiqdr": sk_fiqdr.__version__,
                        "model": model,
                        "what": what,
                        "value": round(float(value), 4),
                        "lower": round(float(lower), 4),
                        "upper": round(float(upper), 4),
                    }
                )
                print(f"  {what}: {value:.4f} ({lower:.4f} to {upper:.4f})")
    pd.DataFrame(rows).to_csv(RESULTS, index=False)


if __name__ == "__main__":
    main()
