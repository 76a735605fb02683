"""Errors of training and prediction, with a diagnosis: nan, memory, a lost worker."""

import math
import os
import re
import warnings
from contextlib import contextmanager

import numpy as np
import torch

from ._image_dataset import base_and_rows

N_BEFORE = 5
NO_MEMORY = "can't allocate memory"  # torch on a CPU, in a plain RuntimeError


def warn_interrupted(net):
    """Warn where Ctrl-C stopped a fit, and say how to resume it.

    Parameters
    ----------
    net : FundusNet
        The net, during its fit.
    """
    checkpoint = net._checkpoint
    if checkpoint is None:
        way = (
            "partial_fit trains it further; with checkpoint_dir, fit would resume "
            "after its last complete epoch."
        )
    else:
        checkpoint.interrupted = True
        way = (
            f"Fit again to resume after epoch {checkpoint.n_epochs}, from "
            f"{str(checkpoint.folder)!r}."
            if checkpoint.n_epochs
            else "No epoch was completed: the next fit starts from the first."
        )
    warnings.warn(
        f"Ctrl-C stopped the fit in epoch {len(net.history)} of {net._n_epochs}. The "
        f"net keeps what it has learned so far, and can predict. {way} (Pressed twice "
        "within two seconds, it also ends a search around the fit.)",
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
        With the epoch and batch, the losses before, and the likely cause.
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
            "It is the first batch, so that the learning rate is not the cause: look "
            "for nan or huge values in `weights`, features or sample_weight, and for a "
            "beta or lambd that is far too large."
        )
    if net._uses_bfloat16():
        why += " amp=False rules out rounding by bfloat16."
    checkpoint = net._checkpoint
    if checkpoint is not None and checkpoint.n_epochs:
        why += (
            f" The checkpoint of epoch {checkpoint.n_epochs} is still in "
            f"{str(checkpoint.folder)!r}."
        )
    raise FloatingPointError(
        f"The loss became {loss} in epoch {len(net.history)}, batch {len(batches)}"
        + (f" (the losses before it: {', '.join(before)})" if before else "")
        + f". The network's weights are no longer usable. {why}"
    )


def name_of_nan(tensors):
    """Return the name of the first tensor that no prediction can be made with.

    Parameters
    ----------
    tensors : iterable of (str, Tensor)
        Parameters and buffers of a network.

    Returns
    -------
    name : str or None
        Of a tensor that holds nan; None if there is none. Infinite values are allowed:
        buffers may hold them, as masks.
    """
    for name, tensor in tensors:
        if tensor.is_floating_point() and torch.isnan(tensor).any():
            return name
    return None


def check_weights(net):
    """Raise if the last step of an epoch made the weights unusable.

    Parameters
    ----------
    net : FundusNet
        The net, after an epoch of training.

    Raises
    ------
    FloatingPointError
        With the epoch, the tensor and the likely cause.
    """
    unusable = name_of_nan(net.module_.state_dict().items()) or next(
        (
            name
            for name, weights in net.module_.named_parameters()
            if not torch.linalg.vector_norm(weights.detach().float()).isfinite()
        ),
        None,
    )
    if unusable is not None:
        rate = net.optimizer_.param_groups[0]["lr"]
        raise FloatingPointError(
            f"The last step of epoch {len(net.history)} made {unusable!r} nan or "
            "infinite. The network's weights are no longer usable. The likely cause "
            f"is a learning rate that is too high, {rate:.3g} (lr={net.lr!r}): divide "
            "lr by 10, or set gradient_clip=1.0."
        )


def check_outputs(dataset, arrays, iterator=None):
    """Raise if rows have no output, or one of nan or infinity.

    Parameters
    ----------
    dataset : Dataset
        What the network was run on.
    arrays : list of ndarray of shape (n, ...)
        Its outputs. Those of images that could not be read are not checked.
    iterator : type, default=None
        What made the batches, for messages.

    Raises
    ------
    ValueError
        If there are not as many outputs as rows.
    FloatingPointError
        With the first of the rows, and its file.
    """
    if len(arrays[0]) != len(dataset):
        raise ValueError(
            f"The batches held {len(arrays[0])} rows of {len(dataset)}. "
            f"iterator_valid={iterator!r} and its collate_fn must return every row "
            "once, in order."
        )
    finite = np.logical_and.reduce([np.isfinite(a).all(axis=1) for a in arrays])
    unreadable = getattr(dataset, "unreadable", None)
    if unreadable is not None:
        finite |= unreadable.numpy()
    if finite.all():
        return
    row = int(finite.argmin())
    images = getattr(dataset, "X", None)
    named = images is not None and isinstance(images[row], str | os.PathLike)
    raise FloatingPointError(
        f"The network computes nan or infinity for {np.count_nonzero(~finite)} of "
        f"{len(finite)} rows, the first of them row {row}"
        + (f", {str(images[row])!r}" if named else "")
        + ". Look for nan in its weights, and for huge values in features; amp=False "
        "rules out bfloat16."
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
        If the device, or the machine, has no memory left.
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
    """Return whether batch statistics were computed of one value.

    Parameters
    ----------
    error : ValueError
        From torch.

    Returns
    -------
    too_small : bool
        Whether the error says so.
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
    dataset, rows = base_and_rows(dataset)
    unreadable = getattr(dataset, "unreadable", None)
    if unreadable is not None and unreadable[rows].all():
        first = dataset.X[rows][0]
        what = f"{str(first)!r}" if isinstance(first, str | os.PathLike) else "a row"
        raise ValueError(
            f"None of the {len(dataset.X[rows])} training images could be read, the "
            f"first of them {what}: nothing was learned. on_error='raise' shows the "
            "reason; check the folder and the suffixes."
        )


def name_lost_worker(net, error):
    """Return a clear error if a process that reads images was lost.

    Parameters
    ----------
    net : FundusNet
        The net.
    error : RuntimeError
        From the loop over batches.

    Returns
    -------
    error : RuntimeError
        A clear one if a worker was lost, else the same.
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
        f"Fit again to resume after epoch {checkpoint.n_epochs}."
        if checkpoint is not None
        else "With checkpoint_dir a fit resumes after its last complete epoch."
    )
    return RuntimeError(
        f"A process that read images for the fit (pid {lost[1].strip()}) {lost[2]} in "
        f"epoch {len(net.history)}. The kernel kills processes when memory runs out: "
        "lower iterator_train__num_workers or batch_size, or leave more memory free; "
        "where /dev/shm is small, as in containers, enlarge it or set "
        f"iterator_train__num_workers=0. {way}"
    )
