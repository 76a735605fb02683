"""The JSON beside saved weights: read with suspicion, since it may come from anyone."""

import hashlib
import json
import re

import numpy as np

from ...utils._files import read_regular

CONFIG = "config.json"
MOST_JSON = 2**26  # bytes; a real one has some thousand
MOST_CLASSES = 2**20  # bytes
FORMAT = 3
LARGEST = 1e300  # of numbers; int may be larger than any float


def read_config(path):
    """Read and check the JSON of a saved model.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    config : dict
        The fields of today's format; those that an older one lacks are empty.

    Raises
    ------
    ValueError
        If anything in it is not what `save_pretrained` writes; the message names it.
    """
    try:
        config = parse_json(read_regular(path, MOST_JSON))
        sha256 = checksum(config)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"it is not JSON ({error})") from error
    written = config.get("format") if isinstance(config, dict) else None
    if not _is_count(written) or written < 1:
        raise damaged(path, f"its format is {written!r}, expected 1 to {FORMAT}")
    if written > FORMAT:
        raise ValueError(
            f"{str(path)!r} has format {written}, this version reads up to {FORMAT}. "
            "Install a newer sk-fiqdr."
        )
    if written == 1:
        config = _from_format_1(path, config)
    elif not _is_sha256(config.get("weights_sha256")):
        raise damaged(path, f"weights_sha256 is {_shown(config.get('weights_sha256'))}")
    if written > 2 and config.pop("sha256", None) != sha256:
        raise damaged(path, "its checksum does not match its content")
    _check(path, "", config, CONFIG_RULES)
    _check(path, "fitted.", config["fitted"], FITTED_RULES, optional=FITTED_RULES)
    _check(path, "training.", config["training"], TRAINING_RULES, optional=["epochs"])
    for summary in config["training"]["data"]:
        _check(path, "training.data.", summary, DATA_RULES)
    return config


def parse_json(data):
    """Read JSON as it was written here: no nan, no name twice.

    Parameters
    ----------
    data : bytes
        UTF-8.

    Returns
    -------
    content : object
        What it holds.

    Raises
    ------
    ValueError, RecursionError
        If it is something else.
    """
    return json.loads(
        data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse_constant
    )


def _once(pairs):
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a name occurs twice")
    return fields


def _refuse_constant(name):
    raise ValueError(f"it holds {name}")


