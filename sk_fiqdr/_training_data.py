"""What a net tells of the data that it was trained on, and names nobody."""

import hashlib

import numpy as np

from ._check_images import PATHS
from ._fitted_images import names_and_patients

N_HASHED = 256  # images; more of them tell two sets apart no better, only slower


def summarize(X, kind, codes, classes, groups):
    """Return how much there was of what, and a hash to know it again by.

    Parameters
    ----------
    X : ndarray
        Checked paths, images or features.
    kind : {"paths", "images", "features"}
        What X holds.
    codes : dict of str to ndarray of shape (n,)
        Labels of each task as numbers of its classes, -1 where unknown.
    classes : dict of str to ndarray
        Classes of each task.
    groups : ndarray of shape (n,) or None
        Patients, where they were given; paths name theirs.

    Returns
    -------
    summary : dict
        For `json.dumps`: `kind`, `n_samples`, `n_patients` (None where nobody knows),
        `labels` (for each task `counts` by class, and `n_unknown`) and `sha256`: of the
        names of files and their labels, in any order, or of pixels or features (up to
        256 rows, evenly spaced) and all labels in theirs.
    """
    y = np.column_stack(list(codes.values()))
    sha256 = hashlib.sha256()
    if kind == PATHS:
        names, patients = names_and_patients(X)
        groups = patients if groups is None else groups
        rows = zip(names, y.tolist(), strict=True)
        lines = sorted(f"{name}\t{row}\n" for name, row in rows)
        sha256.update("".join(lines).encode(errors="surrogateescape"))
    else:
        rows = np.linspace(0, len(X) - 1, min(len(X), N_HASHED)).astype(int)
        sha256.update(f"{X.dtype} {X.shape}\n".encode())
        sha256.update(np.ascontiguousarray(X[rows]))
        sha256.update(y.astype("<i8").tobytes())
    return {
        "kind": kind,
        "n_samples": len(X),
        "n_patients": None if groups is None else len(np.unique(groups)),
        "labels": {task: _count(codes[task], classes[task]) for task in codes},
        "sha256": sha256.hexdigest(),
    }


def _count(codes, classes):
    return {
        "counts": {
            str(name): int((codes == code).sum()) for code, name in enumerate(classes)
        },
        "n_unknown": int((codes < 0).sum()),
    }
