"""DDR: grades 0 to 4 and ungradable images, in lists without a header."""

import re
from pathlib import Path

import pandas as pd

from ...utils._labels import UNKNOWN
from .._folder import Layout
from ._assemble import add_labels, as_bunch, check_subset, frame_of_images, join_parts
from ._label_files import decode, read_bytes
from ._tables import read_labels, whole_numbers

LAYOUT = Layout(
    "DDR",
    """
DR_grading/
    train.txt              007-0004-000.jpg 0
    train/
        007-0004-000.jpg
        ...
    valid.txt
    valid/
    test.txt
    test/
""",
    {
        "train images": "train",
        "train labels": "train.txt",
        "valid images": "valid",
        "valid labels": "valid.txt",
        "test images": "test",
        "test labels": "test.txt",
    },
)
SUBSETS = ("train", "valid", "test")
UNGRADABLE = 5
LINE = re.compile(r"(.*[^\s,;])[\s,;]+(\S+)")
LEVEL = whole_numbers(UNGRADABLE, "level")

DESCR = """DDR: a general-purpose set for diabetic retinopathy, part DR_grading

{n_images} photographs, read from {folder}.
{counts}

Grade: 0 no retinopathy, 1 mild, 2 moderate, 3 severe, 4 proliferative
(international clinical scale), by several graders.
Quality: DDR's 5 marks an image that cannot be graded; it is quality 0 here, and has no
grade, -1. All others are quality {gradable_as}. Gradable is weaker than the good of
Zhou et al. 2018.

PATIENTS ARE NOT KNOWN. The names tell neither patient nor eye; each image stands as a
patient of its own, and any split may put both eyes of one into different sets.

13,673 photographs of 9,598 patients from 147 hospitals in China, published at
github.com/nkicsl/DDR-dataset: read the terms there before you pass anything on.

T. Li, Y. Gao, K. Wang, S. Guo, H. Liu, H. Kang: Diagnostic assessment of deep learning
algorithms for diabetic retinopathy screening. Information Sciences 501, 2019.
"""


def load_ddr(folder, *, subset=None, gradable_as=1, return_X_y=False):
    r"""Read DDR: grades 0 to 4, and which images cannot be graded.

    The layout is that of the archive's part ``DR_grading``: lists ``train.txt``,
    ``valid.txt`` and ``test.txt``, each with an image and a number from 0 to 5 in a
    line, beside the folders of the images.

    Parameters
    ----------
    folder : str or Path
        The unpacked archive, or a folder up to three levels above the lists.
    subset : {"train", "valid", "test"} or list of them, default=None
        What to read; None reads what is there.
    gradable_as : {-1, 1}, default=1
        Quality of an image that has a grade: 1 good, or -1 unknown, as an image that
        can be graded may still be a poor one.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : Bunch
        As that of `load_kaggle_dr`; `frame` has the subset, too. An image that DDR
        marks 5, ungradable, has grade -1 and quality 0. Every name is a group of its
        own.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If the folder is not there.
    ValueError
        If the folder holds another tree, which the message shows beside the expected
        one; or a list is damaged. The message names file and line.

    Warns
    -----
    UserWarning
        If images have no line, or the same name occurs twice.

    Notes
    -----
    The distribution does not say which photographs belong to one patient. A split of
    this data set cannot keep a patient's images together.

    References
    ----------
    .. [1] T. Li et al.: Diagnostic assessment of deep learning algorithms for diabetic
       retinopathy screening. Information Sciences 501, 2019.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from sk_fiqdr.datasets import load_ddr
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     part = pathlib.Path(folder, "DR_grading")
    ...     (part / "train").mkdir(parents=True)
    ...     for name in ("007-0004-000.jpg", "007-0005-000.jpg"):
    ...         Image.new("RGB", (9, 9)).save(part / "train" / name)
    ...     lines = "007-0004-000.jpg 3\n007-0005-000.jpg 5\n"
    ...     _ = (part / "train.txt").write_text(lines)
    ...     eyes = load_ddr(folder)
    >>> eyes.target.tolist()
    [[3, 1], [-1, 0]]
    """
    if isinstance(gradable_as, bool) or gradable_as not in (UNKNOWN, 1):
        raise ValueError(
            f"gradable_as must be 1 (good) or -1 (unknown), got {gradable_as!r}."
        )
    chosen = check_subset(subset, SUBSETS) if subset is not None else here(folder)
    places = LAYOUT.find(
        folder, _places(chosen or SUBSETS), advice=" Of a part alone pass its subset."
    )
    parts = []
    for part in chosen:
        images = places[f"{part} images"]
        frame = frame_of_images(images, named_by_patient=False)
        rows = read_labels(
            read_list(places[f"{part} labels"]), ("image",), {"level": LEVEL}
        )
        report = add_labels(frame, rows, "label", ["level"], images)
        level = frame.pop("level")
        frame["grade"] = level.replace(UNGRADABLE, UNKNOWN)
        frame["quality"] = level.map(
            lambda n: UNKNOWN if n < 0 else 0 if n == UNGRADABLE else gradable_as
        )
        parts.append((frame.assign(subset=part), report))
    frame, report = join_parts(parts)
    descr = DESCR.replace("{gradable_as}", str(gradable_as))
    return as_bunch(
        frame, report, Path(folder), descr, return_X_y, patients_known=False
    )


def here(folder):
    """Return the subsets of DDR that lie in a folder."""
    return [part for part in SUBSETS if LAYOUT.holds(folder, _places([part]))]


def _places(subsets):
    return [f"{part} {kind}" for part in subsets for kind in ("images", "labels")]


def read_list(file):
    """Return a list without a header, a name and a number in a line, as a DataFrame.

    Raises
    ------
    ValueError
        If it is not text, or a line is something else; the message names the line.
    """
    try:
        lines = decode(read_bytes(file)).splitlines()
    except (OSError, ValueError) as error:
        raise ValueError(f"{str(file)!r} is not a readable list ({error}).") from error
    rows = [LINE.fullmatch(line.strip()) for line in lines]
    for number, (line, row) in enumerate(zip(lines, rows, strict=True), 1):
        if row is None and line.strip():
            raise ValueError(
                f"{str(file)!r} line {number} is {line[:80]!r}, expected the name of "
                "an image, a blank, and a number from 0 to 5."
            )
    table = pd.DataFrame(
        [row.groups() if row else ("", "") for row in rows], columns=["image", "level"]
    )
    table.attrs |= {"name": str(file), "first_line": 1}
    return table
