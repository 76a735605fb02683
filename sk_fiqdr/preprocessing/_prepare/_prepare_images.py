"""Prepare a folder of photographs for training: crop, normalise, write, record.

The order of the steps makes it easy to resume a run that was killed at any moment. A
worker writes a photograph under a temporary name, then a line into its journal, and
then renames the photograph. Every renamed file thus has a line, and a line without its
file is ignored. In the end the manifest is made from the journals.
"""

import errno
import shutil
import uuid
import warnings
from collections import Counter
from contextlib import closing, contextmanager

import numpy as np
from filelock import FileLock, Timeout

from ...utils._constraints import N_JOBS, check_parameters, one_of, whole
from ...utils._image_files import describe_aside
from ...utils._progress import progress_bar
from ...utils._read_image import EXTENSIONS
from ...utils._same_file import size_and_time
from ._manifest import (
    ASIDE,
    DAMAGED,
    FAILED,
    GONE,
    PREPARED,
    Record,
    last_run,
    read_journals,
    read_manifest,
    read_rows,
    write_manifest,
)
from ._pool import cannot_write, explain_stops, run_jobs
from ._sources import (
    MANIFEST,
    SUFFIX,
    WORKPLACE,
    check_folders,
    find_sources,
    name_outputs,
)
from ._worker import NORMALIZERS, Job, Settings, Task

CONSTRAINTS = {
    "image_size": [whole(16, 8192)],
    "normalize": [one_of(*NORMALIZERS), None],
    "format": [one_of(*SUFFIX)],
    "quality": [whole(1, 100)],
    "n_jobs": N_JOBS,
    "on_error": [one_of("warn", "skip", "raise")],
    "on_damage": [one_of("warn", "raise", "ignore")],
}
WHY = ("new", "source_changed", "settings_changed", "output_changed", "failed_before")


