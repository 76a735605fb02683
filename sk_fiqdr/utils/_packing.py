"""Nested state as JSON beside named tensors, and back: what a checkpoint is made of."""

from contextlib import suppress

import numpy as np
import torch

TENSOR, ARRAY, TUPLE, DICT = "$tensor", "$array", "$tuple", "$dict"


def pack(value, tensors, name):
    """Return what JSON holds of `value`, and put its tensors into `tensors`.

    Parameters
    ----------
    value : object
        Numbers, text, None, tensors and arrays, in dicts, lists and tuples.
    tensors : dict
        Receives each tensor, on the CPU and contiguous, under a name of its own.
    name : str
        Where in the whole `value` stands.

    Returns
    -------
    packed : object
        For `json.dumps`.

    Raises
    ------
    TypeError
        If there is something else in it; the message says where.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        with suppress(TypeError):  # of dtypes that torch has not
            tensors[name] = torch.from_numpy(np.ascontiguousarray(value)).clone()
            return {ARRAY: name}
    if isinstance(value, torch.Tensor) and value.layout == torch.strided:
        value = value.detach()
        packed = {TENSOR: name}
        if not value.is_contiguous() and value.is_contiguous(
            memory_format=torch.channels_last
        ):
            packed["channels_last"] = True
        # A copy, since safetensors takes no two tensors that share memory.
        tensors[name] = value.cpu().clone(memory_format=torch.contiguous_format)
        return packed
    if isinstance(value, list | tuple):
        items = [pack(item, tensors, f"{name}.{i}") for i, item in enumerate(value)]
        return items if isinstance(value, list) else {TUPLE: items}
    if isinstance(value, dict):
        items = [
            (pack(key, tensors, f"{name}.keys"), pack(item, tensors, f"{name}.{key}"))
            for key, item in value.items()
        ]
        if all(isinstance(key, str) and key[:1] != "$" for key in value):
            return dict(items)
        return {DICT: items}
    raise TypeError(
        f"{name} is a {type(value).__name__}, {value!r}, which cannot be stored in a "
        "checkpoint: only numbers, text, tensors and arrays can, in dicts, lists and "
        "tuples."
    )


def unpack(packed, tensors):
    """Return the value that `pack` was given.

    Parameters
    ----------
    packed : object
        From `pack`.
    tensors : dict
        Tensors by name.

    Returns
    -------
    value : object
        As it was, tensors on the CPU, NumPy's scalars as Python's.
    """
    if isinstance(packed, list):
        return [unpack(item, tensors) for item in packed]
    if not isinstance(packed, dict):
        return packed
    if TENSOR in packed:
        tensor = tensors[packed[TENSOR]]
        if packed.get("channels_last"):
            return tensor.contiguous(memory_format=torch.channels_last)
        return tensor
    if ARRAY in packed:
        return tensors[packed[ARRAY]].numpy()
    if TUPLE in packed:
        return tuple(unpack(packed[TUPLE], tensors))
    items = packed.get(DICT, packed.items())
    return {unpack(key, tensors): unpack(item, tensors) for key, item in items}
