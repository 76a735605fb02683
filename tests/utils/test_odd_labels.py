"""Labels, weights and files of weights that are not what they should be."""

from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import torch

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier

HEADS = {"backbone": None, "max_epochs": 1, "random_state": 0}
X = np.random.default_rng(0).normal(size=(60, 6)).astype("float32")
UNKNOWN = np.arange(60) < 20


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64])
@pytest.mark.parametrize("back", [None, np.int64, float, object])
@pytest.mark.parametrize("estimator", [DRGrader, QualityClassifier])
def test_an_unknown_label_in_an_unsigned_type_is_not_a_class(estimator, back, dtype):
    y = np.where(
        UNKNOWN, -1, 1 if estimator is QualityClassifier else np.arange(60) % 5
    )
    y = y.astype(dtype)
    if back is not None and dtype is not np.uint64:
        y = y.astype(back)
    with pytest.raises(ValueError, match="in row 0, where -1, unknown"):
        estimator(**HEADS).fit(X, y)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, np.uint64])
def test_an_unknown_label_of_two_tasks_in_an_unsigned_type_is_refused(dtype):
    y = np.column_stack([np.where(UNKNOWN, -1, 1)] * 2).astype(dtype)
    with pytest.raises(ValueError, match=f"grade in y has {y.max()} in row 0"):
        FIQDRClassifier(**HEADS).fit(X, y)


@pytest.mark.parametrize(
    "word", ["-1", " -1 ", "-1.0", "", "nan", "NaN", "None", "<NA>"]
)
@pytest.mark.parametrize("dtype", [str, object])
def test_an_unknown_label_as_text_is_not_a_class(word, dtype):
    y = np.where(UNKNOWN, word, "good").astype(dtype)
    with pytest.raises(ValueError, match=f"y has {word!r} in row 0"):
        QualityClassifier(**HEADS).fit(X, y)


@pytest.mark.parametrize("estimator", [FIQDRClassifier, DRGrader, QualityClassifier])
@pytest.mark.parametrize(
    "value",
    [
        1 + 2j,
        10**400,
        -(10**400),
        2**64 - 1,
        1e300,
        float("inf"),
        None,
        pd.NA,
        pd.NaT,
        Decimal("0.5"),
        Decimal("NaN"),
        datetime(2020, 1, 1),
        b"1",
        [1],
        {},
        object(),
        np.ma.masked,
        "1",
    ],
    ids=lambda value: str(value)[:12],
)
def test_an_odd_label_is_refused_with_a_reason(value, estimator):
    y = np.zeros((60, 2), dtype=object)
    y[::2] = 1
    y[3, 0] = value
    y = y if estimator is FIQDRClassifier else y[:, 0]
    with pytest.raises((ValueError, TypeError), match=r"row 3|y "):
        estimator(**HEADS).fit(X, y)


@pytest.mark.parametrize("dtype", ["complex128", "datetime64[s]", "timedelta64[s]"])
@pytest.mark.parametrize("estimator", [FIQDRClassifier, DRGrader, QualityClassifier])
def test_labels_of_an_odd_type_are_refused(estimator, dtype):
    y = np.column_stack([np.arange(60) % 2] * 2).astype(dtype)
    y = y if estimator is FIQDRClassifier else y[:, 0]
    with pytest.raises((ValueError, TypeError), match=r"y |Complex data"):
        estimator(**HEADS).fit(X, y)


@pytest.mark.parametrize(
    "value",
    [1j, 10**400, 1e300, np.nan, np.inf, -1, "x", None, pd.NA, [1], -(10**400)],
    ids=lambda value: str(value)[:12],
)
def test_an_odd_weight_is_refused_with_a_reason(value):
    weight = np.ones(60, dtype=object)
    weight[3] = value
    y = np.column_stack([np.arange(60) % 5, np.arange(60) % 2])
    with pytest.raises((ValueError, TypeError), match="weight"):
        FIQDRClassifier(**HEADS).fit(X, y, sample_weight=weight)


@pytest.mark.parametrize(
    "state",
    [{1: torch.zeros(3)}, {None: torch.zeros(3)}, {("a", 1): torch.zeros(3)}, [], 3],
    ids=str,
)
def test_a_file_of_weights_without_names_is_refused(state, tmp_path):
    torch.save(state, tmp_path / "w.pth")
    net = FIQDRClassifier(
        backbone="mobilenet_v3_small", weights=tmp_path / "w.pth", image_size=32
    )
    with pytest.raises(ValueError, match=r"w\.pth' does not hold a state dict"):
        net.fit(np.zeros((4, 32, 32, 3), np.uint8) + 9, np.zeros((4, 2), int))
