"""EyeQ's three grades of quality for the photographs of EyePACS (Kaggle 2015)."""

from pathlib import Path

from ...utils._labels import UNKNOWN
from ._assemble import add_labels, as_bunch, frame_of_images
from ._tables import Column, read_labels, whole_numbers

GRADE = whole_numbers(4, "DR_grade")
EYEQ_QUALITY = whole_numbers(2, "quality")

DESCR = """EyeQ: Eye-Quality Assessment (labels for a part of EyePACS)

{n_images} photographs of {n_patients} patients, read from {folder}.
{counts}

Quality: EyeQ has three grades, counted the other way round than here. Read as
Good (EyeQ's 0) {good_as}, Usable (1) {usable_as}, Reject (2) {reject_as}; here 0 is
poor, 1 good, -1 unknown. `frame` keeps EyeQ's own number as eyeq_quality.
Reject is wider than the poor of Zhou et al. 2018, which this library's other labels
follow: of the 2,320 Rejects in EyeQ's training file 1,221 are poor by their labels.
Do not mix the two in one training set, nor compare scores across them.
Grade: 0 no retinopathy, 1 mild, 2 moderate, 3 severe, 4 proliferative, from
the Kaggle data, by one clinician.

EyeQ labels 28,792 of the 88,702 Kaggle photographs (12,543 for training, 16,249
for test). The rules of the Kaggle competition apply to the photographs. The labels are
published at github.com/HzFu/EyeQ; we saw no licence there: ask before you pass them on.

H. Fu, B. Wang, J. Shen, S. Cui, Y. Xu, J. Liu, L. Shao: Evaluation of Retinal Image
Quality Assessment Networks in Different Color-spaces. MICCAI 2019.
E. Dugas, Jared, Jorge, W. Cukierski: Diabetic Retinopathy Detection. Kaggle, 2015.
"""


def load_eyeq(images, labels, *, good_as=1, usable_as=1, reject_as=0, return_X_y=False):
    r"""Join the photographs of EyePACS (Kaggle 2015) with EyeQ's quality labels.

    EyeQ counts 0 good, 1 usable, 2 reject: the other way round than this library, and
    its Reject is wider than the paper's poor. The mapping is therefore spelled out.
    Every image file below the folder becomes a row, whether or not EyeQ knows it. Label
    files may be untidy; see `load_kaggle_dr`.

    Parameters
    ----------
    images : str or Path
        Folder of photographs, named as in the Kaggle data (``10_left.jpeg``).
    labels : str, Path or list of them
        ``Label_EyeQ_train.csv``, ``Label_EyeQ_test.csv`` or both: columns ``image``,
        ``quality`` (0 to 2) and ``DR_grade`` (0 to 4).
    good_as, usable_as, reject_as : {-1, 0, 1}, default=1, 1, 0
        What each of EyeQ's grades becomes: 1 good, 0 poor, -1 unknown.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : Bunch
        As that of `load_kaggle_dr`; `frame` has EyeQ's own number, too, as
        ``eyeq_quality``.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If the folder or a label file is not there.
    ValueError
        If the mapping is none; or the folder holds no image; or a label file lacks a
        column, holds a label out of range or contradicts another; or no image has a
        label. The message names file and line.

    Warns
    -----
    UserWarning
        If images have no row in the label files, or the same name occurs twice.

    References
    ----------
    .. [1] H. Fu et al.: Evaluation of Retinal Image Quality Assessment Networks in
       Different Color-spaces. MICCAI 2019.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from sk_fiqdr.datasets import load_eyeq
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     folder = pathlib.Path(folder)
    ...     for name in ("1_left.jpeg", "1_right.jpeg", "2_left.jpeg"):
    ...         Image.new("RGB", (9, 9)).save(folder / name)
    ...     labels = folder / "Label_EyeQ_train.csv"
    ...     _ = labels.write_text(
    ...         ",image,quality,DR_grade\n"
    ...         "0,1_left.jpeg,0,0\n1,1_right.jpeg,1,2\n2,2_left.jpeg,2,4\n"
    ...     )
    ...     eyes = load_eyeq(folder, labels)
    ...     strict = load_eyeq(folder, labels, usable_as=-1)
    >>> eyes.target.tolist()
    [[0, 1], [2, 1], [4, 0]]
    >>> strict.target[:, 1].tolist()
    [1, -1, 0]
    """
    mapping = {"good_as": good_as, "usable_as": usable_as, "reject_as": reject_as}
    for name, value in mapping.items():
        if isinstance(value, bool) or value not in (UNKNOWN, 0, 1):
            raise ValueError(
                f"{name} must be 1 (good), 0 (poor) or -1 (unknown), got {value!r}."
            )
    folder = Path(images)
    frame = frame_of_images(folder)
    columns = {
        "grade": GRADE,
        "quality": Column(("quality",), dict(enumerate(mapping.values()))),
        "eyeq_quality": EYEQ_QUALITY,
    }
    rows = read_labels(labels, ("image",), columns)
    report = add_labels(frame, rows, "label", list(columns), folder)
    descr = DESCR
    for name, value in mapping.items():
        descr = descr.replace(f"{{{name}}}", f"as {value}")
    return as_bunch(frame, report, folder, descr, return_X_y)
