"""Identity of values across processes; torch is used only where it is imported."""

import enum
import functools
import hashlib
import json
import numbers
import operator
import os
import re
import sys
import types
from pathlib import PurePath

import numpy as np
from joblib.hashing import NumpyHasher
from sklearn.frozen import FrozenEstimator

from ._same_file import content_of
from ._source import source_of

# Parameters that say how and where it is computed, and not what.
NO_PART = re.compile(
    r"checkpoint_dir|device|verbose|n_jobs|memory|num_workers|progress|"
    r"callbacks__print_log|iterator_(train|valid)__"
    r"(num_workers|pin_memory|prefetch_factor|persistent_workers|timeout|"
    r"multiprocessing_context)"
)
WEIGHTS = ("weights", "module__weights")  # parameters that may name a file
DEPTH = 8
# Classes of these count by name; those of users by the source of their methods.
LIBRARIES = {
    "accelerate",
    "builtins",
    "numpy",
    "sk_fiqdr",
    "skorch",
    "sklearn",
    "timm",
    "torch",
    "torchvision",
}

# Modules of this package's classes in the keys of the first checkpoints and searches.
FIRST_MODULES = {
    "DRGrader": "_classifiers",
    "DeepFeatures": "_deep_features",
    "FIQDRClassifier": "_classifiers",
    "PatientStratifiedKFold": "model_selection._split",
    "PatientValidSplit": "model_selection._valid_split",
    "QualityClassifier": "_classifiers",
}


def digest(value):
    """Return a hash of a value of any kind.

    Parameters
    ----------
    value : object
        As for `describe`.

    Returns
    -------
    digest : str
        40 hexadecimal digits, equal for equal values, in every process.
    """
    return _digest(json.dumps(describe(value), sort_keys=True).encode())


