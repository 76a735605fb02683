"""Predictions are one for each row, in order, or the setting is refused."""

import numpy as np
import pytest
import torch
from helpers.fits import make_features
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, SequentialSampler

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.estimators._training._image_dataset import take_batch

HEADS = {"backbone": None, "max_epochs": 1, "batch_size": 32, "random_state": 0}
METHODS = ("predict", "predict_proba", "predict_quality", "transform", "predict_tasks")


@pytest.fixture(scope="module")
def fitted():
    X, y = make_features(75)
    net = FIQDRClassifier(**HEADS).fit(X, y)
    return net, X, {name: np.hstack(_columns(net, name, X)) for name in METHODS}


def _columns(net, name, X):
    found = getattr(net, name)(X)
    found = found if isinstance(found, tuple) else (found,)
    return [array.reshape(len(array), -1) for array in found]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("drop_last", True),
        ("shuffle", True),
        ("sampler", [0, 1, 2]),
        ("sampler", RandomSampler(range(75))),
        ("sampler", list(range(74, -1, -1))),
        ("batch_sampler", [[0, 1], [1, 2]]),
        ("batch_sampler", BatchSampler(SequentialSampler(range(75)), 32, True)),
        ("batch_size", None),
        ("in_order", False),
    ],
)
@pytest.mark.filterwarnings("ignore:You set iterator_valid__shuffle")
def test_a_setting_that_loses_or_moves_rows_is_refused(setting, value):
    X, y = make_features(75)
    net = FIQDRClassifier(**HEADS, **{f"iterator_valid__{setting}": value}).fit(X, y)
    for method in METHODS:
        with pytest.raises(ValueError, match=f"iterator_valid__{setting}=.* one for"):
            getattr(net, method)(X)


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 1},
        {"batch_size": 7},
        {"batch_size": 75},
        {"batch_size": 10**9},
        {"batch_size": -1},
        {"drop_last": False, "shuffle": False},
        {"num_workers": 2, "batch_size": 4},
        {"num_workers": 1, "prefetch_factor": 4, "persistent_workers": False},
        {"generator": torch.Generator()},
    ],
    # An address would differ between the processes of pytest-xdist.
    ids=lambda settings: str(settings).split(" object at ")[0],
)
def test_other_settings_keep_every_row_in_its_place(settings, fitted):
    net, X, expected = fitted
    given = {f"iterator_valid__{name}": value for name, value in settings.items()}
    other = FIQDRClassifier(**HEADS, **given).fit(X[:40], make_features(75)[1][:40])
    other.module_.load_state_dict(net.module_.state_dict())
    for name in METHODS:
        found = np.hstack(_columns(other, name, X))
        assert np.allclose(found, expected[name], atol=1e-5)


@pytest.mark.filterwarnings("ignore:You set iterator_valid__shuffle")
@pytest.mark.parametrize("setting", ["drop_last", "shuffle"])
@pytest.mark.parametrize("estimator", [DRGrader, QualityClassifier])
def test_estimators_of_one_task_refuse_it_too(estimator, setting):
    X, y = make_features(75)
    y = y[:, int(estimator is QualityClassifier)]
    net = estimator(**HEADS, **{f"iterator_valid__{setting}": True}).fit(X, y)
    with pytest.raises(ValueError, match=f"iterator_valid__{setting}=True"):
        net.score(X, y)


class Half(DataLoader):
    """Return every second batch."""

    def __iter__(self):
        yield from list(super().__iter__())[::2]


def first_rows(batch):
    X, y = take_batch(batch)
    return X[:3], y[:3]


class Lists:
    """Batches of a class that torch does not know."""

    def __init__(self, dataset, batch_size, **kwargs):
        self.dataset, self.batch_size = dataset, batch_size

    def __iter__(self):
        for start in range(0, len(self.dataset) - self.batch_size, self.batch_size):
            yield self.dataset.__getitems__(range(start, start + self.batch_size))


@pytest.mark.parametrize(
    ("given", "n"),
    [
        ({"iterator_valid": Half}, 43),
        ({"iterator_valid": Lists}, 64),
        ({"iterator_valid__collate_fn": first_rows}, 9),
    ],
)
def test_batches_of_ones_own_that_lose_rows_are_noticed(given, n):
    X, y = make_features(75)
    net = FIQDRClassifier(**HEADS, **given).fit(X, y)
    with pytest.raises(ValueError, match=f"held {n} rows of 75.*iterator_valid="):
        net.predict(X)
