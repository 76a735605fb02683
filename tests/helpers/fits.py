"""Fits that tests run in processes of their own, to kill them; no test is in here."""

import multiprocessing
import os
import signal
import time

import numpy as np
import torch
from skorch.callbacks import Callback, EpochScoring, LRScheduler
from torch.utils.data import WeightedRandomSampler

from helpers.networks import CountingBackbone, TinyBackbone
from sk_fiqdr import DeepFeatures, DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.callbacks import EarlyStopping
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.estimators._deep_features import _feature_cache
from sk_fiqdr.model_selection import PatientValidSplit

# A server that has imported everything and trained nothing: its forks start at once.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["sk_fiqdr", "sk_fiqdr.datasets", "skorch.callbacks", "torchvision.transforms.v2"]
)


IMAGES = {
    "backbone": TinyBackbone,
    "image_size": 32,
    "max_epochs": 6,
    "batch_size": 8,
    "random_state": 0,
}
HEADS = {"backbone": None, "lr": 0.05, "max_epochs": 12, "random_state": 0}
WORKERS = {
    "iterator_train__num_workers": 2,
    "iterator_valid__num_workers": 1,
    "train_split": PatientValidSplit(0.25),
}


class PressCtrlC(Callback):
    """Press Ctrl-C in the second batch of epoch 3, in the first so many fits."""

    n_left_ = 1

    def on_batch_end(self, net, training=False, **kwargs):
        """Press it, a moment after the one before at the earliest."""
        here = len(net.history) == 3 and len(net.history[-1]["batches"]) == 2
        if here and PressCtrlC.n_left_:
            PressCtrlC.n_left_ -= 1
            time.sleep(0.1)
            os.kill(os.getpid(), signal.SIGINT)


def draw_from_numpy(image):
    """Augment by a generator that is not torch's."""
    return image if np.random.rand() < 0.5 else image.flip(-1)  # noqa: NPY002


def scenario(name):
    """Return an estimator and what it is fitted on."""
    # Sums differ in the last bit with the number of threads, which a Dask cluster in an
    # earlier test lowers for this process but not for others.
    torch.set_num_threads(1)
    if name in ("features", "short", "plateau", "sampler"):
        X, y = make_features()
    else:
        X, y = make_fundus(
            24, image_size=32, poor_fraction=0.4, random_state=0, return_X_y=True
        )
    early = {
        # Split by NumPy's global generator, which a new process has elsewhere.
        "train_split": PatientValidSplit(0.25, random_state=None),
        "callbacks": [("stop", EarlyStopping(patience=3))],
        "max_epochs": 12,
        "lr": 0.2,
    }
    plateau = {
        "train_split": PatientValidSplit(0.25),
        "lr_schedule": "constant",
        "callbacks": [
            EpochScoring(weight_norm, name="norm"),
            LRScheduler(
                policy=torch.optim.lr_scheduler.ReduceLROnPlateau,
                monitor="valid_loss",
                patience=1,
                threshold=0.5,
            ),
            LRScheduler(policy=torch.optim.lr_scheduler.StepLR, step_size=5),
        ],
    }
    sampler = WeightedRandomSampler(
        np.linspace(1, 2, 200), 150, generator=torch.Generator().manual_seed(1)
    )
    net = {
        "augmented": lambda: FIQDRClassifier(**IMAGES),
        "workers": lambda: FIQDRClassifier(**IMAGES, **WORKERS),
        "workers and numpy": lambda: FIQDRClassifier(
            **IMAGES, iterator_train__num_workers=2, augment=draw_from_numpy
        ),
        "early stopping": lambda: FIQDRClassifier(**IMAGES | early),
        "freeze": lambda: FIQDRClassifier(**IMAGES, freeze=3),
        "AdamW": lambda: FIQDRClassifier(
            **IMAGES, optimizer=torch.optim.AdamW, lr=0.001, beta="balanced"
        ),
        "quality": lambda: QualityClassifier(**IMAGES, optimizer=torch.optim.Adadelta),
        "features": lambda: FIQDRClassifier(**HEADS, module__dropout=0.5),
        "balanced": lambda: FIQDRClassifier(
            **IMAGES, balance="grade", backbone_lr=0.001, gradient_clip=1.0
        ),
        "short": lambda: QualityClassifier(**HEADS | {"max_epochs": 3}),
        "plateau": lambda: DRGrader(**HEADS, **plateau),
        "sampler": lambda: FIQDRClassifier(
            **HEADS, iterator_train__sampler=sampler, iterator_train__shuffle=False
        ),
    }[name]()
    if isinstance(net, DRGrader | QualityClassifier):
        y = y[:, int(isinstance(net, QualityClassifier))]
    return net, X, y


