"""Photographs to show, from files or from memory."""

import os

import numpy as np

from ..utils._check_images import PATHS, check_images
from ..utils._read_image import read_or_blank, resize_images


def names_of(X):
    """Return a short name for each photograph.

    Parameters
    ----------
    X : array-like
        Paths or uint8 images.

    Returns
    -------
    names : list of str
        The file's name, or "row" and its number.
    """
    X, kind = check_images(X)
    if kind == PATHS:
        return [os.path.basename(os.fspath(path)) for path in X]
    return [f"row {row}" for row in range(len(X))]


def take_photographs(X, rows, image_size):
    """Return some of the photographs as squares.

    Parameters
    ----------
    X : array-like
        Paths or uint8 images (n, height, width, 3).
    rows : sequence of int
        Which ones.
    image_size : int
        Height and width in pixels.

    Returns
    -------
    photographs : ndarray of shape (n_rows, image_size, image_size, 3)
        uint8 pixels; black where a file cannot be read.
    """
    X, kind = check_images(X)
    if len(rows) == 0:
        return np.zeros((0, image_size, image_size, 3), dtype=np.uint8)
    if kind == PATHS:
        return np.stack([read_or_blank(X[row], image_size)[0] for row in rows])
    return resize_images(X[np.asarray(rows)], image_size)
