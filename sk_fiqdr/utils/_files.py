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
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        yield draft
        os.replace(draft, path)
    except OSError as error:
        if error.errno is not None and error.filename is None:  # of a write or a close
            error.filename = str(path)
        raise
    finally:
        draft.unlink(missing_ok=True)
