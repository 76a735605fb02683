"""Stored results of a search: a JSON file for each fit, named by the fit's identity."""

import json
import os
import warnings
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np

from ...utils._digest import describe_content, digest
from ...utils._files import read_regular, written_whole
from ...utils._same_file import size_and_time
from ...utils._version import versions
from .._patient_ids import holds_paths

MOST = 2**28  # bytes of a file


class Records(NamedTuple):
    """The folder of the results, and which scores a search asks for."""

    folder: Path
    scoring: str  # digest of it
    train_scores: bool

    def read(self, key):
        """Return the record of one fit; None if there is none, or it is damaged."""
        path = self.folder / key[:2] / f"{key}.json"
        try:
            content = json.loads(read_regular(path, MOST))
            if content["checksum"] != digest([key, content["record"]]):
                raise ValueError("its checksum differs")
            return content["record"]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            warnings.warn(
                f"{str(path)!r} is damaged ({error!r}), expected a result of "
                "SearchCheckpoint. This candidate and fold are fitted again.",
                stacklevel=2,
            )
            return None

    def write(self, key, record):
        """Write a record; if that is impossible, warn, as the search is worth more."""
        path = self.folder / key[:2] / f"{key}.json"
        content = {"record": record, "checksum": digest([key, record])}
        try:
            path.parent.mkdir(exist_ok=True)
            with written_whole(path, durable=True) as draft:
                draft.write_text(json.dumps(content, indent=1), encoding="utf-8")
        except OSError as error:
            warnings.warn(
                f"A result could not be kept in {str(self.folder)!r} "
                f"({error.strerror}): a search that resumes fits it again.",
                stacklevel=2,
            )


def candidate_key(estimator):
    """Return the identity of an estimator to fit: classes, parameters and versions."""
    return digest([estimator, versions()])


def data_key(*data):
    """Return the identity of data: content; name, folder, size and time of files."""
    return digest([_describe_data(part) for part in data])


def _describe_data(data):
    if isinstance(data, dict):
        return [[name, _describe_data(part)] for name, part in data.items()]
    if hasattr(data, "columns"):
        columns = [_describe_data(data[name].to_numpy()) for name in data.columns]
        return [[str(name) for name in data.columns], columns]
    if holds_paths(data):
        return [_describe_path(part) for part in data]
    data = data.to_numpy() if hasattr(data, "to_numpy") else data
    known = data is None or isinstance(data, np.ndarray)
    return data if known else describe_content(data)


def _describe_path(path):
    is_file = isinstance(path, str | os.PathLike) and os.path.isfile(path)
    facts = size_and_time(path) if is_file else None  # a text may name a folder
    return [*PurePath(path).parts[-2:], *facts] if facts else str(path)
