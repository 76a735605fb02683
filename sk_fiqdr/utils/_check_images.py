"""What X may hold: paths of images, or uint8 images."""

import os
import reprlib
from collections import deque
from collections.abc import KeysView, Mapping, ValuesView

import numpy as np
from PIL import Image, ImageOps

PATHS, IMAGES = "paths", "images"
PATH = str | os.PathLike
IN_ORDER = list | tuple | deque | KeysView | ValuesView
EXPECTED = "image paths (str or Path) or uint8 images (n, height, width, 3)"


def check_images(X):
    """Return X as an array of paths or of uint8 images, and which of both it is.

    Parameters
    ----------
    X : array-like
        Paths (str or Path), also as the one column of a DataFrame or an array; or uint8
        images (n, height, width, 3), also as a list of arrays or of Pillow's images,
        all of one size.

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
    if isinstance(X, PATH):
        raise TypeError(
            f"X is a single path, {os.fspath(X)!r}. Pass a list of paths: [path]."
        )
    if isinstance(X, bytes | Image.Image):
        raise TypeError(
            f"X is a single {_kind(X)}, expected {EXPECTED}. Pass a list of them."
        )
    refuse_datasets(X)
    X = _rows(X)
    if len(X) == 0:
        raise ValueError("X is empty: expected at least one image path or image.")
    if isinstance(X, list):
        if all(isinstance(item, PATH) for item in X):
            return np.array([os.fspath(item) for item in X], dtype=str), PATHS
        X = _stack(X)
    _check_pixels(X)
    return X, IMAGES


def refuse_datasets(X):
    """Raise if X is a Dataset or a loader, of torch or others; nothing of it is read.

    Parameters
    ----------
    X : object
        What was passed.

    Raises
    ------
    TypeError
        If it is one.
    """
    if isinstance(X, IN_ORDER) or hasattr(X, "dtype"):  # as h5py's have
        return
    names = [cls.__name__ for cls in type(X).__mro__]
    kinds = [name for name in names if "Dataset" in name or "DataLoader" in name]
    if kinds:
        kind = kinds[0] if kinds[0] == names[0] else f"{names[0]} ({kinds[0]})"
        what = f"what it reads, as {EXPECTED} or rows of features,"
        if hasattr(X, "samples"):  # folders of torchvision
            what = "its files, [path for path, _ in data.samples],"
        elif hasattr(X, "X") and hasattr(X, "y"):  # skorch
            what = "its data.X"
        raise TypeError(
            f"X is of type {kind}. Pass {what} and labels as y; random transforms are "
            "the net's augment."
        )


def one_column(X):
    """Return the one column that a DataFrame or an array of objects has, else X.

    Parameters
    ----------
    X : object
        Such as the column of paths that a ColumnTransformer passes.

    Returns
    -------
    X : object
        One-dimensional, if X has one column and is not an array of numbers.
    """
    if hasattr(X, "columns"):
        return X[X.columns[0]] if len(X.columns) == 1 else X
    shape, dtype = getattr(X, "shape", ()), getattr(X, "dtype", None)
    is_column = len(shape) == 2 and shape[1] == 1 and np.dtype(dtype).kind in "OSTU"
    return X[:, 0] if is_column else X


def _rows(X):
    """Return numbers as an array, and everything else as a list."""
    X = one_column(X)
    if hasattr(X, "columns"):
        raise ValueError(
            f"X is a DataFrame with columns {list(X.columns)!r}, expected paths or "
            "images. Pass the one column that holds the paths: X['path']."
        )
    if isinstance(X, IN_ORDER):
        return list(X)
    if not hasattr(X, "__array__"):
        way = " Pass list(X)." if hasattr(X, "__iter__") else ""
        if isinstance(X, Mapping):
            way = " Pass one of its values."
        raise TypeError(
            f"X must be a list or array of {EXPECTED}, got {_short(X)}.{way}"
        )
    X = np.asarray(X)
    if X.ndim == 0:
        raise TypeError(
            f"X is a single value, {_short(X.item())}. Pass a list: [path]."
        )
    if X.dtype.names:
        raise ValueError(
            f"X has the fields {X.dtype.names!r}, expected {EXPECTED}. Pass the one "
            "field that holds the paths: X['path']."
        )
    if X.dtype.kind not in "OSTU" or X.ndim == 4:  # T: strings of NumPy 2
        return X
    if X.ndim != 1:
        raise ValueError(
            f"Paths must be one-dimensional, got an array of shape {X.shape!r}. "
            "Use X.ravel(), or one column of it."
        )
    return X.tolist()


def _stack(items):
    """Return images of a list as one array."""
    kinds = [
        PATHS if isinstance(item, PATH) else IMAGES if _is_image(item) else None
        for item in items
    ]
    if len(set(kinds)) > 1:
        most = max(PATHS, IMAGES, key=kinds.count)
        row = next(row for row, kind in enumerate(kinds) if kind != most)
        raise TypeError(
            f"Row {row} of X is {_short(items[row])} where the others are {most}. Drop "
            "such rows, of X and y alike."
        )
    if kinds[0] is None:
        raise TypeError(
            f"X must hold {EXPECTED}, got {_kind(items[0])} in row 0: "
            f"{_short(items[0])}.{_way_out(items[0])}"
        )
    pillow = [isinstance(item, Image.Image) for item in items]
    items = [
        _pixels(item, row) if drawn else item
        for row, (item, drawn) in enumerate(zip(items, pillow, strict=True))
    ]
    shapes = {np.shape(item) for item in items}
    if len(shapes) > 1:
        raise ValueError(
            f"The images are of {len(shapes)} sizes, such as {min(shapes)!r} and "
            f"{max(shapes)!r}; an array of images has one. Pass paths instead, or "
            "resize them."
        )
    return np.asarray(items)


def _is_image(item):
    return isinstance(item, list | Image.Image) or hasattr(item, "__array__")


def _pixels(image, row):
    if image.mode not in ("1", "L", "RGB"):
        raise TypeError(
            f"Row {row} of X is a Pillow image of mode {image.mode!r}, expected 'RGB'. "
            "Pass the paths of the files, which are read at their own depth, or "
            "image.convert('RGB')."
        )
    return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def _kind(item):
    return "Pillow image" if isinstance(item, Image.Image) else type(item).__name__


def _short(item):
    """Represent anything in a few characters on one line."""
    return " ".join(reprlib.repr(item).split())


def _way_out(item):
    if isinstance(item, bytes):
        if len(item) < 1024 and b"\0" not in item:
            return " Decode the names: [os.fsdecode(name) for name in X]."
        return " Decode each: Image.open(io.BytesIO(row)).convert('RGB')."
    if isinstance(item, tuple | Mapping):
        return " Pass images as X and labels as y, each in a list or array of its own."
    return ""


def _check_pixels(X):
    if X.ndim == 2:
        raise ValueError(
            f"X has shape {X.shape!r}, which looks like features; expected image paths "
            "or images (n, height, width, 3). To fit on features, set backbone=None."
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
        raise ValueError(
            f"Images must be uint8 pixels from 0 to 255, got {X.dtype}"
            f"{_range_and_way(X)}"
        )
    if X.max() <= 1:
        raise ValueError(
            "Images hold nothing above 1: they look scaled to 0..1 and cast to uint8, "
            "which leaves them black. Pass pixels from 0 to 255."
        )


def _range_and_way(X):
    if X.dtype.kind not in "biuf" or not X.size:
        return ". Pass np.asarray(X, dtype=np.uint8), or paths."
    low, high = X.min(), X.max()
    if low < 0:
        way = "Undo what made them negative, such as a normalisation by mean and std."
    else:
        bits = (
            8 if high <= 255 else next(b for b in (10, 12, 14, 16, 32) if high < 1 << b)
        )
        scale = (
            " * 255" if high <= 1 else f" * (255 / {2**bits - 1})" if bits > 8 else ""
        )
        way = f"Use (X{scale}).round().astype(np.uint8); the net normalises by itself."
    return f" from {low:g} to {high:g}. {way}"
