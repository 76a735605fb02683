"""Speed and accuracy of the baselines on real photographs.

    SK_FIQDR_DATA=... python benchmarks/bench_baselines.py [speed] [hand-crafted] \
[cnn-svm] [fine-tuned]

appends its figures to ``benchmarks/results/baselines.csv``; without an argument, the
first two, which take two minutes of one core.

speed         images per second of CPU time at 256 pixels, one process: from a file of
              that size, from pixels in memory, from a camera original.
hand-crafted  the two baselines without a network.
cnn-svm       features of a fixed network and an SVM: by default EfficientNet-lite0 with
              ImageNet weights, from the extra ``bench``; ``--backbone`` and
              ``--weights`` choose another.
fine-tuned    four networks; wants a GPU, and ``--weights`` with a folder that holds
              alexnet.pth, googlenet.pth, vgg16.pth and resnet50.pth (or .safetensors).

All answers are out of fold: five folds, patients whole, every photograph judged once by
a fit that saw neither it nor its fellow eye. Intervals are 95 % of a bootstrap over
patients.
"""

import argparse
import os
import statistics
import time
from pathlib import Path

import numpy as np
from _record import record
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from sk_fiqdr.baselines import (
    EdgeIntensityClassifier,
    TemplateHistogramClassifier,
    make_cnn_svm,
    make_finetuned_cnn,
)
from sk_fiqdr.baselines._cnn import FINE_TUNED
from sk_fiqdr.datasets import load_kaggle_dr
from sk_fiqdr.metrics import quality_report
from sk_fiqdr.model_selection import PatientStratifiedKFold
from sk_fiqdr.utils._read_image import read_image

RESULTS = Path(__file__).parent / "results" / "baselines.csv"
HAND_CRAFTED = (TemplateHistogramClassifier, EdgeIntensityClassifier)
N_IMAGES, N_RUNS, IMAGE_SIZE = 300, 5, 256


def measure_speed(folder, paths, quality):
    """Yield images per second of each way in, taken by turns."""
    some = np.concatenate(
        [np.flatnonzero(quality == 0)[:20], np.flatnonzero(quality == 1)[:N_IMAGES]]
    )[:N_IMAGES]
    ways = {
        "files of 256 px": paths[some],
        "pixels in memory": np.stack([read_image(p, IMAGE_SIZE) for p in paths[some]]),
        "camera originals": sorted(Path(folder, "originals").glob("*.jpeg")),
    }
    baselines = [
        baseline().fit(paths[some], quality[some]) for baseline in HAND_CRAFTED
    ]
    seconds = {(baseline, way): [] for baseline in baselines for way in ways}
    for run in range(N_RUNS + 1):
        for (baseline, way), runs in seconds.items():
            start = time.process_time()  # nothing here uses a second thread
            baseline.transform(ways[way])
            if run:  # the first warms up
                runs.append((time.process_time() - start) / len(ways[way]))
    for (baseline, way), runs in seconds.items():
        yield (
            f"{type(baseline).__name__}, images/s, {way}",
            1 / statistics.median(runs),
            None if way == "camera originals" else ">= 100",
        )


def measure_answers(name, baseline, X, quality, patients):
    """Yield the scores of a baseline on patients outside its training set."""
    start = time.perf_counter()
    proba = cross_val_predict(
        baseline,
        X,
        quality,
        groups=patients,
        cv=PatientStratifiedKFold(5),
        method="predict_proba",
    )
    minutes = (time.perf_counter() - start) / 60
    report = quality_report(quality, proba.argmax(axis=1), groups=patients)
    for measure in ("mean_acc", "sensitivity", "specificity"):
        value, lower, upper = report.loc[measure]
        required = "> 0.5" if measure == "mean_acc" else None
        yield f"{name}, {measure}", value, None
        yield f"{name}, {measure}, lower end of 95 %", lower, required
        yield f"{name}, {measure}, upper end of 95 %", upper, None
    yield f"{name}, ROC AUC", roc_auc_score(quality, proba[:, 1]), None
    yield f"{name}, images", report.loc["n", "value"], None
    yield f"{name}, poor images", report.loc["n_poor", "value"], None
    yield f"{name}, minutes for five fits and answers", minutes, None


def baselines_of(command, paths, args):
    """Yield the name and the estimator of each row, and what it takes."""
    if command == "hand-crafted":
        for baseline in HAND_CRAFTED:
            yield baseline.__name__, baseline(), paths
    elif command == "cnn-svm":
        backbone, name, pixels = args.backbone, args.backbone, {}
        if backbone is None:
            from bench_real import EfficientNetLite0

            backbone, name = EfficientNetLite0, "EfficientNet-lite0"
            pixels = {"mean": (0.498,) * 3, "std": (0.502,) * 3}
        baseline = make_cnn_svm(
            backbone, weights=args.weights, image_size=args.image_size, **pixels
        )
        # The network learns nothing here: its features are the same in every fold.
        features = baseline[:1].fit_transform(paths)
        yield f"CNN and SVM ({name}, {args.image_size} px)", baseline[1:], features
    else:
        for backbone in FINE_TUNED:
            weights = args.weights and weights_file(args.weights, backbone)
            start = "fine-tuned" if weights else "from random weights"
            baseline = make_finetuned_cnn(
                backbone,
                weights=weights,
                image_size=args.image_size,
                max_epochs=args.max_epochs,
                random_state=0,
            )
            settings = f"{args.image_size} px, {args.max_epochs} epochs"
            yield f"{backbone} {start} ({settings})", baseline, paths


def weights_file(folder, backbone):
    """Return the one file of a network's weights in a folder."""
    files = sorted(Path(folder).glob(f"{backbone}*.*"))
    if len(files) != 1:
        raise SystemExit(f"{folder} has {len(files)} files {backbone}*.*, expected 1.")
    return files[0]


def main():
    """Measure what is asked for and append the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = ["speed", "hand-crafted", "cnn-svm", "fine-tuned"]
    parser.add_argument("commands", nargs="*", metavar="command", help=str(commands))
    parser.add_argument("--backbone")
    parser.add_argument("--weights")
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--max-epochs", type=int, default=10)
    parser.add_argument("--n-images", type=int, default=None, help="only so many")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    if unknown := set(args.commands) - set(commands):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {commands}")
    folder = os.environ.get("SK_FIQDR_DATA")
    if not folder:
        parser.error("set SK_FIQDR_DATA to the folder of real photographs")
    labels = Path(folder) / "labels"
    data = load_kaggle_dr(
        Path(folder) / "eyepacs-256" / "images",
        labels / "trainLabels.csv",
        labels / "quality_label_train.csv",
    )
    paths, quality = data.data[: args.n_images], data.target[: args.n_images, 1]
    patients = data.groups[: args.n_images]
    for command in args.commands or commands[:2]:
        if command == "speed":
            rows = [measure_speed(folder, paths, quality)]
        else:
            rows = (
                measure_answers(*row, quality, patients)
                for row in baselines_of(command, paths, args)
            )
        for figures in rows:
            record(args.results, f"bench_baselines.py {command}", figures)


if __name__ == "__main__":
    main()
