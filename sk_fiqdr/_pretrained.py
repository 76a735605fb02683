"""Models that travel: a folder of safetensors and JSON, never a pickle."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from ._version import __version__

FORMAT = 1
CONFIG, WEIGHTS = "config.json", "model.safetensors"
# What a fit learns besides tensors, and predict needs.
FITTED = ("classes_", "class_weights_", "n_features_in_", "input_")


def save(net, folder, *, overwrite=False):
    """Write a fitted net; the folder appears whole or not at all.

    Parameters
    ----------
    net : FundusNet
        A fitted net.
    folder : str or Path
        Where to.
    overwrite : bool, default=False
        Replace what is there.

    Raises
    ------
    FileExistsError
        If the folder exists and `overwrite` is not set.
    """
    net.check_is_fitted()
    folder = Path(folder)
    if folder.exists() and not overwrite:
        raise FileExistsError(
            f"{str(folder)!r} exists. Choose another folder, or pass overwrite=True."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    parameters, named = {}, {}
    for name, value in net.get_params(deep=False).items():
        if name == "checkpoint_dir":  # a place on this machine
            continue
        try:
            parameters[name] = json.loads(json.dumps(value))
        except TypeError:
            named[name] = getattr(value, "__qualname__", None) or repr(value)
    fitted = {name: _plain(vars(net)[name]) for name in FITTED if name in vars(net)}
    config = {
        "format": FORMAT,
        "estimator": type(net).__name__,
        "version": __version__,
        "torch": torch.__version__,
        "parameters": parameters,
        "not_saved": named,
        "fitted": fitted,
    }
    tensors = {
        f"{part}.{key}": value.detach().cpu().contiguous().clone()
        for part, module in (("module", net.module_), ("criterion", net.criterion_))
        for key, value in module.state_dict().items()
    }
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        # Not save_file, whose files nobody else may read.
        (temporary / WEIGHTS).write_bytes(safetensors.torch.save(tensors))
        (temporary / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
        temporary.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def load(cls, folder, **parameters):
    """Read what `save` wrote; no code of the folder is run.

    Parameters
    ----------
    cls : type
        The estimator expected in the folder.
    folder : str or Path
        Where from.
    **parameters : dict
        Parameters to set differently, such as a backbone that JSON could not hold.

    Returns
    -------
    net : FundusNet
        The fitted net, on the device that it finds.

    Raises
    ------
    FileNotFoundError, ValueError
        If the folder holds no such model; the message says what it holds.
    """
    folder = Path(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{str(folder)!r} holds no {name}: it is no model that "
                f"{cls.__name__}.save_pretrained wrote."
            )
    try:
        config = json.loads((folder / CONFIG).read_text())
        estimator, written = config["estimator"], config["format"]
        own, named, fitted = (
            config[key] for key in ("parameters", "not_saved", "fitted")
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{str(folder / CONFIG)!r} is damaged ({error!r}). Save the model again."
        ) from error
    if estimator != cls.__name__:
        raise ValueError(
            f"{str(folder)!r} holds a {estimator}, not a {cls.__name__}. "
            f"Use {estimator}.from_pretrained."
        )
    if written > FORMAT:
        raise ValueError(
            f"{str(folder)!r} has format {written}, this version reads up to {FORMAT}. "
            "Install a newer sk-fiqdr."
        )
    if "backbone" in named and "backbone" not in parameters:
        raise ValueError(
            f"The model was built on backbone={named['backbone']!r}, which a file "
            "cannot hold. Pass it again: from_pretrained(folder, backbone=...)."
        )
    # The weights are in the folder: nothing is to be fetched or read for them.
    net = cls(**{**own, "weights": None, **parameters})
    for name, value in fitted.items():
        if name not in FITTED:
            raise ValueError(
                f"{str(folder / CONFIG)!r} has the unknown field {name!r}."
            )
        if name == "classes_" and cls.__name__ == "FIQDRClassifier":
            continue
        setattr(net, name, _rich(name, value))
    with net._own_generator(start_afresh=True):
        net.initialize()
    tensors = safetensors.torch.load_file(folder / WEIGHTS)
    for part, module in (("module", net.module_), ("criterion", net.criterion_)):
        state = {
            key.removeprefix(f"{part}."): value
            for key, value in tensors.items()
            if key.startswith(f"{part}.")
        }
        try:
            module.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(
                f"{str(folder / WEIGHTS)!r} does not fit the network that {CONFIG} "
                f"describes: {error}"
            ) from error
    net.set_params(weights=own.get("weights"))
    return net


def _plain(value):
    return value.tolist() if isinstance(value, np.ndarray | torch.Tensor) else value


def _rich(name, value):
    if name == "classes_":
        return np.array(value)
    return torch.tensor(value) if name == "class_weights_" else value
