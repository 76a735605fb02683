"""Read any set that a reader knows: which one it is, and how its labels count."""

import os
from functools import partial
from pathlib import Path

from ...utils._image_files import list_files
from ...utils._label_words import NAMES, plain_label
from .._folder import check_folder
from ._class_folders import tasks_of
from ._eyeq import load_eyeq
from ._kaggle import IMAGE, load_kaggle_dr
from ._label_files import is_table, plain_name, read_lines
from ._layouts import FOLDERS, SETS, STAGES
from ._tables import Column, is_called_eyeq, is_eyeq, read_table

TABLES = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".ods", ".gz")
AUTO, LABELS, EYEQ = "auto", "labels", "eyeq"
LAYOUTS = (AUTO, LABELS, EYEQ, *SETS, *FOLDERS)


class NoLabelsError(ValueError):
    """A folder holds images, and no labels that are known."""


def load_folder(
    folder,
    grades=None,
    quality=None,
    *,
    layout=AUTO,
    patient_column=None,
    poor_label=None,
    return_X_y=False,
):
    r"""Read any set: find out which reader it needs, and use that.

    Label files that are passed are read by `load_kaggle_dr`, or, where they are EyeQ's,
    by `load_eyeq`. Otherwise the folder is looked through for the tree of a set that
    has a reader; then for label files, and for folders that are called after their
    grade or quality. Where there are several of these, none is chosen.

    Parameters
    ----------
    folder : str or Path
        Folder of images, or of a whole set.
    grades, quality : str, Path, DataFrame, list of them, or None, default=None
        Label files, as for `load_kaggle_dr`.
    layout : str, default="auto"
        Which it is: "labels" (label files), "eyeq", "aptos", "brset", "ddr",
        "deepdrid", "drimdb", "idrid", "messidor2", "odir", "grade-folders" or
        "quality-folders".
    patient_column : str, False or None, default=None
        Column of label files that names the patient; see `load_kaggle_dr`.
    poor_label : object, default=None
        Which of two qualities means poor; see `load_kaggle_dr`.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : Bunch
        As that of `load_kaggle_dr`, with `layout`, which it is; `counted`, how its
        labels are counted; and `label_files`, those that were passed or found in the
        folder, a dict of lists under grades and quality.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If the folder or a label file is not there.
    ValueError
        If no labels are found, or several kinds; or as the reader does.

    Warns
    -----
    UserWarning
        As the reader does.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from sk_fiqdr.datasets import load_folder
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     folder = pathlib.Path(folder)
    ...     for name in ("13_left.jpeg", "13_right.jpeg"):
    ...         Image.new("RGB", (9, 9)).save(folder / name)
    ...     labels = folder / "labels.csv"
    ...     _ = labels.write_text("image,level\n13_left,No_DR\n13_right,Moderate\n")
    ...     eyes = load_folder(folder)
    >>> eyes.layout, eyes.counted, eyes.target[:, 0].tolist()
    ('labels', 'grades from labels.csv', [0, 2])
    """
    if layout not in LAYOUTS:
        raise ValueError(
            f"layout must be one of {', '.join(map(repr, LAYOUTS))}, got {layout!r}."
        )
    check_folder(Path(folder))
    given = grades is not None or quality is not None
    found = (
        find_layout(folder, grades, quality, poor_label) if layout == AUTO else layout
    )
    files = {"grades": grades, "quality": quality}
    if given and found in {*SETS, *FOLDERS}:
        raise ValueError(
            f"The layout {found!r} has its labels in the folder, but label files are "
            "passed, too. Leave out either the layout or the files."
        )
    if found in (LABELS, EYEQ) and not given:
        files = label_files(folder, eyeq=found == EYEQ)
    load, counted = _reader(found, folder, files, patient_column, poor_label)
    data = load(folder)
    data.update(layout=found, counted=counted or data.DESCR.rsplit("folders: ", 1)[-1])
    data.label_files = {
        task: _listed(of) for task, of in files.items() if of is not None
    }
    return (data.data, data.target) if return_X_y else data


def _reader(found, folder, files, patient_column, poor_label):
    """Return what reads the folder, and how it counts; None where the folders say."""
    if found in SETS:
        return SETS[found].load, SETS[found].counted
    if found in FOLDERS:
        return FOLDERS[found], None
    if found == EYEQ:
        labels = [file for of in files.values() for file in _listed(of)]
        unique = [f for at, f in enumerate(labels) if not _among(f, labels[:at])]
        return (
            partial(load_eyeq, labels=unique),
            f"{STAGES}; EyeQ's 0 and 1, good and usable, are quality good, its 2, "
            "reject, is poor",
        )
    if not any(of is not None and len(_listed(of)) for of in files.values()):
        raise NoLabelsError(_no_labels(folder))
    reader = partial(
        load_kaggle_dr,
        **files,
        patient_column=patient_column,
        poor_label=poor_label,
    )
    return reader, "; ".join(
        f"{task} from {', '.join(_called(file) for file in _listed(of))}"
        for task, of in files.items()
        if of is not None
    )


