"""The photographs of EyePACS (Kaggle 2015), with grades and quality labels."""

from pathlib import Path

from ._assemble import add_labels, as_bunch, frame_of_images
from ._tables import grade_column, quality_column, read_labels

IMAGE = ("image", "image_id", "id_code", "image_name", "filename", "file")

DESCR = """Kaggle Diabetic Retinopathy Detection (EyePACS)

{n_images} photographs of {n_patients} patients, read from {folder}.
{counts}

Grade: 0 no retinopathy, 1 mild, 2 moderate, 3 severe, 4 proliferative, by one
clinician. Quality: 0 poor, 1 good, by Zhou et al. 2018. -1 is unknown.

The photographs come from EyePACS through the Kaggle competition, and are used under
its rules: read them before you publish, sell or share anything.

E. Dugas, Jared, Jorge, W. Cukierski: Diabetic Retinopathy Detection. Kaggle, 2015.
J. Cuadros, G. Bresnick: EyePACS: an adaptable telemedicine system for diabetic
retinopathy screening. Journal of Diabetes Science and Technology 3(3), 2009.
K. Zhou et al.: Fundus Image Quality-Guided Diabetic Retinopathy Grading. OMIA 2018.
"""


def load_kaggle_dr(
    images,
    grades,
    quality=None,
    *,
    patient_column=None,
    poor_label=None,
    return_X_y=False,
):
    r"""Join the photographs of EyePACS (Kaggle 2015) with grades and quality labels.

    Every image file below the folder becomes one row, whether or not it has labels.
    Label files may know more images than there are. Names match with and without
    extension and in any case. Blanks around them, an index column, a byte-order mark,
    UTF-16, semicolons or tabs as separators, and Excel workbooks in place of CSV do no
    harm. An empty label is unknown.

    Parameters
    ----------
    images : str or Path
        Folder of photographs; folders inside it are read too, hidden files are not.
    grades : str, Path, DataFrame, list of them, or None
        CSV with columns ``image`` and ``level`` (0 to 4, or words such as No_DR and
        Mild), such as Kaggle's ``trainLabels.csv``; the latter may be called grade,
        diagnosis or the like. None leaves every grade unknown.
    quality : str, Path, DataFrame, list of them, or None, default=None
        CSV with columns ``image`` and ``quality`` (0 poor, 1 good, or words such as
        Inadequate and Adequate), such as the paper's ``quality_label_train.csv``. None
        leaves every quality unknown.
    patient_column : str, False or None, default=None
        Column of the label files that names the patient. None takes one that is called
        patient_id, patient, subject, pid or the like, and otherwise reads patients from
        the names of images, as False always does.
    poor_label : object, default=None
        Which of two labels in the column ``quality`` means poor, where they are neither
        0 and 1 nor words that are known.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : Bunch
        With `data`, the paths (n,), sorted; `target` int64 (n, 2) with columns (grade,
        quality), -1 where unknown; `groups`, the patient of each image; `frame`, a
        DataFrame of path, image, patient, eye, grade and quality; `left_aside`, a
        DataFrame of path and reason of the files that are not images; `report`, a dict
        that counts what did not match; `patient_column`, the column that names patients
        or None; and DESCR.

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
        If images have no row in a label file, or the same name occurs twice; files are
        left aside that may be photographs; or the patients of most are unknown.

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
    frame = frame_of_images(folder)
    report, called = {}, []
    for task, files, column in (
        ("grade", grades, grade_column()),
        ("quality", quality, quality_column(poor_label=poor_label)),
    ):
        rows = read_labels(files, IMAGE, {task: column}, patient=patient_column)
        called.append(rows.attrs["patient"])
        report |= add_labels(frame, rows, task, [task], folder)
    if patient_column and not any(called):
        raise ValueError(
            f"No label file has a column {patient_column!r} that names patients. Name "
            "another, or leave patient_column out to read patients from the names."
        )
    return as_bunch(frame, report, folder, DESCR, return_X_y)
