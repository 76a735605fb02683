"""The parameters that a saved model may carry: an allow-list, typed and bounded.

A folder may come from anyone. What is not listed is left at its default when the model
is loaded: places, devices, processes, callbacks, compilers, classes. What predictions
depend on has to be passed again where a file cannot hold it.
"""

import json
import re
from pathlib import PurePath

import numpy as np
import torch

from ...losses._grade import GRADE_LOSSES
from ...utils._digest import NO_PART
from ._saved_format import damaged

# What skorch knows by a prefix; earlier versions saved any of it.
PASSED_ON = re.compile(
    r"(module|criterion|optimizer|iterator_train|iterator_valid|dataset|callbacks"
    r"|compile|train_split)__\w+"
)
# What predictions do not depend on: a default may take its place.
SPARE = re.compile(
    NO_PART.pattern
    + r"|(optimizer|iterator_train|iterator_valid|dataset|callbacks|compile"
    r"|train_split)(__\w+)?|augment|balance|batch_size|beta|early_stopping|freeze"
    r"|grade_loss|gradient_clip|lambd|(backbone_)?lr|lr_schedule|max_epochs|on_(error|damage)"
    r"|predict_nonlinearity|quality_loss_weight|random_state|torch_load_kwargs"
    r"|use_caching|warm_start|(module__)?weights"
)
# Of this machine only; the weights are in the folder.
OF_THIS_MACHINE = re.compile(
    NO_PART.pattern + r"|compile(__\w+)?|module__weights|torch_load_kwargs|use_caching"
)


def to_json(net):
    """Return the parameters that a file may hold, and the names of the others' values.

    Parameters
    ----------
    net : FundusNet
        The net.

    Returns
    -------
    parameters : dict
        Those that `RULES` allow, as JSON holds them.
    not_saved : dict of str to str
        What the others are called, where they are not at their defaults.
    """
    parameters, not_saved = {}, {}
    default = default_names(type(net))
    for name, value in net.get_params(deep=False).items():
        plain = _plain(value)
        if name in RULES and RULES[name](plain):
            parameters[name] = plain
        elif not OF_THIS_MACHINE.fullmatch(name) and _name(value) != default.get(name):
            not_saved[name] = _name(value)
    return parameters, not_saved


def from_json(cls, path, config, given):
    """Return the parameters to be taken from a saved model.

    Parameters
    ----------
    cls : type
        The estimator.
    path : Path
        The file, for messages.
    config : dict
        Its content.
    given : dict
        Parameters that the user has passed, which come first.

    Returns
    -------
    parameters : dict
        Those that `RULES` allow.

    Raises
    ------
    ValueError
        If one is unknown, or of a type or size that is not allowed, or if one that
        predictions depend on has to be passed again.
    """
    default = default_names(cls)
    saved, not_saved = config["parameters"], config["not_saved"]
    for name in [*saved, *not_saved]:
        if name not in default and not PASSED_ON.fullmatch(name):
            raise damaged(path, f"it has the unknown parameter {name!r}")
    rest = {k: _name(v) for k, v in saved.items() if k not in RULES} | not_saved
    for name, value in rest.items():
        if name in given or value == default.get(name) or SPARE.fullmatch(name):
            continue
        raise ValueError(
            f"The model in {str(path.parent)!r} was built on {name}={value!r}, which "
            f"cannot be saved. Pass it again: from_pretrained(folder, {name}=...)."
        )
    taken = {name: saved[name] for name in RULES.keys() & saved.keys() - given.keys()}
    for name, value in taken.items():
        # The path of a file that earlier versions saved: it may lie anywhere.
        if not RULES[name](value) and name != "weights":
            raise damaged(path, f"parameters.{name} is {repr(value)[:80]}")
    dropped = set() if _is_weights(taken.get("weights")) else {"weights"}
    if "optimizer" in not_saved and "optimizer" not in given:
        dropped |= OPTIMIZER_RULES.keys()  # another optimiser may not know them
    if "train_split" not in given:
        dropped.add("early_stopping")  # it watches the part that is split off
    return {name: value for name, value in taken.items() if name not in dropped}


def default_names(cls):
    """Return what messages call the default values of an estimator's parameters.

    Parameters
    ----------
    cls : type
        The estimator.

    Returns
    -------
    names : dict of str to str
        By parameter.
    """
    return {name: _name(value) for name, value in cls().get_params(deep=False).items()}


