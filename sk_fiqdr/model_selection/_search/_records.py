"""What a search has found out so far: a JSON file for each candidate and fold."""

import hashlib
import json
import os
import stat
import sys
import warnings
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath

import numpy as np
from joblib.hashing import NumpyHasher
from sklearn.frozen import FrozenEstimator

from ...utils._digest import NO_PART as NO_PART_OF_NETS
from ...utils._digest import WEIGHTS, describe, describe_weights, is_tensor
from ...utils._files import create_draft
from ...utils._version import __version__
from .._patients import holds_paths

FORMAT = 1
# How and where is computed, beside what is known of nets.
NO_PART = ("n_jobs", "memory", "num_workers", "progress")
LIBRARIES = ("numpy", "scipy", "scikit-learn", "skorch", "torch", "torchvision")


class Records:
    """The records of one search, of certain data and scores.

    Parameters
    ----------
    folder : Path
        Where they lie.
    run : str
        The run of the search that writes new ones.
    n_metrics : int
        How many scorers are asked.
    n_scores : int
        How many scores make a record complete: each scorer on the test part, and on the
        training part where that is wanted.
    """

    def __init__(self, folder, run, *, n_metrics, n_scores):
        self.folder = Path(folder)
        self.run = run
        self.n_metrics = n_metrics
        self.n_scores = n_scores

    def read(self, key):
        """Return the record of one fit, None where there is no whole one.

        Parameters
        ----------
        key : str
            By what the fit is known.

        Returns
        -------
        record : dict or None
            As it was written.
        """
        path = self._path(key)
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            content = json.loads(text)
            record = content["record"]
            if content["sha256"] != _checksum(record):
                raise ValueError("its checksum differs")
            if record["key"] != key:
                raise ValueError(f"it is of another fit, {record['key']!r}")
        except (ValueError, KeyError, TypeError) as error:
            warnings.warn(
                f"{str(path)!r} is damaged ({error!r}), expected a result that "
                "SearchCheckpoint has kept. This candidate and fold are done again.",
                UserWarning,
                stacklevel=2,
            )
            return None
        return record

    def write(self, record):
        """Keep a record; it appears whole or not at all.

        Parameters
        ----------
        record : dict
            For `json.dumps`.
        """
        content = {"record": record, "sha256": _checksum(record)}
        passing = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with create_draft(self.folder) as file:
                passing = file.name
                file.write(json.dumps(content, indent=1).encode())
                file.flush()
                os.fsync(file.fileno())
            os.replace(passing, self._path(record["key"]))
        except OSError as error:
            if passing is not None:
                with suppress(OSError):
                    os.unlink(passing)
            # The search is worth more than its records.
            warnings.warn(
                f"A result could not be kept in {str(self.folder)!r} "
                f"({error.strerror}): were the search stopped, it would be done again.",
                UserWarning,
                stacklevel=2,
            )

    def read_all(self):
        """Return all whole records, in lists by their candidate."""
        candidates = {}
        for path in sorted(self.folder.glob("*.json")):
            record = self.read(path.stem)
            if record is not None:
                candidates.setdefault(record["candidate"], []).append(record)
        return candidates

    def _path(self, key):
        return self.folder / f"{key}.json"


def candidate_key(estimator):
    """Return what tells an estimator before its fit from others.

    Parameters
    ----------
    estimator : estimator
        With the parameters of a candidate.

    Returns
    -------
    key : str
        Hangs on the classes of all estimators in it, the versions of their packages,
        and their parameters, but for those that only say how and where to compute.
    """
    return _checksum(_outline(estimator))[:40]


def data_key(*data):
    """Return what tells data from other data.

    Parameters
    ----------
    *data : object
        Arrays, frames, lists, dicts and None. Arrays count by their content, files by
        their name, the name of their folder, their size and their time of change.

    Returns
    -------
    key : str
        40 hexadecimal digits.
    """
    return _checksum([_outline_data(part) for part in data])[:40]


def versions():
    """Return the versions on which scores may hang."""
    found = {"sk-fiqdr": __version__}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _outline(value):
    if isinstance(value, FrozenEstimator):
        return ["frozen", _outline(value.estimator), _hash(value.estimator)]
    if _is_estimator(value):
        package = type(value).__module__.partition(".")[0]
        release = getattr(sys.modules.get(package), "__version__", None)
        parameters = {
            name: describe_weights(part) if name in WEIGHTS else _outline(part)
            for name, part in value.get_params(deep=False).items()
            if name not in NO_PART and not NO_PART_OF_NETS.fullmatch(name)
        }
        return [describe(type(value)), str(release), parameters]
    if isinstance(value, list | tuple):
        return [_outline(part) for part in value]
    if isinstance(value, dict):
        return {str(describe(name)): _outline(part) for name, part in value.items()}
    return describe(value)


def _is_estimator(value):
    return (
        hasattr(value, "fit")
        and hasattr(value, "get_params")
        and not isinstance(value, type)
    )


def _outline_data(value):
    if value is None:
        return None
    if isinstance(value, dict):
        return {str(name): _outline_data(part) for name, part in value.items()}
    if hasattr(value, "columns"):
        columns = [_outline_data(value[name].to_numpy()) for name in value.columns]
        return [[str(name) for name in value.columns], columns]
    if holds_paths(value):
        return [
            _outline_path(part) if isinstance(part, str | os.PathLike) else repr(part)
            for part in value
        ]
    if isinstance(value, np.ndarray):
        return describe(value)
    if hasattr(value, "to_numpy"):
        return describe(value.to_numpy())
    return _hash(value)


class _Hasher(NumpyHasher):
    """joblib's hash, which differs between processes for tensors and for nets."""

    def save(self, obj):
        """Save a net as its weights and a tensor as its bytes."""
        module = getattr(obj, "module_", None)
        if hasattr(module, "state_dict"):
            obj = module.state_dict()
        elif hasattr(obj, "state_dict") and not isinstance(obj, type):
            obj = obj.state_dict()
        if is_tensor(obj):
            obj = ["tensor", *describe(obj)]
        super().save(obj)


def _hash(value):
    return _Hasher("md5").hash(value)


def _outline_path(path):
    """Describe a file, or a text that is the name of none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return str(path)
    if not stat.S_ISREG(status.st_mode):
        return str(path)
    return [*PurePath(path).parts[-2:], status.st_size, status.st_mtime_ns]


def _checksum(value):
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
