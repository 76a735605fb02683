"""Callbacks for the estimators, beside skorch's own."""

from copy import deepcopy

from skorch import callbacks

__all__ = ["EarlyStopping"]


class EarlyStopping(callbacks.EarlyStopping):
    """Stop when a score no longer improves, and restore the best epoch.

    skorch's callback [1]_ restores the network only; this one also restores the centres
    of the criterion, so that features and centres are of the same epoch.

    Parameters
    ----------
    monitor : str, default="valid_loss"
        Column of the history; needs a `train_split`, or an EpochScoring of that name.
    patience : int, default=5
        Number of epochs without improvement after which the fit ends.
    threshold : float, default=1e-4
        Smallest improvement that counts.
    threshold_mode : {"rel", "abs"}, default="rel"
        Whether `threshold` is a share of the best score or a difference.
    lower_is_better : bool, default=True
        False for kappa and the like.
    sink : callable, default=print
        Receives messages, if the net is `verbose`.
    load_best : bool, default=True
        Whether to restore the best epoch.

    References
    ----------
    .. [1] https://skorch.readthedocs.io/en/stable/callbacks.html

    Examples
    --------
    Stop by the kappa of held-out patients:

    >>> from skorch.callbacks import EpochScoring
    >>> from sk_fiqdr import FIQDRClassifier
    >>> from sk_fiqdr.callbacks import EarlyStopping
    >>> from sk_fiqdr.metrics import kappa_scorer
    >>> from sk_fiqdr.model_selection import PatientValidSplit
    >>> net = FIQDRClassifier(
    ...     train_split=PatientValidSplit(0.2, random_state=0),
    ...     callbacks=[
    ...         EpochScoring(kappa_scorer, lower_is_better=False, name="valid_kappa"),
    ...         EarlyStopping("valid_kappa", lower_is_better=False),
    ...     ],
    ... )
    """

    def __init__(
        self,
        monitor="valid_loss",
        patience=5,
        threshold=1e-4,
        threshold_mode="rel",
        lower_is_better=True,
        sink=print,
        load_best=True,
    ):
        super().__init__(
            monitor=monitor,
            patience=patience,
            threshold=threshold,
            threshold_mode=threshold_mode,
            lower_is_better=lower_is_better,
            sink=sink,
            load_best=load_best,
        )

    def __getstate__(self):
        # After a fit they are those of the net, and skorch drops the weights, too.
        return {**super().__getstate__(), "best_criteria_": None}

    def on_train_begin(self, net, **kwargs):
        """Reset the state of the previous fit."""
        super().on_train_begin(net, **kwargs)
        self.best_criteria_ = None

    def on_epoch_end(self, net, **kwargs):
        """Keep the best criterion so far; end the fit if nothing improves."""
        if self.monitor not in net.history[-1]:
            columns = ", ".join(sorted(set(net.history[-1]) - {"batches"}))
            raise ValueError(
                f"EarlyStopping monitors {self.monitor!r}, which is not in the "
                f"history: it has {columns}. "
                "valid_loss needs train_split=PatientValidSplit(0.2), a score an "
                "EpochScoring of that name before this callback."
            )
        if self.load_best and self._is_score_improved(net.history[-1, self.monitor]):
            self.best_criteria_ = {
                name: deepcopy(getattr(net, f"{name}_").state_dict())
                for name in net._criteria
            }
        super().on_epoch_end(net, **kwargs)

    def on_train_end(self, net, **kwargs):
        """Restore the best epoch, if that was not the last."""
        last = net.history[-1, "epoch"] if len(net.history) else None
        if self.load_best and self.best_criteria_ and self.best_epoch_ != last:
            for name, state in self.best_criteria_.items():
                getattr(net, f"{name}_").load_state_dict(state)
        super().on_train_end(net, **kwargs)
