"""Images sorted into folders that are called after their grade or quality."""

import re
from pathlib import Path

from ...utils._label_words import GRADE_WORDS, QUALITY_WORDS, plain_word
from ...utils._tasks import GRADE, QUALITY, TASKS
from ._assemble import as_bunch, frame_of_images

NUMBER = re.compile(r"(?:(?:grade|class|level|stage|dr|r) ?)?(\d)(?:[ .]+(.+))?")

DESCR = """Images in folders called after their {task}

{n_images} images of {n_patients} patients, read from {folder}.
{counts}

The folders: {classes}.
"""


def load_class_folders(folder, *, task=None, return_X_y=False):
    r"""Read images that lie in folders called after their grade or quality.

    Folders of grades are called ``0`` to ``4``, or in words such as ``No_DR``,
    ``Mild``, ``Moderate``, ``Severe`` and ``Proliferate_DR``, or both, as in ``grade
    3`` and ``2 - Moderate``; those of qualities ``good`` and ``bad``, or other words
    that are known. Folders above and below, such as ``train`` and ``val``, do no harm.

    Parameters
    ----------
    folder : str or Path
        Folder that holds the folders of classes.
    task : {"grade", "quality"}, default=None
        What the classes are. None finds out by their names; where these are only among
        0, 1 and 2, which may be either, it must be said.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : Bunch
        As that of `load_kaggle_dr`; `frame` has the name of the folder, too, as
        ``class_folder``.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If the folder is not there.
    ValueError
        If an image lies in no folder of a class, or in two; or it is not known what
        the classes are. The message names the folder.

    Warns
    -----
    UserWarning
        If the same name occurs twice; files are left aside that may be photographs; or
        the patients of most are unknown.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from sk_fiqdr.datasets import load_class_folders
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("No_DR/1_left.png", "Severe/1_right.png"):
    ...         path = pathlib.Path(folder, name)
    ...         path.parent.mkdir()
    ...         Image.new("RGB", (9, 9)).save(path)
    ...     eyes = load_class_folders(folder)
    >>> eyes.target.tolist(), eyes.groups.tolist()
    ([[0, -1], [3, -1]], ['1', '1'])
    """
    names = [known.name for known in TASKS]
    if task not in (None, *names):
        raise ValueError(f"task must be one of {names} or None, got {task!r}.")
    folder = Path(folder)
    frame = frame_of_images(folder)
    above = [Path(path).relative_to(folder).parts[:-1] for path in frame["path"]]
    if task is None:
        task = _task_of(folder, above)
    labels = {name: label_of(name, task) for parts in above for name in parts}
    found = [[name for name in parts if labels[name] is not None] for parts in above]
    for path, classes in zip(frame["path"], found, strict=True):
        if len(classes) != 1:
            raise ValueError(_not_one_class(path, classes, task))
    frame["class_folder"] = [classes[0] for classes in found]
    frame[task] = frame["class_folder"].map(labels).astype("int64")
    used = {name: labels[name] for name in sorted(set(frame["class_folder"]))}
    descr = DESCR.replace("{task}", task).replace("{classes}", describe_classes(used))
    return as_bunch(frame, {}, folder, descr, return_X_y)


def label_of(name, task):
    """Return the grade or quality that a folder is called after, or None."""
    plain = plain_word(name)
    words = GRADE_WORDS if task == GRADE.name else QUALITY_WORDS
    if plain in words:
        return words[plain]
    match = NUMBER.fullmatch(plain)
    if match is None:
        return None
    label, word = int(match[1]), match[2]
    classes = GRADE.classes if task == GRADE.name else QUALITY.classes
    agrees = word is None or words.get(word) == label
    return label if label in classes and agrees else None


def tasks_of(above):
    """Return the tasks that the names of folders tell, both where they are unclear.

    Parameters
    ----------
    above : list of tuple of str
        The folders above each image, from the top.

    Returns
    -------
    tasks : list of str
        Those under which each image lies in the folder of one class.
    """
    names = {name for parts in above for name in parts}
    tasks = []
    for task in TASKS:
        known = {name for name in names if label_of(name, task.name) is not None}
        each = all(len(known.intersection(parts)) == 1 for parts in above)
        if each and len({label_of(name, task.name) for name in known}) > 1:
            tasks.append(task.name)
    known = {name for name in names if label_of(name, GRADE.name) is not None}
    bare = all((m := NUMBER.fullmatch(plain_word(name))) and not m[2] for name in known)
    if tasks == [GRADE.name] and bare and max(map(_grade_of, known)) < 3:
        return [GRADE.name, QUALITY.name]  # EyeQ's qualities are 0, 1 and 2
    return tasks


def _grade_of(name):
    return label_of(name, GRADE.name)


def _task_of(folder, above):
    tasks = tasks_of(above)
    if len(tasks) == 1:
        return tasks[0]
    if tasks:
        raise ValueError(
            f"The folders in {str(folder)!r} may be of grades or of qualities by their "
            "names. Say which: task='grade' or task='quality' (sk-fiqdr: --layout "
            "grade-folders or quality-folders); of qualities 0 is poor and 1 good, and "
            "EyeQ's 0, 1 and 2 are good, usable and reject: rename those."
        )
    names = sorted({name for parts in above for name in parts}) or "none"
    raise ValueError(
        f"The folders in {str(folder)!r} do not each tell a grade or a quality: they "
        f"are {names!r:.200}. Expected 0 to 4, or No_DR, Mild, Moderate, Severe and "
        "Proliferate_DR, or good and bad; or write a CSV with columns image and level "
        "for load_kaggle_dr (sk-fiqdr: --grades)."
    )


def _not_one_class(path, classes, task):
    found = (
        f"two folders, {' and '.join(map(repr, classes))}," if classes else "no folder"
    )
    return (
        f"{path!r} lies in {found} of a {task}, expected one. Move it "
        "into the folder of its class, or out of this one."
    )


def describe_classes(labels):
    """Return what each folder counts as, in words."""
    return ", ".join(f"{name} is {label}" for name, label in labels.items())
