"""The batches of a net: how many rows, drawn how, by whom, and augmented."""

import torch
from torch import nn

from ._augmentation import default_augmentation
from ._dataset import FEATURES, AugmentedDataset, take_batch
from ._sampling import balanced_sampler


class Batches:
    """The part of a net that makes its loaders.

    It relies on skorch's `get_params_for`, and on the net's parameters `batch_size`,
    `balance` and `augment`.
    """

    def get_iterator(self, dataset, training=False):
        """Return batches of the dataset, augmented in training."""
        name = "iterator_train" if training else "iterator_valid"
        kwargs = self.get_params_for(name)
        batch_size = kwargs.setdefault("batch_size", self.batch_size)
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
        if self._device_type == "cuda":
            kwargs.setdefault("pin_memory", True)
        if training:
            if "batch_sampler" not in kwargs:
                self._check_batches(len(dataset), batch_size, kwargs)
            if self.balance is not None:
                self._balance(dataset, kwargs)
            transform = self._augmentation(dataset)
            if transform is not None:
                dataset = AugmentedDataset(dataset, transform)
        else:
            # A loader seeds its workers from torch's global generator, else.
            kwargs.setdefault("generator", torch.Generator())
        loader = getattr(self, name)(dataset, **kwargs)
        if training and isinstance(loader, torch.utils.data.DataLoader):
            # It seeds its workers, once or in every epoch: from a generator apart, so
            # that their number changes nothing.
            loader.generator = torch.Generator()
        return loader

    def _check_batches(self, n_samples, batch_size, kwargs):
        if kwargs.get("drop_last") and n_samples < batch_size:
            raise ValueError(
                f"drop_last=True drops the only batch: {n_samples} rows are fewer than "
                f"batch_size={batch_size}. Lower batch_size."
            )
        norms = nn.modules.batchnorm._BatchNorm
        if n_samples > batch_size > 1 == n_samples % batch_size and any(
            isinstance(layer, norms) for layer in self.module_.modules()
        ):
            # Batch norm has no variance over one image; shuffling spares another row
            # in the next epoch.
            kwargs.setdefault("drop_last", True)

    def _balance(self, dataset, kwargs):
        given = [name for name in ("sampler", "batch_sampler") if name in kwargs]
        if given:
            raise ValueError(
                f"balance={self.balance!r} chooses the rows of an epoch, and so does "
                f"iterator_train__{given[0]}. Leave one of them out."
            )
        base, rows = dataset, slice(None)
        if isinstance(dataset, torch.utils.data.Subset):  # what train_split leaves
            base, rows = dataset.dataset, dataset.indices
        (task,) = (task for task in self._tasks if task.name == self.balance)
        kwargs["sampler"] = balanced_sampler(task.labels(base.y[rows]))
        kwargs["shuffle"] = False

    def _augmentation(self, dataset):
        base = dataset
        while isinstance(base, torch.utils.data.Subset):
            base = base.dataset
        if self.augment is None or getattr(base, "kind", None) == FEATURES:
            return None
        return default_augmentation() if self.augment == "default" else self.augment
