"""What a net tells of the data that it was trained on, and names nobody."""

import hashlib

import numpy as np

N_HASHED = 64  # images; more of them tell two sets apart no better, only slower


def summarize(X, kind, y, tasks, patients, names=None):
    """Return how much there was of what, and a hash to know it again by.

    Parameters
    ----------
    X : ndarray
        Checked paths, images or features.
    kind : {"paths", "images", "features"}
        What X holds.
    y : ndarray of shape (n,) or (n, n_tasks)
        Labels as numbers of the classes of each task, -1 where unknown.
    tasks : sequence of Task
        What the labels are of.
    patients : ndarray of shape (n,) or None
        Patient of each row, where they are known.
    names : ndarray of shape (n,), default=None
        Name of each row, where X holds paths.

    Returns
    -------
    summary : dict
        For `json.dumps`: `kind`, `n_samples`, `n_patients` (None where nobody knows),
        `labels` (for each task `counts` by class, and `n_unknown`) and `sha256`: of the
        names of files and their labels, in any order, or of pixels or features (up to
        64 rows, evenly spaced) and all labels in theirs.
    """
    y = np.column_stack([task.labels(y) for task in tasks])
    sha256 = hashlib.sha256()
    if names is not None:
        rows = zip(names.tolist(), y.tolist(), strict=True)
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
        "n_patients": None if patients is None else len(set(patients.tolist())),
        "labels": {
            task.name: _count(codes, task.classes)
            for task, codes in zip(tasks, y.T, strict=True)
        },
        "sha256": sha256.hexdigest(),
    }


def _count(codes, classes):
    return {
        "counts": {
            str(name): int((codes == code).sum()) for code, name in enumerate(classes)
        },
        "n_unknown": int((codes < 0).sum()),
    }
