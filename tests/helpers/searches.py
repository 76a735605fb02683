"""Searches that tests run in processes of their own, to kill them; no test is here."""

import os
import signal
import time

import numpy as np
import psutil
import torch
from joblib.externals.loky import get_reusable_executor
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, KFold
from skorch.callbacks import Callback

from helpers.fits import HEADS, PROCESSES, make_features
from helpers.noted import Noted
from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.metrics import fiqdr_scoring
from sk_fiqdr.model_selection import SearchCheckpoint


def data():
    """Return rows of two classes that overlap."""
    return make_classification(120, flip_y=0.3, class_sep=0.5, random_state=0)


def noted_search(log=None, seconds=0.0, **kwargs):
    """Return a search of 4 candidates on 3 folds, and its data."""
    kwargs = {"scoring": ["accuracy", "roc_auc"], "refit": "roc_auc"} | kwargs
    return GridSearchCV(
        Noted(log=log, seconds=seconds),
        {"C": [1e-3, 1e-2, 0.1, 1]},
        cv=KFold(3),
        return_train_score=True,
        **kwargs,
    ), *data()


def net_search(checkpoints=None, **kwargs):
    """Return a search of nets, which keep checkpoints of their own, and its data."""
    torch.set_num_threads(1)
    net = FIQDRClassifier(**HEADS, checkpoint_dir=checkpoints)
    return GridSearchCV(
        net,
        {"beta": [1, 27], "lambd": [0, 0.1]},
        scoring=fiqdr_scoring,
        refit="kappa",
        cv=KFold(3),
        **kwargs,
    ), *make_features()


class NoteFit(Callback):
    """Note in a file, for all processes, each fit that ends."""

    def __init__(self, log):
        self.log = log

    def on_train_end(self, net, **kwargs):
        """Note the candidate, and how many rows it was fitted on."""
        with open(self.log, "a") as file:
            file.write(f"{net.beta} {net.lambd}\n")


def features_search(log):
    """Return a search of 12 candidates on 5 folds of frozen features, and its data."""
    torch.set_num_threads(1)
    net = FIQDRClassifier(**HEADS | {"max_epochs": 2}, callbacks=[NoteFit(log)])
    grid = {"beta": [1, 9, 27, "balanced"], "lambd": [0, 0.01, 0.1]}
    return GridSearchCV(
        net, grid, scoring=fiqdr_scoring, refit="kappa", cv=KFold(5)
    ), *make_features(100)


def run_search(kind, folder, begins, *args, **kwargs):
    """Run a search with its results kept in `folder`."""
    search, X, y = kind(*args, **kwargs)
    begins.set()
    SearchCheckpoint(search, folder).fit(X, y)
    if search.n_jobs:  # a process that multiprocessing started waits for all children
        get_reusable_executor().shutdown()


def kept(folder):
    """Return the results in a folder."""
    return sorted(folder.glob("*/*.json"))


def search_under_fire(kind, folder, rng, *args, longest=0.4, most=6, **kwargs):
    """Search in processes that die with all their workers, and return how many did.

    Each but the first keeps at least one result before it dies.
    """
    for kills in range(most + 1):
        before, begins = len(kept(folder)), PROCESSES.Event()
        process = PROCESSES.Process(
            target=run_search, args=(kind, folder, begins, *args), kwargs=kwargs
        )
        process.start()
        assert begins.wait(90)
        while kills and len(kept(folder)) == before and process.exitcode is None:
            time.sleep(0.002)
        process.join(rng.uniform(0, longest) if kills < most else 150)
        if process.exitcode is not None:
            assert process.exitcode == 0
            return kills
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.join()
        for worker in workers:  # which else end the fit that they have begun
            try:
                worker.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(workers, timeout=30)
    raise AssertionError("the search never comes to its end")


def search_and_die(folder, n_calls):
    """Search, and die by SIGKILL at the n-th call that changes the disk."""
    count = 0

    def deadly(call):
        def step(*args, **kwargs):
            nonlocal count
            count += 1
            if count == n_calls:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return step

    search, X, y = noted_search()
    for call in ("mkdir", "fsync", "chmod", "replace"):
        setattr(os, call, deadly(getattr(os, call)))
    SearchCheckpoint(search, folder).fit(X, y)


def same_results(one, two, *, times=False):
    """Compare `cv_results_` to the last bit; times as well, or only their columns."""
    assert list(one) == list(two)
    for name, column in one.items():
        if name == "params" or column.dtype == object:
            assert list(map(str, column)) == list(map(str, two[name]))
        elif times or "_time" not in name:
            np.testing.assert_array_equal(column, two[name], err_msg=name)
