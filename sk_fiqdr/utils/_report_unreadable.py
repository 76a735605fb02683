"""Naming what could not be read, and what is damaged."""

import warnings

import numpy as np

from ._check_images import PATHS
from ._jpeg import describe_all_damage
from ._read_image import read_or_blank


def report_unreadable(net, dataset):
    """Name in `unreadable_` what could not be read, and in `damaged_` what is damaged.

    Parameters
    ----------
    net : FundusNet or DeepFeatures
        The net.
    dataset : FundusDataset
        What was read: files are named with their reasons, rows of features by number.
    """
    flags = getattr(dataset, "unreadable", None)
    rows = [] if flags is None else np.flatnonzero(flags.numpy()).tolist()
    if not rows:
        reasons = {}
    elif dataset.kind == PATHS:
        reasons = {str(path): _reason(path, net) for path in dataset.X[rows]}
    else:
        reasons = {row: f"Row {row} of X is all nan." for row in rows}
    net.unreadable_ = reasons
    n = len(dataset)
    if reasons and net.on_error == "warn":
        what = f"{len(rows)} of {n} images could not be read and are ignored"
        _warn(f"{what}; `unreadable_`", reasons)
    net.damaged_ = damaged = _find_damaged(net, dataset, reasons)
    if damaged:
        what = f"{len(damaged)} of {n} images are damaged and are used all the same"
        _warn(f"{what}; `damaged_`", damaged)


def _reason(path, net):
    _, error = read_or_blank(path, net.image_size, net.on_damage)
    if error is None:
        return f"{str(path)!r} could not be read, and now can: predict again."
    return str(error)


def _find_damaged(net, dataset, unreadable):
    if net.on_damage != "warn" or getattr(dataset, "kind", None) != PATHS:
        return {}
    paths = [str(path) for path in dataset.X if str(path) not in unreadable]
    return {
        path: f"{damage} Look at it, and copy it again."
        for path, damage in zip(paths, describe_all_damage(paths), strict=True)
        if damage
    }


def _warn(what, reasons):
    warnings.warn(
        f"{what} names them. The first: {next(iter(reasons.values()))}",
        UserWarning,
        stacklevel=5,
    )
