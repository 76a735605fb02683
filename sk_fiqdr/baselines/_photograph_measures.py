"""Measures of each photograph, from its file or its pixels."""

import numpy as np
from joblib import Parallel, delayed

from ..utils._check_images import PATHS
from ..utils._read_image import read_or_blank, resize_images


def describe_images(X, kind, describe, *, image_size, on_error, n_jobs):
    """Compute the features of each image.

    Parameters
    ----------
    X : ndarray
        Checked paths or uint8 images.
    kind : {"paths", "images"}
        What X holds.
    describe : callable
        Maps one uint8 image (image_size, image_size, 3) to a tuple of arrays.
    image_size : int
        Height and width to which images are resized.
    on_error : {"raise", "warn", "skip"}
        "raise" raises on the first file that cannot be read; otherwise it is left out.
    n_jobs : int or None
        Number of processes.

    Returns
    -------
    descriptions : tuple of ndarray
        The arrays of all readable images, stacked; empty if there is none.
    readable : ndarray of shape (n,)
        Whether each image could be read.
    unreadable : dict
        Path and reason of the others.

    Raises
    ------
    FileNotFoundError, UnreadableImageError
        If a file cannot be read and `on_error` is "raise".
    """
    rows = Parallel(n_jobs=n_jobs)(
        delayed(_describe)(
            str(item) if kind == PATHS else item,
            describe,
            image_size,
            on_error == "raise",
        )
        for item in X
    )
    readable = np.array([not isinstance(row, str) for row in rows])
    descriptions = [row for row in rows if not isinstance(row, str)]
    stacked = tuple(np.stack(part) for part in zip(*descriptions, strict=True))
    unreadable = {str(X[i]): rows[i] for i in np.flatnonzero(~readable)}
    return stacked, readable, unreadable


def _describe(item, describe, image_size, raises):
    """Compute the features of one image, or return why it cannot be read."""
    if not isinstance(item, str):
        return describe(resize_images(item[None], image_size)[0])
    image, error = read_or_blank(item, image_size)
    if error is not None and raises:
        raise error
    return describe(image) if error is None else str(error)
