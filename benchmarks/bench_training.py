"""The estimators against PyTorch loops written by hand, and what they hold in memory.

    python benchmarks/bench_training.py [fit] [predict] [reading] [memory] [gpu]

appends its figures to ``benchmarks/results/training.csv``; without an argument, all.

fit      training from uint8 images in memory, without augmentation.
predict  predict and predict_quality against a bare inference loop.
reading  training from 256-pixel JPEG files with two workers against training from
         memory, both augmented.
memory   peak memory of fit and predict on 20,000 paths against 2,000.
gpu      fit on a GPU in bfloat16, compiled, where there is one.

Both ways take turns, and each figure is the median of the ratios of five turns.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from _arguments import asked
from _record import record
from PIL import Image

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.losses import WeightedCenterLoss, masked_cross_entropy
from sk_fiqdr.modules import MultiTaskNet

RESULTS = Path(__file__).parent / "results" / "training.csv"
N_TURNS = 5
LR, MOMENTUM, WEIGHT_DECAY = 0.01, 0.9, 1e-4


def toy():
    """Return three layers that cost next to nothing."""
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=4),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 16, 3, stride=4),
        torch.nn.ReLU(),
    )


# backbone, image size, images, batch size, epochs, share of the loop's speed required
CASES = {
    "ResNet-18 at 128 px": ("resnet18", 128, 192, 32, 1, ">= 0.95"),
    "MobileNetV3-small at 224 px": ("mobilenet_v3_small", 224, 192, 32, 1, ">= 0.95"),
    "3-layer toy at 32 px": (toy, 32, 4096, 32, 2, ">= 0.80"),
}


def make_data(n_images, image_size):
    """Return random images, and labels with every grade and quality."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (n_images, image_size, image_size, 3), dtype=np.uint8)
    return X, np.column_stack(
        [rng.integers(0, 5, n_images), rng.random(n_images) < 0.9]
    )


def make_net(backbone, image_size, batch_size, epochs, **parameters):
    """Return the estimator with the settings of the loop by hand."""
    return FIQDRClassifier(
        backbone=backbone,
        image_size=image_size,
        batch_size=batch_size,
        max_epochs=epochs,
        grade_loss="cross_entropy",
        lr=LR,
        lr_schedule="constant",
        optimizer__momentum=MOMENTUM,
        optimizer__weight_decay=WEIGHT_DECAY,
        random_state=0,
        **{"augment": None, **parameters},
    )


def fit_by_hand(net, X, y):
    """Train as one would without a library: what `net` is set to, and no more."""
    device, amp = torch.device(net.device), net._uses_bfloat16()
    torch.manual_seed(0)
    module = MultiTaskNet(net.backbone, image_size=net.image_size)
    module = module.to(device, memory_format=torch.channels_last)
    if net.compile:
        module.compile()
    criterion = WeightedCenterLoss(net.beta, net.lambd, n_features=module.n_features)
    criterion.to(device)
    optimizer = torch.optim.SGD(
        module.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
    )
    X, y = torch.from_numpy(X), torch.from_numpy(y.astype(np.int64))
    module.train()
    for _ in range(net.max_epochs):
        total = 0.0
        for rows in torch.randperm(len(X)).split(net.batch_size):
            images, labels = X[rows].to(device), y[rows].to(device)
            with torch.autocast(device.type, torch.bfloat16, enabled=amp):
                grade, quality, features = module(images)
            loss = masked_cross_entropy(grade.float(), labels[:, 0])
            loss = loss + criterion(quality.float(), features.float(), labels[:, 1])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
        print(f"epoch loss {float(total) / len(X):.3f}", file=sys.stderr)
    return module


def seconds(function, *args):
    """Return how long one call takes."""
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


def ratio(ours, theirs, turns=N_TURNS):
    """Return the median of theirs / ours, and ours in seconds; both take turns."""
    pairs = []
    for turn in range(turns + 1):
        order = [ours, theirs] if turn % 2 else [theirs, ours]
        took = {way: seconds(way) for way in order}
        if turn:  # the first warms up
            pairs.append((took[ours], took[theirs]))
    return (
        statistics.median(theirs / ours for ours, theirs in pairs),
        statistics.median(ours for ours, _ in pairs),
    )


def bench_fit():
    """Compare fit with the loop by hand."""
    for name, (backbone, size, n, batch_size, epochs, required) in CASES.items():
        X, y = make_data(n, size)
        net = make_net(backbone, size, batch_size, epochs)
        share, took = ratio(partial(net.fit, X, y), partial(fit_by_hand, net, X, y))
        yield f"fit, {name}: images/s", n * epochs / took, None
        yield f"fit / loop by hand, {name}", share, required


