"""Messidor-2: French photographs with the adjudicated grades of Krause et al."""

import warnings
from pathlib import Path

from .._folder import Layout, image_key, image_name
from ._assemble import KNOWN, add_labels, as_bunch, frame_of_images
from ._tables import Column, read_labels, read_table, whole_numbers

LAYOUT = Layout(
    "Messidor-2",
    """
<folder>/
    IMAGES/
        20051020_43808_0100_PP.png
        IM000001.JPG
        ...
    messidor_data.csv      image_id,adjudicated_dr_grade,...   (Kaggle)
    messidor-2.csv         left;right, pairs of eyes           (ADCIS, optional)
or, of the mirror, messidor-2/ or preprocess/ in place of IMAGES/
""",
    {
        "images": "IMAGES|preprocess|messidor-2",
        "labels": "messidor_data.*",
        "pairs": "messidor-2.*",
    },
)
COLUMNS = {
    "grade": whole_numbers(4, "adjudicated_dr_grade", "diagnosis"),
    "quality": whole_numbers(1, "adjudicated_gradable"),
    "macular_edema": whole_numbers(1, "adjudicated_dme", required=False),
}
PAIR = {side: Column((side, f"{side} eye"), {}) for side in ("left", "right")}

DESCR = """Messidor-2, with the adjudicated grades of Krause et al. 2018

{n_images} photographs of {n_patients} patients, read from {folder}.
{counts}

Grade: 0 no retinopathy, 1 mild, 2 moderate, 3 severe, 4 proliferative
(international clinical scale), by three retina specialists in adjudication.
Quality: the column adjudicated_gradable, 1 the panel could grade it, 0 not; all but a
handful are 1. Gradable is weaker than the good of Zhou et al. 2018: a poor photograph
in which the panel still found its grade is 1 here. An ungradable one has no grade, -1.
`frame` has macular_edema (0 none, 1 referable), too.
{patients}

Photographs: free for research and education, not to be passed on, from ADCIS
(adcis.net/en/third-party/messidor2). Grades: kaggle.com/datasets/google-brain/
messidor2-dr-grades, which asks to cite Krause et al. Acknowledge "Kindly provided by
the Messidor program partners".

E. Decencière et al.: Feedback on a publicly distributed image database: the Messidor
database. Image Analysis & Stereology 33(3), 2014.
J. Krause et al.: Grader Variability and the Importance of Reference Standards for
Evaluating Machine Learning Models for Diabetic Retinopathy. Ophthalmology 125(8), 2018.
"""
PAIRED = """Patients: messidor-2.csv pairs the two eyes of an examination; each
examination stands as a patient. Whether a patient came twice is not known."""
UNPAIRED = """PATIENTS ARE NOT KNOWN, as messidor-2.csv is not there: the names do not
tell which photographs are of one patient, and each stands as a patient of its own. The
set holds both eyes of its patients, and any split may put them into different sets."""


def load_messidor2(folder, *, return_X_y=False):
    r"""Read Messidor-2 with adjudicated grades: grades, gradability, pairs of eyes.

    The layout is that of two downloads put together: the folder ``IMAGES`` and the list
    of pairs ``messidor-2.csv`` from ADCIS, and ``messidor_data.csv`` from Kaggle, as
    Messidor-2 itself has no grades. Label files may be untidy; see `load_kaggle_dr`.

    Parameters
    ----------
    folder : str or Path
        The folder that holds these three, or one up to three levels above it.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : Bunch
        As that of `load_kaggle_dr`; `frame` has ``macular_edema`` (0 or 1), too. A
        group is an examination of two eyes where ``messidor-2.csv`` is there; otherwise
        every image is a group of its own, which splits a patient's images across sets.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If the folder is not there.
    ValueError
        If the folder holds another tree, which the message shows beside the expected
        one; or a label file is damaged; or an image stands in two pairs.

    Warns
    -----
    UserWarning
        If there is no ``messidor-2.csv``, images have no row, or a name occurs twice.

    References
    ----------
    .. [1] J. Krause et al.: Grader Variability and the Importance of Reference
       Standards for Evaluating Machine Learning Models for Diabetic Retinopathy.
       Ophthalmology 125(8), 2018.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from sk_fiqdr.datasets import load_messidor2
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     folder = pathlib.Path(folder)
    ...     (folder / "IMAGES").mkdir()
    ...     for name in ("IM000012.JPG", "IM000013.JPG"):
    ...         Image.new("RGB", (9, 9)).save(folder / "IMAGES" / name)
    ...     _ = (folder / "messidor_data.csv").write_text(
    ...         "image_id,adjudicated_dr_grade,adjudicated_dme,adjudicated_gradable\n"
    ...         "IM000012.jpg,2,0,1\nIM000013.jpg,,,0\n"
    ...     )
    ...     pairs = "left;right\nIM000013.JPG;IM000012.JPG\n"
    ...     _ = (folder / "messidor-2.csv").write_text(pairs)
    ...     eyes = load_messidor2(folder)
    >>> eyes.target.tolist(), eyes.groups.tolist()
    ([[2, 1], [-1, 0]], ['IM000013', 'IM000013'])
    """
    places = LAYOUT.find(folder, ["images", "labels"])
    frame = frame_of_images(places["images"], named_by_patient=False)
    rows = read_labels(places["labels"], ("image_id", "id_code"), COLUMNS)
    report = add_labels(frame, rows, "label", list(COLUMNS), places["images"])
    if places["pairs"]:
        report |= _add_pairs(frame, str(places["pairs"]))
    else:
        warnings.warn(
            f"There is no messidor-2.csv in {str(folder)!r}, so the two eyes of a "
            "patient are not known to be one patient's: every image is its own group. "
            "Put the list of pairs from ADCIS beside IMAGES.",
            UserWarning,
            stacklevel=2,
        )
    descr = DESCR.replace("{patients}", PAIRED if places["pairs"] else UNPAIRED)
    return as_bunch(
        frame, report, Path(folder), descr, return_X_y, patients_known=False
    )


def _add_pairs(frame, file):
    """Name each image's patient by the first name of the pair that it stands in."""
    patient, eye, line = {}, {}, {}
    for row in read_table(file, PAIR).to_dict("records"):
        names = {side: image_name(row[side]) for side in PAIR if row[side]}
        for side, name in names.items():
            key = image_key(name)
            if key in patient:
                raise ValueError(
                    f"{file!r}: {name!r} stands in line {line[key]} and in line "
                    f"{row['line']}, expected once. Remove the wrong pair."
                )
            patient[key] = next(iter(names.values()))
            eye[key], line[key] = side, row["line"]
    keys = frame["image"].map(image_key)
    frame["patient"] = keys.map(patient).fillna(frame["patient"])
    frame["eye"] = keys.map(eye).fillna("")
    frame[KNOWN] = keys.isin(list(patient))
    return {"n_images_without_pair": int((~keys.isin(list(patient))).sum())}
