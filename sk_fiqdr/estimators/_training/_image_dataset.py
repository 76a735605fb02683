"""From rows of X to the batches of an epoch: datasets, samplers and loaders."""

import random
import reprlib
import zlib
from contextlib import contextmanager

import numpy as np
import torch
from skorch.dataset import Dataset
from torch import nn
from torch.utils.data import (
    DataLoader,
    SequentialSampler,
    WeightedRandomSampler,
)

from ...utils._check_images import IMAGES, PATHS
from ...utils._read_image import read_or_blank, resize_images
from ._augmentation import augmentation

FEATURES = "features"


class FundusDataset(Dataset):
    """Rows of X that become tensors at access, a batch at a time.

    Parameters
    ----------
    X : ndarray
        Checked paths, uint8 images or float32 features.
    y : ndarray of shape (n,) or (n, 2), default=None
        int64 labels, -1 where unknown.
    kind : {"paths", "images", "features"}
        What X holds.
    image_size : int
        Height and width to which images are resized.
    sample_weight : ndarray of shape (n,), default=None
        Weight of each row.
    groups : ndarray of shape (n,), default=None
        Patient of each row, for the inner split.
    on_error : {"raise", "warn", "skip"}, default="raise"
        What an unreadable file does: stop, or become a black image without labels,
        flagged in `unreadable`.
    on_damage : {"warn", "raise", "ignore"}, default="warn"
        "raise" takes a damaged JPEG for unreadable.

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
        on_damage="warn",
    ):
        super().__init__(X, y)
        self.kind = kind
        self.image_size = image_size
        self.sample_weight = sample_weight
        self.groups = groups
        self.on_error = on_error
        self.on_damage = on_damage
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
        if self.kind == PATHS:
            X = np.stack([self._read(i) for i in indices])
        else:
            X = self._rows(indices)
        if self.kind == IMAGES:
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

    def _rows(self, indices):
        """Gather rows; consecutive rows to predict on are a view, not a copy."""
        first, n = indices[0], len(indices)
        # With labels they may be augmented, in place even.
        uncopied = self.y is None and self.X.flags.writeable
        if uncopied and np.array_equal(indices, np.arange(first, first + n)):
            return self.X[first : first + n]
        return self.X[indices]

    def _read(self, i):
        image, error = read_or_blank(self.X[i], self.image_size, self.on_damage)
        if error is not None:
            if self.unreadable is None:
                raise error
            self.unreadable[i] = True
        return image


def base_and_rows(dataset):
    """Return the dataset under its Subsets, and which rows of it they take.

    Parameters
    ----------
    dataset : Dataset
        A Subset of another, or of a Subset, or not.

    Returns
    -------
    base : Dataset
        That is not a Subset.
    rows : ndarray of int or slice
        Rows of `base`.
    """
    rows = slice(None)
    while isinstance(dataset, torch.utils.data.Subset):
        rows = np.asarray(dataset.indices, dtype=np.intp)[rows]
        dataset = dataset.dataset
    return dataset, rows


class AugmentedDataset(torch.utils.data.Dataset):
    """A dataset that transforms its images at random at each access.

    Parameters
    ----------
    dataset : Dataset
        A `FundusDataset`, or a Subset of one.
    transform : callable
        Maps one uint8 image (3, height, width) to another.

    Attributes
    ----------
    epoch_seed : Tensor of shape ()
        Seeds the transforms, together with the rows of a batch and the position of an
        image in it, whichever process draws; in shared memory, so that persistent
        workers see it change.
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
        batch_seed = int(self.epoch_seed) ^ rows
        # Processes that share a batch hold some of its rows, and draw as one would.
        positions = getattr(self.dataset, "positions", range)(len(indices))
        changed = []
        with _kept_generators():
            for position, image in zip(positions, images, strict=True):
                _seed(batch_seed + position)
                changed.append(_check_augmented(self.transform(image), image))
        images = torch.stack(changed)
        images = images.permute(0, 2, 3, 1)
        return ({**X, "images": images} if isinstance(X, dict) else images), y


def _check_augmented(changed, image):
    kept = isinstance(changed, torch.Tensor) and (
        changed.shape == image.shape and changed.dtype == torch.uint8
    )
    if kept:
        return changed
    found = type(changed).__name__
    if isinstance(changed, torch.Tensor):
        found = f"{changed.dtype} of shape {tuple(changed.shape)!r}"
    raise ValueError(
        f"augment must return a uint8 tensor of shape {tuple(image.shape)!r}, as it "
        f"was given, got {found}. image_size resizes; the network normalises."
    )


