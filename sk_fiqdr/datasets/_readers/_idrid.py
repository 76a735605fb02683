"""IDRiD: the disease grading part of the Indian set."""

from pathlib import Path

from .._folder import Layout
from ._assemble import add_labels, as_bunch, check_subset, frame_of_images, join_parts
from ._tables import read_labels, whole_numbers

LAYOUT = Layout(
    "IDRiD",
    """
B. Disease Grading/
    1. Original Images/
        a. Training Set/
            IDRiD_001.jpg
            ...
        b. Testing Set/
            IDRiD_001.jpg
            ...
    2. Groundtruths/
        a. IDRiD_Disease Grading_Training Labels.csv
        b. IDRiD_Disease Grading_Testing Labels.csv
""",
    {
        "train images": "1. Original Images/a. Training Set",
        "train labels": "2. Groundtruths/a. IDRiD_Disease Grading_Training Labels.*",
        "test images": "1. Original Images/b. Testing Set",
        "test labels": "2. Groundtruths/b. IDRiD_Disease Grading_Testing Labels.*",
    },
)
SUBSETS = USUAL = ("train", "test")
COLUMNS = {
    "grade": whole_numbers(4, "Retinopathy grade"),
    "macular_edema": whole_numbers(2, "Risk of macular edema", required=False),
}

DESCR = """IDRiD: Indian Diabetic Retinopathy Image Dataset, part B, disease grading

{n_images} photographs, read from {folder}.
{counts}

Grade: 0 no retinopathy, 1 mild, 2 moderate, 3 severe, 4 proliferative
(international clinical scale), by medical experts. `frame` has the risk of
macular edema, too: 0 no hard exudates, 1 outside, 2 inside one disc diameter of the
fovea.
Quality: not labelled, -1 throughout. The authors verified that every photograph is of
adequate quality, by no stated measure; that is not the good of Zhou et al. 2018.

PATIENTS ARE NOT KNOWN. The names are running numbers, counted anew in each subset, and
tell neither patient nor eye; each image stands as a patient of its own. The authors do
not say that the published split keeps a patient's images together, and others report a
photograph that is on both sides of it: `audit` finds such.

Licence: Creative Commons Attribution 4.0. 413 photographs for training, 103 for test.

P. Porwal, S. Pachade, R. Kamble, M. Kokare, G. Deshmukh, V. Sahasrabuddhe,
F. Meriaudeau: Indian Diabetic Retinopathy Image Dataset (IDRiD): A Database for
Diabetic Retinopathy Screening Research. Data 3(3), 25, 2018.
"""


def load_idrid(folder, *, subset=SUBSETS, return_X_y=False):
    r"""Read IDRiD's part B, disease grading: grades, no quality, no patients.

    The layout is that of the archive ``B. Disease Grading``: images in
    ``1. Original Images``, labels in ``2. Groundtruths``, each with a part ``a.`` for
    training and ``b.`` for test. Label files may be untidy; see `load_kaggle_dr`.

    Parameters
    ----------
    folder : str or Path
        The unpacked archive, or a folder up to three levels above it.
    subset : str or list of str, default=["train", "test"]
        What to read, of "train" and "test". Only these parts must be there.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : Bunch
        As that of `load_kaggle_dr`; `frame` has ``macular_edema`` (0 to 2) and
        ``subset``, too. Every quality is -1, every eye ``""``, and every image a group
        of its own, named with its subset, as names repeat.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If the folder is not there.
    ValueError
        If the folder holds another tree, which the message shows beside the expected
        one; or a label file is damaged.

    Warns
    -----
    UserWarning
        If images have no row in the label files, or the same name occurs twice.

    Notes
    -----
    The distribution does not say which photographs belong to one patient. A split of
    this data set cannot keep a patient's images together.

    References
    ----------
    .. [1] P. Porwal et al.: Indian Diabetic Retinopathy Image Dataset (IDRiD). Data
       3(3), 25, 2018.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from sk_fiqdr.datasets import load_idrid
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     part = pathlib.Path(folder, "B. Disease Grading")
    ...     images = part / "1. Original Images" / "a. Training Set"
    ...     images.mkdir(parents=True)
    ...     Image.new("RGB", (9, 9)).save(images / "IDRiD_001.jpg")
    ...     labels = part / "2. Groundtruths"
    ...     labels.mkdir()
    ...     labels /= "a. IDRiD_Disease Grading_Training Labels.csv"
    ...     _ = labels.write_text(
    ...         "Image name,Retinopathy grade,Risk of macular edema \nIDRiD_001,3,2\n"
    ...     )
    ...     eyes = load_idrid(folder, subset="train")
    >>> eyes.target.tolist(), eyes.groups.tolist()
    ([[3, -1]], ['train IDRiD_001'])
    """
    chosen = check_subset(subset, SUBSETS)
    required = [f"{part} {kind}" for part in chosen for kind in ("images", "labels")]
    places = LAYOUT.find(
        folder, required, advice=" Of a part alone pass the name as subset."
    )
    parts = []
    for part in chosen:
        images, labels = places[f"{part} images"], places[f"{part} labels"]
        frame = frame_of_images(images, named_by_patient=False)
        frame["patient"] = f"{part} " + frame["image"]
        rows = read_labels(labels, ("Image name",), COLUMNS)
        report = add_labels(frame, rows, "grade", list(COLUMNS), images)
        parts.append((frame.assign(subset=part), report))
    frame, report = join_parts(parts)
    return as_bunch(
        frame,
        report,
        Path(folder),
        DESCR,
        return_X_y,
        part="subset",
        patients_known=False,
    )