def _name(value):
    """Return what a message calls a value that JSON cannot hold."""
    if isinstance(value, torch.nn.Module):
        return type(value).__qualname__
    name = getattr(value, "__qualname__", None) or repr(value)
    return re.sub(r" at 0x[0-9a-f]+", "", name)


def _plain(value):
    """Return a value as JSON gives it back, or the value itself."""
    try:
        text = json.dumps(value, default=plain, allow_nan=False)
    except (TypeError, ValueError):
        return value
    return json.loads(text)


def plain(value):
    """Turn numbers and arrays of NumPy and torch, and paths, into what JSON holds.

    Parameters
    ----------
    value : object
        Anything that `json.dumps` cannot write.

    Returns
    -------
    plain : object
        Numbers, lists or text.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if isinstance(value, np.generic | np.ndarray | torch.Tensor):
        return value.tolist()
    if isinstance(value, PurePath):
        return str(value)
    raise TypeError


def _number(low, high):
    return lambda value: type(value) in (int, float) and low <= value <= high


def _whole(low, high):
    return lambda value: type(value) is int and low <= value <= high


def _numbers(length, rule):
    return lambda value: (
        isinstance(value, list) and len(value) == length and all(map(rule, value))
    )


def _one_of(*allowed):
    """Whether a value is one of some, True and 1 being two."""
    kinds = {(type(value), value) for value in allowed}
    return lambda value: (
        isinstance(value, bool | str | None) and (type(value), value) in kinds
    )


def _either(*rules):
    return lambda value: any(rule(value) for rule in rules)


def _is_backbone(value):
    is_name = isinstance(value, str) and re.fullmatch(r"(timm/)?[\w.-]{1,100}", value)
    return value is None or bool(is_name)


_nothing = _one_of(None)
_truth = _one_of(False, True)
_positive = _number(0, 1e9)
_is_weights = _one_of(None, "auto", "DEFAULT")
LONGEST_LABEL = 200  # characters


def _is_short_text(value):
    return isinstance(value, str) and len(value) <= LONGEST_LABEL


OPTIMIZER_RULES = {
    **dict.fromkeys(
        [f"optimizer__{name}" for name in ("momentum", "dampening", "weight_decay")]
        + [f"optimizer__{name}" for name in ("alpha", "eps", "lr_decay", "rho")],
        _positive,
    ),
    "optimizer__betas": _numbers(2, _number(0, 1)),
    **dict.fromkeys(
        [f"optimizer__{name}" for name in ("nesterov", "amsgrad", "centered")], _truth
    ),
}
RULES = {
    # The network.
    "backbone": _is_backbone,
    "weights": _is_weights,
    "image_size": _whole(1, 4096),
    "amp": _one_of("auto", False, True),
    "module__embedding_size": _whole(1, 65_536),
    "module__dropout": _number(0, 1),
    "module__pooling": _one_of("mean", "stages"),
    "module__mirror": _truth,
    "module__mean": _either(_nothing, _numbers(3, _number(-1e6, 1e6))),
    "module__std": _either(_nothing, _numbers(3, _number(1e-6, 1e6))),
    # The loss.
    "beta": _either(_one_of("balanced"), _positive, _numbers(2, _positive)),
    "lambd": _positive,
    "quality_loss_weight": _positive,
    "grade_loss": _one_of(*GRADE_LOSSES),
    "solver": _one_of("gradient", "ridge", "average"),
    "criterion__alpha": _positive,
    "poor_label": _either(_nothing, _truth, _number(-1e9, 1e9), _is_short_text),
    # The training, to continue it.
    "augment": _one_of("flips", "default", None),
    "freeze": _either(_truth, _whole(0, 1_000_000)),
    "random_state": _either(_nothing, _whole(0, 2**32 - 1)),
    "max_epochs": _whole(1, 1_000_000),
    "batch_size": _either(_whole(-1, -1), _whole(1, 1_000_000)),
    "lr": _positive,
    "lr_schedule": _one_of("one_cycle", "constant"),
    "backbone_lr": _either(_nothing, _positive),
    "gradient_clip": _either(_nothing, _positive),
    "balance": _one_of(None, "grade", "quality"),
    "early_stopping": _either(_nothing, _whole(1, 1_000_000)),
    "on_error": _one_of("raise", "warn", "skip"),
    "on_damage": _one_of("warn", "raise", "ignore"),
    "warm_start": _truth,
    **OPTIMIZER_RULES,
}