def predict_by_hand(net, X):
    """Run the fitted network over all images, nothing else."""
    module, images = net.module_.eval(), torch.from_numpy(X)
    amp = net._uses_bfloat16()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=amp):
        outputs = [module(batch) for batch in images.split(net.batch_size)]
    return [torch.cat(parts).float().numpy() for parts in zip(*outputs, strict=True)]


def bench_predict():
    """Compare predict and predict_quality with a bare loop."""
    for name in list(CASES)[:2]:
        backbone, size, n, batch_size, *_ = CASES[name]
        X, y = make_data(n, size)
        net = make_net(backbone, size, batch_size, 1).fit(X, y)
        for method in (net.predict, net.predict_quality):
            share, took = ratio(partial(method, X), partial(predict_by_hand, net, X))
            yield f"{method.__name__}, {name}: images/s", n / took, None
            yield f"{method.__name__} / bare loop, {name}", share, ">= 0.95"


def write_photographs(folder, n_files, image_size):
    """Write JPEG files that compress as photographs do; return paths and labels."""
    from sk_fiqdr.datasets import make_fundus

    X, y = make_fundus(32, image_size=image_size, random_state=0, return_X_y=True)
    rows = np.arange(n_files) % len(X)
    paths = [str(folder / f"{i}_left.jpeg") for i in range(n_files)]
    for path, row in zip(paths, rows, strict=True):
        Image.fromarray(X[row]).save(path, quality=90)
    return paths, y[rows]


def bench_reading():
    """Compare training from files with training from memory."""
    from sk_fiqdr.utils._read_image import read_image

    with tempfile.TemporaryDirectory() as folder:
        paths, y = write_photographs(Path(folder), 256, 256)
        X = np.stack([read_image(path, 224) for path in paths])
        net = make_net("resnet18", 224, 32, 2, augment="default")
        net.set_params(iterator_train__num_workers=2)
        share, took = ratio(partial(net.fit, paths, y), partial(net.fit, X, y))
        yield (
            "fit from 256 px JPEG files, ResNet-18 at 224 px: images/s",
            (2 * len(y) / took),
            None,
        )
        yield "fit from files / from memory, two workers, ResNet-18", share, ">= 0.95"


def peak_memory(method, folder, n_paths):
    """Fit or predict in a process of its own; return its peak memory in MiB."""
    command = [sys.executable, __file__, "--peak", method, str(folder), str(n_paths)]
    return float(subprocess.run(command, check=True, capture_output=True).stdout)


def _peak(method, folder, n_paths):
    X = sorted(str(path) for path in Path(folder).glob("*.jpeg"))[: int(n_paths)]
    y = np.column_stack([np.arange(len(X)) % 5, np.arange(len(X)) % 2])
    net = make_net(toy, 64, 32, 1, augment="default")
    few = net.fit(X[:64], y[:64])
    getattr(few, method)(*((X, y) if method == "fit" else (X,)))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def bench_memory(few=2_000, many=20_000):
    """Compare the peak memory of many paths with that of few."""
    with tempfile.TemporaryDirectory() as folder:
        write_photographs(Path(folder), many, 96)
        for method in ("fit", "predict"):
            peaks = [peak_memory(method, folder, n) for n in (few, many)]
            yield f"{method}, peak memory on {many} paths, MiB", peaks[1], None
            yield (
                f"{method}, peak memory on {many} paths / on {few}",
                peaks[1] / peaks[0],
                "<= 1.1",
            )


def bench_gpu():
    """Compare fit with the loop by hand on a GPU: bfloat16, compiled."""
    cases = {
        "ResNet-18 at 224 px": ("resnet18", 224, 8192, 256),
        "ResNet-50 at 512 px": ("resnet50", 512, 1024, 64),
    }
    for name, (backbone, size, n, batch_size) in cases.items():
        figure = f"fit / loop by hand on a GPU, bf16, compiled, {name}"
        if not torch.cuda.is_available():
            yield figure + " (not measured: no GPU)", None, ">= 0.90"
            continue
        X, y = make_data(n, size)
        net = make_net(backbone, size, batch_size, 2, compile=True)
        share, took = ratio(partial(net.fit, X, y), partial(fit_by_hand, net, X, y))
        yield f"fit on a GPU, {name}: images/s", 2 * n / took, None
        yield figure, share, ">= 0.90"


BENCHES = {
    "fit": bench_fit,
    "predict": bench_predict,
    "reading": bench_reading,
    "memory": bench_memory,
    "gpu": bench_gpu,
}


def main():
    """Run what is asked for."""
    if sys.argv[1:2] == ["--peak"]:
        _peak(*sys.argv[2:])
        return
    for name in asked(__doc__, BENCHES):
        record(RESULTS, f"bench_training.py {name}", BENCHES[name]())


if __name__ == "__main__":
    main()
