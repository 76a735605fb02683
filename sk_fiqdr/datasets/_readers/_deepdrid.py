"""DeepDRiD: two views of each eye, graded by eye, with quality by image."""

from pathlib import Path

import numpy as np

from ...utils._labels import UNKNOWN
from .._folder import Layout
from ._assemble import add_labels, as_bunch, check_subset, frame_of_images, join_parts
from ._tables import read_labels, whole_numbers

LAYOUT = Layout(
    "DeepDRiD",
    """
regular_fundus_images/
    regular-fundus-training/
        regular-fundus-training.csv
        Images/
            1/
                1_l1.jpg
                ...
    regular-fundus-validation/
        regular-fundus-validation.csv
        Images/
    Online-Challenge1&2-Evaluation/          (subset "test")
        Challenge1_labels.xlsx
        Challenge2_labels.xlsx
        Images/
""",
    {
        "train images": "regular-fundus-training/Images",
        "train labels": "regular-fundus-training/regular-fundus-training.*",
        "validation images": "regular-fundus-validation/Images",
        "validation labels": "regular-fundus-validation/regular-fundus-validation.*",
        "test images": "Online-Challenge1&2-Evaluation/Images",
        "test grades": "Online-Challenge1&2-Evaluation/Challenge1_labels.*",
        "test quality": "Online-Challenge1&2-Evaluation/Challenge2_labels.*",
    },
)
SUBSETS = ("train", "validation", "test")
USUAL = ("train", "validation")
SCORES = {  # each has its own steps; 1 to 10, artifact from 0
    "clarity": whole_numbers(10, "Clarity", required=False),
    "field_definition": whole_numbers(10, "Field definition", required=False),
    "artifact": whole_numbers(10, "Artifact", required=False),
}
QUALITY = {"quality": whole_numbers(1, "Overall quality"), **SCORES}
EYES = {
    "left": whole_numbers(4, "left_eye_DR_Level"),
    "right": whole_numbers(4, "right_eye_DR_Level"),
}
TEST_GRADE = whole_numbers(4, "DR_Levels", "DR_Level")

DESCR = """DeepDRiD: Deep Diabetic Retinopathy Image Dataset, regular fundus images

{n_images} photographs of {n_patients} patients, read from {folder}.
{counts}

Grade: 0 no retinopathy, 1 mild, 2 moderate, 3 severe, 4 proliferative
(international clinical scale), of the eye, from both of its views: a view may carry a
grade that it does not show itself.
Quality: the column "Overall quality", 1 good enough to diagnose retinal diseases, 0
not, by image. It is far stricter than the poor of Zhou et al. 2018: about half of the
images are 0 here, against 2 to 4 % there. Do not mix the two in one training set, nor
compare scores across them. `frame` has the scores behind it: clarity, field_definition
(higher is better) and artifact (lower is better).
Patients are read from the names, 265_l1: patient 265, left eye, first view. Where name
and label disagree about the side (images of patient 56), eye is empty and the grade is
the one that the row states.

2,000 photographs of 500 patients of three Chinese screening projects, published at
github.com/deepdrdoc/DeepDRiD for research; read the licence there before you pass
anything on. The ultra-widefield images are another camera's, and are not read.

R. Liu et al.: DeepDRiD: Diabetic Retinopathy - Grading and Image Quality Estimation
Challenge. Patterns 3(6), 100512, 2022.
"""