def find_layout(folder, grades=None, quality=None, poor_label=None):
    """Return which layout a folder and label files have, or raise.

    Parameters
    ----------
    folder : str or Path
        The folder.
    grades, quality : str, Path, DataFrame, list of them, or None, default=None
        Label files.
    poor_label : object, default=None
        Which of two qualities means poor, in files that are not EyeQ's then.

    Returns
    -------
    layout : str
        One of `LAYOUTS`, not "auto".

    Raises
    ------
    ValueError
        If there are no labels, or it may be several of them.
    """
    if grades is not None or quality is not None:
        files = [] if poor_label is not None else _listed(quality)
        return EYEQ if any(_is_eyeq(f, _header(f)) for f in files) else LABELS
    sets = [name for name, known in SETS.items() if known.holds(folder)]
    if not sets:
        tables = label_files(folder)
        if any(tables.values()):
            sets.append(LABELS)
        if any(label_files(folder, eyeq=True).values()):
            sets.append(EYEQ)
        sets += [f"{task}-folders" for task in _tasks_of_folders(folder)]
    if len(sets) > 1:
        raise ValueError(
            f"{str(folder)!r} may be read as {' or as '.join(sets)}, and nothing is "
            f"guessed. Say which: layout={' or '.join(map(repr, sets))} (sk-fiqdr: "
            f"--layout {sets[0]}), or pass the label files."
        )
    if not sets:
        raise NoLabelsError(_no_labels(folder))
    return sets[0]


def _no_labels(folder):
    return (
        f"There are no labels in {str(folder)!r}: name CSV files with --grades "
        "(columns image, level) and --quality (columns image, quality), in Python "
        "grades= and quality=; or put one into the folder; or sort images into folders "
        "0 to 4 or No_DR to Proliferate_DR. Pass the whole folder of a data set that "
        "has a reader."
    )


def _tasks_of_folders(folder):
    above = [
        Path(path).relative_to(folder).parts[:-1] for path in list_files(folder).images
    ]
    return tasks_of(above) if above else []


def label_files(folder, *, eyeq=False):
    """Return the label files in a folder: those with columns of images and labels.

    Parameters
    ----------
    folder : str or Path
        The folder.
    eyeq : bool, default=False
        Those of EyeQ, in place of all others.

    Returns
    -------
    files : dict of list of str
        Under grades and quality; None where there is none.

    Raises
    ------
    ValueError
        If several files hold grades, or quality.
    """
    found = {"grades": [], "quality": []}
    for path in sorted(list_files(folder).aside):
        header = _header(path)
        if _is_eyeq(path, header) == eyeq and _has(header, IMAGE):
            for key, task in (("grades", "grade"), ("quality", "quality")):
                if _has(header, NAMES[task]):
                    found[key].append(path)
    for key, files in found.items():
        if len(files) > 1 and not eyeq:
            raise ValueError(
                f"{str(folder)!r} holds {len(files)} files with {key}: "
                f"{', '.join(map(_called, files[:5]))}. Say which to read: {key}= "
                f"(sk-fiqdr: --{key})."
            )
    return {key: files or None for key, files in found.items()}


def _header(path):
    """Return the column names of a file as plain names; none where it has no table."""
    if is_table(path) or not str(path).lower().endswith(TABLES):
        return []
    columns = {"image": Column(IMAGE, {}), "grade": Column(NAMES["grade"], {})}
    try:
        header, _, _ = read_lines(os.fspath(path), columns, "image and level")
    except (ValueError, ImportError):
        return []
    names = [plain_name(name) for name in header]
    return [] if any(name.startswith("p grade") for name in names) else names


def _has(header, names):
    return not {*header}.isdisjoint(map(plain_name, names))


def _is_eyeq(file, header):
    """Tell whether a file is EyeQ's beyond doubt: by its name, or columns and a 2."""
    if is_table(file) or not header:
        return False
    if is_called_eyeq(file):
        return True
    if not is_eyeq(file, header) or not _has(header, IMAGE):
        return False
    columns = {"image": Column(IMAGE, {}), "quality": Column(NAMES["quality"], {})}
    return (
        read_table(os.fspath(file), columns)["quality"].map(plain_label).eq("2").any()
    )


def _listed(files):
    if files is None:
        return []
    return [files] if isinstance(files, str | os.PathLike) or is_table(files) else files


def _among(file, files):
    return any(file is one or (not is_table(file) and file == one) for one in files)


def _called(file):
    return file.attrs.get("name", "DataFrame") if is_table(file) else Path(file).name
