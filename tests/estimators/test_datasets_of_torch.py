"""Objects of torch and skorch given to an estimator: Datasets, loaders, splits."""

import re

import numpy as np
import pytest
import torch
from helpers.fits import make_features
from PIL import Image
from skorch.dataset import Dataset
from skorch.helper import SliceDataset, predefined_split
from torch.utils.data import DataLoader, IterableDataset, Subset, TensorDataset
from torchvision.datasets import ImageFolder

from sk_fiqdr import DeepFeatures, DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.exceptions import PatientLeakageError
from sk_fiqdr.model_selection import PatientValidSplit
from sk_fiqdr.preprocessing import FundusCropper

HEADS = {"backbone": None, "max_epochs": 2, "lr": 0.05, "random_state": 0}


class Eyes(torch.utils.data.Dataset):
    """A Dataset as people write it, which must not be read."""

    def __len__(self):
        return 200

    def __getitem__(self, i):
        raise AssertionError(f"item {i} was read")


class Stream(IterableDataset):
    def __iter__(self):
        raise AssertionError("an item was read")


def folder_of(tmp_path):
    (tmp_path / "0").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "0" / "1_left.png")
    return ImageFolder(tmp_path)


DATASETS = {
    "Eyes (Dataset)": lambda _: Eyes(),
    "Stream (IterableDataset)": lambda _: Stream(),
    "Subset (Dataset)": lambda _: Subset(Eyes(), [0, 1]),
    "ConcatDataset": lambda _: torch.utils.data.ConcatDataset([Eyes(), Eyes()]),
    "TensorDataset": lambda _: TensorDataset(torch.zeros(4, 3), torch.zeros(4)),
    "DataLoader": lambda _: DataLoader(Eyes(), batch_size=4),
    "ImageFolder (DatasetFolder)": folder_of,
    "SliceDataset": lambda _: SliceDataset(Eyes()),
    "Dataset": lambda _: Dataset(np.zeros((4, 3)), np.zeros(4)),
}


@pytest.mark.parametrize("kind", DATASETS)
@pytest.mark.parametrize("backbone", [None, "tiny"])
def test_datasets_are_refused_by_their_type_before_anything_is_read(
    backbone, kind, tmp_path, tiny, fundus
):
    if backbone is None:
        net, (X, y) = FIQDRClassifier(**HEADS), make_features(40)
    else:
        net = FIQDRClassifier(**{**tiny, "max_epochs": 1})
        X, y = fundus.data[:8], fundus.target[:8]
    net.fit(X, y)
    data, refused = DATASETS[kind](tmp_path), re.escape(f"X is of type {kind}")
    for method in (net.fit, net.partial_fit, net.score):
        with pytest.raises(TypeError, match=refused) as raised:
            method(data, y)
        assert len(str(raised.value)) < 250
    for method in (net.predict, net.predict_proba, net.predict_quality, net.transform):
        with pytest.raises(TypeError, match=refused):
            method(data)


@pytest.mark.parametrize(
    "read",
    [
        DRGrader(**HEADS).fit,
        QualityClassifier(**HEADS).fit,
        DeepFeatures("resnet18", image_size=32).fit,
        FundusCropper().fit_transform,
    ],
)
def test_other_estimators_refuse_datasets_as_well(read):
    with pytest.raises(TypeError, match=r"X is of type Eyes \(Dataset\)"):
        read(Eyes(), np.arange(200) % 2)


def test_folders_of_torchvision_and_datasets_of_skorch_hold_what_to_pass(tmp_path):
    with pytest.raises(TypeError, match=r"\[path for path, _ in data\.samples\]"):
        FIQDRClassifier().fit(folder_of(tmp_path), [[0, 1]])
    with pytest.raises(TypeError, match=r"Pass its data\.X and labels as y"):
        FIQDRClassifier(**HEADS).fit(Dataset(np.zeros((4, 3)), np.zeros(4)), [[0, 1]])


