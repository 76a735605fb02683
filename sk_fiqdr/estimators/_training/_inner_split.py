"""Checks of `train_split`: patients kept whole, labels on both sides."""

from numbers import Real

from skorch.dataset import ValidSplit
from torch.utils.data import Dataset

from ...model_selection import check_patients_apart
from ...model_selection._patient_ids import holds_paths, patients_of
from ._image_dataset import base_and_rows


def check_train_split(train_split):
    """Raise if `train_split` does not hold rows out, or holds out a patient's fellow.

    Parameters
    ----------
    train_split : object
        The net's parameter.

    Raises
    ------
    TypeError, ValueError
        If it is neither None nor a callable, or it is skorch's ValidSplit, stratified.
    """
    if train_split is None:
        return
    if isinstance(train_split, Dataset | tuple):
        raise TypeError(
            f"train_split is a {type(train_split).__name__}, expected a callable that "
            "holds rows out. To validate on rows of your own, use train_split="
            "predefined_split(net.get_dataset(X_valid, y_valid)), from skorch.helper."
        )
    if isinstance(train_split, type) or not callable(train_split):
        share = _share(train_split)
        raise TypeError(
            f"train_split={train_split!r} must be a callable that holds rows out, or "
            f"None. Use PatientValidSplit({share}), from sk_fiqdr.model_selection, "
            "which keeps a patient's images together."
        )
    if isinstance(train_split, ValidSplit) and train_split.stratified:
        raise ValueError(
            "train_split=ValidSplit(stratified=True) takes a single column of known "
            "labels and splits a patient's images across sets. "
            "PatientValidSplit(0.2), from sk_fiqdr.model_selection, stratifies by "
            "grade and quality, and keeps a patient's images together."
        )


def _share(train_split):
    """Return what a number says of how many rows to hold out: a share, or folds."""
    if not isinstance(train_split, Real) or isinstance(train_split, bool):
        return 0.2
    share = 1 / train_split if train_split > 1 else train_split
    return round(float(share), 3) if 0 < share < 1 else 0.2


def check_inner_split(train, valid):
    """Raise if the held-out part shares a patient, or one part has no label.

    Parameters
    ----------
    train, valid : FundusDataset, or Subset of one
        The parts.

    Raises
    ------
    PatientLeakageError
        If a patient, identified by `groups` or file names, is on both sides.
    ValueError
        If no row of a part has a label.
    """
    parts = [base_and_rows(part) for part in (train, valid)]
    for (dataset, rows), words in zip(parts, ("train", "validate"), strict=True):
        labels = dataset.y[rows]
        if not (labels >= 0).any():
            raise ValueError(
                f"None of the {len(labels)} rows that train_split left to {words} on "
                "has a label: every value of y there is -1. Hold out a larger share, "
                "or leave rows without labels out."
            )
    check_patients_apart(*_patients(parts))


def _patients(parts):
    """Return the patients of both parts, by what tells them on either side."""
    (train, _), (valid, _) = parts
    if train is valid and train.groups is not None:
        return [patients_of(train.X, train.groups)[taken] for _, taken in parts]
    if holds_paths(train.X) and holds_paths(valid.X):
        return [patients_of(base.X, None)[taken] for base, taken in parts]
    return [], []
