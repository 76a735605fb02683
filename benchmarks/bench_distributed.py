"""One process and two with the same global batch: what they learn, and how fast.

    python benchmarks/bench_distributed.py

appends its figures to ``benchmarks/results/distributed.csv``. Both train in float32 on
the CPU with one thread in each process, two processes over gloo. Unknown labels and
weights are among the data, and the last batch is not even. No network has batch
statistics, which would be those of a process.

A deep network with ReLUs magnifies rounding until fits that are equal by formula differ
after some steps: so it is also measured how far apart one process with one thread and
one with two end. Differences are the largest of all turns; images per second are
medians of the epochs after the first, by turns, and worth something on a quiet machine
with a core for each process.
"""

import os
import pickle
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from _arguments import asked
from _record import record
from torch import nn
from torchvision.models import resnet18

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.distributed import DistributedFIQDRClassifier

RESULTS = Path(__file__).parent / "results" / "distributed.csv"
N_TURNS = 3
N_EPOCHS = 4


def group_normed():
    """Return a ResNet-18 without batch statistics."""
    network = resnet18(norm_layer=partial(nn.GroupNorm, 32))
    network.fc = nn.Identity()
    return network


def smooth():
    """Return three layers without kinks."""
    return nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=4), nn.Tanh(), nn.Conv2d(16, 32, 3, stride=2)
    )


# backbone, image size, rows, batch size, how far apart they may be
CASES = {
    "heads on 512 features": (None, 224, 2003, 64, "<= 1e-5"),
    "smooth layers at 64 px": (smooth, 64, 499, 32, "<= 1e-5"),
    "ResNet-18 with group norm at 96 px": (group_normed, 96, 99, 32, None),
}


def make_data(backbone, image_size, n_rows):
    """Return random rows, of which a tenth has no grade and a tenth no quality."""
    rng = np.random.default_rng(0)
    if backbone is None:
        X = rng.normal(size=(n_rows, 512)).astype(np.float32)
    else:
        shape = (n_rows, image_size, image_size, 3)
        X = rng.integers(0, 256, shape, dtype=np.uint8)
    y = np.column_stack([rng.integers(0, 5, n_rows), rng.random(n_rows) < 0.8])
    y[rng.random(y.shape) < 0.1] = -1
    return X, y, rng.uniform(0.5, 2, n_rows)


def fit(estimator, case, path):
    """Fit, and leave weights, centres, losses and images per second in a file."""
    backbone, image_size, n_rows, batch_size, _ = CASES[case]
    X, y, sample_weight = make_data(backbone, image_size, n_rows)
    net = estimator(
        backbone=backbone,
        image_size=image_size,
        batch_size=batch_size,
        max_epochs=N_EPOCHS,
        amp=False,
        device="cpu",
        random_state=0,
    )
    net.fit(X, y, sample_weight=sample_weight)
    if int(os.environ.get("RANK", 0)) == 0:
        seconds = statistics.median(net.history[1:, "dur"])
        outcome = {
            "losses": [
                loss
                for epoch in net.history
                for loss in [epoch["train_loss"]]
                + [batch["train_loss"] for batch in epoch["batches"]]
            ],
            "weights": [value.numpy() for value in net.module_.state_dict().values()],
            "centres": [net.criterion_.centers.numpy()],
            "images per second": n_rows / seconds,
        }
        Path(path).write_bytes(pickle.dumps(outcome))


def run(n_processes, n_threads, case, path):
    """Fit in processes of their own, and return the outcome."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    launcher = launcher if n_processes == 2 else []
    subprocess.run(
        [sys.executable, *launcher, __file__, "--fit", str(n_processes), case, path],
        check=True,
        env={
            **os.environ,
            "OMP_NUM_THREADS": str(n_threads),
            "CUDA_VISIBLE_DEVICES": "",
        },
    )
    return pickle.loads(path.read_bytes())


def apart(turns, this, other, what):
    """Return how far numbers or arrays of two ways are apart at most."""
    return max(
        np.abs(a - b).max()
        for turn in turns
        for a, b in zip(turn[this][what], turn[other][what], strict=True)
    )


def compare(work):
    """Yield the figures of every case."""
    one, two, threads = (1, 1), (2, 1), (1, 2)
    for case, (*_, required) in CASES.items():
        turns = [
            {way: run(*way, case, work / "outcome.pkl") for way in (one, two, threads)}
            for _ in range(N_TURNS)
        ]
        for what in ("losses", "weights", "centres"):
            figure = f"{case}: largest difference of {what}, two processes and one"
            yield figure, apart(turns, one, two, what), required
            figure = f"{case}: largest difference of {what}, two threads and one"
            yield figure, apart(turns, one, threads, what), None
        speed = {
            way: [turn[way]["images per second"] for turn in turns]
            for way in (one, two)
        }
        yield f"{case}: images/s, one process", statistics.median(speed[one]), None
        yield f"{case}: images/s, two processes", statistics.median(speed[two]), None
        ratios = [b / a for a, b in zip(speed[one], speed[two], strict=True)]
        figure = f"{case}: two processes / one (load {os.getloadavg()[0]:.1f})"
        yield figure, statistics.median(ratios), None


def main():
    """Fit where asked to by `run`, else compare."""
    if sys.argv[1:2] == ["--fit"]:
        n_processes, case, path = sys.argv[2:]
        one = n_processes == "1"
        fit(FIQDRClassifier if one else DistributedFIQDRClassifier, case, path)
        return
    asked(__doc__)
    with tempfile.TemporaryDirectory() as work:
        record(RESULTS, "bench_distributed.py", compare(Path(work)))


if __name__ == "__main__":
    main()