@contextmanager
def _kept_generators():
    """Restore the state of every generator that a transform may draw from."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        random.setstate(states[2])


def _seed(seed):
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 its own generators are the user's
    random.seed(seed)


def take_batch(batch):
    """Collate: datasets here return whole batches already."""
    return batch


def make_loader(net, dataset, *, training):
    """Return batches of a dataset, augmented in training.

    Parameters
    ----------
    net : FundusNet
        The net, whose parameters `batch_size`, `balance`, `augment` and
        ``iterator_*__*`` are used.
    dataset : Dataset
        A `FundusDataset`, or a Subset of one.
    training : bool
        Whether the net learns from it.

    Returns
    -------
    loader : DataLoader
        Or what the net's `iterator_train` or `iterator_valid` makes.

    Raises
    ------
    ValueError
        If two parameters contradict each other.
    """
    name = "iterator_train" if training else "iterator_valid"
    kwargs = net.get_params_for(name)
    batch_size = kwargs.setdefault("batch_size", net.batch_size)
    if batch_size == -1:
        batch_size = kwargs["batch_size"] = len(dataset)
    kwargs.setdefault("collate_fn", take_batch)
    if "batch_sampler" in kwargs:
        del kwargs["batch_size"]
    if "sampler" in kwargs or "batch_sampler" in kwargs:
        kwargs.pop("shuffle", None)
    if kwargs.get("num_workers", 0):
        # "spawn" and "forkserver" fail inside joblib's workers.
        kwargs.setdefault("multiprocessing_context", "fork")
        kwargs.setdefault("persistent_workers", True)  # started once a fit
    if net._device_type == "cuda":
        kwargs.setdefault("pin_memory", True)
    if training:
        if "batch_sampler" not in kwargs:
            _check_last_batch(net, len(dataset), batch_size, kwargs)
        if net.balance is not None:
            _balance(net, dataset, kwargs)
        transform = _augmentation(net, dataset)
        if transform is not None:
            dataset = AugmentedDataset(dataset, transform)
    else:
        # Else a loader seeds its workers from torch's global generator.
        kwargs.setdefault("generator", torch.Generator())
    loader = getattr(net, name)(dataset, **kwargs)
    if not training:
        _check_every_row_in_order(loader, kwargs)
    if training and isinstance(loader, DataLoader):
        # It seeds its workers, once or in every epoch: from a separate generator, so
        # that their number changes nothing.
        loader.generator = torch.Generator()
    return loader


def _check_every_row_in_order(loader, kwargs):
    """Raise where predictions would be fewer than rows, or of other rows."""
    if not isinstance(loader, DataLoader):
        return  # of the user's own; `predict` counts what it returns
    if (
        type(loader.sampler) is SequentialSampler
        and getattr(loader.batch_sampler, "sampler", None) is loader.sampler
        and not loader.drop_last
        and getattr(loader, "in_order", True)
    ):
        return
    names = ("batch_sampler", "sampler", "shuffle", "drop_last")
    given = next(
        (
            name
            for name in names
            if kwargs.get(name) is not None and kwargs[name] is not False
        ),
        "in_order" if "in_order" in kwargs else "batch_size",
    )
    raise ValueError(
        f"iterator_valid__{given}={reprlib.repr(kwargs.get(given))} leaves rows out or "
        "changes their order, and predictions are one for each row, in order. Leave it "
        f"out; for training only, pass iterator_train__{given}."
    )


def _check_last_batch(net, n_samples, batch_size, kwargs):
    if kwargs.get("drop_last") and n_samples < batch_size:
        raise ValueError(
            f"drop_last=True drops the only batch: {n_samples} rows are fewer than "
            f"batch_size={batch_size}. Lower batch_size."
        )
    norms = nn.modules.batchnorm._BatchNorm
    too_few = n_samples > batch_size and (0 < n_samples % batch_size < net._fewest_rows)
    if too_few and any(isinstance(layer, norms) for layer in net.module_.modules()):
        # Batch norm has no variance over one image; shuffling spares another row in
        # the next epoch.
        kwargs.setdefault("drop_last", True)


def _balance(net, dataset, kwargs):
    given = [name for name in ("sampler", "batch_sampler") if name in kwargs]
    if given:
        raise ValueError(
            f"balance={net.balance!r} chooses the rows of an epoch, and so does "
            f"iterator_train__{given[0]}. Leave one of them out."
        )
    base, rows = base_and_rows(dataset)
    (task,) = (task for task in net._tasks if task.name == net.balance)
    kwargs["sampler"] = balanced_sampler(task.labels(base.y[rows]))
    kwargs["shuffle"] = False


def _augmentation(net, dataset):
    base, _ = base_and_rows(dataset)
    if net.augment is None or getattr(base, "kind", None) == FEATURES:
        return None
    return augmentation(net.augment) if isinstance(net.augment, str) else net.augment


def balanced_sampler(labels):
    """Draw rows with replacement so that each known class is equally likely.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        Integer classes, -1 where unknown. A row of unknown class keeps the probability
        1 / n that it has without balancing.

    Returns
    -------
    sampler : WeightedRandomSampler
        n draws, from torch's global generator.
    """
    labels = np.asarray(labels)
    known = labels >= 0
    weights = np.ones(len(labels))
    if known.any():
        counts = np.bincount(labels[known])
        each = known.sum() / np.count_nonzero(counts)
        weights[known] = each / counts[labels[known]]
    return WeightedRandomSampler(torch.from_numpy(weights), len(labels))