def load_deepdrid(folder, *, subset=USUAL, return_X_y=False):
    r"""Read DeepDRiD's regular fundus images: grades by eye, quality by image.

    The layout is that of the project's repository, ``regular_fundus_images``. Label
    files may be untidy; see `load_kaggle_dr`.

    Parameters
    ----------
    folder : str or Path
        ``regular_fundus_images``, or a folder up to three levels above it.
    subset : str or list of str, default=["train", "validation"]
        What to read, of "train", "validation" and "test". Only these parts must be
        there. The labels of ``"test"`` are Excel
        workbooks, which need openpyxl (``pip install 'sk-fiqdr[excel]'``); CSV files of
        the same names do as well.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : Bunch
        As that of `load_kaggle_dr`; `frame` has ``clarity``, ``field_definition``,
        ``artifact`` and ``subset``, too, and `report` counts as
        ``n_images_with_unclear_side`` those whose name and label name different eyes.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If the folder is not there.
    ValueError
        If the folder holds another tree, which the message shows beside the expected
        one; or a label file is damaged, or has two grades for one image.

    Warns
    -----
    UserWarning
        If images have no row in the label files, or the same name occurs twice.

    References
    ----------
    .. [1] R. Liu et al.: DeepDRiD: Diabetic Retinopathy - Grading and Image Quality
       Estimation Challenge. Patterns 3(6), 100512, 2022.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from sk_fiqdr.datasets import load_deepdrid
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     part = pathlib.Path(folder, "regular-fundus-training")
    ...     for name in ("1_l1", "1_r1"):
    ...         path = part / "Images" / "1" / f"{name}.jpg"
    ...         path.parent.mkdir(parents=True, exist_ok=True)
    ...         Image.new("RGB", (9, 9)).save(path)
    ...     labels = part / "regular-fundus-training.csv"
    ...     _ = labels.write_text(
    ...         "patient_id,image_id,Overall quality,"
    ...         "left_eye_DR_Level,right_eye_DR_Level\n"
    ...         "1,1_l1,1,2,\n1,1_r1,0,,3\n"
    ...     )
    ...     eyes = load_deepdrid(folder, subset="train")
    >>> eyes.target.tolist(), eyes.groups.tolist(), eyes.frame["eye"].tolist()
    ([[2, 1], [3, 0]], ['1', '1'], ['left', 'right'])
    """
    chosen = check_subset(subset, SUBSETS)
    required = [place for place in LAYOUT.places if place.split()[0] in chosen]
    places = LAYOUT.find(
        folder, required, advice=" Of a part alone pass the name as subset."
    )
    parts = []
    for part in chosen:
        images = places[f"{part} images"]
        frame = frame_of_images(images)
        if part == "test":
            report = _add_test_labels(frame, places, images)
        else:
            report = _add_labels(frame, places[f"{part} labels"], images)
        parts.append((frame.assign(subset=part), report))
    frame, report = join_parts(parts)
    return as_bunch(frame, report, Path(folder), DESCR, return_X_y)


def _add_labels(frame, labels, images):
    rows = read_labels(labels, ("image_id",), {**EYES, **QUALITY})
    both = rows[(rows["left"] != UNKNOWN) & (rows["right"] != UNKNOWN)]
    if len(both):
        row = both.iloc[0]
        raise ValueError(
            f"{row['file']!r} line {row['line']}: image {row['image']!r} has the grade "
            f"{row['left']} as a left eye and {row['right']} as a right one "
            f"({len(both)} such lines). Keep only the grade of the eye shown."
        )
    rows["grade"] = rows[["left", "right"]].max(axis=1)
    rows["side"] = np.select([rows["left"] >= 0, rows["right"] >= 0], [0, 1], UNKNOWN)
    report = add_labels(frame, rows, "label", ["grade", "side", *QUALITY], images)
    said = frame.pop("side").map({0: "left", 1: "right", UNKNOWN: ""})
    unclear = (frame["eye"] != "") & (said != "") & (frame["eye"] != said)
    frame["eye"] = frame["eye"].where(frame["eye"] != "", said).mask(unclear, "")
    return {**report, "n_images_with_unclear_side": int(unclear.sum())}


def _add_test_labels(frame, places, images):
    grades = read_labels(places["test grades"], ("image_id",), {"grade": TEST_GRADE})
    quality = read_labels(places["test quality"], ("image_id",), QUALITY)
    report = add_labels(frame, grades, "grade", ["grade"], images)
    return report | add_labels(frame, quality, "quality", list(QUALITY), images)
