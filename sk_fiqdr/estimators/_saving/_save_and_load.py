"""Saved models: a folder of safetensors, JSON and a card, never a pickle."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch

from ...utils._files import folder_written_whole, read_regular, recover_folder
from ...utils._version import versions
from .._training._diagnosis import name_of_nan
from ._model_card import model_card
from ._saved_format import (
    CONFIG,
    FITTED_RULES,
    FORMAT,
    checksum,
    classes_from_json,
    classes_to_json,
    damaged,
    read_config,
)
from ._saved_parameters import from_json, plain, to_json

WEIGHTS, CARD = "model.safetensors", "README.md"
PARTS = ("module", "criterion")
MOST_WEIGHTS = 2**34  # bytes


def save(net, folder, *, overwrite=False, scores=None):
    """Write a fitted net; the folder appears whole or not at all.

    Parameters
    ----------
    net : FundusNet
        A fitted net.
    folder, overwrite, scores : object
        Those of `FundusNet.save_pretrained`.
    """
    net.check_is_fitted()
    folder = Path(folder)
    recover_folder(folder)
    _check_place(folder, overwrite)
    parameters, not_saved = to_json(net)
    tensors = {
        f"{part}.{key}": value.detach().cpu().contiguous().clone()
        for part in PARTS
        for key, value in getattr(net, f"{part}_").state_dict().items()
    }
    unusable = name_of_nan(tensors.items())
    if unusable is not None:
        raise ValueError(
            f"The net holds nan in {unusable!r}, which makes every prediction nan: it "
            "is not saved. Fit it again, at a lower lr."
        )
    # Not save_file, whose files other users cannot read.
    weights = safetensors.torch.save(tensors)
    config = {
        "format": FORMAT,
        "estimator": type(net).__name__,
        "versions": versions(),
        "parameters": parameters,
        "not_saved": not_saved,
        "fitted": _fitted(net),
        "training": _training(net),
        "scores": _scores(getattr(net, "scores_", {}) if scores is None else scores),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    config = json.loads(json.dumps(config, allow_nan=False))
    config["sha256"] = checksum(config)
    with folder_written_whole(folder, overwrite=overwrite) as draft:
        (draft / WEIGHTS).write_bytes(weights)
        text = json.dumps(config, indent=2) + "\n"
        (draft / CONFIG).write_text(text, encoding="utf-8")
        (draft / CARD).write_text(model_card(config, folder.name), encoding="utf-8")


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
    recover_folder(folder)
    for name in (CONFIG, WEIGHTS):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{str(folder)!r} holds no {name}: it was not written by "
                f"{cls.__name__}.save_pretrained."
            )
    config = read_config(folder / CONFIG)
    if config["estimator"] != cls.__name__:
        raise ValueError(
            f"{str(folder)!r} holds a {config['estimator']!r}, not a {cls.__name__}. "
            "Load it by from_pretrained of that class."
        )
    tensors = _read_tensors(folder / WEIGHTS, config["weights_sha256"])
    own = from_json(cls, folder / CONFIG, config, parameters)
    _check_size(folder / CONFIG, config["fitted"], {**own, **parameters}, tensors)
    net = _build(cls, folder / CONFIG, config["fitted"], {**own, **parameters})
    for part in PARTS:
        _load_state(folder / WEIGHTS, getattr(net, f"{part}_"), part, tensors)
    net.set_params(weights={**own, **parameters}.get("weights", "auto"))
    if config["training"]["data"]:
        net.training_data_ = config["training"]["data"]
    net.scores_ = {
        name: float("nan") if score is None else score
        for name, score in config["scores"].items()
    }
    return net


def _check_place(folder, overwrite):
    """Raise where something is in the way that must not be replaced."""
    if not folder.exists() and not folder.is_symlink():
        return
    if not overwrite:
        raise FileExistsError(
            f"{str(folder)!r} exists. Choose another folder, or pass overwrite=True."
        )
    others = (
        sorted(
            path.name
            for path in folder.iterdir()
            if path.name not in (CONFIG, WEIGHTS, CARD)
            or (path.is_dir() and not path.is_symlink())
        )
        if folder.is_dir() and not folder.is_symlink()
        else [folder.name]
    )
    if others:
        raise FileExistsError(
            f"{str(folder)!r} holds files that are not part of a saved model, such as "
            f"{others[0]!r}: overwrite=True would delete it. Choose another folder."
        )


def _fitted(net):
    fitted = {}
    for name in FITTED_RULES:
        if name in vars(net):
            value = vars(net)[name]
            is_classes = name == "classes_"
            fitted[name] = classes_to_json(value) if is_classes else value
    return json.loads(json.dumps(fitted, default=plain))


def _training(net):
    training = {"data": getattr(net, "training_data_", [])}
    history = net.history
    if len(history):
        training["epochs"] = len(history)
    return training


def _scores(scores):
    if not isinstance(scores, Mapping):
        raise TypeError(
            "scores must be a dict of names and numbers, as fiqdr_scoring returns, got "
            f"{scores!r}."
        )
    plain = {}
    for name, score in scores.items():
        try:
            plain[str(name)] = float(score) if np.isfinite(score) else None
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"scores[{name!r}] must be a number, got {score!r}."
            ) from error
    return plain


def _check_size(path, fitted, parameters, tensors):
    """Raise where the first layer would be larger than all weights that there are."""
    n_inputs = fitted.get("n_features_in_", 0)
    n_hidden = parameters.get("module__embedding_size", 128)
    n_classes = len(fitted["classes_"]["values"]) if "classes_" in fitted else 0
    n_needed = max(n_inputs, n_classes) * n_hidden
    n_weights = sum(tensor.numel() for tensor in tensors.values())
    if "module" not in parameters and n_needed > n_weights:
        raise damaged(path, f"fitted.n_features_in_ is {n_inputs}, for fewer weights")


def _build(cls, path, fitted, parameters):
    """Return the net that the JSON describes, with random weights."""
    try:
        # The weights are in the folder: nothing is to be fetched or read for them.
        net = cls(**{**parameters, "weights": None})
        for name, value in fitted.items():
            setattr(net, name, _rich(name, value))
        n_cuts = len(fitted.get("grade_cut_points_", ()))
        if n_cuts and n_cuts != len(net.classes_) - 1:
            raise ValueError(f"{n_cuts} cut-points for {len(net.classes_)} grades")
        with net._own_generator(start_afresh=True):
            net.initialize()
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise ValueError(
            f"{str(path)!r} cannot be built as a {cls.__name__}: {error}"
        ) from error
    return net


def _rich(name, value):
    if name == "classes_":
        return classes_from_json(value)
    if name == "class_weights_":
        return torch.tensor(value)
    if name == "grade_cut_points_":
        return np.array(value, dtype=float)
    return np.array(value, dtype=object) if name == "feature_names_in_" else value


def _read_tensors(path, sha256):
    try:
        weights = read_regular(path, MOST_WEIGHTS)
    except ValueError as error:
        raise damaged(path, str(error)) from error
    if sha256 is not None and hashlib.sha256(weights).hexdigest() != sha256:
        raise damaged(path, f"it is not the file that {CONFIG} was written with")
    try:
        return safetensors.torch.load(weights)
    except safetensors.SafetensorError as error:
        raise damaged(path, f"it is not a safetensors file ({error})") from error


def _load_state(path, module, part, tensors):
    expected = module.state_dict()
    state = {
        name.removeprefix(f"{part}."): tensor
        for name, tensor in tensors.items()
        if name.split(".")[0] == part or name.split(".")[0] not in PARTS
    }
    wrong = sorted(expected.keys() ^ state.keys()) or [
        name
        for name, tensor in state.items()
        if (tensor.shape, tensor.dtype) != (expected[name].shape, expected[name].dtype)
    ]
    if wrong:
        raise ValueError(
            f"{str(path)!r} does not fit the network that {CONFIG} describes: "
            f"{len(wrong)} of {len(expected)} tensors are missing, unknown or of "
            f"another shape or dtype, the first {part + '.' + wrong[0]!r}. Choose the "
            "backbone that the model was saved with."
        )
    unusable = name_of_nan(state.items())
    if unusable is not None:
        raise ValueError(
            f"{str(path)!r} holds nan in {part + '.' + unusable!r}, which makes every "
            "prediction nan. Fit the model again, and save it again."
        )
    module.load_state_dict(state)