def prepare_images(
    images,
    output,
    *,
    image_size=512,
    normalize=None,
    format="jpeg",
    quality=95,
    n_jobs=-1,
    on_error="warn",
    on_damage="warn",
    progress=False,
):
    """Prepare a folder of photographs for training: crop each, mirror the folder.

    Every photograph in `images` and the folders in it is cropped to the square around
    its circle and written to the same place in `output`, with a ``manifest.csv`` that
    accounts for every file: those that are not images by their names, thumbnails of
    systems and hidden files are left aside. Originals are never touched.

    After a run was stopped, or killed at any moment, the same call resumes it: finished
    photographs are not prepared again, and the result is the same, byte for byte. A
    photograph is prepared again if its size, its time or the settings have changed, and
    after a failure.

    Parameters
    ----------
    images : str or Path
        Folder of photographs.
    output : str or Path
        Folder for the prepared ones: a new or empty one, or that of an earlier run.
        Neither folder may lie in the other.
    image_size : int, default=512
        Height and width of what is written, in pixels.
    normalize : {None, "graham", "clahe"}, default=None
        None leaves the colours; otherwise as `GrahamNormalizer` or `ClaheEqualizer`.
    format : {"jpeg", "png"}, default="jpeg"
        JPEG is written with full colour resolution, in 1.4 ms and 67 kB a photograph of
        512 pixels; PNG is exact, in 25 ms and 300 kB. Neither holds metadata.
    quality : int, default=95
        Of JPEG, from 1 to 100.
    n_jobs : int or None, default=-1
        Number of processes, -1 for all cores; None leaves it to
        ``joblib.parallel_config``. Within ``joblib.parallel_config("dask")`` the
        cluster's workers do it; both folders must be theirs too.
    on_error : {"warn", "skip", "raise"}, default="warn"
        What to do with an unreadable photograph: list it in a warning at the end, only
        in the manifest, or stop the run.
    on_damage : {"warn", "raise", "ignore"}, default="warn"
        What to do with a JPEG that can be read, but whose decoder warns of damaged
        data, so that some of its pixels are wrong: prepare it, with status "damaged",
        and count it in a warning at the end (with ``on_error="warn"``), take it for
        unreadable, or do not look for damage, which takes 10 to 15 ms a camera
        original. What an earlier run did not look at is not looked at again.
    progress : bool, default=False
        Show a bar with rate and time left on stderr, where that is a terminal.

    Returns
    -------
    manifest : DataFrame
        A row for each file, as in ``manifest.csv``. `source` and `output` are paths in
        the two folders; `status` is "prepared", "damaged" (prepared, with pixels that
        may be wrong), "failed" or "left aside" (see `reason`), or "gone" if its source
        was removed after an earlier run: files found = prepared + damaged + failed +
        left aside. `circle_x`,
        `circle_y` and `circle_radius` are in pixels of the source, upright;
        `source_bytes`, `source_mtime_ns`, `output_bytes` and `settings` tell what was
        made of what. ``manifest.attrs`` counts what this run did.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If `images` is not a folder.
    ValueError
        If a parameter is out of range, one folder lies in the other, `output` holds
        what was not made here, or `images` holds no photograph.
    ImportError
        If `normalize` is "clahe" and OpenCV is not installed.
    BlockingIOError
        If another run is at work in `output`.
    RuntimeError
        If a worker process was killed, as when memory runs out.
    OSError
        If `output` cannot be written, as when the disk is full. In these cases the same
        call resumes where it stopped.
    UnreadableImageError, NoFundusError
        If a photograph cannot be prepared and `on_error` is "raise".

    Notes
    -----
    Two photographs that differ in the suffix only keep it: ``eye.png`` and ``eye.tif``
    become ``eye.png.jpeg`` and ``eye.tif.jpeg``; ``manifest.attrs["suffix_kept"]``
    counts them, for a label row of ``eye`` will not find them. Two that differ in the
    case of letters only both fail, for some file systems cannot tell them.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from sk_fiqdr.datasets import make_fundus
    >>> from sk_fiqdr.preprocessing import prepare_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     images = Path(folder, "images")
    ...     images.mkdir()
    ...     for i, eye in enumerate(make_fundus(2, random_state=0).data):
    ...         Image.fromarray(eye).save(images / f"{i}.png")
    ...     manifest = prepare_images(images, Path(folder, "prepared"), n_jobs=1)
    >>> manifest[["source", "output", "status"]]
      source  output    status
    0  0.png  0.jpeg  prepared
    1  1.png  1.jpeg  prepared
    """
    check_parameters(
        "prepare_images",
        CONSTRAINTS,
        image_size=image_size,
        normalize=normalize,
        format=format,
        quality=quality,
        n_jobs=n_jobs,
        on_error=on_error,
        on_damage=on_damage,
    )
    settings = _settings(image_size, normalize, format, quality)
    images, output = check_folders(images, output)
    sources, aside = find_sources(images, output)
    if not sources:
        raise ValueError(
            f"There is no photograph in {str(images)!r} (left aside: "
            f"{describe_aside(aside) or 'nothing'}), expected files that end in "
            f"{', '.join(sorted(EXTENSIONS))}. "
            "Pass the folder that holds them, directly or in subfolders."
        )
    with _workplace(output) as workplace:
        task = _plan(images, output, workplace, settings, on_damage)
        counts = _prepare_all(sources, aside, task, n_jobs, on_error, progress)
    manifest = read_manifest(output / MANIFEST)
    # Photographs that differ from another in the suffix only: no label row names them.
    kept = manifest["output"] == manifest["source"] + SUFFIX[format]
    manifest.attrs = {
        **counts,
        "suffix_kept": int(kept.sum()),
        "left_aside": len(aside),
        "other_files": dict(Counter(aside.values())),
    }
    if on_error == "warn":
        _warn_of(manifest, FAILED, "could not be prepared", output)
        _warn_of(manifest, DAMAGED, "are damaged, and were prepared", output)
    return manifest


def _warn_of(manifest, status, what, output):
    rows = manifest[manifest["status"] == status]
    if len(rows):
        n_found = int((~manifest["status"].isin([ASIDE, GONE])).sum())
        warnings.warn(
            f"{len(rows)} of {n_found} photographs {what}; {str(output / MANIFEST)!r} "
            f"names them. The first of the reasons: {rows['reason'].iloc[0]}",
            stacklevel=3,
        )


def _settings(image_size, normalize, format, quality):
    if normalize is not None:  # is what it needs installed?
        NORMALIZERS[normalize]().transform(np.full((1, 64, 64, 3), 128, np.uint8))
    quality = int(quality) if format == "jpeg" else None
    return Settings(int(image_size), normalize, format, quality)


