"""Checks of `train_split`: patients kept whole, labels on both sides."""

import numpy as np
from skorch.dataset import ValidSplit
from torch.utils.data import Subset

from ...model_selection import check_patients_apart
from ...model_selection._patient_ids import holds_paths, patients_of
from ._image_dataset import FundusDataset


def check_train_split(train_split):
    """Raise if skorch's own split would stratify by labels that it never gets.

    Parameters
    ----------
    train_split : callable or None
        The net's parameter.

    Raises
    ------
    ValueError
        If it is skorch's ValidSplit, stratified.
    """
    if isinstance(train_split, ValidSplit) and train_split.stratified:
        raise ValueError(
            "train_split=ValidSplit(stratified=True) takes a single column of known "
            "labels and splits a patient's images across sets. "
            "PatientValidSplit(0.2), from sk_fiqdr.model_selection, stratifies by "
            "grade and quality, and keeps a patient's images together."
        )


def check_inner_split(train, valid):
    """Raise if the held-out part shares a patient, or one part has no label.

    Parameters
    ----------
    train, valid : Dataset
        What `train_split` returned. Only parts of one `FundusDataset` are checked.

    Raises
    ------
    PatientLeakageError
        If a patient, identified by `groups` or file names, is on both sides.
    ValueError
        If no row of a part has a label.
    """
    if not (isinstance(train, Subset) and isinstance(valid, Subset)):
        return
    dataset = valid.dataset
    if dataset is not train.dataset or not isinstance(dataset, FundusDataset):
        return
    for part, words in {train: "train", valid: "validate"}.items():
        rows = np.asarray(part.indices, dtype=np.intp)
        if not (dataset.y[rows] >= 0).any():
            raise ValueError(
                f"None of the {len(rows)} rows that train_split left to {words} on has "
                "a label: every value of y there is -1. Hold out a larger share, or "
                "leave rows without labels out."
            )
    if dataset.groups is not None or holds_paths(dataset.X):
        patients = patients_of(dataset.X, dataset.groups)
        check_patients_apart(patients[train.indices], patients[valid.indices])
