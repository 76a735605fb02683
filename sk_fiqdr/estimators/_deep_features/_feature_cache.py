"""Features that were computed once, kept on the disk: a folder for each network.

Rows are dealt by their key to 64 files, so that few files hold many images, and several
processes can share the work: each claims files that no other process has, and reads
those that others have filled meanwhile. A file is written under a temporary name,
fsynced and renamed. It holds its own checksum, and reading it runs no code from it.
"""

import errno
import hashlib
import json
import os
import random
import time
import warnings
from contextlib import ExitStack, suppress
from pathlib import Path

import joblib
import numpy as np
import safetensors
import safetensors.numpy
from filelock import FileLock, Timeout

from ...utils._check_images import PATHS
from ...utils._files import draft_prefix, read_regular, written_whole
from ...utils._same_file import place_and_times
from ...utils._version import FEATURE_LIBRARIES, versions

N_FILES = 64
FIRST_SHARE = 256  # images that are computed before anything is written
MOST = 2**34  # bytes of a file
STRANGE = (
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
)  # what its tensors may cause
SECONDS = 10  # of computing that a process may lose when it is killed, then


def image_keys(X, kind):
    """Return the identity of each image.

    Parameters
    ----------
    X : ndarray
        Paths or uint8 images.
    kind : {"paths", "images"}
        What X holds.

    Returns
    -------
    keys : list of bytes or None
        Files are known by `place_and_times`, pixels by themselves. None where there is
        no such file.
    """
    return [_file_key(path) if kind == PATHS else _pixel_key(path) for path in X]


def _file_key(path):
    known_by = place_and_times(path)
    return known_by and _digest(os.fsencode(repr(known_by)))


def _pixel_key(image):
    return _digest(repr(image.shape).encode(), np.ascontiguousarray(image))


