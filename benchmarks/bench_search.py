"""What a search on frozen features costs, and what scoring costs beside predicting.

    SK_FIQDR_DATA=... python benchmarks/bench_search.py [search] [scoring]
                                                        [checkpoint] [memory]

appends its figures to ``benchmarks/results/search.csv``; without an argument, all.

search      12 candidates on 5 folds, 30 epochs each, ``DeepFeatures`` (ResNet-18, 224
            px), ``StandardScaler`` and ``FIQDRClassifier(backbone=None)``, on two
            processes of a thread each, from an empty memory; against one bare pass of
            the same network over the same files, on two threads. 32-bit floats both.
scoring     `fiqdr_scoring` of one fold of photographs against one `predict`.
checkpoint  the search of 12 candidates on 5 folds, on features that are there already,
            inside a ``SearchCheckpoint`` and without.
memory      keeping and finding features of as many images as the contest has.

Both ways take turns, and each figure is the median of the ratios of ``--turns`` turns.
A machine that does something else at the time tells little: ``--max-load`` waits until
the load is lower than so many processes.
"""

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from _record import record
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sk_fiqdr import DeepFeatures, FIQDRClassifier
from sk_fiqdr.datasets import load_kaggle_dr
from sk_fiqdr.estimators._deep_features._feature_cache import FeatureCache
from sk_fiqdr.metrics import fiqdr_scoring
from sk_fiqdr.model_selection import PatientStratifiedKFold, SearchCheckpoint
from sk_fiqdr.modules._backbones import IMAGENET_MEAN, IMAGENET_STD
from sk_fiqdr.utils._read_image import read_image

RESULTS = Path(__file__).parent / "results" / "search.csv"
GRID = {"beta": [1, 9, 27, "balanced"], "lambd": [0, 0.01, 0.1]}
IMAGE_SIZE, BATCH_SIZE = 224, 32
HEADS = {
    "backbone": None,
    "max_epochs": 30,
    "batch_size": 256,
    "lr": 0.05,
    "gradient_clip": 1.0,
    "random_state": 0,
}


def real_photographs(n_images):
    """Return paths and labels of the photographs, and leave if there are none."""
    folder = os.environ.get("SK_FIQDR_DATA")
    if not folder:
        raise SystemExit("Set SK_FIQDR_DATA to the folder of real photographs.")
    labels = Path(folder) / "labels"
    data = load_kaggle_dr(
        Path(folder) / "eyepacs-256" / "images",
        labels / "trainLabels.csv",
        labels / "quality_label_train.csv",
    )
    return data.data[:n_images], data.target[:n_images]


def grid_search(estimator, grid, **kwargs):
    """Return the search: 12 candidates, 5 folds that keep patients whole."""
    return GridSearchCV(
        estimator,
        grid,
        scoring=fiqdr_scoring,
        refit="kappa",
        cv=PatientStratifiedKFold(5),
        n_jobs=2,
        error_score="raise",
        **kwargs,
    )


def bare_pass(network, paths):
    """Read, normalise and compute, as one would without a library."""
    mean, std = (255 * torch.tensor(s) for s in (IMAGENET_MEAN, IMAGENET_STD))
    features = []
    with torch.inference_mode():
        for start in range(0, len(paths), BATCH_SIZE):
            batch = paths[start : start + BATCH_SIZE]
            images = np.stack([read_image(path, IMAGE_SIZE) for path in batch])
            pixels = (torch.from_numpy(images) - mean) / std
            features.append(network(pixels.permute(0, 3, 1, 2)))
    return torch.cat(features).numpy()


def bare_network():
    """Return a ResNet-18 without its classifier."""
    from torchvision.models import resnet18

    torch.manual_seed(0)
    network = resnet18()
    network.fc = torch.nn.Identity()
    return network.eval().to(memory_format=torch.channels_last)


def search_photographs(paths, target, memory):
    """Search over heads, and have the features computed on the way."""
    features = DeepFeatures(
        "resnet18",
        image_size=IMAGE_SIZE,
        amp=False,
        batch_size=BATCH_SIZE,
        memory=memory,
    )
    heads = FIQDRClassifier(**HEADS)
    pipe = Pipeline(
        [("features", features), ("scale", StandardScaler()), ("fiqdr", heads)]
    )
    grid = {f"fiqdr__{name}": values for name, values in GRID.items()}
    return grid_search(pipe, grid).fit(paths, target)


def measure_search(args):
    """Yield the time of the search in passes over the photographs."""
    paths, target = real_photographs(args.n_images)
    network = bare_network()
    warm_up(args)
    bare, whole, loads = [], [], []
    for _ in range(args.turns):
        loads.append(wait_for_quiet(args.max_load))
        torch.set_num_threads(2)
        bare.append(seconds(bare_pass, network, paths))
        torch.set_num_threads(1)  # as in each process of the search
        with tempfile.TemporaryDirectory() as memory:
            whole.append(seconds(search_photographs, paths, target, memory))
        print(f"# {bare[-1]:.1f} s, {whole[-1]:.1f} s, load {loads[-1]:.2f}")
    what = f"{len(paths)} photographs, ResNet-18 at {IMAGE_SIZE} px"
    yield f"one bare pass, s ({what})", statistics.median(bare), None
    name = "12 candidates x 5 folds x 30 epochs, features included"
    yield f"{name}, s", statistics.median(whole), None
    yield f"{name}, in bare passes", median_ratio(whole, bare), "<= 1.5"
    yield "load before each turn, mean", statistics.mean(loads), None


