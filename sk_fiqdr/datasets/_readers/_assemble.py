"""From files and label rows to the Bunch that every reader returns."""

import warnings

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from ...exceptions import PatientLeakageError
from ...model_selection._patient_ids import read_patients
from ...utils._image_files import describe_aside, may_be_photographs
from ...utils._labels import UNKNOWN
from .._folder import find_images, image_key, image_name

LABELS = ("grade", "quality")
KNOWN = "patient is known"  # a column of frames on their way


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
        Columns path, image, patient, eye, grade and quality, both -1, and `KNOWN`,
        whether the name tells the patient. Its ``attrs`` hold ``left_aside``: why other
        files are none of these, by path.
    """
    paths, aside = find_images(folder)
    frame = pd.DataFrame({"path": paths, "image": [image_name(p) for p in paths]})
    read = read_patients(paths) if named_by_patient else [(n, "") for n in frame.image]
    frame[["patient", "eye"]] = read
    frame = frame.assign(**dict.fromkeys(LABELS, UNKNOWN))
    frame[KNOWN] = frame["eye"] != ""
    frame.attrs["left_aside"] = aside
    return frame


def add_labels(frame, rows, source, tasks, folder):
    """Give each image the labels, and the patient, of the row that names it.

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
    PatientLeakageError
        If rows give the two eyes of a patient, by their names, to two patients.
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
    _add_patients(frame, rows, keys)
    row_keys = rows["key"].drop_duplicates()
    return {
        f"n_images_without_{source}_row": int((~named).sum()),
        f"n_{source}_rows": len(rows),
        f"n_{source}_rows_repeated": len(rows) - len(row_keys),
        f"n_{source}_rows_without_image": int((~row_keys.isin(keys)).sum()),
    }


def _add_patients(frame, rows, keys):
    """Name patients as the label file does; the fellow of a named eye is named, too."""
    of_rows = rows[rows["patient"] != ""].drop_duplicates("key").set_index("key")
    patient = keys.map(of_rows["patient"]).astype(object)
    if patient.isna().all():
        return
    has_side = frame["eye"] != ""
    by_name = frame["patient"].where(has_side)
    named = pd.DataFrame({"by_name": by_name, "patient": patient}).dropna()
    n_patients = named.groupby("by_name")["patient"].nunique()
    if (n_patients > 1).any():
        eyes = named["by_name"] == n_patients.idxmax()
        images = frame["image"][named.index[eyes]]
        raise PatientLeakageError(
            f"The column {rows.attrs['patient']!r} names different patients for "
            f"{', '.join(map(repr, images[:3]))} ("
            f"{', '.join(map(repr, named['patient'][eyes][:3]))}), which are eyes of "
            f"one patient by their names ({int((n_patients > 1).sum())} such "
            "patients). If it does not name patients, say patient_column=False "
            "(sk-fiqdr: --patient-column none); if names repeat across clinics, make "
            "them different."
        )
    fellow = by_name.map(named.drop_duplicates("by_name").set_index("by_name").patient)
    patient = patient.where(patient.notna(), fellow.astype(object))
    frame["patient"] = patient.where(patient.notna(), frame["patient"]).astype(str)
    frame.attrs["patient_column"] = rows.attrs["patient"]
    frame[KNOWN] |= patient.notna()


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


def as_bunch(
    frame, report, folder, descr, return_X_y, *, part=None, patients_known=True
):
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
    patients_known : bool, default=True
        Whether patients are known where this set is whole; a warning says if they are
        not.

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
    patient_column = frame.attrs.pop("patient_column", None)
    if aside:
        report["n_files_left_aside"] = len(aside)
    unknown = ~frame.pop(KNOWN).to_numpy()
    if unknown.any():
        report["n_images_of_unknown_patient"] = int(unknown.sum())
    _warn_of_gaps(folder, frame, report, part, aside)
    if patients_known and 2 * unknown.sum() > len(frame) > 1:
        name = frame["image"][unknown.argmax()]
        warnings.warn(
            f"The patients of {unknown.sum()} of {len(frame)} images in "
            f"{str(folder)!r} are unknown: names such as {name!r} do not tell them, "
            "and each counts as a patient of its own, so that both eyes of one may "
            "stand on both sides of a split. Name patients in a column patient_id of "
            "the label file (another one by patient_column=).",
            UserWarning,
            stacklevel=3,
        )
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
        patient_column=patient_column,
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