def checksum(config):
    """Return the checksum of the JSON of a saved model.

    Parameters
    ----------
    config : dict
        All fields, the checksum of the weights among them. Its own does not count.

    Returns
    -------
    sha256 : str
        64 hexadecimal digits; neither blanks nor the order of fields count.
    """
    if isinstance(config, dict):
        config = {name: value for name, value in config.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def damaged(path, reason):
    """Return the error that says what is wrong with a saved file.

    Parameters
    ----------
    path : Path
        The file.
    reason : str
        What is wrong.

    Returns
    -------
    error : ValueError
        To be raised.
    """
    return ValueError(f"{str(path)!r} is damaged: {reason}. Save the model again.")


def classes_to_json(classes):
    """Return classes as JSON holds them.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        Text, numbers or truth values.

    Returns
    -------
    packed : dict
        Their dtype and values.
    """
    return {"dtype": classes.dtype.str, "values": classes.tolist()}


def classes_from_json(packed):
    """Return the classes that `classes_to_json` was given.

    Parameters
    ----------
    packed : dict
        Their dtype and values.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        As they were.
    """
    return np.array(packed["values"], dtype=np.dtype(packed["dtype"]))


def _from_format_1(path, config):
    """Bring what 0.1.0 wrote at first to the fields of today."""
    _check(path, "", config, FORMAT_1_RULES)
    versions = {"sk_fiqdr": config.pop("version"), "torch": config.pop("torch")}
    fitted = dict(config["fitted"])
    if isinstance(fitted.get("classes_"), list):
        fitted["classes_"] = classes_to_json(np.array(fitted["classes_"]))
    return {
        **config,
        "fitted": fitted,
        "versions": versions,
        "training": {"data": []},
        "scores": {},
        "weights_sha256": None,
    }


def _check(path, where, fields, rules, optional=()):
    """Raise unless `fields` has all that `rules` ask for, and nothing else."""
    if not isinstance(fields, dict):
        raise damaged(path, f"{where or 'it'} holds {_shown(fields)}, not fields")
    for name in sorted(fields.keys() - rules.keys()):
        raise damaged(path, f"it has the unknown field {where}{_shown(name)}")
    for name in sorted(rules.keys() - fields.keys() - set(optional)):
        raise damaged(path, f"it has no field {where}{name}")
    for name, value in fields.items():
        if not rules[name](value):
            raise damaged(path, f"{where}{name} is {_shown(value)}")


def _shown(value):
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _is_count(value):
    return type(value) is int and value >= 0


def _is_number(value):
    return type(value) in (int, float) and abs(value) < LARGEST


def _is_text(value):
    return isinstance(value, str)


def _is_object(value):
    return isinstance(value, dict)


def _is_sha256(value):
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def _each(rule):
    """Whether something is a list whose items all obey a rule."""
    return lambda value: isinstance(value, list) and all(map(rule, value))


def _values(rule):
    """Whether something is a dict whose values all obey a rule."""
    return lambda value: isinstance(value, dict) and all(map(rule, value.values()))


def _are_classes(value):
    if not (isinstance(value, dict) and value.keys() == {"dtype", "values"}):
        return False
    dtype, values = value["dtype"], value["values"]
    if not (
        isinstance(dtype, str)
        and re.fullmatch(r"[<>|=]?(O|[Ubiuf]\d{1,4})", dtype)
        and _each(lambda it: isinstance(it, str | bool | int | float))(values)
        and len({type(it) for it in values}) == 1
        and len(set(values)) == len(values) >= 2
    ):
        return False
    try:
        if np.dtype(dtype).itemsize * len(values) > MOST_CLASSES:
            return False
        return classes_from_json(value).tolist() == values
    except (TypeError, ValueError, OverflowError):
        return False


def _is_input(value):
    return (
        isinstance(value, dict)
        and value.get("kind") in ["paths", "images"]
        and value.keys() - {"height", "width"} == {"kind", "image_size"}
        and all(_is_count(value[name]) for name in value.keys() - {"kind"})
    )


def _are_labels(value):
    return _is_count(value.get("n_unknown")) and _values(_is_count)(value.get("counts"))


FORMAT_1_RULES = {
    "format": _is_count,
    "estimator": _is_text,
    "version": _is_text,
    "torch": _is_text,
    "parameters": _is_object,
    "not_saved": _values(_is_text),
    "fitted": _is_object,
}
CONFIG_RULES = {
    "format": _is_count,
    "estimator": _is_text,
    "versions": _values(_is_text),
    "parameters": _is_object,
    "not_saved": _values(_is_text),
    "fitted": _is_object,
    "training": _is_object,
    "scores": _values(lambda score: score is None or _is_number(score)),
    "weights_sha256": lambda value: value is None or _is_sha256(value),
}
# What a fit learns besides tensors, and predict needs.
FITTED_RULES = {
    "classes_": _are_classes,
    "class_weights_": lambda value: _each(_is_number)(value) and len(value) == 2,
    "n_features_in_": lambda value: _is_count(value) and value > 0,
    "feature_names_in_": _each(_is_text),
    "grade_cut_points_": lambda value: (
        _each(_is_number)(value) and len(value) > 0 and value == sorted(value)
    ),
    "input_": _is_input,
}
TRAINING_RULES = {
    "data": _each(_is_object),
    "epochs": _is_count,
}
DATA_RULES = {
    "kind": lambda value: value in ["paths", "images", "features"],
    "n_samples": _is_count,
    "n_patients": lambda value: value is None or _is_count(value),
    "labels": lambda value: (
        _values(_is_object)(value) and all(map(_are_labels, value.values()))
    ),
    "sha256": _is_sha256,
}
