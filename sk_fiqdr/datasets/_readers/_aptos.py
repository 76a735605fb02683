"""APTOS 2019: grades from Indian screening camps, without patients or quality."""

from pathlib import Path

from .._folder import Layout
from ._assemble import add_labels, as_bunch, frame_of_images, join_parts
from ._tables import grade_column, read_labels

LAYOUT = Layout(
    "APTOS 2019",
    """
<folder>/
    train.csv              id_code,diagnosis
    train_images/
        000c1434d8d7.png
        ...
or, of the mirror with labels of all images,
    train_1.csv, valid.csv, test.csv
    train_images/, val_images/, test_images/
""",
    {
        "train images": "train_images",
        "train labels": "train.csv|train_1.csv",
        "validation images": "val_images",
        "validation labels": "valid.csv",
        "test images": "test_images",
        "test labels": "test.csv",
    },
)
REQUIRED = ("train images", "train labels")
GRADE = grade_column("diagnosis")

DESCR = """APTOS 2019 Blindness Detection

{n_images} photographs, read from {folder}.
{counts}

Grade: 0 no retinopathy, 1 mild, 2 moderate, 3 severe, 4 proliferative
(international clinical scale), by one clinician; photographs of the Aravind Eye
Hospital, India.
Quality: not labelled, -1 throughout. The set was not filtered for quality.

PATIENTS ARE NOT KNOWN. The names are random, and tell neither patient nor eye; each
name stands as a patient of its own. Both eyes of one patient may therefore stand on
both sides of any split, and scores on it may be too high. The same photograph is also
known to occur under several names: `audit` finds such pairs.

Licence: the rules of the Kaggle competition, at
kaggle.com/c/aptos2019-blindness-detection. The labels of the test photographs were not
published.

Karthik, Maggie, S. Dane: APTOS 2019 Blindness Detection. Kaggle, 2019.
"""


def load_aptos(folder, *, return_X_y=False):
    r"""Read the training set of APTOS 2019: grades, no quality, no patients.

    The layout is that of the Kaggle download: ``train.csv`` (``id_code,diagnosis``)
    beside the folder ``train_images``; or that of the mirror which splits these images
    into ``train_images``, ``val_images`` and ``test_images``, all of which are read.
    Label files may be untidy; see `load_kaggle_dr`.

    Parameters
    ----------
    folder : str or Path
        The unpacked download, or a folder up to three levels above it.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : Bunch
        As that of `load_kaggle_dr`. Every quality is -1, every eye ``""``, and every
        name a group of its own.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If the folder is not there.
    ValueError
        If the folder holds another tree, which the message shows beside the expected
        one; or ``train.csv`` is damaged.

    Warns
    -----
    UserWarning
        If images have no row in ``train.csv``, or the same name occurs twice.

    Notes
    -----
    The distribution does not say which photographs belong to one patient. A split of
    this data set cannot keep a patient's images together.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from sk_fiqdr.datasets import load_aptos
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     folder = pathlib.Path(folder)
    ...     (folder / "train_images").mkdir()
    ...     for name in ("000c1434d8d7", "001639a390f0"):
    ...         Image.new("RGB", (9, 9)).save(folder / "train_images" / f"{name}.png")
    ...     labels = folder / "train.csv"
    ...     _ = labels.write_text("id_code,diagnosis\n000c1434d8d7,2\n001639a390f0,4\n")
    ...     eyes = load_aptos(folder)
    >>> eyes.target.tolist(), eyes.groups.tolist()
    ([[2, -1], [4, -1]], ['000c1434d8d7', '001639a390f0'])
    """
    places = LAYOUT.find(folder, REQUIRED)
    parts = []
    # Kaggle's own test.csv has no grades; that of the mirror has, as valid.csv.
    mirrored = places["validation labels"] is not None
    for part in ("train", "validation", "test") if mirrored else ("train",):
        images, labels = places[f"{part} images"], places[f"{part} labels"]
        if images is None or labels is None:
            continue
        frame = frame_of_images(images, named_by_patient=False)
        rows = read_labels(labels, ("id_code",), {"grade": GRADE})
        report = add_labels(frame, rows, "grade", ["grade"], images)
        parts.append((frame.assign(subset=part), report))
    frame, report = join_parts(parts)
    return as_bunch(
        frame, report, Path(folder), DESCR, return_X_y, patients_known=False
    )
