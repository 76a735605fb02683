"""What may befall a fit on its way: Ctrl-C, nan, no memory, a worker that is killed."""

import math
import os
import re
import warnings
from contextlib import contextmanager

import numpy as np
import torch

N_BEFORE = 5
NO_MEMORY = "can't allocate memory"  # torch on a CPU, in a plain RuntimeError


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
        f"net keeps what it has learned so far, and predicts. {way} (Pressed twice "
        "within two seconds, it also ends what the fit is part of, such as a search.)",
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


@contextmanager
def explain_out_of_memory(net, batch, *, training):
    """Say which batch did not fit into memory, and what to lower.

    Parameters
    ----------
    net : FundusNet
        The net.
    batch : tuple
        Images and labels.
    training : bool
        Whether the net learns from the batch.

    Raises
    ------
    torch.OutOfMemoryError
        Where the device, or the machine, has no memory left.
    """
    try:
        yield
    except RuntimeError as error:
        if not (isinstance(error, torch.OutOfMemoryError) or NO_MEMORY in str(error)):
            raise
        n_rows, message = len(batch[1]), str(error).splitlines()[0]
        place = f" in epoch {len(net.history)}" if training else ""
        scaled = ", with lr scaled down likewise," if training else ""
        way = (
            f"Lower batch_size (it is {net.batch_size!r}){scaled} or make image_size "
            "smaller."
            if n_rows > 1
            else "Not even one image fits: make image_size smaller, or choose a "
            "smaller backbone."
        )
        if training and net._device_type == "cuda" and not net._uses_bfloat16():
            way += " amp=True halves the memory of activations."
        raise torch.OutOfMemoryError(
            f"A batch of {n_rows} images of {net.image_size} pixels{place} does not "
            f"fit into the memory of device {net.device!r}. {way} ({message})"
        ) from error


def too_small_for_norm(error):
    """Tell whether batch statistics were asked of one value.

    Parameters
    ----------
    error : ValueError
        From torch.

    Returns
    -------
    too_small : bool
        Whether that is what the error says.
    """
    return "more than 1 value per channel" in str(error)


def check_some_were_read(dataset):
    """Raise if every image of an epoch was unreadable.

    Parameters
    ----------
    dataset : Dataset
        What was trained on.

    Raises
    ------
    ValueError
        With the first of the files.
    """
    rows = slice(None)
    while isinstance(dataset, torch.utils.data.Subset):
        rows, dataset = np.asarray(dataset.indices)[rows], dataset.dataset
    unreadable = getattr(dataset, "unreadable", None)
    if unreadable is not None and unreadable[rows].all():
        first = dataset.X[rows][0]
        what = f"{str(first)!r}" if isinstance(first, str | os.PathLike) else "a row"
        raise ValueError(
            f"Not one of the {len(dataset.X[rows])} images to train on could be read, "
            f"{what} the first of them: nothing was learned. Look at them with "
            "on_error='raise', or see that the folder and its suffixes are right."
        )


def name_lost_worker(net, error):
    """Say why a process that reads images may be gone, and what to do.

    Parameters
    ----------
    net : FundusNet
        The net.
    error : RuntimeError
        From the loop over batches.

    Returns
    -------
    error : RuntimeError
        A clear one where a worker was lost, else the same.
    """
    lost = re.search(
        r"DataLoader worker \(pid\(?s?\)? ([\d, ]+)\) "
        r"(is killed by signal: \w+|exited unexpectedly)",
        str(error),
    )
    if lost is None:
        return error
    checkpoint = net._checkpoint
    way = (
        f"With checkpoint_dir, fit again goes on after epoch {checkpoint.n_epochs}."
        if checkpoint is not None
        else "With checkpoint_dir a fit goes on after its last whole epoch."
    )
    return RuntimeError(
        f"A process that read images for the fit (pid {lost[1].strip()}) {lost[2]} in "
        f"epoch {len(net.history)}. The kernel kills processes when memory runs out: "
        "lower iterator_train__num_workers or batch_size, or leave more memory free; "
        "where /dev/shm is small, as in containers, enlarge it or set "
        f"iterator_train__num_workers=0. {way}"
    )