@contextmanager
def _workplace(output):
    """Hold the output folder for this run alone; clean up when all is done."""
    workplace = output / WORKPLACE
    try:
        workplace.mkdir(parents=True, exist_ok=True)
        if workplace.is_symlink():
            raise OSError(errno.ELOOP, f"{WORKPLACE!r} in it is a link")
        lock = FileLock(workplace / "lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise BlockingIOError(
            f"Another run is preparing photographs into {str(output)!r}. Wait until it "
            "has ended, or choose another output folder."
        ) from None
    except OSError as error:
        raise cannot_write(output, error) from error
    try:
        _remove_drafts(workplace)  # what a killed run left
        yield workplace
        shutil.rmtree(workplace, ignore_errors=True)
    finally:
        _remove_drafts(workplace)
        if not any(workplace.glob("*.jsonl")):  # nothing to resume
            shutil.rmtree(workplace, ignore_errors=True)
        lock.release()


def _remove_drafts(workplace):
    for drafts in workplace.glob("drafts-*"):
        # Away at once: a worker that outlived its run can name nothing any more.
        old = drafts.rename(drafts.with_name("old-" + drafts.name))
        shutil.rmtree(old, ignore_errors=True)


def _plan(images, output, workplace, settings, on_damage):
    run = 1 + last_run(workplace)
    drafts = workplace / f"drafts-{uuid.uuid4().hex}"
    drafts.mkdir()
    return Task(images, output, workplace, run, drafts, settings, on_damage)


def _prepare_all(sources, aside, task, n_jobs, on_error, progress):
    """Prepare what is not finished yet and write the manifest; count what was done."""
    manifest = task.output / MANIFEST
    outputs = name_outputs(sources, SUFFIX[task.settings.format])
    known = {record.source: record for record in read_rows(manifest)}
    known |= read_journals(task.workplace, task.output)
    counts = Counter()
    jobs = _find_jobs(sources, outputs, known, task, counts)
    n_done = 0
    with (
        progress_bar("preparing", len(sources), shown=progress) as show,
        explain_stops(task),
        closing(run_jobs(jobs, task, n_jobs)) as results,
    ):
        for n_files, failures in results:
            if failures and on_error == "raise":
                raise failures[0]
            n_done += n_files
            show(n_done + counts["unchanged"])
        show(len(sources))
    known |= read_journals(task.workplace, task.output)
    rows = [known.get(source) or _vanished(source) for source in sources]
    taken = set(outputs)
    for source in sorted(known.keys() - set(sources)):
        record = known[source]
        if record.output in taken or record.output is None:
            continue
        if (task.output / record.output).exists():
            rows.append(record._replace(status=GONE))
    rows += [
        Record(file, status=ASIDE, reason=f"left aside: {why}")
        for file, why in aside.items()
    ]
    write_manifest(manifest, rows, task.drafts)
    status = Counter(record.status for record in rows)
    return {
        "found": len(sources),
        "prepared": status[PREPARED] + status[DAMAGED] - counts["unchanged"],
        "damaged": status[DAMAGED],
        "failed": status[FAILED],
        "gone": status[GONE],
        **{name: counts[name] for name in ("unchanged", *WHY)},
    }


def _vanished(source):
    return Record(
        source,
        reason=f"{source!r} was prepared, but its output is no longer there: something "
        "else changes the output folder. Run again.",
    )


def _find_jobs(sources, outputs, known, task, counts):
    """Yield the photographs to prepare, and count them by reason."""
    taken = set(outputs)
    for source, output in zip(sources, outputs, strict=True):
        record = known.get(source)
        why = _why(record, source, output, task)
        counts[why] += 1
        if why != "unchanged":
            known.pop(source, None)
            stale = record and record.output
            yield Job(source, output, None if stale in taken else stale)


def _why(record, source, output, task):
    """Return why a photograph is to be prepared, or that it is "unchanged"."""
    if record is None:
        return "new"
    if record.status == FAILED:
        return "failed_before"
    is_refused = record.status == DAMAGED and task.on_damage == "raise"
    if is_refused or record.settings != str(task.settings):
        return "settings_changed"
    before = record.source_bytes, record.source_mtime_ns
    if size_and_time(task.images / source) != before:
        return "source_changed"
    now = size_and_time(task.output / output) if output == record.output else None
    # Not its time, for the manifest does not hold that.
    same = now is not None and now[0] == record.output_bytes
    return "unchanged" if same else "output_changed"
