"""Check a data set before training on it."""

import hashlib
import unicodedata

import joblib
import numpy as np
import pandas as pd

from ...utils._constraints import N_JOBS, check_parameters, real
from ...utils._labels import UNKNOWN
from ...utils._masked import label_array
from ...utils._progress import progress_bar
from .._folder import image_name
from ._dataset_audit import DatasetAudit
from ._fingerprint import fingerprint_batch
from ._near_duplicates import near_groups

CONSTRAINTS = {
    "max_distance": [real(0, 128, closed="both")],
    "min_correlation": [real(-1, 1, closed="both")],
    "n_jobs": N_JOBS,
}
BATCH = 64  # images that a worker is given at a time


def audit(dataset, *, max_distance=40, min_correlation=0.92, n_jobs=-1, progress=False):
    """Check a data set: labels, patients, copies, unreadable files, in one call.

    Every image is read once. Nothing is changed, and no bad file stops it: each is
    named with the reason. The result has tables (`DatasetAudit.frame`) and a picture
    (`DatasetAudit.plot`).

    Parameters
    ----------
    dataset : Bunch
        What a reader or `make_fundus` returns: `data`, paths (n,) or uint8 images
        (n, height, width, 3); `target` (n, 2), columns (grade, quality); and `groups`,
        the patient of each. The columns image and eye of `frame` are taken where they
        are there.
    max_distance : int, default=40
        Largest number of the 256 bits of the perceptual hash in which near duplicates
        differ. See Notes.
    min_correlation : float, default=0.92
        Least correlation of what near duplicates show in detail. See Notes.
    n_jobs : int, default=-1
        Number of threads, by joblib; -1 is one for each core. A Dask cluster serves by
        ``joblib.parallel_config("dask")``.
    progress : bool, default=False
        Show a progress bar on a terminal.

    Returns
    -------
    result : DatasetAudit
        Tables, counts and the picture.

    Raises
    ------
    TypeError
        If `dataset` is not a Bunch with data, target and groups.
    ValueError
        If these are not of one length, or a threshold is out of range.

    Notes
    -----
    *Exact duplicates* have the same bytes (SHA-256). *Near duplicates* pass two tests,
    on the grey image with its black border cut off: they are close by a perceptual
    hash, the low frequencies in 16 x 16 bits (`imagehash.phash`), and the middle of
    the picture correlates at 48 x 48 pixels after its slow changes are taken away. The
    hash alone is not enough: fundus photographs resemble each other, and those of one
    camera with the same glare are close in it. Of 600 EyePACS photographs that were
    saved again as JPEG at quality 30, at half or double size, blurred, padded, 20 %
    brighter or 30 % darker, 96 to 100 % were found; none of 5.4 million pairs of
    different ones was taken for a copy. The thresholds were chosen on these pictures,
    so look at what is found in others. A turned, mirrored, or stretched copy, or a crop
    into the fundus, is not found. A copy of a copy belongs to the group.

    The *split hash* is the first 16 hexadecimal digits of the SHA-256 of the lines
    ``name<tab>grade<tab>quality<newline>``, UTF-8, sorted; names are without folder and
    extension, in Unicode's NFC. It is the same on every machine as long as the same
    images have the same labels; write it beside every score.

    Examples
    --------
    >>> from sk_fiqdr.datasets import audit, make_fundus
    >>> eyes = make_fundus(6, image_size=48, random_state=0)
    >>> result = audit(eyes, n_jobs=1)
    >>> result.frame("patients")
              n_patients
    n_images
    2                  3
    >>> result.split_hash
    '...'
    """
    check_parameters(
        "audit",
        CONSTRAINTS,
        max_distance=max_distance,
        min_correlation=min_correlation,
        n_jobs=n_jobs,
    )
    images = _image_rows(dataset)
    prints = pd.DataFrame(_fingerprints(dataset.data, n_jobs, progress))
    images = pd.concat([images, prints], axis=1)
    images["exact_group"] = _exact_groups(images["sha256"])
    group, distance = near_groups(
        images["phash"].tolist(),
        np.stack(images.pop("detail")),
        max_distance,
        min_correlation,
    )
    images["near_group"] = _beyond_exact(group, images["sha256"])
    images["distance"] = np.where(images["near_group"] >= 0, distance, -1)
    images["phash"] = images["phash"].map(bytes.hex)
    return DatasetAudit(images=images, split_hash=_split_hash(images))


