"""Lazy torch dataset over paths, uint8 images or features, and the checks of X."""

import os
import random
import zlib
from contextlib import contextmanager

import numpy as np
import torch
from skorch.dataset import Dataset

from ._images import UnreadableImageError, read_image, resize_images

PATHS, IMAGES, FEATURES = "paths", "images", "features"


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
        X = np.asarray(X)
    if X.dtype.kind in "OU":
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
    if strange and not isinstance(items[0], np.ndarray | torch.Tensor | list):
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


class FundusDataset(Dataset):
    """Rows of X that become tensors when they are asked for, a batch at a time.

    Parameters
    ----------
    X : ndarray
        Checked paths, uint8 images or float32 features.
    y : ndarray of shape (n,) or (n, 2), default=None
        int64 labels, -1 where unknown.
    kind : {"paths", "images", "features"}
        What X holds.
    image_size : int
        Height and width to which images are brought.
    sample_weight : ndarray of shape (n,), default=None
        Weight of each row.
    groups : ndarray of shape (n,), default=None
        Patient of each row, for the inner split.
    on_error : {"raise", "warn", "skip"}, default="raise"
        What an unreadable file does: stop, or become a black image without labels,
        flagged in `unreadable`.

    Attributes
    ----------
    unreadable : Tensor of shape (n,)
        Flags in shared memory, so that worker processes can set them.
    """

    def __init__(
        self,
        X,
        y=None,
        *,
        kind,
        image_size,
        sample_weight=None,
        groups=None,
        on_error="raise",
    ):
        super().__init__(X, y)
        self.kind = kind
        self.image_size = image_size
        self.sample_weight = sample_weight
        self.groups = groups
        self.on_error = on_error
        self.unreadable = None
        if on_error != "raise" and kind == PATHS:
            self.unreadable = torch.zeros(len(X), dtype=torch.bool).share_memory_()

    def __getitem__(self, i):
        images, labels = self.__getitems__([i])
        if isinstance(images, dict):
            return {key: value[0] for key, value in images.items()}, labels[0]
        return images[0], labels[0]

    def __getitems__(self, indices):
        """Return a whole batch at once; torch's loader asks for it by this name."""
        indices = np.asarray(indices)
        X = self.X[indices]
        if self.kind == PATHS:
            X = np.stack([self._read(i) for i in indices])
        elif self.kind == IMAGES:
            X = resize_images(X, self.image_size)
        X = torch.from_numpy(np.ascontiguousarray(X))
        if self.y is None:
            y = torch.zeros(len(indices))
        else:
            y = torch.from_numpy(self.y[indices])
            if self.unreadable is not None:
                y[self.unreadable[indices]] = -1
        if self.sample_weight is not None:
            weight = torch.from_numpy(self.sample_weight[indices])
            X = {"images": X, "sample_weight": weight}
        return X, y

    def _read(self, i):
        try:
            return read_image(self.X[i], self.image_size)
        except (UnreadableImageError, FileNotFoundError):
            if self.unreadable is None:
                raise
            self.unreadable[i] = True
            return np.zeros((self.image_size, self.image_size, 3), dtype=np.uint8)


class AugmentedDataset(torch.utils.data.Dataset):
    """A dataset whose images are changed at random each time they are asked for.

    Parameters
    ----------
    dataset : Dataset
        A `FundusDataset`, or a Subset of one.
    transform : callable
        Maps one uint8 image (3, height, width) to another.

    Attributes
    ----------
    epoch_seed : Tensor of shape ()
        Decides with the rows of a batch what is drawn for it, in whichever process; in
        shared memory, so that workers that stay see it change.
    """

    def __init__(self, dataset, transform):
        self.dataset = dataset
        self.transform = transform
        self.epoch_seed = torch.zeros((), dtype=torch.int64).share_memory_()

    def __len__(self):
        return len(self.dataset)

    def __getitems__(self, indices):
        """Return a whole batch at once, each image transformed on its own."""
        X, y = self.dataset.__getitems__(indices)
        images = X["images"] if isinstance(X, dict) else X
        images = images.permute(0, 3, 1, 2)
        rows = zlib.crc32(np.asarray(indices, dtype=np.int64).tobytes())
        with _seeded(int(self.epoch_seed) ^ rows):
            images = torch.stack([self.transform(image) for image in images])
        images = images.permute(0, 2, 3, 1)
        return ({**X, "images": images} if isinstance(X, dict) else images), y


@contextmanager
def _seeded(seed):
    """Seed every generator that a transform may draw from, for a while."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 its own generators are the user's
    random.seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


def take_batch(batch):
    """Collate: datasets here return whole batches already."""
    return batch
