"""Weights of a backbone: what is not taken for them, and how a file is read.

Imports torch and safetensors.
"""

import enum
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch


def refuse_objects(weights):
    """Raise if `weights` are a member of an enumeration, or tensors, and not a name.

    Parameters
    ----------
    weights : object
        As `MultiTaskNet` has them.

    Raises
    ------
    TypeError
        With what to pass instead.
    """
    if isinstance(weights, enum.Enum):
        way = "the path of a file: torch.save(weights.get_state_dict(), path)."
        if weights is getattr(type(weights), "DEFAULT", None):
            way = 'weights="DEFAULT", which stands for it.'
        raise TypeError(
            f"weights={weights} is a member of an enumeration, expected a name or a "
            f"path. Pass {way}"
        )
    if isinstance(weights, Mapping):
        raise TypeError(
            f"weights are a dict of {len(weights)} entries, expected a name or a path. "
            "Pass the path of a file: torch.save(state, path)."
        )


def load_weights(network, path, ignore):
    """Load a local state dict; it never runs code from the file.

    Parameters
    ----------
    network : Module
        What to load into.
    path : str or Path
        A file of names and tensors. A prefix that all names share and the network does
        not have, such as the "module." of DataParallel, is left out.
    ignore : tuple of str
        How the names begin that are not loaded: those of the classifier.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a state dict, or that of another network.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"weights={str(path)!r} is not a file. Give the path of a local state dict "
            '(.safetensors or .pth), "DEFAULT" to fetch torchvision\'s, or None.'
        )
    own = network.state_dict()
    state = _without_prefix(_read_weights(path), own)
    state = {k: v for k, v in state.items() if not k.startswith(ignore)}
    own = {k: v for k, v in own.items() if not k.startswith(ignore)}
    wrong = sorted(
        {k for k in own.keys() & state.keys() if own[k].shape != state[k].shape}
        | (own.keys() ^ state.keys())
    )
    # Old files were written before batch norm counted its batches.
    wrong = [k for k in wrong if not k.endswith("num_batches_tracked")]
    if wrong:
        raise ValueError(
            f"{str(path)!r} holds the weights of another network: {len(wrong)} of "
            f"{len(own)} tensors are missing, unknown or of another shape, the first "
            f"{wrong[0]!r}. {_way_out(state, own)}"
        )
    network.load_state_dict(state, strict=False)


def _prefixes(name):
    """Return "", and what stands before each dot of a name."""
    parts = name.split(".")
    return [".".join([*parts[:n], ""]) if n else "" for n in range(len(parts))]


def _without_prefix(state, own):
    """Leave out the prefix that all names share, if the network knows them without."""
    shared = [
        prefix
        for prefix in _prefixes(min(state, default=""))
        if all(name.startswith(prefix) for name in state)
    ]

    def known(prefix):
        return sum(name.removeprefix(prefix) in own for name in state)

    best = max(shared, key=known, default="")  # the shortest of several
    return {name.removeprefix(best): tensor for name, tensor in state.items()}


def _way_out(state, own):
    """Say how to save a part of a larger network, if the backbone is one."""
    for prefix in sorted({prefix for name in state for prefix in _prefixes(name)[1:]}):
        part = {name.removeprefix(prefix) for name in state if name.startswith(prefix)}
        if own.keys() <= part:
            return (
                f"It has them behind the prefix {prefix!r}: save that part alone, as "
                f"{{k.removeprefix({prefix!r}): v for k, v in state.items() if "
                f"k.startswith({prefix!r})}}."
            )
    return "Choose the backbone that the file was written from."


def _read_weights(path):
    try:
        if path.suffix == ".safetensors":
            state = safetensors.torch.load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # each format has its own, and the zip's another
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(
            f"weights={str(path)!r} cannot be read as a state dict ({reason}). It may "
            "be truncated, or hold a whole pickled network, which could run code: "
            "write it again by torch.save(network.state_dict(), path)."
        ) from error
    if _is_state(state):
        return state
    parts = [key for key, value in _items(state) if _is_state(value)]
    if len(parts) == 1:  # a checkpoint, with the state of its optimiser for instance
        return state[parts[0]]
    part = repr(parts[0]) if parts else '"state_dict"'
    found = f" It holds {', '.join(map(repr, parts))}." if parts else ""
    raise ValueError(
        f"weights={str(path)!r} does not hold a state dict, of names and tensors."
        f"{found} If it holds one among other things, save that alone: "
        f"torch.save(torch.load(path)[{part}], path)."
    )


def _items(state):
    return state.items() if isinstance(state, dict) else ()


def _is_state(value):
    return (
        isinstance(value, dict)
        and all(
            isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in value.items()
        )
        and len(value) > 0
    )