def describe(value, depth=0):
    """Return the identity of a value, without addresses, for `json.dumps`.

    Parameters
    ----------
    value : object
        A parameter of any kind. Functions count by their source, estimators by their
        class and parameters, other objects by their class and attributes.
    depth : int, default=0
        Nesting depth inside another value.

    Returns
    -------
    description : object
        Equal for equal values, in every process.
    """
    inner = functools.partial(describe, depth=depth + 1)
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Real):  # 27 is 27.0
        return repr(float(value))
    if isinstance(value, bytes):
        return _digest(value)
    if isinstance(value, PurePath | enum.Enum):
        return str(value)
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            return [inner(item) for item in value.tolist()]
        data = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
        return [str(value.dtype), list(value.shape), _digest(data)]
    if is_tensor(value):
        from ._packing import pack

        tensors = {}
        pack(value, tensors, "")
        data = tensors[""].reshape(-1).view(sys.modules["torch"].uint8).numpy()
        return [str(value.dtype), list(value.shape), _digest(data)]
    if isinstance(value, type | types.BuiltinFunctionType | np.ufunc):
        name = _full_name(value)
        if name.partition(".")[0] in LIBRARIES or not isinstance(value, type):
            return name
        return [name, {key: inner(part) for key, part in _methods(value)}]
    if depth > DEPTH:
        return type(value).__qualname__
    if isinstance(value, dict):
        return [[str(inner(key)), inner(item)] for key, item in value.items()]
    if isinstance(value, set | frozenset):
        return sorted(str(inner(item)) for item in value)
    if isinstance(value, list | tuple):
        return [inner(item) for item in value]
    if isinstance(value, types.CodeType):
        source = source_of(value)
        if source is not None:
            return source
        return [value.co_code.hex(), inner(value.co_names), inner(value.co_consts)]
    if isinstance(value, types.FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        given = value.__code__, value.__defaults__, value.__kwdefaults__, cells
        return [_full_name(value), *map(inner, given)]
    if isinstance(value, types.MethodType):
        return [value.__func__.__qualname__, inner(value.__self__)]
    if isinstance(value, FrozenEstimator):
        return ["frozen", inner(value.estimator), describe_content(value.estimator)]
    if hasattr(value, "fit") and hasattr(value, "get_params"):
        package = sys.modules.get(type(value).__module__.partition(".")[0])
        version = str(getattr(package, "__version__", None))
        parameters = describe_parameters(value).items()
        described = {name: describe(part) for name, part in parameters}
        return [inner(type(value)), version, described]
    if isinstance(value, functools.partial):
        return inner([value.func, value.args, value.keywords])
    return [inner(type(value)), inner(_content(value))]


def _full_name(value):
    """Return a name that stays the same when a class of this package is moved.

    It is the public one, without the private files on the way. Those that had another
    name when the first checkpoints were written keep it.
    """
    module, name = value.__module__, getattr(value, "__qualname__", value.__name__)
    if module is None or module.partition(".")[0] != "sk_fiqdr":
        return f"{module}.{name}"
    if name in FIRST_MODULES:
        return f"sk_fiqdr.{FIRST_MODULES[name]}.{name}"
    public = module.partition("._")[0]
    return f"{public}.{name}"


def describe_parameters(estimator):
    """Return the parameters of an estimator that change what it computes.

    Parameters
    ----------
    estimator : estimator
        A net, whose parameters may say how and where it computes, or another one.

    Returns
    -------
    parameters : dict
        By name; files of weights as `describe_weights` returns them.
    """
    return {
        name: describe_weights(value) if name in WEIGHTS else value
        for name, value in estimator.get_params(deep=False).items()
        if not NO_PART.fullmatch(name)
    }


def describe_weights(weights):
    """Return the identity of the weights of a network.

    Parameters
    ----------
    weights : object
        A parameter. A file counts by its content, in any folder; anything else as for
        `describe`.

    Returns
    -------
    description : object
        For `json.dumps`.
    """
    is_path = isinstance(weights, str | os.PathLike) and weights != "DEFAULT"
    if is_path and os.path.isfile(weights):
        return ["file", content_of(weights)]
    return describe(weights)


def describe_content(value):
    """Return a hash of the whole content of a value, such as a fitted estimator.

    Parameters
    ----------
    value : object
        Anything that joblib can hash.

    Returns
    -------
    digest : str
        32 hexadecimal digits. A net counts by its weights.
    """
    return _ContentHasher("md5").hash(value)


class _ContentHasher(NumpyHasher):
    """joblib's hash, which differs between processes for tensors and for nets."""

    def save(self, obj):
        """Save a net as its weights and a tensor as its bytes."""
        module = getattr(obj, "module_", None)
        if hasattr(module, "state_dict"):
            obj = module.state_dict()
        elif hasattr(obj, "state_dict") and not isinstance(obj, type):
            obj = obj.state_dict()
        super().save(["tensor", *describe(obj)] if is_tensor(obj) else obj)


def _methods(cls):
    """Return name, code and defaults of the methods that a user has written."""
    methods = []
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] not in LIBRARIES:
            for name, item in vars(base).items():
                item = getattr(item, "__func__", getattr(item, "fget", item))
                if isinstance(item, types.FunctionType):
                    part = [item.__code__, item.__defaults__, item.__kwdefaults__]
                    methods.append((f"{base.__qualname__}.{name}", part))
    return sorted(methods, key=lambda method: method[0])


def _content(value):
    """Return the attributes of an object, except those that it has learned."""
    if _is_torchs(value, "nn.Module"):
        public = {key: item for key, item in vars(value).items() if key[:1] != "_"}
        return [_name(value), value.state_dict(), public]
    if isinstance(value, np.random.RandomState) or _is_torchs(value, "Generator"):
        return value.get_state()
    if isinstance(value, np.random.Generator):
        return value.bit_generator.state
    attributes = getattr(value, "__dict__", None)
    if attributes is None:
        return _name(value)
    return {name: item for name, item in sorted(attributes.items()) if name[-1:] != "_"}


def _name(value):
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def is_tensor(value):
    """Return whether a value is a tensor of torch, without importing torch.

    Parameters
    ----------
    value : object
        Any value.

    Returns
    -------
    is_tensor : bool
        False if torch was not imported.
    """
    return _is_torchs(value, "Tensor")


def _is_torchs(value, *names):
    """Return whether a value is of one of torch's types; False without torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(
        value, tuple(operator.attrgetter(name)(torch) for name in names)
    )


def _digest(data):
    return hashlib.sha256(data).hexdigest()[:40]
