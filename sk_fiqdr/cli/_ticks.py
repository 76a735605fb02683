"""How a progress bar learns of epochs."""

from contextlib import contextmanager

from skorch.callbacks import Callback


class EpochTicks(Callback):
    """Tell whoever listens in this process that an epoch is over.

    The listener is the class's, so that a net is the same with another: a fit or a
    search that was stopped can be resumed.
    """

    listener = None

    def on_epoch_end(self, net, **kwargs):
        """Pass on how many epochs the fit has had."""
        if EpochTicks.listener is not None:
            EpochTicks.listener(len(net.history))


@contextmanager
def listening(listener):
    """Let a function hear of every epoch.

    Parameters
    ----------
    listener : callable
        Called with the number of epochs of the fit.
    """
    EpochTicks.listener = listener
    try:
        yield
    finally:
        EpochTicks.listener = None
