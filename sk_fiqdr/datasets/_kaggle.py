"""The contest's photographs on this machine, joined with grades and quality labels."""

import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ..model_selection import patient_ids

EXTENSIONS = frozenset((".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))
EYES = {"left": "left", "l": "left", "os": "left"}
EYES |= {"right": "right", "r": "right", "od": "right"}
UNKNOWN = -1

DESCR = """Kaggle Diabetic Retinopathy Detection (EyePACS)

{n_images} photographs of {n_patients} patients, read from {folder}.
{counts}

Grade: 0 no retinopathy, 1 mild, 2 moderate, 3 severe, 4 proliferative, by one
clinician. Quality: 0 poor, 1 good, by Zhou et al. 2018. -1 is unknown.

The photographs come from EyePACS by way of the contest, and are used under the
contest's rules: read them before you publish, sell or share anything.

E. Dugas, Jared, Jorge, W. Cukierski: Diabetic Retinopathy Detection. Kaggle, 2015.
J. Cuadros, G. Bresnick: EyePACS: an adaptable telemedicine system for diabetic
retinopathy screening. Journal of Diabetes Science and Technology 3(3), 2009.
K. Zhou et al.: Fundus Image Quality-Guided Diabetic Retinopathy Grading. OMIA 2018.
"""


def load_kaggle_dr(images, grades, quality=None, *, return_X_y=False):
    r"""Join the contest's photographs with their grades and quality labels.

    Every image file below the folder becomes one row, whether or not it has labels.
    Label files may know more images than there are. Names match with and without
    extension and in any case; blanks around them, an index column and a byte-order mark
    do no harm. An empty label is unknown.

    Parameters
    ----------
    images : str or Path
        Folder of photographs; folders inside it are read too, hidden files are not.
    grades : str, Path, list of them, or None
        CSV with columns ``image`` and ``level`` (0 to 4), such as the contest's
        ``trainLabels.csv``. None leaves every grade unknown.
    quality : str, Path, list of them, or None, default=None
        CSV with columns ``image`` and ``quality`` (0 poor, 1 good), such as the paper's
        ``quality_label_train.csv``. None leaves every quality unknown.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : Bunch
        With `data`, the paths (n,), sorted; `target` int64 (n, 2) with columns (grade,
        quality), -1 where unknown; `groups`, the patient of each image; `frame`, a
        DataFrame of path, image, patient, eye, grade and quality; `report`, a dict that
        counts what did not match; and DESCR.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If the folder or a CSV is not there.
    ValueError
        If the folder holds no image; or a CSV lacks a column, holds a label out of
        range or contradicts another; or no image has a label. The message names file
        and line.

    Warns
    -----
    UserWarning
        If images have no row in a label file, or the same name occurs twice.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from sk_fiqdr.datasets import load_kaggle_dr
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     folder = pathlib.Path(folder)
    ...     for name in ("13_left.jpeg", "13_right.jpeg"):
    ...         Image.new("RGB", (9, 9)).save(folder / name)
    ...     grades = folder / "trainLabels.csv"
    ...     _ = grades.write_text("image,level\n13_left,0\n13_right,2\n15_left,4\n")
    ...     eyes = load_kaggle_dr(folder, grades)
    >>> eyes.target.tolist(), eyes.groups.tolist()
    ([[0, -1], [2, -1]], ['13', '13'])
    >>> eyes.report["n_grade_rows_without_image"]
    1
    """
    folder = Path(images)
    paths = _find_images(folder)
    names = [_stem(path) for path in paths]
    frame = pd.DataFrame({"path": paths, "image": names, "patient": patient_ids(names)})
    frame["eye"] = list(map(_eye, frame["image"], frame["patient"]))
    report = {
        "n_images": len(frame),
        "n_patients": frame["patient"].nunique(),
        "n_repeated_names": int(_repeated(frame).sum()),
    }
    keys = frame["image"].str.casefold()
    for task, files, column, largest in (
        ("grade", grades, "level", 4),
        ("quality", quality, "quality", 1),
    ):
        rows = _read_labels(files, column, largest)
        labels = rows.drop_duplicates("key").set_index("key")["label"]
        frame[task] = keys.map(labels).fillna(UNKNOWN).astype(np.int64)
        if len(rows):
            matched = keys.isin(labels.index)
            _check_some_match(folder, frame, rows, matched)
            report |= {
                f"n_images_without_{task}_row": int((~matched).sum()),
                f"n_{task}_rows": len(rows),
                f"n_{task}_rows_repeated": len(rows) - len(labels),
                f"n_{task}_rows_without_image": int((~labels.index.isin(keys)).sum()),
            }
    _warn_of_gaps(folder, frame, report)
    data = frame["path"].to_numpy(dtype=str)
    target = frame[["grade", "quality"]].to_numpy()
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        groups=frame["patient"].to_numpy(dtype=str),
        frame=frame,
        report=report,
        target_names=["grade", "quality"],
        DESCR=_describe(folder, frame, report),
    )


def _find_images(folder):
    """Return the paths of all image files below the folder, sorted."""
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
    paths, seen, others = [], set(), []
    for parent, folders, files in os.walk(folder, onerror=_raise, followlinks=True):
        if os.path.realpath(parent) in seen:  # a link back up
            folders.clear()
            continue
        seen.add(os.path.realpath(parent))
        folders[:] = [name for name in folders if not name.startswith((".", "__"))]
        for name in files:
            if not name.startswith("."):  # macOS leaves ._10_left.jpeg beside images
                is_image = os.path.splitext(name)[1].lower() in EXTENSIONS
                (paths if is_image else others).append(os.path.join(parent, name))
    if not paths:
        found = f"{len(others)} other files" if others else "nothing"
        if others:
            found += f", such as {os.path.basename(min(others))!r}"
        raise ValueError(
            f"{str(folder)!r} holds no image, but {found}. Expected files that end in "
            f"{', '.join(sorted(EXTENSIONS))}."
        )
    return sorted(paths)


def _raise(error):
    raise error


def _stem(name):
    """Return the name of an image without folders and extension."""
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    stem, extension = os.path.splitext(name)
    return stem if extension.lower() in EXTENSIONS else name


def _eye(name, patient):
    """Return the side that stands behind the patient in a name, "" if there is none."""
    return EYES.get(name[len(patient) :].lower().strip(" _-.()0123456789"), "")


def _read_labels(files, column, largest):
    """Return image, label, file and line of every row, contradictions refused."""
    if files is None:
        files = []
    elif isinstance(files, str | os.PathLike):
        files = [files]
    parts = [_read_csv(os.fspath(file), column, largest) for file in files]
    if not parts:
        return pd.DataFrame({"key": [], "label": []})
    rows = pd.concat(parts, ignore_index=True)
    first = rows.groupby("key")[["label", "file", "line"]].transform("first")
    contradicting = rows[rows["label"] != first["label"]]
    if len(contradicting):
        other = contradicting.iloc[0]
        one = first.loc[other.name]
        raise ValueError(
            f"{other['image']!r} has {column} {one['label']} in {one['file']!r} line "
            f"{one['line']} and {other['label']} in {other['file']!r} line "
            f"{other['line']} ({len(contradicting)} such contradictions). Keep the row "
            "that is right."
        )
    return rows


def _read_csv(file, column, largest):
    """Read one label file; every complaint names it, and the line where there is."""
    if not os.path.exists(file):
        raise FileNotFoundError(
            f"There is no label file {file!r}. Expected a CSV with columns image and "
            f"{column}."
        )
    try:
        table = pd.read_csv(
            file,
            dtype=str,
            encoding="utf-8-sig",
            keep_default_na=False,
            skip_blank_lines=False,
            index_col=False,
        )
    except (OSError, UnicodeError, ValueError) as error:  # pandas' own are ValueErrors
        raise ValueError(
            f"{file!r} is no readable CSV ({error}). Expected UTF-8 text with columns "
            f"image and {column}; a ZIP archive must be unpacked first."
        ) from error
    columns = {str(name).strip().lower(): name for name in table.columns}
    for name in ("image", column):
        if name not in columns:
            raise ValueError(
                f"{file!r} has no column {name!r}, but {list(table.columns)!r}. "
                f"Expected image and {column} in its first line, separated by a comma."
            )
    rows = pd.DataFrame(
        {
            "image": table[columns["image"]].str.strip().map(_stem),
            "text": table[columns[column]].fillna("").str.strip(),
            "file": file,
            "line": table.index + 2,
        }
    )
    rows = rows[(rows["image"] != "") | (rows["text"] != "")]
    if rows.empty:
        raise ValueError(
            f"{file!r} holds no row below its header. Expected one for each image."
        )
    text = rows["text"].replace("", str(UNKNOWN))
    values = pd.to_numeric(text, errors="coerce")
    allowed = values.isin(range(UNKNOWN, largest + 1)) & (rows["image"] != "")
    if not allowed.all():
        bad = rows[~allowed].iloc[0]
        raise ValueError(
            f"{file!r} line {bad['line']}: image {bad['image']!r} has {column} "
            f"{bad['text']!r}, expected a name and a whole number from 0 to {largest} "
            f"({int((~allowed).sum())} such lines). Correct it, or leave the label "
            "empty where it is unknown."
        )
    return rows.assign(
        label=values.astype(np.int64), key=rows["image"].str.casefold()
    ).drop(columns="text")


def _check_some_match(folder, frame, rows, matched):
    if not matched.any():
        row = rows.iloc[0]
        raise ValueError(
            f"None of the {len(frame)} images in {str(folder)!r} is named in "
            f"{row['file']!r}: the first image is {frame['image'].iloc[0]!r}, the "
            f"first row {row['image']!r}. Pass the label file of these images."
        )


def _repeated(frame):
    return frame["image"].str.casefold().duplicated()


def _warn_of_gaps(folder, frame, report):
    gaps = [
        f"{report[key]} without a row of {task} labels (-1 in `target`)"
        for task in ("grade", "quality")
        if report.get(key := f"n_images_without_{task}_row")
    ]
    if report["n_repeated_names"]:
        name = frame.loc[_repeated(frame), "image"].iloc[0]
        gaps.append(
            f"{report['n_repeated_names']} whose name stands in another place too, "
            f"such as {name!r}"
        )
    if gaps:
        warnings.warn(
            f"Of {len(frame)} images in {str(folder)!r} there are {'; '.join(gaps)}. "
            "`frame` shows which.",
            UserWarning,
            stacklevel=3,
        )


def _describe(folder, frame, report):
    lines = []
    for task, n_labels in (("grade", 5), ("quality", 2)):
        counts = frame[task].value_counts()
        shown = " / ".join(str(counts.get(label, 0)) for label in range(n_labels))
        lines.append(f"{task.capitalize()} 0 to {n_labels - 1}: {shown} images.")
    lines += [
        f"{key.removeprefix('n_').replace('_', ' ').capitalize()}: {count}."
        for key, count in report.items()
        if key not in ("n_images", "n_patients")
    ]
    return DESCR.format(
        n_images=report["n_images"],
        n_patients=report["n_patients"],
        folder=folder,
        counts="\n".join(lines),
    )