def _image_rows(dataset):
    """Return path, image, patient, eye, grade and quality of each row."""
    try:
        data, target, groups = dataset.data, dataset.target, dataset.groups
    except AttributeError as error:
        raise TypeError(
            "audit takes a Bunch with data, target and groups, as load_* and "
            f"make_fundus return, got {type(dataset).__name__} ({error}). Leave out "
            "return_X_y, or build sklearn.utils.Bunch(data=..., target=..., "
            "groups=...)."
        ) from error
    target = label_array(target)
    if target.ndim != 2 or target.shape[1] != 2:
        raise ValueError(
            "target must have shape (n_samples, 2) with columns (grade, quality), got "
            f"shape {target.shape!r}. Mark a missing label with -1."
        )
    if not len(data) == len(target) == len(groups) > 0:
        raise ValueError(
            f"data, target and groups must be of one length, got {len(data)}, "
            f"{len(target)} and {len(groups)}."
        )
    frame = dataset.get("frame") if hasattr(dataset, "get") else None
    if frame is None or len(frame) != len(data):
        frame = pd.DataFrame(index=range(len(data)))
    rows = pd.DataFrame({"patient": np.asarray(groups).astype(str)})
    rows["eye"] = np.asarray(frame["eye"]) if "eye" in frame else ""
    if isinstance(data, np.ndarray) and data.ndim == 4:
        rows.insert(0, "path", [f"row {row}" for row in range(len(data))])
        image = rows["patient"] + "_" + rows["eye"]
    else:
        rows.insert(0, "path", [str(path) for path in data])
        image = rows["path"].map(image_name)
    image = np.asarray(frame["image"]) if "image" in frame else image
    rows.insert(1, "image", image)
    return rows.assign(grade=target[:, 0], quality=target[:, 1])


def _fingerprints(data, n_jobs, progress):
    if not (isinstance(data, np.ndarray) and data.ndim == 4):
        data = [str(path) for path in data]
    batches = [data[start : start + BATCH] for start in range(0, len(data), BATCH)]
    if len(batches) == 1:
        n_jobs = 1  # not worth a process
    # Decoding, resizing and hashing let go of the interpreter's lock, and a process
    # takes longer to start than 1,000 images do.
    parallel = joblib.Parallel(n_jobs, prefer="threads", return_as="generator")
    found = []
    with progress_bar("reading", len(data), shown=progress) as show:
        work = (joblib.delayed(fingerprint_batch)(batch) for batch in batches)
        for prints in parallel(work):
            found += prints
            show(len(found))
    return found


def _exact_groups(digests):
    """Return the group of equal digests of two or more; -1 for none."""
    copied = digests.duplicated(keep=False) & (digests != "")
    group = pd.Series(UNKNOWN, index=digests.index)
    group[copied] = pd.factorize(digests[copied])[0]
    return group


def _beyond_exact(group, digests):
    """Keep the groups that hold more than copies of one file, numbered anew."""
    kinds = pd.DataFrame({"group": group, "sha256": digests})
    kinds = kinds.groupby("group")["sha256"].transform("nunique")
    kept = (group >= 0) & (kinds > 1)
    numbers = np.full(len(group), UNKNOWN)
    numbers[kept] = pd.factorize(group[kept])[0]
    return numbers


def _split_hash(images):
    lines = sorted(
        f"{unicodedata.normalize('NFC', str(image))}\t{grade}\t{quality}\n"
        for image, grade, quality in zip(
            images["image"], images["grade"], images["quality"], strict=True
        )
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]
