"""From files and label rows to the Bunch that every reader returns."""

import warnings

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ...model_selection import patient_ids
from ...utils._image_files import describe_aside, may_be_photographs
from ...utils._labels import UNKNOWN
from .._folder import eye_of, find_images, image_key, image_name

LABELS = ("grade", "quality")


def frame_of_images(folder, *, named_by_patient=True):
    """Return a row for each image below a folder, without labels.

    Parameters
    ----------
    folder : Path
        Folder of photographs.
    named_by_patient : bool, default=True
        Names tell the patient and the eye. Otherwise each name is its own patient, and
        no eye is known.

    Returns
    -------
    frame : DataFrame
        Columns path, image, patient, eye, grade and quality, both -1. Its ``attrs``
        hold ``left_aside``: why other files are none of these, by path.
    """
    paths, aside = find_images(folder)
    names = [image_name(path) for path in paths]
    patients = patient_ids(paths) if named_by_patient else names
    frame = pd.DataFrame({"path": paths, "image": names, "patient": patients})
    frame["eye"] = ""
    if named_by_patient:
        frame["eye"] = list(map(eye_of, frame["image"], frame["patient"]))
    frame = frame.assign(**dict.fromkeys(LABELS, UNKNOWN))
    frame.attrs["left_aside"] = aside
    return frame


def add_labels(frame, rows, source, tasks, folder):
    """Give each image the labels of the row that names it.

    Parameters
    ----------
    frame : DataFrame
        From `frame_of_images`; gets a column for each task.
    rows : DataFrame
        From `read_labels`.
    source : str
        What the report calls these rows: grade, quality or label.
    tasks : list of str
        Columns of `rows`.
    folder : Path
        Where the images are, for messages.

    Returns
    -------
    report : dict
        Counts of what did not match.

    Raises
    ------
    ValueError
        If no image has a row.
    """
    keys = frame["image"].map(image_key)
    for task in tasks:  # a row that knows goes before one that does not
        known = rows.iloc[np.argsort(rows[task] == UNKNOWN, kind="stable")]
        labels = known.drop_duplicates("key").set_index("key")[task]
        frame[task] = keys.map(labels).fillna(UNKNOWN).astype(np.int64)
    if rows.empty:
        return {}
    named = keys.isin(rows["key"])
    if not named.any():
        row = rows.iloc[0]
        raise ValueError(
            f"None of the {len(frame)} images in {str(folder)!r} is named in "
            f"{row['file']!r}: the first image is {frame['image'].iloc[0]!r}, the "
            f"first row {row['image']!r}. Pass the label file of these images."
        )
    row_keys = rows["key"].drop_duplicates()
    return {
        f"n_images_without_{source}_row": int((~named).sum()),
        f"n_{source}_rows": len(rows),
        f"n_{source}_rows_repeated": len(rows) - len(row_keys),
        f"n_{source}_rows_without_image": int((~row_keys.isin(keys)).sum()),
    }


def join_parts(parts):
    """Put the frames of several folders one below the other, and add up the reports."""
    frame = pd.concat([frame for frame, _ in parts], ignore_index=True)
    frame.attrs["left_aside"] = {}
    for part, _ in parts:
        frame.attrs["left_aside"] |= part.attrs["left_aside"]
    report = {}
    for _, counts in parts:
        for key, count in counts.items():
            report[key] = report.get(key, 0) + count
    return frame, report


def check_subset(subset, subsets):
    """Return the chosen subsets as a list; refuse what is none of them."""
    chosen = [subset] if isinstance(subset, str) else list(subset)
    if not chosen or not set(chosen) <= set(subsets):
        raise ValueError(
            f"subset must be one or several of {', '.join(map(repr, subsets))}, got "
            f"{subset!r}."
        )
    return [name for name in subsets if name in chosen]


def as_bunch(frame, report, folder, descr, return_X_y, *, part=None):
    """Warn of gaps, and return what every reader returns.

    Parameters
    ----------
    frame : DataFrame
        Columns path, image, patient, eye, grade, quality and the set's own.
    report : dict
        Counts of what did not match.
    folder : Path
        What was read, for messages.
    descr : str
        Template with n_images, n_patients, folder and counts.
    return_X_y : bool
        Return ``(data, target)`` only.
    part : str, default=None
        Column of `frame` that tells apart images of one name which are different ones.

    Returns
    -------
    dataset : Bunch or tuple of ndarray
        See `load_kaggle_dr`.
    """
    report = {
        "n_images": len(frame),
        "n_patients": frame["patient"].nunique(),
        "n_repeated_names": int(_repeated(frame, part).sum()),
        **report,
    }
    aside = frame.attrs.pop("left_aside")
    if aside:
        report["n_files_left_aside"] = len(aside)
    _warn_of_gaps(folder, frame, report, part, aside)
    data = frame["path"].to_numpy(dtype=str)
    target = frame[list(LABELS)].to_numpy(dtype=np.int64)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        groups=frame["patient"].to_numpy(dtype=str),
        frame=frame,
        left_aside=pd.DataFrame(
            {"path": list(aside), "reason": list(aside.values())}, dtype=str
        ),
        report=report,
        target_names=list(LABELS),
        DESCR=_describe(folder, frame, report, descr),
    )


def _repeated(frame, part):
    keys = frame["image"].map(image_key)
    return pd.DataFrame({"key": keys, "part": frame[part] if part else ""}).duplicated()


def _warn_of_gaps(folder, frame, report, part, aside):
    gaps = [
        f"{report[key]} without a row of {source} labels (-1 in `target`)".replace(
            "label labels", "labels"
        )
        for source in (*LABELS, "label")
        if report.get(key := f"n_images_without_{source}_row")
    ]
    if report["n_repeated_names"]:
        name = frame.loc[_repeated(frame, part), "image"].iloc[0]
        gaps.append(
            f"{report['n_repeated_names']} whose name stands in another place too, "
            f"such as {name!r}"
        )
    if gaps:
        warnings.warn(
            f"Of {len(frame)} images in {str(folder)!r} there are {'; '.join(gaps)}. "
            "`frame` shows which.",
            UserWarning,
            stacklevel=4,  # the line that called the reader
        )
    if doubtful := may_be_photographs(aside):
        warnings.warn(
            f"Left aside in {str(folder)!r}, as they are not images by their names: "
            f"{describe_aside(doubtful)}. `left_aside` has all; save photographs among "
            "them as JPEG, PNG or TIFF.",
            UserWarning,
            stacklevel=4,
        )


def _describe(folder, frame, report, descr):
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
    return descr.format(
        n_images=report["n_images"],
        n_patients=report["n_patients"],
        folder=folder,
        counts="\n".join(lines),
    )
