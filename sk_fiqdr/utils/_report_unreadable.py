"""Naming what could not be read."""

import warnings

import numpy as np

from ._check_images import PATHS
from ._read_image import read_or_blank


def report_unreadable(net, dataset):
    """Name in `unreadable_` what could not be read.

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
        net.unreadable_ = {}
        return
    if dataset.kind == PATHS:
        reasons = {str(path): _reason(path, net.image_size) for path in dataset.X[rows]}
    else:
        reasons = {row: f"Row {row} of X is all nan." for row in rows}
    net.unreadable_ = reasons
    if net.on_error == "warn":
        warnings.warn(
            f"{len(rows)} of {len(dataset)} images could not be read and are ignored; "
            f"`unreadable_` names them. The first: {next(iter(reasons.values()))}",
            UserWarning,
            stacklevel=4,
        )


def _reason(path, image_size):
    _, error = read_or_blank(path, image_size)
    if error is None:
        return f"{str(path)!r} could not be read, and now can: predict again."
    return str(error)
