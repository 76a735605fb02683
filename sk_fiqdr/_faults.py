"""What may befall a fit on its way: Ctrl-C, and a loss that is no number any more."""

import math
import signal
import threading
import warnings
from contextlib import contextmanager

N_BEFORE = 5


@contextmanager
def noticing_ctrl_c():
    """Tell whether Ctrl-C was pressed: callbacks end a fit by the same exception.

    Yields
    ------
    pressed : threading.Event
        Set once it was pressed. The handler that was there is called as ever, and put
        back in the end.
    """
    pressed = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(
        before
    ):
        yield pressed
        return

    def note(number, frame):
        pressed.set()
        return before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def warn_interrupted(net):
    """Say where Ctrl-C stopped a fit, and how it goes on.

    Parameters
    ----------
    net : FundusNet
        The net, in the middle of its fit.
    """
    checkpoint = net._checkpoint
    if checkpoint is None:
        way = (
            "partial_fit trains it further; with checkpoint_dir, fit would go on from "
            "its last whole epoch."
        )
    else:
        checkpoint.interrupted = True
        way = (
            f"fit again, and it goes on after epoch {checkpoint.n_epochs}, from "
            f"{str(checkpoint.folder)!r}."
            if checkpoint.n_epochs
            else "No epoch has ended yet: fit again starts from the first."
        )
    warnings.warn(
        f"Ctrl-C stopped the fit in epoch {len(net.history)} of {net.max_epochs}. The "
        f"net keeps what it has learned so far, and predicts. {way}",
        UserWarning,
        stacklevel=6,
    )


def check_finite(net):
    """Raise if the loss of the last batch is nan or infinite.

    Parameters
    ----------
    net : FundusNet
        The net, after a batch of training.

    Raises
    ------
    FloatingPointError
        With the place, the losses before and what may be the cause.
    """
    batches = net.history[-1]["batches"]
    loss = batches[-1]["train_loss"]
    if math.isfinite(loss):
        return
    before = [f"{batch['train_loss']:.3g}" for batch in batches[-1 - N_BEFORE : -1]]
    rate = net.optimizer_.param_groups[0]["lr"]
    if before or len(net.history) > 1:
        why = (
            f"The likely cause is a learning rate that is too high, {rate:.3g} at that "
            f"batch (lr={net.lr!r}): divide lr by 10, or set gradient_clip=1.0. beta, "
            "lambd and sample_weight multiply the loss, and so the steps, too."
        )
    else:
        why = (
            "No step was made before it, so that the learning rate is not the cause: "
            "look for nan or huge values in `weights`, in features or sample_weight, "
            "and for a beta or lambd that is out of all proportion."
        )
    if net._uses_bfloat16():
        why += " amp=False rules out that bfloat16 is too coarse."
    checkpoint = net._checkpoint
    if checkpoint is not None and checkpoint.n_epochs:
        why += (
            f" The checkpoint of epoch {checkpoint.n_epochs} is still in "
            f"{str(checkpoint.folder)!r}."
        )
    raise FloatingPointError(
        f"The loss became {loss} in epoch {len(net.history)}, batch {len(batches)}"
        + (f" (the losses before it: {', '.join(before)})" if before else "")
        + f". The net is spoilt. {why}"
    )
