"""Folders of photographs: which files are images, whose they are, how a set lies."""

import os
import re
import unicodedata
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from ..utils._image_files import list_files
from ..utils._read_image import EXTENSIONS

DEEPEST = 3  # how far below the given folder a set may begin
SHOWN = 8  # how many entries of a folder an error shows


def find_images(folder):
    """Return the listing of a folder; raise where it holds no image."""
    check_folder(folder)
    listing = list_files(folder)
    if not listing.images:
        found = "nothing"
        if aside := listing.aside:
            found = (
                f"{len(aside)} other files, such as {os.path.basename(min(aside))!r}"
            )
        raise ValueError(
            f"{str(folder)!r} holds no image, but {found}. Expected files that end in "
            f"{', '.join(sorted(EXTENSIONS))}."
        )
    return listing


def check_folder(folder):
    """Raise unless the folder is there and is one."""
    if not folder.exists():
        raise FileNotFoundError(
            f"There is no folder {str(folder)!r}. Pass the folder that holds the "
            "photographs, such as 10_left.jpeg."
        )
    if not folder.is_dir():
        raise NotADirectoryError(
            f"{str(folder)!r} is a file, expected the folder that holds the "
            "photographs. Unpack it first if it is an archive."
        )


def image_name(path):
    """Return the name of an image without folders and extension."""
    name = path.replace("\\", "/").rsplit("/", 1)[-1].strip()
    stem, extension = os.path.splitext(name)
    return stem.strip() if extension.lower() in EXTENSIONS else name


def image_key(name):
    """Return what two spellings of an image's name have in common."""
    return unicodedata.normalize("NFC", name).casefold()


class Layout(NamedTuple):
    """How a set lies on disk when it is unpacked.

    Names match whatever their case, blanks, underscores and %20; `*` stands for
    anything, and a bar stands between two names of one place.

    Attributes
    ----------
    name : str
        Of the set.
    tree : str
        What an error shows, indented.
    places : dict of str
        Paths below the set's folder, by what they are called here.
    """

    name: str
    tree: str
    places: dict

    def find(self, folder, required, *, advice=""):
        """Return the paths of all places; a place that is not required may be None.

        The set may lie some folders deeper than the given one.
        """
        folder = Path(folder)
        check_folder(folder)
        complete = self._search(folder, required)
        if len(complete) > 1:
            raise ValueError(
                f"{str(folder)!r} holds {self.name} {len(complete)} times: "
                f"{', '.join(repr(str(root)) for root, _ in complete[:5])}. Pass "
                "one of these folders."
            )
        if complete:
            return complete[0][1]
        wanted = [self.places[key] for key in required]
        raise ValueError(
            f"{str(folder)!r} does not hold {self.name} as it is distributed: looked "
            f"for {', '.join(map(repr, wanted))} there and up to {DEEPEST} folders "
            f"deeper.\nExpected:\n{_indent(self.tree)}\nFound:\n"
            f"{_indent(show_tree(folder))}\nPass the folder that holds this tree, with "
            f"names as distributed.{advice}"
        )

    def holds(self, folder, required):
        """Tell whether all of these places are there, in the folder or deeper."""
        return bool(self._search(Path(folder), required))

    def _search(self, folder, required):
        """Return the roots that have these places, of the first level that has any."""
        level = [folder]
        for _ in range(DEEPEST + 1):
            complete, deeper = [], []
            for root in level:
                entries = _entries(root)
                found = {
                    key: _first(entries, path) for key, path in self.places.items()
                }
                if all(found[key] for key in required):
                    complete.append((root, found))
                deeper += (Path(entry.path) for _, entry in entries if entry.is_dir())
            if complete:
                return complete
            level = deeper
        return []


def _first(entries, patterns):
    """Return the first path that matches one of several patterns, split by bars."""
    found = (_follow(entries, pattern.split("/")) for pattern in patterns.split("|"))
    return next(filter(None, found), None)


def _follow(entries, pattern):
    """Return the first path below these entries that matches, or None."""
    first, *rest = pattern
    first = _plain(first)
    for name, entry in entries:
        if name == first or ("*" in first and fnmatchcase(name, first)):
            path = Path(entry.path)
            if not rest:
                return path
            if below := _follow(_entries(path), rest):
                return below
    return None


def _plain(name):
    name = unicodedata.normalize("NFC", unquote(name))
    return re.sub(r"[\s_]+", " ", name).strip().casefold()


def _entries(folder):
    """Return what lies in a folder by plain name, sorted, hidden things left out."""
    try:
        with os.scandir(folder) as entries:
            shown = [e for e in entries if not e.name.startswith((".", "__"))]
    except (NotADirectoryError, PermissionError):  # another's folder on the way
        return []
    shown.sort(key=lambda entry: entry.name)
    return [(_plain(entry.name), entry) for entry in shown]


def show_tree(folder, depth=3):
    """Return what lies in a folder as indented lines, long lists cut short."""
    lines = [f"{folder.name or folder}/"]
    entries = _entries(folder)
    for _, entry in entries[:SHOWN]:
        if entry.is_dir() and depth > 1:
            lines.append(_indent(show_tree(Path(entry.path), depth - 1)))
        else:
            lines.append(f"    {entry.name}{'/' * entry.is_dir()}")
    if len(entries) > SHOWN:
        lines.append(f"    ... and {len(entries) - SHOWN:,} more")
    if not entries:
        lines.append("    (empty)")
    return "\n".join(lines)


def _indent(text):
    return "\n".join(f"    {line}" for line in text.strip("\n").split("\n"))