@pytest.mark.parametrize("estimator", [FIQDRClassifier, DRGrader, QualityClassifier])
@pytest.mark.parametrize("wrap", ["skorch", "get_dataset", "subset"])
def test_a_predefined_split_is_validated_on(estimator, wrap):
    X, y = make_features(200)
    y = {DRGrader: y[:, 0], QualityClassifier: y[:, 1]}.get(estimator, y)
    losses = {}
    for split in (None, wrap):
        net = estimator(**HEADS)
        if split is not None:
            held_out = {
                "skorch": lambda: Dataset(X[:40], y[:40]),
                "get_dataset": lambda: (
                    DRGrader(**HEADS)
                    .fit(X, np.arange(200) % 5)
                    .get_dataset(X[:40], y[:40])
                ),
                "subset": lambda: Subset(Dataset(X, y), range(40)),
            }[wrap]()
            net.set_params(train_split=predefined_split(held_out))
        net.fit(X[40:], y[40:])
        losses[split] = net.history_
        if split is not None:
            # The loss of the held-out rows, by the net that is left after the fit.
            expected = net.score(X[:40], y[:40])
            assert 0 <= expected <= 1
            assert len(net.history_[:, "valid_loss"]) == 2
    np.testing.assert_array_equal(
        losses[None][:, "train_loss"], losses[wrap][:, "train_loss"]
    )


def test_labels_of_a_predefined_split_are_those_of_the_classes_of_the_fit():
    X, y = make_features(200)
    words = np.array(["no DR", "mild", "moderate", "severe", "proliferative"])[y[:, 0]]
    losses = [
        DRGrader(**HEADS, train_split=predefined_split(Dataset(X[:40], labels[:40])))
        .fit(X[40:], labels[40:])
        .history_[:, "valid_loss"]
        for labels in (words, np.searchsorted(np.unique(words), words))
    ]
    assert losses[0] == losses[1]
    split = predefined_split(Dataset(X[:2], np.array(["mild", "worse"])))
    with pytest.raises(ValueError, match=r"\['worse'\], and the classes of this DRG"):
        DRGrader(**HEADS, train_split=split).fit(X[40:], words[40:])


def test_a_predefined_split_of_paths_is_read_and_must_share_no_patient(
    tiny, fundus, fundus_paths
):
    def fit(held_out):
        split = predefined_split(Dataset(fundus_paths[:8], fundus.target[:8]))
        net = FIQDRClassifier(**{**tiny, "max_epochs": 1}, train_split=split)
        return net.fit(fundus_paths[held_out:], fundus.target[held_out:])

    assert np.isfinite(fit(8).history_[-1, "valid_loss"])
    with pytest.raises(PatientLeakageError):
        fit(7)


def test_a_predefined_split_that_cannot_be_read_says_how_to_make_one():
    X, y = make_features(60)
    net = FIQDRClassifier(**HEADS, train_split=predefined_split(Eyes()))
    with pytest.raises(TypeError, match=r"predefined_split\(net\.get_dataset\(X_valid"):
        net.fit(X, y)
    net = FIQDRClassifier(**HEADS, train_split=Dataset(X, y))
    with pytest.raises(TypeError, match=r"is a Dataset, .*predefined_split\(net\.get"):
        net.fit(X, y)
    net = FIQDRClassifier(**HEADS, train_split=lambda dataset, y=None, **kwargs: None)
    with pytest.raises(TypeError, match=r"must return two Datasets, .* got NoneType"):
        net.fit(X, y)


@pytest.mark.parametrize(
    ("train_split", "share"),
    [
        *[(0.2, 0.2), (0.1, 0.1), (5, 0.2), (4, 0.25), (True, 0.2), (-1, 0.2)],
        *[("0.2", 0.2), (PatientValidSplit, 0.2)],
    ],
)
def test_a_share_to_hold_out_is_refused_with_the_split_that_does_it(train_split, share):
    X, y = make_features(60)
    net = FIQDRClassifier(**HEADS, train_split=train_split)
    message = rf"train_split=.* Use PatientValidSplit\({share}\), from sk_fiqdr"
    with pytest.raises(TypeError, match=message):
        net.fit(X, y)
