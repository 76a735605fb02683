"""The input of a net: X, y, weights and patients, checked."""

import os
import warnings
from numbers import Integral

import numpy as np
import torch
from sklearn.utils.validation import check_array, validate_data
from torch.utils.data import Subset

from ..model_selection._fitted_images import (
    compare_with_fit,
    forget_images,
    remember_images,
    summarize,
)
from ..utils._check_images import PATHS, check_images, refuse_datasets
from ..utils._classes import check_length
from ..utils._masked import refuse_masked
from ..utils._patient_keys import patient_array
from ._training._image_dataset import FEATURES, FundusDataset, base_and_rows


def check_X(net, X, *, reset):
    """Return X as an ndarray, and what it holds.

    Parameters
    ----------
    net : FundusNet or DeepFeatures
        Its parameters `backbone`, `image_size` and `on_error` say what X may be.
    X : array-like
        Paths, images or features.
    reset : bool
        Whether X is fitted on; else it is compared with the X of the fit.

    Returns
    -------
    X : ndarray
        Paths as str, uint8 images or float32 features.
    kind : {"paths", "images", "features"}
        What X holds.

    Raises
    ------
    TypeError, ValueError
        If X is something else; the message says what it is.
    FileNotFoundError
        If a file does not exist and ``on_error="raise"``.
    """
    if net.backbone is None:
        return _check_features(net, X, reset), FEATURES
    refuse_masked("X", X)
    X, kind = check_images(X)
    if kind == PATHS:
        missing = [path for path in X if not os.path.exists(path)]
        if missing and net.on_error == "raise":
            raise FileNotFoundError(
                f"{len(missing)} of {len(X)} image files do not exist, the first "
                f"{str(missing[0])!r}. Paths are taken relative to {os.getcwd()!r}."
            )
    if not reset:
        compare_with_fit(net, X, kind)
    return X, kind


def _check_features(net, X, reset):
    refuse_datasets(X)
    refuse_masked("X", X)
    if isinstance(X, str | bytes | os.PathLike) or getattr(X, "ndim", 2) == 4:
        raise ValueError(
            "backbone=None takes features of shape (n_samples, n_features), got "
            "images. Name a backbone, such as 'resnet18', to train on them."
        )
    X = validate_data(
        net,
        X,
        dtype=np.float32,
        order="C",
        ensure_all_finite="allow-nan",
        reset=reset,
    )
    # A row that is all nan stands for an image that could not be read.
    nan = np.isnan(X)
    holed = nan.any(axis=1)
    if net.on_error != "raise":
        holed &= ~nan.all(axis=1)
    if holed.any():
        raise ValueError(
            f"Input X contains NaN in {int(holed.sum())} of {len(X)} rows, the first "
            f"of them row {int(holed.argmax())}. Rows that are all nan, which "
            "DeepFeatures returns for unreadable images, are ignored with "
            "on_error='warn' or 'skip'; fix or drop the others."
        )
    return X


def make_dataset(net, X, y=None, *, kind, **kwargs):
    """Return the dataset of checked rows.

    Parameters
    ----------
    net : FundusNet
        The net.
    X, kind : object
        What `check_X` returned.
    y : ndarray of shape (n,) or (n, n_tasks), default=None
        Checked labels.
    **kwargs : dict
        `sample_weight` and `groups`.

    Returns
    -------
    dataset : FundusDataset
        Where rows of features are nan they are 0, and flagged as unreadable.
    """
    unread = np.isnan(X[:, 0]) if kind == FEATURES else np.array(False)
    if unread.any():
        X = np.where(unread[:, None], np.float32(0), X)
    dataset = FundusDataset(
        X,
        y,
        kind=kind,
        image_size=int(net.image_size),
        on_error=net.on_error,
        on_damage=net.on_damage,
        **kwargs,
    )
    if unread.any():
        dataset.unreadable = torch.from_numpy(unread)
    return dataset


def check_arguments(unknown, epochs):
    """Raise if `partial_fit` was passed what it does not know.

    Parameters
    ----------
    unknown : dict
        Further arguments.
    epochs : int or None
        Number of epochs.

    Raises
    ------
    TypeError, ValueError
        If there are any, or `epochs` is not a number of epochs.
    """
    if unknown:
        raise TypeError(
            f"partial_fit got unexpected arguments {sorted(unknown)!r}. It takes X, y, "
            "classes, sample_weight, groups and epochs; anything else is a parameter: "
            "set_params."
        )
    if epochs is not None and (
        isinstance(epochs, bool) or not isinstance(epochs, Integral) or epochs < 1
    ):
        raise ValueError(
            f"epochs must be a whole number of at least 1, got {epochs!r}. None is "
            "max_epochs."
        )


def is_checked(X):
    """Return whether X is a dataset of rows that were checked, or a part of one.

    Parameters
    ----------
    X : object
        Anything.

    Returns
    -------
    is_checked : bool
        False for a Dataset of anyone else.
    """
    return isinstance(base_and_rows(X)[0], FundusDataset)


