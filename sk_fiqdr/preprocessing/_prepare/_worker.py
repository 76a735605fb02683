"""What a worker process does with a batch of photographs, one after the other."""

import contextlib
import errno
import io
import os
import socket
import threading
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from ...exceptions import NoFundusError, UnreadableImageError
from ...utils._files import written_whole
from ...utils._jpeg import describe_damage
from ...utils._same_file import size_and_time
from .._clahe_equalizer import ClaheEqualizer
from .._crop import crop_file
from .._graham_normalizer import GrahamNormalizer
from ._manifest import DAMAGED, FAILED, PREPARED, Journal, Record

RECIPE = 1  # to be raised whenever the same settings come to give other pixels
NORMALIZERS = {"graham": GrahamNormalizer, "clahe": ClaheEqualizer}
# Errors of one name, not of the disk.
UNUSABLE_NAME = (errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL)


class Settings(NamedTuple):
    """All settings that affect the pixels of a prepared photograph."""

    image_size: int
    normalize: str | None
    format: str
    quality: int | None
    recipe: int = RECIPE

    def __str__(self):
        return " ".join(f"{name}={value}" for name, value in self._asdict().items())


class Job(NamedTuple):
    """A photograph to be prepared."""

    source: str
    output: str | None  # None where no output can have the source's name
    stale: str | None  # what an earlier run made of it, by another name


class Task(NamedTuple):
    """What workers need to know beside their jobs."""

    images: Path
    output: Path
    workplace: Path
    run: int
    drafts: Path  # in the workplace, for files that have no name yet
    settings: Settings
    on_damage: str = "warn"


def prepare_batch(jobs, task):
    """Prepare photographs and keep a journal of each.

    Parameters
    ----------
    jobs : list of Job
        The photographs.
    task : Task
        What they have in common.

    Returns
    -------
    sources : list of str
        The photographs.
    failures : list of Exception
        Why some could not be prepared.

    Raises
    ------
    OSError
        If the output folder cannot be written.
    """
    journal = _own_journal(task)
    failures = [_prepare(job, task, journal) for job in jobs]
    return (
        [job.source for job in jobs],
        [failure for failure in failures if failure is not None],
    )


def give_up(job, task):
    """Record that a photograph cannot be prepared, as it kills its process.

    Parameters
    ----------
    job : Job
        The photograph.
    task : Task
        What is done.

    Returns
    -------
    failure : UnreadableImageError
        What to say of it.
    """
    error = UnreadableImageError(
        f"{os.fspath(task.images / job.source)!r} killed the process that read it, and "
        "another that had nothing else to do: too large for the memory, or damaged in "
        "a way that ends its decoder. Take it out."
    )
    return _fail(error, job, _describe(job, task), task, _own_journal(task))


def _own_journal(task):
    # Of this thread alone, for not every file system appends in one piece.
    worker = f"{socket.gethostname()}-{os.getpid()}-{threading.get_ident()}"
    return Journal(task.workplace / f"{task.run:06d}-{worker}.jsonl")


def _prepare(job, task, journal):
    """Prepare one photograph; return what is wrong with it, if anything is."""
    journal.begin(job.source)
    record = _describe(job, task)
    try:
        damage = _find_damage(job, task)
        data, circle = _make(job, task)
    except ImportError:
        raise  # of OpenCV, on a cluster's machine: no photograph is to blame
    except Exception as error:  # whatever is wrong with one file, others follow
        return _fail(error, job, record, task, journal)
    x, y, radius = (round(float(value), 2) for value in circle)
    made = record._replace(
        output=job.output,
        status=DAMAGED if damage else PREPARED,
        reason=damage or None,
        circle_x=x,
        circle_y=y,
        circle_radius=radius,
        output_bytes=len(data),
    )
    try:
        _write(data, made, job.stale, task, journal)
    except OSError as error:
        if error.errno not in UNUSABLE_NAME:
            raise
        return _fail(error, job, record, task, journal)
    return None


def _describe(job, task):
    record = Record(job.source, status=FAILED, settings=str(task.settings))
    # Before it is read: if it changes meanwhile, the next run sees that.
    known_by = size_and_time(task.images / job.source)
    if known_by is None:
        return record  # reading it will say why
    return record._replace(source_bytes=known_by[0], source_mtime_ns=known_by[1])


def _find_damage(job, task):
    """Return what is wrong with a photograph that can be read all the same."""
    path = task.images / job.source
    text = "" if task.on_damage == "ignore" else describe_damage(path)
    if not text:
        return ""
    if task.on_damage == "raise":
        raise UnreadableImageError(f"{text} Copy it again.")
    return _without_folder(f"{text} Look at it, and copy it again.", task)


def _make(job, task):
    source, settings = task.images / job.source, task.settings
    if job.output is None:
        raise UnreadableImageError(
            f"{os.fspath(source)!r} has a name that its output cannot have: another's "
            "differs in the case of letters only, or it is not valid UTF-8, or is "
            "reserved for the manifest. Rename it."
        )
    if source.is_dir():
        os.listdir(source)  # is it that it must not be read?
    pixels, circle = crop_file(source, settings.image_size)
    if settings.normalize is not None:
        pixels = NORMALIZERS[settings.normalize]().transform(pixels[None])[0]
    buffer = io.BytesIO()
    # Lesions are small and red, so colour keeps its full resolution.
    options = {"quality": settings.quality, "subsampling": "4:4:4"}
    Image.fromarray(pixels).save(
        buffer, settings.format, **(options if settings.format == "jpeg" else {})
    )
    return buffer.getvalue(), circle


def _write(data, record, stale, task, journal):
    final = _place(task, record.output)
    final.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(final, drafts=task.drafts) as draft:
        draft.write_bytes(data)
        if stale is not None:  # before the new is on record, lest it be forgotten
            _place(task, stale).unlink(missing_ok=True)
        journal.append(record, size_and_time(draft)[1])


def _place(task, name):
    """Return the path of a prepared photograph; raise if a link leads there."""
    path = task.output / name
    if path.parent.resolve() != path.parent:
        raise OSError(
            errno.ELOOP,
            "A symbolic link points outside the output folder",
            os.fspath(path),
        )
    return path


def _fail(error, job, record, task, journal):
    """Leave no output of a photograph that failed, and say why it did."""
    if isinstance(error, FileNotFoundError):  # a link that leads nowhere
        error = UnreadableImageError(
            f"{os.fspath(task.images / job.source)!r} does not exist, or is a link to "
            "a missing file. Copy it again, or remove the link."
        )
    elif not isinstance(error, UnreadableImageError | NoFundusError):
        error = UnreadableImageError(
            f"{os.fspath(task.images / job.source)!r} could not be prepared "
            f"({type(error).__name__}: {error})."
        )
    for name in {job.output, job.stale} - {None}:
        with contextlib.suppress(OSError):
            _place(task, name).unlink()
    journal.append(record._replace(reason=_without_folder(str(error), task)))
    return error


def _without_folder(reason, task):
    """Return a reason in words that are the same wherever the folder lies."""
    return reason.replace(repr(os.fspath(task.images) + os.sep)[1:-1], "")
