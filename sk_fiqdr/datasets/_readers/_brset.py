"""BRSET and mBRSET: Brazilian photographs with grades, quality and patients."""

from pathlib import Path

from ...utils._label_words import QUALITY_WORDS
from .._folder import Layout
from ._assemble import add_labels, as_bunch, frame_of_images
from ._tables import Column, grade_column, read_labels

LAYOUT = Layout(
    "BRSET or mBRSET",
    """
<folder>/
    labels_brset.csv       image_id,patient_id,...,DR_ICDR,...,quality
    fundus_photos/
        img00001.jpg
        ...
or
    labels_mbrset.csv      patient,...,file,...,final_quality,...,final_icdr
    images/
        1.1.jpg
        ...
""",
    {
        "labels": "labels_brset*.*|labels_mbrset*.*",
        "images": "fundus_photos|images",
    },
)
COLUMNS = {
    "grade": grade_column("DR_ICDR", "final_icdr"),
    "quality": Column(
        ("quality", "final_quality"),
        {0: 0, 1: 1},
        words=QUALITY_WORDS | {"no": 0, "yes": 1},
    ),
}

DESCR = """BRSET or mBRSET: Brazilian (multilabel, mobile) ophthalmological sets

{n_images} photographs of {n_patients} patients, read from {folder}.
{counts}

Grade: the column DR_ICDR or final_icdr, 0 no retinopathy, 1 mild, 2 moderate, 3 severe,
4 proliferative (international clinical scale). Empty grades are unknown, -1.
Quality: BRSET's Adequate is 1, Inadequate 0; mBRSET's final_quality yes is 1, no 0. It
is another measure than the poor of Zhou et al. 2018.
Patients: the column patient_id or patient.

BRSET: 16,266 photographs of 8,524 patients; mBRSET: 5,164 photographs of 1,291
patients, taken with a handheld camera. Both are at physionet.org, for credentialed
users, under its licence.

L. F. Nakayama et al.: BRSET: A Brazilian Multilabel Ophthalmological Dataset of Retina
Fundus Photos. PLOS Digital Health 3(7), 2024.
C. Wu et al.: A portable retina fundus photos dataset for clinical, demographic, and
diabetic retinopathy prediction. Scientific Data 12, 2025.
"""


def load_brset(folder, *, return_X_y=False):
    r"""Read BRSET or mBRSET: grades, quality and patients.

    The layout is that of the download: ``labels_brset.csv`` beside ``fundus_photos``,
    or ``labels_mbrset.csv`` beside ``images``. Label files may be untidy; see
    `load_kaggle_dr`.

    Parameters
    ----------
    folder : str or Path
        The unpacked download, or a folder up to three levels above it.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : Bunch
        As that of `load_kaggle_dr`; groups are the set's own patients.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If the folder is not there.
    ValueError
        If the folder holds another tree, which the message shows beside the expected
        one; or the label file is damaged. The message names file and line.

    Warns
    -----
    UserWarning
        If images have no row in the label file, or the same name occurs twice.

    References
    ----------
    .. [1] L. F. Nakayama et al.: BRSET: A Brazilian Multilabel Ophthalmological Dataset
       of Retina Fundus Photos. PLOS Digital Health 3(7), 2024.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from sk_fiqdr.datasets import load_brset
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     folder = pathlib.Path(folder)
    ...     (folder / "fundus_photos").mkdir()
    ...     for name in ("img00001.jpg", "img00002.jpg"):
    ...         Image.new("RGB", (9, 9)).save(folder / "fundus_photos" / name)
    ...     _ = (folder / "labels_brset.csv").write_text(
    ...         "image_id,patient_id,DR_ICDR,quality\n"
    ...         "img00001,1,0,Adequate\nimg00002,1,3,Inadequate\n"
    ...     )
    ...     eyes = load_brset(folder)
    >>> eyes.target.tolist(), eyes.groups.tolist()
    ([[0, 1], [3, 0]], ['1', '1'])
    """
    places = LAYOUT.find(folder, ["labels", "images"])
    frame = frame_of_images(places["images"], named_by_patient=False)
    rows = read_labels(places["labels"], ("image_id", "file"), COLUMNS)
    report = add_labels(frame, rows, "label", list(COLUMNS), places["images"])
    return as_bunch(frame, report, Path(folder), DESCR, return_X_y)
