"""Files that appear whole or not at all."""

import ctypes
import errno
import hashlib
import os
import shutil
import stat
import uuid
from contextlib import contextmanager
from pathlib import Path


def check_place(path):
    """Raise if a file cannot be written to a place.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If its folder is not there, or it is a folder itself.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path.parent)!r} to write {path.name!r} to. Make "
            "it first, or name another."
        )
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder: name a file in it.")


def read_regular(path, at_most):
    """Read a file that others may have put there.

    Parameters
    ----------
    path : Path
        The file; a link is followed.
    at_most : int
        Largest size in bytes.

    Returns
    -------
    data : bytes
        Its content.

    Raises
    ------
    ValueError
        If it is larger, or not a regular file: a pipe would never end.
    OSError
        If it cannot be read.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError(f"{str(path)!r} is not a regular file")
        if status.st_size > at_most:
            raise ValueError(
                f"{str(path)!r} has {status.st_size} bytes, expected {at_most} at most"
            )
        return file.read()


def _open_at_once(path, flags):
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def create_draft(folder, prefix=".writing-"):
    """Create a file under an unpredictable temporary name.

    It follows no link, uses no existing file, and has the permissions of any new file
    (the umask).

    Parameters
    ----------
    folder : str or Path
        Where; that of the final file, so that it can be renamed.
    prefix : str, default=".writing-"
        How the name begins.

    Returns
    -------
    file : file
        Open for writing bytes; `name` is its path.
    """
    return open(Path(folder) / f"{prefix}{uuid.uuid4().hex}", "xb")


def draft_prefix(path):
    """Return how the temporary names of a file begin.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    prefix : str
        Short enough that file systems take the whole temporary name: their limit, often
        255, counts bytes, of which a letter has up to four.
    """
    name = os.fsencode(path.name)[:100].decode(errors="ignore")
    return f".{name}.writing-"


@contextmanager
def written_whole(path, *, durable=False, drafts=None):
    """Write a file under a temporary name, so that it is never left half-written.

    Parameters
    ----------
    path : Path
        The file.
    durable : bool, default=False
        Whether it is on the disk before it gets its name (fsync), so that it is whole
        after a power failure, too.
    drafts : Path, default=None
        Folder of the temporary file, on the same file system; None is that of `path`.

    Yields
    ------
    draft : Path
        An empty file to write to.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If its folder is not there, or it is a folder itself.
    """
    path = Path(path)
    check_place(path)
    with create_draft(drafts or path.parent, draft_prefix(path)) as file:
        draft = Path(file.name)
    try:
        yield draft
        if durable:
            with open(draft, "r+b") as file:
                os.fsync(file.fileno())
        os.replace(draft, path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        if error.errno is not None and error.filename is None:  # of a write or a close
            error.filename = str(path)
        raise
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(path, *, overwrite=False):
    """Write a folder under a temporary name, so that it appears whole or not at all.

    Another process that writes the same folder at the same time loses nothing: without
    `overwrite` the later one fails, with it the later one replaces the earlier one. The
    old folder is exchanged with the new one in one step where the system can do this,
    else it is set aside, and :func:`recover_folder` brings it back after a crash.

    Parameters
    ----------
    path : str or Path
        The folder; its parents are made.
    overwrite : bool, default=False
        Whether to replace a folder that exists.

    Yields
    ------
    draft : Path
        An empty folder to write to.

    Raises
    ------
    FileExistsError
        If the folder exists by the end and is not to be replaced.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".writing-{uuid.uuid4().hex}")
    draft.mkdir()
    try:
        yield draft
        if overwrite and path.exists():
            _exchange_folders(draft, path)
        else:
            _rename_to_new(draft, path)
    finally:
        if draft.is_symlink():  # that stood where the folder is now
            draft.unlink()
        shutil.rmtree(draft, ignore_errors=True)


def sync_folder(folder):
    """Wait until the names in a folder are on the disk.

    Parameters
    ----------
    folder : Path
        The folder.
    """
    if os.name == "nt":  # which opens no folders
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def recover_folder(path):
    """Bring back a folder that a killed process had set aside to replace it.

    Parameters
    ----------
    path : Path
        The folder that `folder_written_whole` was to write.
    """
    aside = _aside(path)
    if aside.is_dir() and not path.exists():
        os.rename(aside, path)


def _aside(path):
    name = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:16]
    return path.with_name(f".replaced-{name}")


def _rename_to_new(draft, path):
    try:
        os.rename(draft, path)  # which replaces an empty folder, and no other
    except OSError as error:
        if path.exists():
            raise FileExistsError(
                errno.EEXIST,
                "Another process wrote it in the meantime; nothing was replaced",
                str(path),
            ) from error
        raise


def _exchange_folders(draft, path):
    try:
        _exchange(draft, path)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
            raise
        aside = _aside(path)
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(path, aside)
        try:
            os.rename(draft, path)
        except OSError:
            os.rename(aside, path)
            raise
        shutil.rmtree(aside, ignore_errors=True)


def _exchange(one, other):
    """Exchange two names in one step, which only Linux can do."""
    library = None if os.name == "nt" else ctypes.CDLL(None, use_errno=True)
    renameat2 = getattr(library, "renameat2", None)
    if renameat2 is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    if renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(other))
