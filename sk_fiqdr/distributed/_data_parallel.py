"""The estimators over several processes, each of which takes part of every batch.

Hugging Face accelerate joins the processes and wraps the network. skorch's
AccelerateMixin is not used: it wraps the criterion too, which torch refuses on CPUs,
and the mean of the processes' losses is not the loss of the batch where labels are
missing or weighted.
"""

import hashlib
import json
import os
import warnings
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import PurePath

import torch
from torch.utils.data import Subset

from ..estimators._net import FundusNet
from ..utils._check_images import PATHS
from ..utils._digest import NO_PART, describe
from ..utils._interrupts import noticing_ctrl_c
from ._follower import Follower
from ._processes import Part, processes
from ._shared_network import shared_network


class DataParallel:
    """A mixin, before an estimator, that trains it over several processes."""

    _predicts = False  # rather than learns

    @property
    def _processes(self):
        return processes(torch.device(self.device).type == "cpu")

    @property
    def accelerator(self):
        """Hugging Face's Accelerator, with `is_main_process` and `print`."""
        return self._processes.accelerator

    @property
    def _reduction(self):
        return {} if self._processes.alone else {"all_reduce": self._processes.sum}

    def fit(self, X, y, sample_weight=None, groups=None):
        """Fit over all processes, each of which is given the same data.

        Parameters
        ----------
        X, y, sample_weight, groups : array-like
            As in :class:`sk_fiqdr.FIQDRClassifier`, the whole of it in every process.

        Returns
        -------
        self : FundusNet
            The fitted net, the same in every process.

        Raises
        ------
        ValueError, TypeError
            If X or y is not what is described there, or not the same everywhere.
        """
        with self._main_process_speaks():
            return super().fit(X, y, sample_weight=sample_weight, groups=groups)

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
        """Continue training on all processes; no checkpoints are written.

        Parameters
        ----------
        X, y, classes, sample_weight, groups, epochs : object
            As in :meth:`FIQDRClassifier.partial_fit`.
        **kwargs : dict
            For skorch alone, which calls this in `fit`.

        Returns
        -------
        self : FundusNet
            The net.
        """
        with self._main_process_speaks():
            return super().partial_fit(
                X, y, classes, sample_weight, groups, epochs, **kwargs
            )

    @contextmanager
    def _main_process_speaks(self):
        """Let the main process alone print and warn."""
        if self._processes.is_main:
            yield
            return
        with (
            warnings.catch_warnings(action="ignore"),
            open(os.devnull, "w") as nowhere,
            redirect_stdout(nowhere),
        ):
            yield

    def _make_training_set(self, *args, **kwargs):
        dataset = super()._make_training_set(*args, **kwargs)
        if not self._processes.alone:
            self._check_shared(dataset)
        return dataset

    def _check_shared(self, dataset):
        if torch.device(self.device).index is not None:
            raise ValueError(
                f"device={self.device!r} is one device, and there are "
                f"{self._processes.n} processes. Use 'auto', 'cuda' or 'cpu': each "
                "process takes the GPU of its number."
            )
        X = dataset.X
        if dataset.kind == PATHS:  # folders may be mounted elsewhere
            X = [PurePath(path).parts[-2:] for path in X]
        content = describe([X, dataset.y, dataset.sample_weight, dataset.groups])
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        parameters = self.get_params(deep=False)
        settings = {
            name: json.dumps(describe(value))
            for name, value in parameters.items()
            if not NO_PART.fullmatch(name) and name != "random_state"
        }
        of_main = self._processes.of_each(settings)[0]
        other = [name for name in settings if settings[name] != of_main.get(name)]
        others = [name for names in self._processes.of_each(other) for name in names]
        if others:
            raise ValueError(
                f"The processes were given different parameters: {sorted(set(others))}"
                ". Give each of them the same; set a seed for random values."
            )
        seen = self._processes.of_each((len(dataset), digest))
        if len(set(seen)) > 1:
            n_rows = ", ".join(str(n) for n, _ in seen)
            raise ValueError(
                f"The processes were given different data, of {n_rows} rows. Give "
                "each of them the whole of X and y, in the same order: fit itself "
                "divides every batch among them."
            )

    def _open_checkpoint(self, dataset, *, afresh):
        given = self._processes
        if not given.alone and not given.is_main:
            return Follower(*given.from_main(None), dataset)
        checkpoint = super()._open_checkpoint(dataset, afresh=afresh)
        if not given.alone:
            given.from_main((checkpoint.folder, checkpoint.key, checkpoint._content))
        return checkpoint

    @contextmanager
    def _own_generator(self, *, start_afresh):
        with super()._own_generator(start_afresh=start_afresh):
            if not self._processes.alone:
                self._processes.agree_on_draws()
            yield

    def fit_loop(self, X, y=None, epochs=None, **kwargs):
        """Train; Ctrl-C ends the script, since it stops each process elsewhere."""
        with noticing_ctrl_c() as pressed:
            try:
                return super().fit_loop(X, y, epochs=epochs, **kwargs)
            except KeyboardInterrupt:
                if pressed.is_set() and not self._processes.alone:
                    raise SystemExit(
                        "Ctrl-C ended the script: its processes had stopped in "
                        "different batches, and no longer hold the same net."
                    ) from None
                raise

    def get_split_datasets(self, X, y=None, **kwargs):
        """Split off the validation part, the same in every process."""
        parts = super().get_split_datasets(X, y, **kwargs)
        if self._processes.alone:
            return parts
        rows = [part.indices if isinstance(part, Subset) else None for part in parts]
        return tuple(
            part if indices is None else Subset(part.dataset, indices)
            for part, indices in zip(
                parts, self._processes.from_main(rows), strict=True
            )
        )

    def get_iterator(self, dataset, training=False):
        """Return batches, of which this process reads its part unless it predicts."""
        if not self._processes.alone and not self._predicts:
            dataset = Part(dataset, self._processes)
        return super().get_iterator(dataset, training=training)

    def forward_iter(self, X, training=False, device="cpu"):
        """Predict the whole of X in this process."""
        self._predicts = True
        try:
            yield from super().forward_iter(X, training=training, device=device)
        finally:
            self._predicts = False

    @property
    def _fewest_rows(self):
        # Two rows in each process, or one where batch norm is synchronised.
        on_cpu = torch.device(self.device).type == "cpu"
        return max(2, self._processes.n * (2 if on_cpu else 1))

    def run_single_epoch(self, iterator, training, **kwargs):
        """Train or validate for one epoch; the network is shared while it learns."""
        if self._processes.alone or iterator is None:
            super().run_single_epoch(iterator, training=training, **kwargs)
            return
        self._processes.agree_on_draws()
        with shared_network(self, self._processes) if training else nullcontext():
            super().run_single_epoch(iterator, training=training, **kwargs)
        self._share_unreadable(iterator.dataset)

    def _share_unreadable(self, dataset):
        while not hasattr(dataset, "unreadable"):
            dataset = dataset.dataset
        flags = dataset.unreadable
        if flags is not None:
            flags.copy_(self._processes.sum(self._on_device(flags).int()) > 0)

    def train_step(self, batch, **fit_params):
        """Train on one batch; each process draws its own dropout."""
        if self._processes.alone:
            return super().train_step(batch, **fit_params)
        agreed = torch.get_rng_state()
        torch.set_rng_state(self._noise)
        try:
            return super().train_step(batch, **fit_params)
        except torch.OutOfMemoryError as error:
            error.add_note(
                f"batch_size={self.batch_size!r} is that of all {self._processes.n} "
                "processes together: lower it, or image_size, or start more of them."
            )
            raise
        finally:
            self._noise = torch.get_rng_state()
            torch.set_rng_state(agreed)

    def train_step_single(self, batch, **fit_params):
        """Take loss and gradients of one batch."""
        return self._with_whole_loss(super().train_step_single(batch, **fit_params))

    def validation_step(self, batch, **fit_params):
        """Take the loss of one batch without learning."""
        return self._with_whole_loss(super().validation_step(batch, **fit_params))

    def _with_whole_loss(self, step):
        if self._processes.alone:
            return step
        return {**step, "loss": self._processes.mean(step["loss"])}

    def get_loss(self, y_pred, y_true, X=None, training=False):
        """Take the loss of this process's part, of which all take the mean."""
        if self._processes.alone:
            return super().get_loss(y_pred, y_true, X=X, training=training)
        y_true = self._own_labels(y_true)
        share = super().get_loss(y_pred, y_true, X=X, training=training)
        return self._processes.n * share

    def _own_labels(self, y):
        rows = self._processes.rows_read(len(y))
        return y[rows.start : rows.stop]

    def notify(self, method_name, **kwargs):
        """Call the callbacks, with labels and predictions of the whole batch."""
        if method_name == "on_batch_end" and not self._processes.alone:
            kwargs = self._with_whole_batch(**kwargs)
        super().notify(method_name, **kwargs)

    def _with_whole_batch(self, batch, y_pred, training, **kwargs):
        X, y = batch
        name = "train" if training else "valid"
        self.history.record_batch(f"{name}_batch_size", len(y))
        labels = self._on_device(self._own_labels(y))
        *y_pred, labels = self._processes.whole(
            [*y_pred, labels.reshape(len(labels), -1)], len(y)
        )
        batch = X, labels.long().reshape(y.shape)
        return {
            **kwargs,
            "batch": batch,
            "y_pred": tuple(y_pred),
            "training": training,
        }

    def on_train_end(self, net, X=None, y=None, **kwargs):
        """Copy the main process's history, times included."""
        super().on_train_end(net, X=X, y=y, **kwargs)
        if not self._processes.alone:
            self.history[:] = self._processes.from_main(self.history.to_list())

    def save_params(self, *args, **kwargs):
        """Write what skorch's `save_params` writes, in the main process alone.

        Parameters
        ----------
        *args, **kwargs : object
            skorch's own.
        """
        if self._processes.is_main:
            super().save_params(*args, **kwargs)

    @classmethod
    def _plain_class(cls):
        return next(
            it
            for it in cls.__mro__
            if issubclass(it, FundusNet) and not issubclass(it, DataParallel)
        )

    def _plain(self):
        """Return the estimator of one process with everything that this one has."""
        plain = object.__new__(self._plain_class())
        vars(plain).update(vars(self))
        return plain

    def export(self, path, **kwargs):
        """Write the network for another runtime, in the main process.

        Parameters
        ----------
        path : str or Path
            The file; it appears whole or not at all.
        **kwargs : dict
            As for the estimator of one process.

        Returns
        -------
        difference : float or None
            Largest difference of a probability that was found; None elsewhere.
        """
        if self._processes.is_main:
            return self._plain().export(path, **kwargs)
        return None

    def save_pretrained(self, folder, *, overwrite=False, scores=None):
        """Save the fitted net for the estimator of one process, in the main process.

        Parameters
        ----------
        folder : str or Path
            Where to; it appears whole or not at all.
        overwrite : bool, default=False
            Replace the model that is there.
        scores : dict of str to float, default=None
            Scores for the model card.

        Raises
        ------
        FileExistsError
            If the folder exists and `overwrite` is not set, or if it holds anything
            else than a saved model.
        """
        if self._processes.is_main:
            self._plain().save_pretrained(folder, overwrite=overwrite, scores=scores)

    @classmethod
    def from_pretrained(cls, folder, **parameters):
        """Load what `save_pretrained` wrote, here or in one process.

        Parameters
        ----------
        folder : str or Path
            Where from.
        **parameters : dict
            Parameters to override, such as a backbone that is not a name.

        Returns
        -------
        net : FundusNet
            The fitted net.

        Raises
        ------
        FileNotFoundError, ValueError
            If the folder does not hold such a model; the message says what it holds.
        """
        net = cls(**parameters)
        _ = net._processes  # from here on this process has a GPU of its own
        vars(net).update(vars(cls._plain_class().from_pretrained(folder, **parameters)))
        return net
