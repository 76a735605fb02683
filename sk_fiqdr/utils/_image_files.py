"""Which files of a folder are images, and what is left aside; knows names only."""

import os
from collections import Counter
from typing import NamedTuple

from ._printable import printable
from ._read_image import EXTENSIONS

# What systems keep beside photographs, thumbnails of them for one.
SYSTEM_FOLDERS = frozenset(
    ("__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information")
)
SYSTEM_FILES = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"))
# What lies beside photographs on purpose; any other file may be a photograph, too.
BESIDE = frozenset(
    (
        *(".csv", ".db", ".doc", ".docx", ".htm", ".html", ".ini", ".ipynb", ".json"),
        *(
            ".log",
            ".md",
            ".ods",
            ".pdf",
            ".py",
            ".rst",
            ".toml",
            ".tsv",
            ".txt",
            ".xls",
        ),
        *(".xlsx", ".xml", ".yaml", ".yml"),
    )
)
SYSTEM = "of the system"
N_NAMED = 3


class Listing(NamedTuple):
    """The files of a folder and all folders in it: each in one of two lists.

    Attributes
    ----------
    images : list of str
        Paths of files that are images by their extension, sorted.
    aside : dict of str
        Why each other file is left aside, by its path: its extension, or `SYSTEM`.
    """

    images: list
    aside: dict


def is_image(name):
    """Tell by its extension whether a file is an image.

    Parameters
    ----------
    name : str
        File name or path.

    Returns
    -------
    is_image : bool
        Whatever the case of the extension.
    """
    return os.path.splitext(name)[1].lower() in EXTENSIONS


def is_of_system(name):
    """Tell whether a file or folder is a system's own: a thumbnail, an index, hidden.

    Parameters
    ----------
    name : str
        Its name, without folders.

    Returns
    -------
    is_of_system : bool
        True for ``._1.jpg``, ``@eaDir``, ``Thumbs.db`` and the like.
    """
    return name.startswith(".") or name.lower() in SYSTEM_FOLDERS | SYSTEM_FILES


def extension_of(name):
    """Return what a file is left aside by.

    Parameters
    ----------
    name : str
        File name or path.

    Returns
    -------
    extension : str
        In small letters, or "no suffix".
    """
    return os.path.splitext(name)[1].lower() or "no suffix"


def files_below(folder):
    """Return the paths of all files in a folder of the system's, which may be closed.

    Parameters
    ----------
    folder : str
        The folder; links in it are not followed.

    Returns
    -------
    paths : list of str
        As far as they can be listed.
    """
    return [
        os.path.join(parent, name)
        for parent, _, files in os.walk(folder)
        for name in files
    ]


def list_files(folder):
    """List the images of a folder, and all other files of it.

    Parameters
    ----------
    folder : str or Path
        The folder; links to folders are followed.

    Returns
    -------
    listing : Listing
        Images, and what is left aside.

    Raises
    ------
    OSError
        If a folder in it cannot be read.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from sk_fiqdr.utils._image_files import list_files
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("1_left.JPG", "._1_left.JPG", "notes.txt"):
    ...         pathlib.Path(folder, name).touch()
    ...     listing = list_files(folder)
    >>> len(listing.images), sorted(listing.aside.values())
    (1, ['.txt', 'of the system'])
    """
    images, aside, seen = [], {}, set()
    for parent, folders, files in os.walk(folder, onerror=_raise, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link back up
            folders.clear()
            continue
        seen.add(real)
        for name in filter(is_of_system, folders):
            below = files_below(os.path.join(parent, name))
            aside |= dict.fromkeys(below, SYSTEM)
        folders[:] = [name for name in folders if not is_of_system(name)]
        for name in files:
            path = os.path.join(parent, name)
            if is_of_system(name):
                aside[path] = SYSTEM
            elif is_image(name):
                images.append(path)
            else:
                aside[path] = extension_of(name)
    return Listing(sorted(images), dict(sorted(aside.items())))


def _raise(error):
    raise error


def describe_aside(aside):
    """Say in a few words what is left aside.

    Parameters
    ----------
    aside : dict of str
        Why, by path.

    Returns
    -------
    words : str
        Such as "2 .txt, 1 of the system (Thumbs.db)".

    Examples
    --------
    >>> from sk_fiqdr.utils._image_files import describe_aside
    >>> describe_aside({"a/b.txt": ".txt", "c.txt": ".txt"})
    '2 .txt (b.txt, c.txt)'
    """
    words = []
    for why, n in Counter(aside.values()).most_common():
        names = [_shown(path) for path in aside if aside[path] == why]
        some = ", ".join(names[:N_NAMED]) + ", ..." * (n > N_NAMED)
        words.append(f"{n} {printable(why)} ({some})")
    return ", ".join(words)


def _shown(path):
    return printable(os.path.basename(path))


def may_be_photographs(aside):
    """Return what is left aside and is neither the system's nor a table or a text.

    Parameters
    ----------
    aside : dict of str
        Why, by path.

    Returns
    -------
    doubtful : dict of str
        The part of it that may be photographs of an unknown type.
    """
    return {p: why for p, why in aside.items() if why not in BESIDE | {SYSTEM}}
