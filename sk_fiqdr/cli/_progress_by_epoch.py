"""Progress by epoch."""

from contextlib import contextmanager

from skorch.callbacks import Callback


class EpochTicks(Callback):
    """Notify a listener in this process at the end of each epoch.

    The listener belongs to the class, so that a net stays the same with another one and
    a stopped fit or search can be resumed.
    """

    listener = None

    def on_epoch_end(self, net, **kwargs):
        """Pass on the number of epochs of the fit."""
        if EpochTicks.listener is not None:
            EpochTicks.listener(len(net.history))


@contextmanager
def listening(listener):
    """Call a function at the end of every epoch.

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
