"""Whether a file is the one of before: four questions, and what answers each.

=================  ================================================================
`content_of`       The same bytes, whatever its name: weights, crops, copies of an
                   image. Reads the whole file.
`name_and_size`    The same file of a data set, which may have been moved or copied:
                   checkpoints. Its folder, its name, its size.
`size_and_time`    Unchanged since it was recorded by its path in a folder: prepared
                   photographs and their sources, which may move with their folders.
`place_and_times`  This very file, unchanged: features, kept for many data sets, whose
                   files may have names and sizes in common. After a move they are
                   computed again.
=================  ================================================================
"""

import hashlib
import os
from pathlib import PurePath


def content_of(path):
    """Return the SHA-256 of a file.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    digest : str
        64 hexadecimal digits.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def name_and_size(path):
    """Return what a file is known by wherever its data set lies.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    folder, name : str
        Folder is the last one of its path alone, absent where the path has none.
    size : int
        In bytes; -1 if there is no such file.
    """
    size, _ = size_and_time(path) or (-1, None)
    return (*PurePath(path).parts[-2:], size)


def size_and_time(path):
    """Return what a file is known by beside its path in a folder.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    size, mtime_ns : int
        In bytes, and the time of the last change to its content, in nanoseconds. None
        in place of both if there is no such file.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns


def place_and_times(path):
    """Return what a file is known by as long as it is not moved or changed.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    path : str
        Absolute.
    size, mtime_ns, ctime_ns : int
        In bytes, and the times of the last change to its content and to its entry, in
        nanoseconds; the latter cannot be set back. None in place of all if there is no
        such file.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    times = status.st_mtime_ns, status.st_ctime_ns
    return os.path.abspath(path), status.st_size, *times
