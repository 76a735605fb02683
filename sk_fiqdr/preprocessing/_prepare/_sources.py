"""The photographs in a folder, and the names of their outputs."""

import os
import re
import unicodedata
from collections import Counter
from pathlib import Path

from ...utils._image_files import (
    SYSTEM,
    extension_of,
    files_below,
    is_image,
    is_of_system,
)

SUFFIX = {"jpeg": ".jpeg", "png": ".png"}  # of what is prepared
MANIFEST = "manifest.csv"
WORKPLACE = ".sk-fiqdr-prepare"  # in the output folder, while a run is on


def check_folders(images, output):
    """Refuse folders that cannot be prepared without harm to what they hold.

    Parameters
    ----------
    images, output : str or Path
        Where photographs come from and go to.

    Returns
    -------
    images, output : Path
        Absolute, without symbolic links.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If `images` is not a folder.
    ValueError
        If one lies in the other, or `output` holds files of another origin.
    """
    images, output = Path(images), Path(output)
    if not images.exists():
        raise FileNotFoundError(
            f"There is no folder {str(images)!r} to take photographs from. Check the "
            f"name; relative paths start from {os.getcwd()!r}."
        )
    for folder in (images, output):
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(
                f"{str(folder)!r} is a file, expected a folder. "
                "Pass its parent folder, or another."
            )
    images, output = images.resolve(), output.resolve()
    # Ask the file system where it can: on some, Out and out are one folder.
    if any(_is_same(folder, images) for folder in (output, *output.parents)) or any(
        _is_same(folder, output) for folder in images.parents
    ):
        raise ValueError(
            f"The output folder {str(output)!r} and the images in {str(images)!r} must "
            "not lie in one another: originals are never touched. Choose an output "
            "folder beside the images."
        )
    if output.exists():
        held = {entry.name for entry in os.scandir(output)}
        if held and not held & {MANIFEST, WORKPLACE}:
            raise ValueError(
                f"The output folder {str(output)!r} holds {sorted(held)[0]!r} but no "
                f"{MANIFEST} of an earlier run, and nothing is overwritten that was "
                "not made here. Choose a new or an empty folder."
            )
    return images, output


def _is_same(folder, other):
    try:
        return os.path.samefile(folder, other)
    except OSError:  # not there yet
        return folder == other


def find_sources(images, output):
    """List the photographs of a folder and all folders in it.

    Hidden files and folders, and those that systems keep beside photographs, are left
    aside with all that is in them; links are followed.

    Parameters
    ----------
    images : Path
        The folder.
    output : Path
        Where prepared photographs go; no link may lead there.

    Returns
    -------
    sources : list of str
        Paths in `images`, parted by "/", in an order that only names decide.
    aside : dict of str
        Why each other file is left aside, by its path.
    """
    sources, aside = [], {}
    _walk(os.fspath(images), "", (os.stat(images),), output, sources, aside)
    return sources, aside


def _walk(folder, prefix, above, output, sources, aside):
    with os.scandir(folder) as entries:
        entries = sorted(entries, key=lambda entry: entry.name)
    for entry in entries:
        name = prefix + entry.name
        if is_of_system(entry.name):
            is_folder = os.path.isdir(entry.path)
            for path in files_below(entry.path) if is_folder else [entry.path]:
                below = os.path.relpath(path, folder).replace(os.sep, "/")
                aside[prefix + below] = SYSTEM
            continue
        target = Path(os.path.realpath(entry.path)) if entry.is_symlink() else None
        if target is not None and output in (target, *target.parents):
            raise ValueError(
                f"{entry.path!r} is a link into the output folder {str(output)!r}: "
                "an output file cannot also be an original. Remove the link, or "
                "choose another output folder."
            )
        if os.path.isdir(entry.path):
            status = os.stat(entry.path)
            if any(os.path.samestat(status, other) for other in above):
                continue  # a link to a folder that it lies in: all is listed already
            before = len(sources)
            try:
                _walk(entry.path, name + "/", (*above, status), output, sources, aside)
            except PermissionError:
                sources.append(name)  # will fail, and say why
            if is_image(entry.name) and len(sources) == before:
                sources.append(name)  # so will a folder in a photograph's place
        elif is_image(entry.name):
            sources.append(name)
        else:
            aside[name] = extension_of(entry.name)


def name_outputs(sources, suffix):
    """Choose the name of each prepared photograph, no two alike in any case of letters.

    Parameters
    ----------
    sources : list of str
        Paths in the folder of photographs.
    suffix : str
        Of what is prepared, with its dot.

    Returns
    -------
    outputs : list of (str or None)
        Paths in the output folder: the source's with another suffix, or with one more
        where two sources differ in the suffix only. None where this does not part them
        (some file systems cannot tell A from a), or no file can have the name.

    Examples
    --------
    >>> from sk_fiqdr.preprocessing._prepare._sources import name_outputs
    >>> name_outputs(["a/1.tif", "a/2.png", "a/2.tif", "B.png", "b.png"], ".jpeg")
    ['a/1.jpeg', 'a/2.png.jpeg', 'a/2.tif.jpeg', None, None]
    """
    folders = {os.path.dirname(source) for source in sources}
    taken = {
        _fold(str(folder))
        for name in folders
        for folder in (Path(name), *Path(name).parents)
    }

    def are_free(outputs):
        count = Counter(_fold(output) for output in outputs)
        return [
            count[_fold(output)] == 1 and _fold(output) not in taken
            for output in outputs
        ]

    outputs = [os.path.splitext(source)[0] + suffix for source in sources]
    outputs = [
        output if free else source + suffix
        for source, output, free in zip(
            sources, outputs, are_free(outputs), strict=True
        )
    ]
    return [
        output if free and _can_be_written(output) else None
        for output, free in zip(outputs, are_free(outputs), strict=True)
    ]


def could_be_output(output, source):
    """Return whether `name_outputs` may have given a name to what was made of a source.

    Parameters
    ----------
    output, source : str
        Paths that were read from a file, which may name any place.

    Returns
    -------
    could_be : bool
        False for a path that leads out of its folder, or belongs to another source.

    Examples
    --------
    >>> from sk_fiqdr.preprocessing._prepare._sources import could_be_output
    >>> could_be_output("a/1.jpeg", "a/1.tif"), could_be_output("a/2.jpeg", "a/1.tif")
    (True, False)
    >>> could_be_output("../1.jpeg", "../1.tif")
    False
    """
    # Neither "", of "/1" and "a//1", nor "..", nor a hidden file; on all systems.
    parts = re.split(r"[/\\]", source)
    return (
        all(part and part[0] != "." for part in parts)
        and "\0" not in source
        and not Path(source).drive
        and output
        in {
            stem + suffix
            for stem in (source, os.path.splitext(source)[0])
            for suffix in SUFFIX.values()
        }
    )


def _fold(name):
    """Return what names have in common that some file system takes for the same."""
    return unicodedata.normalize("NFC", name.casefold())


def _can_be_written(name):
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return _fold(name.split("/")[0]) != MANIFEST
