"""What an estimator keeps of the images that it was fitted on, without torch."""

import hashlib
import os
import warnings

import numpy as np

from ..exceptions import PatientLeakageError
from ..utils._check_images import IMAGES, PATHS, check_images
from . import patient_ids

N_HASHED = 64  # images; hashing more distinguishes sets no better, only slower


def remember_images(estimator, X, kind, *, reset=True):
    """Keep the kind and size of images, and the names of files and patients.

    Parameters
    ----------
    estimator : estimator
        With a parameter `image_size`.
    X : ndarray
        Checked paths, images or features.
    kind : {"paths", "images", "features"}
        What X holds.
    reset : bool, default=True
        Whether to forget those of earlier fits.

    Returns
    -------
    names, patients : ndarray of shape (n,) or None
        Of each row, where X holds paths.
    """
    if reset:
        forget_images(estimator)
        if kind in (PATHS, IMAGES):
            estimator.input_ = {"kind": kind, "image_size": int(estimator.image_size)}
        if kind == IMAGES:
            estimator.input_ |= {"height": X.shape[1], "width": X.shape[2]}
    if kind != PATHS:
        return None, None
    names, patients = of_X = _names_and_patients(X)
    if hasattr(estimator, "trained_names_"):
        names = np.union1d(estimator.trained_names_, names)
        patients = np.union1d(estimator.trained_patients_, patients)
    estimator.trained_names_, estimator.trained_patients_ = names, np.unique(patients)
    return of_X


def forget_images(estimator):
    """Forget the images of earlier fits.

    Parameters
    ----------
    estimator : estimator
        About to be fitted from scratch.
    """
    for name in ("input_", "trained_names_", "trained_patients_"):
        vars(estimator).pop(name, None)


def compare_with_fit(estimator, X, kind):
    """Check that images are like those that an estimator was fitted on.

    Parameters
    ----------
    estimator : estimator
        With a parameter `image_size`.
    X : ndarray
        Checked paths or images.
    kind : {"paths", "images"}
        What X holds.

    Raises
    ------
    ValueError
        If `image_size` has changed since the fit.
    """
    fitted = getattr(estimator, "input_", None)
    if fitted is None:
        return
    if fitted["image_size"] != estimator.image_size:
        raise ValueError(
            f"This {type(estimator).__name__} was fitted at image_size="
            f"{fitted['image_size']!r}, and now has image_size="
            f"{estimator.image_size!r}: its predictions would be meaningless. Set "
            "image_size back, or fit again."
        )
    size = (fitted.get("height"), fitted.get("width"))
    if kind == IMAGES and fitted["kind"] == IMAGES and X.shape[1:3] != size:
        warnings.warn(
            f"This {type(estimator).__name__} was fitted on images of {size[0]} x "
            f"{size[1]} pixels and now sees {X.shape[1]} x {X.shape[2]}. They are "
            f"resized to {estimator.image_size} x {estimator.image_size}, but detail "
            "and framing differ; prepare both in the same way.",
            UserWarning,
            stacklevel=4,
        )


def check_patients(self, X):
    """Raise if X holds unseen images of patients that were trained on.

    A method of every estimator that is fitted on images: `score` and the scorers of
    :mod:`sk_fiqdr.metrics` call it. It recognises patients only by file names, such as
    ``13_left.jpeg`` beside ``13_right.jpeg``. Scoring the training images themselves is
    not a leak: it gives a training score.

    Parameters
    ----------
    X : array-like of shape (n_samples,)
        Image paths; anything else is not checked.

    Raises
    ------
    PatientLeakageError
        If an eye is scored whose fellow eye was trained on.
    """
    trained = getattr(self, "trained_names_", None)
    if trained is None:
        return
    X, kind = check_images(X)
    if kind != PATHS:
        return
    # Read together: 13R names an eye only if there is a 13L.
    names, patients = _names_and_patients([*trained, *X])
    n = len(trained)
    unseen = ~np.isin(names[n:], names[:n])
    shared = np.intersect1d(patients[n:][unseen], patients[:n])
    if len(shared):
        raise PatientLeakageError(
            f"{len(shared)} patients are scored on one image and were trained on "
            f"another, among them {', '.join(shared[:5])}: such a score rewards "
            "memory. Split with PatientStratifiedKFold or patient_train_test_split."
        )


def summarize(X, kind, y, tasks, patients, names=None):
    """Summarise training data: counts, and a hash that identifies them.

    Parameters
    ----------
    X : ndarray
        Checked paths, images or features.
    kind : {"paths", "images", "features"}
        What X holds.
    y : ndarray of shape (n,) or (n, n_tasks)
        Labels as numbers of the classes of each task, -1 where unknown.
    tasks : sequence of Task
        The tasks of the labels.
    patients : ndarray of shape (n,) or None
        Patient of each row, where they are known.
    names : ndarray of shape (n,), default=None
        Name of each row, where X holds paths.

    Returns
    -------
    summary : dict
        For `json.dumps`: `kind`, `n_samples`, `n_patients` (None if unknown),
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


def _names_and_patients(paths):
    """Name images by patient and file, wherever they lie, and return both."""
    patients = patient_ids(paths)
    names = [
        f"{patient}/{os.path.basename(path)}"
        for patient, path in zip(patients, paths, strict=True)
    ]
    return np.array(names), patients
