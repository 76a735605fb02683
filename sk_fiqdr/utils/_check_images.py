"""What X may hold: paths or uint8 images. Knows NumPy only."""

import os

import numpy as np

PATHS, IMAGES = "paths", "images"


def check_images(X):
    """Return X as an array of paths or of uint8 images, and which of both it is.

    Parameters
    ----------
    X : array-like
        Paths (str or Path), or uint8 images (n, height, width, 3).

    Returns
    -------
    X : ndarray of shape (n,) or (n, height, width, 3)
        Paths as str, or the images as they came.
    kind : {"paths", "images"}
        What X holds.

    Raises
    ------
    TypeError, ValueError
        If X is neither; the message says what came and the way out.
    """
    if isinstance(X, str | bytes | os.PathLike):
        raise TypeError(
            f"X is a single path, {os.fspath(X)!r}. Pass a list of paths: [path]."
        )
    if hasattr(X, "columns"):
        raise ValueError(
            f"X is a DataFrame with columns {list(X.columns)!r}, expected paths or "
            "images. Pass the one column that holds the paths: X['path']."
        )
    if not hasattr(X, "__len__"):
        raise TypeError(
            f"X must be a list or array of image paths or uint8 images, got {X!r}."
        )
    if len(X) == 0:
        raise ValueError("X is empty: expected at least one image path or image.")
    if not isinstance(X, np.ndarray):
        items = list(X)
        if all(isinstance(item, str | os.PathLike) for item in items):
            return np.array([os.fspath(item) for item in items], dtype=str), PATHS
        _refuse_mixture(items)
        shapes = {np.shape(item) for item in items}
        if len(shapes) > 1:
            raise ValueError(
                f"The images are of {len(shapes)} sizes, such as {min(shapes)!r} and "
                f"{max(shapes)!r}; an array of images has one. Pass paths instead, or "
                "resize them."
            )
        X = np.asarray(items)
    if X.dtype.kind in "OUT":  # T: strings of NumPy 2
        if X.ndim != 1:
            raise ValueError(
                f"Paths must be one-dimensional, got an array of shape {X.shape!r}. "
                "Use X.ravel(), or one column of it."
            )
        _refuse_mixture(X)
        return np.array([os.fspath(item) for item in X], dtype=str), PATHS
    _check_pixels(X)
    return X, IMAGES


def _refuse_mixture(items):
    strange = [
        i for i, item in enumerate(items) if not isinstance(item, str | os.PathLike)
    ]
    if strange and len(strange) < len(items):
        raise TypeError(
            f"Row {strange[0]} of X is {items[strange[0]]!r} where the others are "
            "paths. Drop such rows, of X and y alike."
        )
    if strange and not (isinstance(items[0], list) or hasattr(items[0], "__array__")):
        raise TypeError(
            f"X must hold image paths (str or Path) or uint8 images, got "
            f"{type(items[0]).__name__} in row 0: {items[0]!r}."
        )


def _check_pixels(X):
    if X.ndim == 2:
        raise ValueError(
            f"X has shape {X.shape!r}: rows of features, where image paths or images "
            "(n, height, width, 3) are expected. A net of features has backbone=None."
        )
    if X.ndim != 4 or X.shape[3] != 3:
        hint = "Colour images only: three channels, last."
        if X.ndim == 4 and X.shape[1] == 3:
            hint = "Put the channels last: X.transpose(0, 2, 3, 1)."
        elif X.ndim == 3 and X.shape[2] == 3:
            hint = "A single image is X[None]."
        elif X.ndim == 3:
            hint = "Grey images are np.repeat(X[..., None], 3, axis=3)."
        raise ValueError(
            f"Images must have shape (n, height, width, 3), got {X.shape!r}. {hint}"
        )
    if X.dtype.kind == "f" and np.isnan(X).any():
        raise ValueError(
            "Images hold NaN, expected uint8 pixels from 0 to 255. Leave out what has "
            "no pixels."
        )
    if X.dtype != np.uint8:
        low, high = (X.min(), X.max()) if X.size else (0, 0)
        scale = " * 255" if high <= 1 else ""
        raise ValueError(
            f"Images must be uint8 pixels from 0 to 255, got {X.dtype} from {low:g} to "
            f"{high:g}. Use (X{scale}).round().astype(np.uint8); the net normalises by "
            "itself."
        )
    if X.max() <= 1:
        raise ValueError(
            "Images hold nothing above 1: they look scaled to 0..1 and cast to uint8, "
            "which leaves them black. Pass pixels from 0 to 255."
        )
