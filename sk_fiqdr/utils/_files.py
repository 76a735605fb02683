"""Files that appear whole or not at all."""

import os
import uuid
from contextlib import contextmanager
from pathlib import Path


def check_place(path):
    """Raise where a file cannot be.

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


def create_draft(folder, prefix=".writing-"):
    """Create a file under a passing name that nobody can foresee.

    It follows no link, takes nobody else's file, and its permissions are those of any
    new file (the umask).

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


@contextmanager
def written_whole(path):
    """Write a file under a passing name, so that it appears whole or not at all.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    draft : Path
        Where to write.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        If its folder is not there, or it is a folder itself.
    """
    path = Path(path)
    check_place(path)
    with create_draft(path.parent, f".{path.name[:100]}.") as file:
        draft = Path(file.name)
    try:
        yield draft
        os.replace(draft, path)
    except OSError as error:
        if error.errno is not None and error.filename is None:  # of a write or a close
            error.filename = str(path)
        raise
    finally:
        draft.unlink(missing_ok=True)
