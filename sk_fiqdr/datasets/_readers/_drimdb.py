"""DRIMDB: a small set made to test measures of quality."""

from pathlib import Path

from ...utils._labels import UNKNOWN
from .._folder import Layout
from ._assemble import as_bunch, frame_of_images, join_parts

LAYOUT = Layout(
    "DRIMDB",
    """
<folder>/
    Good/
        drimdb_good (1).jpg
        ...
    Bad/
        drimdb_bad (1).jpg
        ...
    Outlier/
        drimdb_outlier (1).jpg
        ...
""",
    {"good": "Good", "bad": "Bad", "outlier": "Outlier"},
)

DESCR = """DRIMDB: Diabetic Retinopathy Images Database

{n_images} photographs, read from {folder}.
{counts}

Quality: Good is 1, Bad is 0, Outlier is {outlier_as}, by an expert. Bad are
photographs of a retina that cannot be used; Outlier are not photographs of a retina,
but of an eye from outside, a face or an object: `frame` has the class as
drimdb_class. The poor of Zhou et al. 2018 has no outliers. Good and Bad differ clearly
here, and near-perfect scores on this set say little about others.
Grade: not labelled, -1 throughout.

PATIENTS ARE NOT KNOWN. The names are running numbers; each image stands as a patient of
its own. 216 photographs of fewer patients: scores on a split of them may be too high.

Published with 125 Good, 69 Bad and 22 Outlier, without a licence that we know of: ask
the authors before you pass anything on.

U. Sevik, C. Köse, T. Berber, H. Erdöl: Identification of suitable fundus images using
automated quality assessment methods. Journal of Biomedical Optics 19(4), 2014.
"""


def load_drimdb(folder, *, outlier_as=0, return_X_y=False):
    r"""Read DRIMDB: good and bad photographs, and outliers without a fundus.

    The layout is that of the archive: the class is the folder, ``Good``, ``Bad`` or
    ``Outlier``. There is no label file.

    Parameters
    ----------
    folder : str or Path
        The unpacked archive, or a folder up to three levels above it.
    outlier_as : {-1, 0}, default=0
        Quality of an Outlier: 0 poor, as it cannot be graded, or -1 unknown, to leave
        it out.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : Bunch
        As that of `load_kaggle_dr`; `frame` has the folder, too, as ``drimdb_class``.
        Every grade is -1, every eye ``""``, and every image a group of its own.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If the folder is not there.
    ValueError
        If the folder holds another tree, which the message shows beside the expected
        one; or `outlier_as` is something else.

    Notes
    -----
    The distribution does not say which photographs belong to one patient. A split of
    this data set cannot keep a patient's images together.

    References
    ----------
    .. [1] U. Sevik, C. Köse, T. Berber, H. Erdöl: Identification of suitable fundus
       images using automated quality assessment methods. Journal of Biomedical Optics
       19(4), 2014.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from sk_fiqdr.datasets import load_drimdb
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("Good", "Bad", "Outlier"):
    ...         path = pathlib.Path(folder, name, f"drimdb_{name.lower()} (1).jpg")
    ...         path.parent.mkdir()
    ...         Image.new("RGB", (9, 9)).save(path)
    ...     eyes = load_drimdb(folder)
    >>> eyes.frame["drimdb_class"].tolist(), eyes.target[:, 1].tolist()
    (['good', 'bad', 'outlier'], [1, 0, 0])
    """
    if isinstance(outlier_as, bool) or outlier_as not in (UNKNOWN, 0):
        raise ValueError(
            f"outlier_as must be 0 (poor) or -1 (unknown), got {outlier_as!r}: an "
            "outlier does not show a retina, so it cannot be a good photograph."
        )
    places = LAYOUT.find(folder, ["good", "bad", "outlier"])
    parts = []
    for name, quality in {"good": 1, "bad": 0, "outlier": outlier_as}.items():
        frame = frame_of_images(places[name], named_by_patient=False)
        # Copies of the set are named 1.jpg in each folder; those are different images.
        frame["patient"] = f"{name} " + frame["image"]
        parts.append((frame.assign(quality=quality, drimdb_class=name), {}))
    frame, report = join_parts(parts)
    descr = DESCR.replace("{outlier_as}", str(outlier_as))
    return as_bunch(
        frame,
        report,
        Path(folder),
        descr,
        return_X_y,
        part="drimdb_class",
        patients_known=False,
    )