class FeatureCache:
    """The features that one network makes of images.

    Parameters
    ----------
    folder : Path
        The network's own folder; it is made when something is written.
    keys : list of bytes or None
        By what each wanted image is known; None is never kept.
    features : ndarray of shape (n, d)
        float32; receives a row for each key.

    Raises
    ------
    OSError
        If it cannot be written; what has been written before is whole.
    """

    def __init__(self, folder, keys, features):
        self.folder = Path(folder)
        self.keys = keys
        self.features = features

    def read(self):
        """Fill in what is known already.

        Returns
        -------
        missing : dict of int to list of int
            Rows that are not known, by the number of their file.
        """
        files = {}
        for row, key in enumerate(self.keys):
            if key is not None:
                files.setdefault(key[0] % N_FILES, []).append(row)
        left = {file: self._read_file(file, rows) for file, rows in files.items()}
        return {file: rows for file, rows in left.items() if rows}

    def complete(self, missing, compute, show):
        """Compute what is missing, together with whoever computes it too.

        Parameters
        ----------
        missing : dict of int to list of int
            From `read`.
        compute : callable
            ``compute(rows)`` returns features (len(rows), d), nan where an image cannot
            be read.
        show : callable
            ``show(n)`` is called when n more rows are done.
        """
        files = list(missing)
        first = random.randrange(len(files)) if files else 0  # others start elsewhere
        todo = {file: missing[file] for file in files[first:] + files[:first]}
        share = FIRST_SHARE
        while todo:
            with ExitStack() as locks:
                claimed = self._claim(todo, share, locks)
                wanted = {file: todo.pop(file) for file in claimed}
                left = {file: self._read_file(file, wanted[file]) for file in claimed}
                rows = [row for file in claimed for row in left[file]]
                if rows:
                    start = time.perf_counter()
                    self.features[rows] = compute(rows)
                    seconds = time.perf_counter() - start
                    share = max(1, int(len(rows) / seconds * SECONDS))
                for file in claimed:
                    self._add(file, left[file])
            show(sum(map(len, wanted.values())))

    def describe(self, **network):
        """Write once, for people, which network the folder belongs to."""
        path = self.folder / "network.json"
        if path.exists():
            return
        described = {**network, "versions": versions(FEATURE_LIBRARIES)}
        self.folder.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as draft:
            draft.write_text(json.dumps(described, indent=2), encoding="utf-8")

    def _claim(self, todo, share, locks):
        """Lock files for so many rows; if others have them all, wait for one."""
        claimed, n_rows = [], 0
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self.folder.is_symlink():
                raise OSError(errno.ELOOP, "it is a link to another folder")
            for file, rows in todo.items():
                if n_rows >= share:
                    break
                with suppress(Timeout):
                    locks.enter_context(self._lock(file).acquire(blocking=False))
                    claimed.append(file)
                    n_rows += len(rows)
            if not claimed:
                claimed = [next(iter(todo))]
                locks.enter_context(self._lock(claimed[0]).acquire())
        except OSError as error:
            raise self._unwritable(error) from error
        return claimed

    def _lock(self, file):
        return FileLock(self.folder / f"{file:02d}.lock")

    def _path(self, file):
        return self.folder / f"{file:02d}.safetensors"

    def _read_file(self, file, rows):
        """Fill in the rows that the file holds and return the others."""
        known, stored = self._load(file)
        found = [known.get(self.keys[row]) for row in rows]
        here = [row for row, at in zip(rows, found, strict=True) if at is not None]
        if here:
            self.features[here] = stored[[at for at in found if at is not None]]
        return [row for row, at in zip(rows, found, strict=True) if at is None]

    def _load(self, file):
        """Return where each key stands in the file, and its features."""
        nothing = {}, np.empty((0, self.features.shape[1]), np.float32)
        try:
            data = read_regular(self._path(file), MOST)
        except (FileNotFoundError, NotADirectoryError):
            return nothing
        except ValueError as error:
            self._warn_of_damage(file, error)
            return nothing
        try:
            tensors = safetensors.numpy.load(data)
            keys, features = tensors["keys"], tensors["features"]
            if tensors["checksum"].tobytes() != _digest(keys, features):
                raise ValueError("its checksum differs")
            if features.shape != (len(keys), self.features.shape[1]):
                raise ValueError(f"its features have shape {features.shape!r}")
            if features.dtype != np.float32 or not np.isfinite(features).all():
                raise ValueError("its features are not finite numbers of float32")
        except (safetensors.SafetensorError, *STRANGE) as error:
            self._warn_of_damage(file, error)
            return nothing
        return {key.tobytes(): at for at, key in enumerate(keys)}, features

    def _warn_of_damage(self, file, error):
        warnings.warn(
            f"{str(self._path(file))!r} is damaged ({error}), expected features "
            "that DeepFeatures has kept. They are computed again.",
            UserWarning,
            stacklevel=3,
        )

    def _add(self, file, rows):
        """Write the file anew with more rows; its lock is ours."""
        rows = [row for row in rows if not np.isnan(self.features[row]).any()]
        if not rows:
            return
        known, stored = self._load(file)
        new = {self.keys[row]: row for row in rows}  # an image may stand there twice
        keys = np.frombuffer(b"".join([*known, *new]), np.uint8).reshape(-1, 32)
        features = np.concatenate([stored, self.features[list(new.values())]])
        tensors = {
            "keys": keys,
            "features": features,
            "checksum": np.frombuffer(_digest(keys, features), np.uint8),
        }
        path = self._path(file)
        try:
            for left in self.folder.glob(f"{draft_prefix(path)}*"):
                left.unlink()  # what a killed process left
            with written_whole(path, durable=True) as draft:
                draft.write_bytes(safetensors.numpy.save(tensors))
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error):
        return OSError(
            error.errno,
            f"memory={str(self.folder)!r} cannot be written to "
            f"({error.strerror or error}). "
            "Make room there, choose another folder, or memory=None. What has been "
            "written before is whole and will be read again.",
        )


def _digest(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()


def memory_folder(memory):
    """Return the folder where features are kept.

    Parameters
    ----------
    memory : str, Path, joblib.Memory or None
        Parameter of `DeepFeatures`.

    Returns
    -------
    folder : Path or None
        None to keep nothing.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if memory is None:
        return None
    if isinstance(memory, str | os.PathLike):
        return Path(memory)
    if isinstance(memory, joblib.Memory):
        location = memory.location
        return None if location is None else Path(location) / "deep_features"
    raise TypeError(
        "memory must be a folder (str or Path), a joblib.Memory, or None to keep "
        f"nothing, got {memory!r}."
    )