def weight_norm(net, X, y):
    """Score a net by something that any net has."""
    return net.module_.grade_head[1].weight.detach().norm().item()


def make_features(n=200):
    """Grade and quality that linear heads can read off the features."""
    rng = np.random.default_rng(0)
    y = np.column_stack([rng.integers(0, 5, n), rng.random(n) < 0.8]).astype(int)
    X = rng.normal(size=(n, 12)).astype(np.float32)
    X[:, :5] += 3 * np.eye(5)[y[:, 0]]
    X[:, 5] += 3 * y[:, 1]
    return X, y


def fit(name, folder, seed=0, begins=None):
    """Fit one scenario, with checkpoints in `folder`."""
    net, X, y = scenario(name)
    np.random.seed(seed)  # noqa: NPY002 the state that a new process happens to have
    if begins is not None:
        begins.set()
    return net.set_params(checkpoint_dir=folder).fit(X, y)


def fit_and_die(name, folder, n_calls):
    """Fit, and die by SIGKILL at the n-th call that changes the disk."""
    count = 0

    def deadly(call):
        def step(*args, **kwargs):
            nonlocal count
            count += 1
            if count == n_calls:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return step

    for call in ("mkdir", "fsync", "chmod", "rename", "unlink", "rmdir"):
        setattr(os, call, deadly(getattr(os, call)))
    fit(name, folder)


def compute_features(paths, log, memory):
    """Compute features in small shares, so that most of the time files are written."""
    _feature_cache.FIRST_SHARE, _feature_cache.SECONDS = 1, 0.01
    features = slow_features(log, memory)
    return features.fit_transform(paths)


def slow_features(log, memory):
    """Return a transformer that takes its time, and notes what it computes."""
    torch.manual_seed(0)
    return DeepFeatures(
        CountingBackbone(log, seconds=0.02), image_size=48, batch_size=1, memory=memory
    )


def run(target, *args, timeout=90):
    """Run in a process of its own and return how it ended."""
    process = PROCESSES.Process(target=target, args=args)
    process.start()
    process.join(timeout)
    if process.exitcode is None:
        process.kill()
        process.join()
    return process.exitcode


def newest(folder):
    """Return the name of the newest checkpoint, if there is one."""
    return max((path.name for path in folder.glob("*/epoch-*")), default=None)


def fit_under_fire(name, folder, rng, *, most=5):
    """Fit in processes that die at random moments, and return how many did.

    The first may die before its first epoch has ended; each other one ends at least one
    epoch, and dies in the midst of one that follows.
    """
    kills = 0
    while True:
        before, begins = newest(folder), PROCESSES.Event()
        seed = 0 if before is None else kills
        process = PROCESSES.Process(target=fit, args=(name, folder, seed, begins))
        process.start()
        assert begins.wait(90)
        began = time.monotonic()
        while kills and newest(folder) == before and process.exitcode is None:
            time.sleep(0.002)
        longest = (time.monotonic() - began) / 4 if kills else 0.1
        process.join(rng.uniform(0, longest) if kills < most else 90)
        if process.exitcode is not None:
            assert process.exitcode == 0
            return kills
        process.kill()
        process.join()
        kills += 1
        assert kills <= most, "the fit never comes to its end"