def measure_scoring(args):
    """Yield the time of all scores of a fold in predictions of it."""
    paths, target = real_photographs(args.n_images)
    train, test = next(PatientStratifiedKFold(5).split(paths, target))
    torch.set_num_threads(2)
    net = FIQDRClassifier(
        backbone="resnet18",
        image_size=IMAGE_SIZE,
        amp=False,
        max_epochs=1,
        random_state=0,
    )
    net.fit(paths[train[:64]], target[train[:64]])
    scoring, predicting, loads = [], [], []
    for turn in range(args.turns + 1):
        load = wait_for_quiet(args.max_load)
        calls = [
            (predicting, net.predict, paths[test]),
            (scoring, fiqdr_scoring, net, paths[test], target[test]),
        ]
        for times, *call in calls[:: 1 if turn % 2 else -1]:
            elapsed = seconds(*call)
            if turn:  # the first warms up
                times.append(elapsed)
        loads.append(load)
    yield f"predict, s (a fold of {len(test)})", statistics.median(predicting), None
    ratio = median_ratio(scoring, predicting)
    yield "kappa, mean_acc, specificity and more, in predicts", ratio, "<= 1.1"
    yield "load before each turn, mean", statistics.mean(loads), None


def measure_checkpoint(args):
    """Yield what it costs to keep results, and what it spares to find them."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    n = args.n_images or 3298
    y = np.column_stack([rng.integers(0, 5, n), rng.random(n) < 0.95]).astype(int)
    X = rng.normal(size=(n, 512)).astype(np.float32)
    net = FIQDRClassifier(**HEADS | {"max_epochs": 10})

    def search():
        return grid_search(net, GRID)

    warm_up(args)
    alone, keeping, finding, loads = [], [], [], []
    for _ in range(args.turns):
        loads.append(wait_for_quiet(args.max_load))
        with tempfile.TemporaryDirectory() as folder:
            kept = SearchCheckpoint(search(), folder)
            alone.append(seconds(search().fit, X, y, groups=np.arange(n)))
            keeping.append(seconds(kept.fit, X, y, groups=np.arange(n)))
            finding.append(seconds(kept.fit, X, y, groups=np.arange(n)))
    yield "search on features alone, s", statistics.median(alone), None
    ratio = median_ratio(keeping, alone)
    yield "in a SearchCheckpoint, in searches alone", ratio, None
    ratio = median_ratio(finding, alone)
    yield "all found in its folder, in searches alone", ratio, None
    yield "load before each turn, mean", statistics.mean(loads), None


def measure_memory(args):
    """Yield how long 88,702 rows of a ResNet-18 take to be written and read."""
    rng, n = np.random.default_rng(0), args.n_images or 88_702
    keys = [hashlib.sha256(b"%d" % row).digest() for row in range(n)]
    rows = rng.normal(size=(n, 512)).astype(np.float32)
    writing, reading = [], []
    for _ in range(args.turns):
        with tempfile.TemporaryDirectory() as folder:
            cache = FeatureCache(folder, keys, np.empty_like(rows))
            missing = cache.read()
            compute, show = partial(np.take, rows, axis=0), (lambda n: None)
            writing.append(seconds(cache.complete, missing, compute, show))
            cache = FeatureCache(folder, keys, np.empty_like(rows))
            reading.append(seconds(cache.read))
            size = sum(path.stat().st_size for path in Path(folder).iterdir())
            n_files = len(list(Path(folder).iterdir()))
    yield f"keeping features of {n} images, s", statistics.median(writing), None
    yield f"finding features of {n} images, s", statistics.median(reading), None
    yield "their size, MB", size / 1e6, None
    yield "their number of files, locks included", n_files, None


def warm_up(args):
    """Start the worker processes, which a search keeps."""
    X, y = np.zeros((50, 4), np.float32), np.tile([[0, 0], [1, 1]], (25, 1))
    net = FIQDRClassifier(**HEADS | {"max_epochs": 1})
    grid_search(net, {"beta": [1, 2]}).fit(X, y, groups=np.arange(50))


def wait_for_quiet(max_load):
    """Wait until the machine does little else, and return its load then."""
    while (load := os.getloadavg()[0]) > max_load:
        time.sleep(5)
    return load


def seconds(function, *args, **kwargs):
    """Return how long one call takes."""
    start = time.perf_counter()
    function(*args, **kwargs)
    return time.perf_counter() - start


def median_ratio(times, others):
    """Return the median of the ratios, turn by turn."""
    return statistics.median(a / b for a, b in zip(times, others, strict=True))


def main():
    """Measure what is asked for and append the results."""
    measures = {
        "search": measure_search,
        "scoring": measure_scoring,
        "checkpoint": measure_checkpoint,
        "memory": measure_memory,
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=[*measures], metavar="what")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--n-images", type=int, default=None, help="only so many")
    parser.add_argument("--max-load", type=float, default=float("inf"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    for name in args.what:
        command = f"bench_search.py {name} --turns {args.turns}"
        record(args.results, command, measures[name](args))


if __name__ == "__main__":
    main()