def check_parts(net, dataset, parts):
    """Return the parts of a split, with rows that `train_split` has added checked.

    Parameters
    ----------
    net : FundusNet
        The net.
    dataset : FundusDataset
        What was split.
    parts : tuple of Dataset
        What `train_split` returned: rows of `dataset`, or a Dataset of others, as
        skorch's `predefined_split` returns.

    Returns
    -------
    parts : tuple of Dataset
        Each a `FundusDataset` or a Subset of one, with labels encoded as in `dataset`.

    Raises
    ------
    TypeError, ValueError
        If a part is not such a Dataset, or its rows are not as `fit` takes them.
    """
    if not isinstance(parts, tuple | list) or len(parts) != 2:
        raise TypeError(
            f"train_split={net.train_split!r} must return two Datasets, to train and "
            f"to validate on, got {type(parts).__name__}. PatientValidSplit(0.2) does."
        )
    return tuple(_check_part(net, dataset, part) for part in parts)


def _check_part(net, dataset, part):
    base, rows = base_and_rows(part)
    if base is dataset:
        return part
    X, y = getattr(base, "X", None), getattr(base, "y", None)
    if X is None or y is None:
        raise TypeError(
            f"train_split returns a {type(base).__name__} without X and y, expected "
            "rows of the fit or a Dataset of others. Use train_split="
            "predefined_split(net.get_dataset(X_valid, y_valid)), with image paths or "
            "an array."
        )
    kind = base.kind if is_checked(base) else None
    if kind is None:
        X, kind = check_X(net, X, reset=False)
    y = net._encode_held_out(check_length(y, len(X), type(net).__name__))
    base = make_dataset(net, X, y, kind=kind)
    return base if isinstance(rows, slice) else Subset(base, rows)


def make_training_set(net, X, y, sample_weight, groups, *, reset):
    """Check everything that `fit` was given.

    Parameters
    ----------
    net : FundusNet
        The net.
    X, y, sample_weight, groups : object
        Those of `fit`.
    reset : bool
        Whether the net starts from scratch.

    Returns
    -------
    dataset : FundusDataset
        With all of it.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        If anything is not as it is described in `fit`.
    """
    if getattr(net, "_trimmed_for_prediction", False):
        raise ValueError(
            f"trim_for_prediction has left this {type(net).__name__} without what "
            "training needs. Fit a new one, or copy.deepcopy the net before."
        )
    X, kind = check_X(net, X, reset=reset)
    y = net._encode_targets(check_length(y, len(X), type(net).__name__))
    if kind == FEATURES and np.isnan(X[:, 0]).any():
        y = y.copy()
        y[np.isnan(X[:, 0])] = -1  # of images that could not be read
    _check_known(y, net._tasks)
    if sample_weight is not None:
        sample_weight = _check_weights(sample_weight, len(X))
    if groups is not None:
        groups = patient_array(groups)
        if groups.shape != (len(X),):
            raise ValueError(
                f"groups must name the patient of each of the {len(X)} rows, got shape "
                f"{groups.shape!r}."
            )
    if reset:
        forget_images(net)
    return make_dataset(
        net, X, y, kind=kind, sample_weight=sample_weight, groups=groups
    )


def _check_known(y, tasks):
    if not (y >= 0).any():
        raise ValueError(
            "Every label in y is -1, unknown: there is nothing to learn from."
        )
    for task in tasks:
        if not (task.labels(y) >= 0).any():
            warnings.warn(
                f"Every {task.name} in y is -1, unknown: nothing is learned of it, and "
                f"predictions of {task.name} will mean nothing.",
                UserWarning,
                stacklevel=5,
            )


def _check_weights(sample_weight, n_samples):
    refuse_masked("sample_weight", sample_weight)
    try:
        weights = check_array(
            sample_weight, ensure_2d=False, dtype=np.float64, input_name="weights"
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"sample_weight must hold {n_samples} numbers of at least 0 ({error})."
        ) from error
    if weights.max() > np.finfo(np.float32).max:
        raise ValueError(
            f"sample_weight has {weights.max():g} in row {weights.argmax()}, more than "
            "float32 holds. Divide the weights by their mean."
        )
    weights = weights.astype(np.float32)
    if weights.shape != (n_samples,) or (weights < 0).any():
        raise ValueError(
            f"sample_weight must hold {n_samples} numbers of at least 0, got shape "
            f"{weights.shape!r} and minimum {weights.min()}."
        )
    if not weights.any():
        raise ValueError("Every sample_weight is zero: there is nothing to learn from.")
    return weights


def remember_fit(net, dataset, *, reset):
    """Keep what a net was trained on: names and patients, numbers and a hash.

    Parameters
    ----------
    net : FundusNet
        The net, at the end of a fit or where it was stopped.
    dataset : FundusDataset
        What it was trained on.
    reset : bool
        Whether it started from scratch.
    """
    X, kind = dataset.X, dataset.kind
    names, patients = remember_images(net, X, kind, reset=reset)
    if dataset.groups is not None:
        patients = dataset.groups
    if kind == FEATURES and dataset.unreadable is not None:  # restored
        X = np.where(dataset.unreadable.numpy()[:, None], np.float32(np.nan), X)
    summary = summarize(X, kind, dataset.y, net._tasks, patients, names)
    before = [] if reset else getattr(net, "training_data_", [])
    if summary not in before:
        net.training_data_ = [*before, summary]
    # Scores that were loaded with the net are older than this training.
    vars(net).pop("scores_", None)
