"""The learning rate over a fit."""

import math

from skorch.callbacks import Callback, LRScheduler


class LearningRateSchedule(Callback):
    """Warm-up and cosine decay over the whole fit, in steps of a batch.

    The net's `lr_schedule` is "one_cycle", which rises from a 25th of `lr` to `lr` and
    falls to zero along half a cosine [1]_, or "constant", which does not change `lr`.

    Parameters
    ----------
    warm_up : float, default=0.2
        Share of the steps during which the rate rises.

    References
    ----------
    .. [1] L. N. Smith and N. Topin, "Super-convergence: very fast training of neural
       networks using large learning rates", 2019.
    """

    def __init__(self, warm_up=0.2):
        self.warm_up = warm_up

    def on_train_begin(self, net, X=None, y=None, **kwargs):
        """Remember the learning rates to scale."""
        others = [name for name, cb in net.callbacks_ if isinstance(cb, LRScheduler)]
        if others and net.lr_schedule != "constant":
            raise ValueError(
                f"lr_schedule={net.lr_schedule!r} sets the learning rate of every "
                f"step, and so does the callback {others[0]!r}. Set "
                "lr_schedule='constant' to leave it to the callback."
            )
        self.peaks_ = [group["lr"] for group in net.optimizer_.param_groups]
        self.first_epoch_ = len(net.history)
        self.step_ = 0

    def on_epoch_begin(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Count the steps of the fit."""
        given = net.get_params_for("iterator_train")
        if "batch_sampler" in given:
            n_batches = len(given["batch_sampler"])
        else:
            batch_size = given.get("batch_size", net.batch_size)
            n_rows = len(given.get("sampler", dataset_train))
            n_batches = 1 if batch_size == -1 else math.ceil(n_rows / batch_size)
        self.n_steps_ = max(1, n_batches * net._n_epochs)

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        """Set the learning rate of the coming step."""
        if not training or net.lr_schedule == "constant":
            return
        factor = self._factor(min(1.0, self.step_ / self.n_steps_))
        for group, peak in zip(net.optimizer_.param_groups, self.peaks_, strict=True):
            group["lr"] = peak * factor
        self.step_ += 1

    def _factor(self, progress):
        if progress < self.warm_up:
            return 0.04 + 0.96 * progress / self.warm_up
        return 0.5 * (
            1 + math.cos(math.pi * (progress - self.warm_up) / (1 - self.warm_up))
        )

    def on_train_end(self, net, X=None, y=None, **kwargs):
        """Reset the learning rates for the next `partial_fit`."""
        for group, peak in zip(net.optimizer_.param_groups, self.peaks_, strict=True):
            group["lr"] = peak
