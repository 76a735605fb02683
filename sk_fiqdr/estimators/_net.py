"""FundusNet: what the three estimators share, and how skorch trains it.

X goes from `fit` through `make_training_set` and `make_loader` to `infer`, which runs
the network, and `get_loss`; skorch's loop over epochs and batches lies between them.
"""

from contextlib import contextmanager

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from skorch.utils import to_tensor
from torch import nn

from ..losses import masked_cross_entropy
from ..losses._known_rows_only import known_rows_only
from ..model_selection._fitted_images import check_patients
from ..utils._interrupts import noticing_ctrl_c
from ..utils._last_call import LastCall
from ..utils._report_unreadable import report_unreadable
from ..utils._tasks import DEEP
from ._check_input import (
    check_arguments,
    check_parts,
    check_X,
    is_checked,
    make_dataset,
    make_training_set,
    remember_fit,
)
from ._checked_net import CheckedNet
from ._checkpoints._checkpoint import open_checkpoint
from ._saving._saving_mixin import SavingMixin
from ._training._diagnosis import check_outputs, warn_interrupted
from ._training._image_dataset import AugmentedDataset, FundusDataset, make_loader
from ._training._inner_split import check_inner_split


class FundusNet(
    SavingMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, CheckedNet
):
    """A skorch net over paths, uint8 images or features; base of the estimators.

    The parameters are described in :class:`sk_fiqdr.FIQDRClassifier`.
    """

    check_patients = check_patients
    unreadable_ = LastCall()
    damaged_ = LastCall()
    _checkpoint = _training_set = None  # of the fit that is under way
    _fewest_rows = 2  # of a batch, for batch norm
    # How losses are summed where processes share a batch: see sk_fiqdr.distributed.
    _reduction = {}  # noqa: RUF012

    def _encode_targets(self, y):
        """Check y and return it as int64 codes, -1 where unknown."""
        raise NotImplementedError

    def _fix_classes(self, classes, *, reset):
        """Check the classes of all calls of `partial_fit`, if they were passed."""
        raise NotImplementedError

    def _encode_held_out(self, y):
        """Encode labels by the classes of the fit."""
        raise NotImplementedError

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        images = self.backbone is not None
        tags.input_tags.two_d_array = not images
        tags.input_tags.three_d_array = False
        tags.input_tags.string = images
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def fit(self, X, y, sample_weight=None, groups=None):
        """Fit the net from scratch; with `checkpoint_dir`, from where it was stopped.

        Parameters
        ----------
        X : array-like
            Image paths (str or Path); or uint8 images (n, height, width, 3); or, with
            ``backbone=None``, float features (n, d).
        y : array-like
            Integer labels, -1 where unknown: (n, 2) with columns (grade, quality) for
            FIQDRClassifier, else (n,).
        sample_weight : array-like of shape (n,), default=None
            Weight of each row: 2 counts as the row twice.
        groups : array-like of shape (n,), default=None
            Patient of each row, for a `train_split` by patient; not needed for paths
            that name their patient.

        Returns
        -------
        self : FundusNet
            The fitted net.

        Raises
        ------
        ValueError, TypeError
            If X or y is not as described here; the message says what it is.
        FileNotFoundError, UnreadableImageError
            If an image cannot be read and ``on_error="raise"``.
        FloatingPointError
            If the loss or a weight becomes nan or infinite.
        OSError
            If a checkpoint cannot be written, on a full disk for instance.
        """
        reset = not (self.warm_start and self.initialized_)
        self._check_parameters()
        self._fix_classes(None, reset=reset)
        dataset = self._make_training_set(X, y, sample_weight, groups, reset=reset)
        with self._training_on(dataset, reset=reset):
            if self._is_solved():
                self._solve(dataset)
            elif self.checkpoint_dir is None:
                with self._own_generator(start_afresh=reset):
                    super().fit(dataset, None)
            else:
                self._fit_with_checkpoint(dataset, reset)
            if not vars(self).get("_interrupted_twice"):
                self._after_training(dataset)
        if self.__dict__.pop("_interrupted_twice", False):
            raise KeyboardInterrupt  # which skorch has stopped
        return self

    def _is_solved(self):
        return False  # without gradient steps

    def _make_training_set(self, X, y, sample_weight, groups, *, reset):
        if not reset:
            self._check_still_built()
        dataset = make_training_set(self, X, y, sample_weight, groups, reset=reset)
        if not reset:
            self._update_parts()
        return dataset

    @contextmanager
    def _training_on(self, dataset, *, reset):
        """Remember the training set at the end, or when a callback pickles the net."""
        if self._training_set is not None:
            raise RuntimeError(
                f"This {type(self).__name__} is being fitted already, in another "
                "thread or by its own callback. Fit a clone: sklearn.base.clone(net)."
            )
        self._training_set = dataset, reset
        try:
            yield
        finally:
            del self._training_set
            remember_fit(self, dataset, reset=reset)

    def _fit_with_checkpoint(self, dataset, reset):
        checkpoint = self._open_checkpoint(dataset, afresh=reset)
        with self._own_generator(start_afresh=reset):
            if checkpoint.finished:
                if reset:
                    self.initialize()
                checkpoint.finish(self)
                report_unreadable(self, dataset)
                return
            self._checkpoint = checkpoint
            try:
                super().fit(dataset, None)
                if not checkpoint.interrupted:
                    checkpoint.save(self, finished=True)
            finally:
                self._checkpoint = None

    def _open_checkpoint(self, dataset, *, afresh):
        return open_checkpoint(self, dataset, afresh=afresh)

    def partial_fit(
        self,
        X,
        y=None,
        classes=None,
        sample_weight=None,
        groups=None,
        epochs=None,
        **kwargs,
    ):
        """Continue training, for `max_epochs` more epochs; no checkpoints are written.

        Parameters
        ----------
        X, y, sample_weight, groups : array-like
            As in `fit`. Parameters that were set in the meantime hold from now on,
            except those that the network was built from.
        classes : array-like of shape (n_classes,), default=None
            All classes, where the first call does not see each of them. Those of a
            later call must be the same.
        epochs : int, default=None
            Number of epochs instead of `max_epochs`.
        **kwargs : dict
            For skorch alone, which calls this in `fit`.

        Returns
        -------
        self : FundusNet
            The net.

        Raises
        ------
        TypeError
            If another argument is passed.
        ValueError
            If y holds a class that the net does not know, or the network was built
            from other parameters.
        """
        if is_checked(X):  # by fit
            super().partial_fit(X, None, **kwargs)
            report_unreadable(self, X)
            return self
        check_arguments(kwargs, epochs)
        reset = not self.initialized_
        self._check_parameters()
        self._check_partial_fit()
        self._fix_classes(classes, reset=reset)
        dataset = self._make_training_set(X, y, sample_weight, groups, reset=reset)
        with (
            self._training_on(dataset, reset=reset),
            self._own_generator(start_afresh=reset),
        ):
            super().partial_fit(dataset, None, epochs=epochs)
        report_unreadable(self, dataset)
        return self

    def fit_loop(self, X, y=None, epochs=None, **kwargs):
        """Train, from the newest checkpoint on; skorch calls this."""
        epochs = self._n_epochs = self.max_epochs if epochs is None else epochs
        if self._checkpoint is not None:
            epochs -= self._checkpoint.n_epochs
        with noticing_ctrl_c() as pressed:
            try:
                return super().fit_loop(X, y, epochs=epochs, **kwargs)
            except KeyboardInterrupt:  # callbacks raise it, too, to end a fit
                if pressed.is_set():
                    warn_interrupted(self)
                self._interrupted_twice = pressed.twice
                raise

    def get_dataset(self, X, y=None):
        """Return the dataset of X."""
        if is_checked(X):
            return X
        X, kind = check_X(self, X, reset=False)
        return make_dataset(self, X, y, kind=kind)

    def get_split_datasets(self, X, y=None, **kwargs):
        """Split off the validation part; a resumed fit keeps its own."""
        parts = super().get_split_datasets(X, y, **kwargs)
        if self.train_split is not None:
            parts = check_parts(self, X, parts)
            check_inner_split(*parts)
        if self._checkpoint is not None:
            parts = self._checkpoint.resume(self, parts)
        return parts

    def get_iterator(self, dataset, training=False):
        """Return batches of the dataset, augmented in training."""
        return make_loader(self, dataset, training=training)

    def notify(self, method_name, **kwargs):
        """Call the callbacks, and write a checkpoint after them."""
        dataset = kwargs.get("X")
        if isinstance(dataset, FundusDataset):  # callbacks look how to index X and y
            kwargs |= {"X": dataset.X, "y": dataset.y}
        super().notify(method_name, **kwargs)
        if method_name == "on_epoch_end" and self._checkpoint is not None:
            self._checkpoint.end_epoch(self)

    def run_single_epoch(self, iterator, training, **kwargs):
        """Train or validate for one epoch."""
        dataset = getattr(iterator, "dataset", None)
        if training and isinstance(dataset, AugmentedDataset):
            dataset.epoch_seed.random_()
        super().run_single_epoch(iterator, training=training, **kwargs)

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Freeze or unfreeze the backbone."""
        super().on_epoch_begin(net, dataset_train, dataset_valid, **kwargs)
        epoch = len(self.history)
        frozen = self.freeze is True or (
            self.freeze is not False and epoch <= self.freeze
        )
        self.module_.freeze(frozen)

    def infer(self, x, **fit_params):
        """Run the network on one batch."""
        images = x["images"] if isinstance(x, dict) else x
        images = self._on_device(images)
        with self._autocast():
            outputs = self.module_(images)
        return tuple(output.float() for output in outputs)

    def __getstate__(self):
        if self._training_set is not None:
            dataset, reset = self._training_set
            remember_fit(self, dataset, reset=reset)
        state = super().__getstate__()
        for name in ("_checkpoint", "_training_set"):  # of the process that fits
            state.pop(name, None)
        return state

    def _on_device(self, batch):
        """Move pixels or labels to the device, asynchronously from pinned memory."""
        return to_tensor(batch, device="cpu").to(self.device, non_blocking=True)

    def _set_training(self, training=True):
        """Switch modes only where they change: visiting every layer is slow."""
        for name in (*self._modules, *self._criteria):
            module = getattr(self, f"{name}_")
            if isinstance(module, nn.Module) and module.training is not training:
                module.train(training)

    def train_step_single(self, batch, **fit_params):
        """Take loss and gradients of one batch."""
        step = super().train_step_single(batch, **fit_params)
        if self.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.module_.parameters(), self.gradient_clip)
        return {**step, "y_pred": _logits_only(step["y_pred"])}

    def validation_step(self, batch, **fit_params):
        """Take the loss of one batch without learning."""
        step = super().validation_step(batch, **fit_params)
        return {**step, "y_pred": _logits_only(step["y_pred"])}

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Sum the losses of the tasks over one batch."""
        weight = X.get("sample_weight") if isinstance(X, dict) else None
        y_true = self._on_device(y_true)
        if weight is not None:
            weight = self._on_device(weight)
        losses = []
        for task in self._tasks:
            inputs = [y_pred[task.output], task.labels(y_true)]
            if task.centred:
                inputs.insert(1, y_pred[DEEP])
            take = self._loss_of(task)
            loss = take(*inputs, sample_weight=weight, **self._reduction)
            losses.append(getattr(self, f"{task.name}_loss_weight", 1) * loss)
        return sum(losses[1:], losses[0])

    def _loss_of(self, task):
        """Return the loss of a task, as a function of a batch."""
        if task.name != self._criterion_task:
            return masked_cross_entropy
        return self.criterion_ if task.centred else known_rows_only(self.criterion_)

    def _outputs(self, X, *places):
        """Run the network once and return outputs by their place as float32 arrays."""
        self.check_is_fitted()
        dataset = self.get_dataset(X)
        # One autocast around all batches caches the weights that it casts.
        with torch.inference_mode(), self._autocast():
            batches = [
                [outputs[i] for i in places] for outputs in self.forward_iter(dataset)
            ]
        arrays = [torch.cat(parts).numpy() for parts in zip(*batches, strict=True)]
        check_outputs(dataset, arrays, iterator=self.iterator_valid)
        if getattr(dataset, "unreadable", None) is not None:
            for array in arrays:
                array[dataset.unreadable.numpy()] = np.nan
        report_unreadable(self, dataset)
        return arrays

    def _probabilities(self, X, *tasks):
        outputs = self._outputs(X, *(task.output for task in tasks))
        return [_softmax(logits) for logits in outputs]

    @property
    def _n_features_out(self):
        return self.module_.n_features

    def transform(self, X):
        """Return the deep features that the centre loss uses.

        Parameters
        ----------
        X : array-like
            As in `fit`.

        Returns
        -------
        features : ndarray of shape (n, d)
            The quality head's embedding, float32.
        """
        return self._outputs(X, DEEP)[0]


def _logits_only(outputs):  # scoring callbacks keep every batch of an epoch
    return tuple(output.detach() for output in outputs[:DEEP])


def _softmax(logits):
    from scipy.special import softmax

    # In float64, so that probabilities add up to 1 as closely as users may check.
    return softmax(logits.astype(np.float64), axis=1)
