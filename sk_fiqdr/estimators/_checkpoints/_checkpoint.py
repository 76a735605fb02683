"""Checkpoints of fits: one folder for each fit, one checkpoint for each epoch.

A checkpoint is a folder with the tensors as safetensors and everything else, the
history among it, as JSON. It is written under a temporary name, fsynced, and renamed;
only then the previous one is deleted. Its name ends in the checksum of the JSON,
which holds the checksum of the tensors: corruption of either file is detected.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import time
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import skorch
import torch
from skorch.callbacks import PrintLog
from torch.utils.data import Subset

from ...utils._files import (
    create_draft,
    folder_written_whole,
    read_regular,
    sync_folder,
)
from ...utils._packing import pack, unpack
from ...utils._version import __version__
from ._fit_key import fit_key
from ._fit_state import capture, learned, restore

FORMAT = 1
JSON, TENSORS = "checkpoint.json", "tensors.safetensors"
NAME = re.compile(r"(epoch|finished)-(\d+)-([0-9a-f]{16})")
DRAFT, STALE = ".writing-", 24 * 3600  # seconds after which a draft is abandoned
MOST = 2**36  # bytes of a file
STRANGE = (ValueError, KeyError, TypeError, IndexError, AttributeError, RuntimeError)
VERSIONS = {
    "sk_fiqdr": __version__,
    "skorch": skorch.__version__,
    "torch": torch.__version__,
}


def open_checkpoint(net, dataset, *, afresh):
    """Return the checkpoint of one fit.

    Another process may run the same fit at the same time. Each writes drafts of its
    own, and deletes no checkpoint of a later epoch; the last finished one is kept.

    Parameters
    ----------
    net : FundusNet
        The net before the fit.
    dataset : FundusDataset
        The training data.
    afresh : bool
        Whether the fit starts from scratch, and not from what the net has learned.

    Returns
    -------
    checkpoint : Checkpoint
        In the net's `checkpoint_dir`.

    Raises
    ------
    OSError
        If the folder cannot be written to.
    """
    start = None if afresh else [learned(net), net.generator_state_]
    key = fit_key(net, dataset, start)
    folder = Path(net.checkpoint_dir) / f"{type(net).__name__}-{key[:20]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.is_symlink():
            raise OSError(errno.ELOOP, "it holds a link to another folder")
        with create_draft(folder) as probe:
            pass
        os.unlink(probe.name)
    except OSError as error:
        raise OSError(
            error.errno,
            f"checkpoint_dir={str(net.checkpoint_dir)!r} cannot be written to "
            f"({error.strerror}). Choose another folder, or checkpoint_dir=None.",
        ) from error
    return Checkpoint(folder, key, dataset)


class Checkpoint:
    """The newest complete epoch of one fit, on disk.

    Parameters
    ----------
    folder : Path
        The fit's own folder.
    key : str
        Identity of the fit.
    dataset : FundusDataset
        The training data.

    Attributes
    ----------
    n_epochs : int
        Number of epochs of this fit that are on disk.
    finished : bool
        Whether the fit is complete.
    interrupted : bool
        Whether Ctrl-C stopped it.
    """

    def __init__(self, folder, key, dataset):
        self.folder = folder
        self.key = key
        self.dataset = dataset
        self.interrupted = False
        self.split = None
        self._content = self._read()
        self.n_epochs = self._content.get("n_epochs", 0)
        self.finished = self._content.get("finished", False)

    def _found(self):
        """Return the checkpoints in the folder, the newest last."""
        found = [path for path in self.folder.iterdir() if NAME.fullmatch(path.name)]
        return sorted(found, key=_progress)

    def _remove_stale_drafts(self):
        for draft in self.folder.glob(f"{DRAFT}*"):  # of a process that was killed
            with suppress(OSError):
                if time.time() - draft.stat().st_mtime > STALE:
                    shutil.rmtree(draft, ignore_errors=True)

    def _read(self):
        self._remove_stale_drafts()
        found = self._found()
        if not found:
            strange = [
                path.name
                for path in self.folder.iterdir()
                if path.name != "lock" and not path.name.startswith(".")
            ]
            if strange:
                raise ValueError(
                    f"{str(self.folder)!r} contains {strange[0]!r} and no checkpoint. "
                    "Delete that folder to fit from the start, or choose another "
                    "checkpoint_dir."
                )
            return {}
        path = found[-1]
        way_out = f"Delete {str(path)!r}, and the fit " + (
            f"resumes from {found[-2].name!r}."
            if len(found) > 1
            else "starts from its first epoch."
        )
        try:
            text = read_regular(path / JSON, MOST)
            data = read_regular(path / TENSORS, MOST)
        except (OSError, ValueError) as error:
            if not path.exists():  # replaced by another process, of the same fit
                return self._read()
            raise ValueError(
                f"The checkpoint {str(path)!r} cannot be read: {error}. {way_out}"
            ) from error
        if _digest(text)[:16] != NAME.fullmatch(path.name)[3]:
            raise ValueError(
                f"The checkpoint {str(path)!r} is damaged: the checksum of {JSON} does "
                f"not match the name of the folder. {way_out}"
            )
        try:
            content = json.loads(text)
            written, key = content["format"], content["key"]
            state, checksum = content["state"], content["sha256"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(
                f"{str(path / JSON)!r} was not written by fit ({error!r}). {way_out}"
            ) from error
        if written != FORMAT:
            raise ValueError(
                f"The checkpoint {str(path)!r} has format {written!r}, and this "
                f"version, sk-fiqdr {__version__}, reads {FORMAT!r}. Finish the fit "
                f"with the version that began it, {content.get('versions')!r}. Or: "
                f"{way_out}"
            )
        if key != self.key:
            raise ValueError(
                f"The checkpoint {str(path)!r} is of another fit, of other parameters "
                f"or data ({key!r}, expected {self.key!r}). {way_out}"
            )
        if _digest(data) != checksum:
            raise ValueError(
                f"The checkpoint {str(path)!r} is damaged: the checksum of {TENSORS} "
                f"does not match {JSON}. {way_out}"
            )
        try:
            tensors = safetensors.torch.load(data)
            content = {**content, "state": unpack(state, tensors)}
            self._check(content)
        except (*STRANGE, safetensors.SafetensorError, RecursionError) as error:
            raise ValueError(
                f"The checkpoint {str(path)!r} was not written by fit ({error!r}). "
                f"{way_out}"
            ) from error
        return content

    def _check(self, content):
        """Raise if what `resume` needs is not as `save` writes it."""
        n_epochs, n_rows, state = (
            content["n_epochs"],
            len(self.dataset),
            content["state"],
        )
        if type(n_epochs) is not int or n_epochs < 0:
            raise ValueError(f"n_epochs is {n_epochs!r}")
        if not isinstance(state["history"], list) or len(state["history"]) < n_epochs:
            raise ValueError(f"its history is shorter than {n_epochs} epochs")
        for rows in state["split"]:
            if rows is not None and not (
                rows.dtype.kind == "i" and ((rows >= 0) & (rows < n_rows)).all()
            ):
                raise ValueError(f"its split names rows beyond the {n_rows} of the fit")

    def resume(self, net, parts):
        """Restore the net from the checkpoint, and return the parts of the data.

        Parameters
        ----------
        net : FundusNet
            Initialised as for a fit from the start.
        parts : tuple of Dataset
            Training and validation part, as split in this process.

        Returns
        -------
        parts : tuple of Dataset
            The same, or the split of the fit that is resumed.
        """
        if self._content:
            split = self._content["state"]["split"]
            parts = tuple(
                part if indices is None else Subset(self.dataset, indices)
                for part, indices in zip(parts, split, strict=True)
            )
            versions = self._content["versions"]
            if versions != VERSIONS:
                warnings.warn(
                    f"The fit in {str(self.folder)!r} was begun with {versions!r} and "
                    f"resumes with {VERSIONS!r}: the result may differ from that of "
                    "an uninterrupted fit in its last bits.",
                    UserWarning,
                    stacklevel=6,
                )
            self._restore(net)
            _log(
                net,
                f"Resuming after epoch {self.n_epochs} of {net.max_epochs}, from "
                f"{str(self.folder)!r}.",
            )
        self.split = [_indices(part, self.dataset) for part in parts]
        self.start = len(net.history) - self.n_epochs
        return parts

    def finish(self, net):
        """Restore the net of a finished fit.

        Parameters
        ----------
        net : FundusNet
            Initialised.
        """
        self._restore(net)
        _log(net, f"Finished before: taken from {str(self.folder)!r}.")

    def _restore(self, net):
        state = self._content["state"]
        try:
            restore(net, state)
        except STRANGE as error:
            raise ValueError(
                f"The checkpoint in {str(self.folder)!r} does not fit the network, "
                f"whose code may have changed since: {error} Delete that folder to fit "
                "from the start."
            ) from error
        if state["unreadable"] is not None and self.dataset.unreadable is not None:
            self.dataset.unreadable.copy_(state["unreadable"])
        self._content = {}  # else the network is in memory twice

    def end_epoch(self, net):
        """Write a checkpoint after an epoch, which is each of them.

        Parameters
        ----------
        net : FundusNet
            At the end of an epoch.
        """
        self.save(net)

    def save(self, net, *, finished=False):
        """Write the current state of the net, then delete the previous checkpoint.

        Parameters
        ----------
        net : FundusNet
            At the end of an epoch or of the fit.
        finished : bool, default=False
            Whether the fit is complete.

        Raises
        ------
        OSError
            If it cannot be written. The previous checkpoint is kept.
        """
        n_epochs = len(net.history) - self.start
        tensors = {}
        state = {
            **capture(net),
            "split": self.split,
            "unreadable": self.dataset.unreadable,
        }
        content = {
            "format": FORMAT,
            "estimator": type(net).__name__,
            "key": self.key,
            "versions": VERSIONS,
            "n_epochs": n_epochs,
            "finished": finished,
            "state": pack(state, tensors, "state"),
        }
        data = safetensors.torch.save(tensors)
        text = json.dumps({**content, "sha256": _digest(data)}).encode()
        kind = "finished" if finished else "epoch"
        path = self.folder / f"{kind}-{n_epochs:05d}-{_digest(text)[:16]}"
        try:
            self._write(path, {TENSORS: data, JSON: text})
        except OSError as error:
            kept = "There is no earlier one"
            if self._found():
                kept = f"That of epoch {self.n_epochs} is complete"
            raise OSError(
                error.errno,
                f"The checkpoint of epoch {n_epochs} could not be written to "
                f"{str(self.folder)!r} ({error.strerror}). It takes "
                f"{(len(data) + len(text)) / 1e6:.3g} MB, beside the previous one. "
                f"{kept}: free some space, and fit again to resume.",
            ) from error
        self.n_epochs = n_epochs
        self._remove_overtaken(path)

    def _remove_overtaken(self, path):
        """Delete the checkpoints that this one of an epoch makes superfluous.

        Of equal ones the last in order is kept, whoever wrote it: if each process kept
        its own, two that end together would delete both.
        """
        overtaken = [
            old for old in self._found() if _progress(old)[:2] <= _progress(path)[:2]
        ]
        for old in overtaken[:-1]:
            with suppress(OSError):  # another process may have removed it
                draft = old.rename(old.with_name(DRAFT + old.name))
                shutil.rmtree(draft, ignore_errors=True)

    def _write(self, path, files):
        with folder_written_whole(path) as draft:
            for name, data in files.items():
                with open(draft / name, "xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            sync_folder(draft)
        sync_folder(self.folder)


def _progress(path):
    """Return how far a fit has come; of an epoch, "finished" is later than "epoch"."""
    kind, n_epochs, checksum = NAME.fullmatch(path.name).groups()
    return int(n_epochs), kind, checksum


def _indices(part, dataset):
    known = isinstance(part, Subset) and part.dataset is dataset
    return np.asarray(part.indices) if known else None


def _log(net, text):
    for _, callback in net.callbacks_:
        if isinstance(callback, PrintLog):
            callback._sink(text, net.verbose)


def _digest(data):
    return hashlib.sha256(data).hexdigest()
