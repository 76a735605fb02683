"""ODIR-5K: grades and poor images, as far as its diagnoses in words say."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from ...utils._label_words import plain_word
from ...utils._labels import UNKNOWN
from .._folder import Layout, image_key, image_name
from ._assemble import KNOWN, add_labels, as_bunch, frame_of_images
from ._tables import Column, read_table

LAYOUT = Layout(
    "ODIR-5K",
    """
<folder>/
    full_df.csv            (or ODIR-5K_Training_Annotations*.xlsx, data.xlsx)
    preprocessed_images/   (or ODIR-5K_Training_Images, Training Images)
        0_left.jpg
        ...
""",
    {
        "labels": "full_df.csv|odir-5k_training_annotations*.*|data.xlsx",
        "images": "preprocessed_images|odir-5k_training_*|training images"
        "|odir-5k/training images",
    },
)
SIDES = ("left", "right")
COLUMNS = {"patient": Column(("ID",), {})} | {
    f"{side} {what}": Column((name.format(side),), {})
    for side in SIDES
    for what, name in (("image", "{}-Fundus"), ("words", "{}-Diagnostic Keywords"))
}
GRADES = {
    "normal fundus": 0,
    "mild nonproliferative retinopathy": 1,
    "moderate non proliferative retinopathy": 2,
    "severe nonproliferative retinopathy": 3,
    "proliferative diabetic retinopathy": 4,
    "severe proliferative diabetic retinopathy": 4,
}
POOR = frozenset(("low image quality",))

DESCR = """ODIR-5K: Ocular Disease Intelligent Recognition

{n_images} photographs of {n_patients} patients, read from {folder}.
{counts}

Grade, from the diagnoses of each eye in words: normal fundus 0, mild nonproliferative
retinopathy 1, moderate 2, severe 3, proliferative diabetic retinopathy 4. An eye with
other diagnoses alone has no grade, -1: they do not say that it has no retinopathy; nor
has one with "diabetic retinopathy" without a stage, or with two stages.
Quality: "low image quality" is 0, all others are -1: they were not graded for quality.
Patients: the column ID, with both eyes.

5,000 patients from hospitals in China, of which 3,500 were published with labels, at
odir2019.grand-challenge.org: read the terms there before you pass anything on.

Peking University: International Competition on Ocular Disease Intelligent Recognition.
2019.
"""


def load_odir(folder, *, return_X_y=False):
    r"""Read ODIR-5K: the grades that its diagnoses in words state.

    The layout is that of the Kaggle mirror (``full_df.csv`` beside
    ``preprocessed_images``) or of the challenge (a workbook beside the images).

    Parameters
    ----------
    folder : str or Path
        The unpacked download, or a folder up to three levels above it.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : Bunch
        As that of `load_kaggle_dr`; `frame` has the diagnoses, too, as ``keywords``.
        Eyes whose diagnoses state no stage of retinopathy have grade -1.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If the folder is not there.
    ValueError
        If the folder holds another tree, which the message shows beside the expected
        one; or the label file is damaged, or names an image twice.

    Warns
    -----
    UserWarning
        If images have no row in the label file, or the same name occurs twice.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from sk_fiqdr.datasets import load_odir
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     folder = pathlib.Path(folder)
    ...     (folder / "preprocessed_images").mkdir()
    ...     for name in ("0_left.jpg", "0_right.jpg"):
    ...         Image.new("RGB", (9, 9)).save(folder / "preprocessed_images" / name)
    ...     _ = (folder / "full_df.csv").write_text(
    ...         "ID,Left-Fundus,Right-Fundus,"
    ...         "Left-Diagnostic Keywords,Right-Diagnostic Keywords\n"
    ...         "0,0_left.jpg,0_right.jpg,cataract,normal fundus\n"
    ...     )
    ...     eyes = load_odir(folder)
    >>> eyes.target.tolist()
    [[-1, -1], [0, -1]]
    """
    places = LAYOUT.find(folder, ["labels", "images"])
    frame = frame_of_images(places["images"])
    rows = _rows(str(places["labels"]))
    report = add_labels(frame, rows, "label", ["grade", "quality"], places["images"])
    words = rows.drop_duplicates("key").set_index("key")["keywords"]
    frame["keywords"] = frame["image"].map(image_key).map(words).fillna("")
    frame[KNOWN] |= frame["keywords"] != ""
    return as_bunch(frame, report, Path(folder), DESCR, return_X_y)


def _rows(file):
    """Return a row for each eye: image, key, patient, grade, quality, file and line."""
    table = read_table(file, COLUMNS)
    eyes = [
        table[["patient", "line"]].assign(
            image=table[f"{side} image"].map(image_name),
            keywords=table[f"{side} words"],
        )
        for side in SIDES
    ]
    rows = pd.concat(eyes, ignore_index=True).drop_duplicates(["image", "keywords"])
    rows = rows[rows["image"] != ""].reset_index(drop=True)
    rows["key"] = rows["image"].map(image_key)
    rows["file"] = file
    twice = rows["key"].duplicated()
    if twice.any():
        row = rows[twice].iloc[0]
        raise ValueError(
            f"{file!r} line {row['line']}: image {row['image']!r} stands in another "
            "line with other diagnoses. Keep the line that is right."
        )
    said = rows["keywords"].map(
        lambda text: {*map(plain_word, re.split("[,，]", text))}
    )
    rows["grade"] = [_grade(words) for words in said]
    rows["quality"] = np.where([bool(POOR & words) for words in said], 0, UNKNOWN)
    rows.attrs["patient"] = "ID"
    return rows


def _grade(words):
    grades = {GRADES[word] for word in words if word in GRADES}
    return grades.pop() if len(grades) == 1 else UNKNOWN
