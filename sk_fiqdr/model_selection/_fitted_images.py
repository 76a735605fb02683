"""What an estimator keeps of the images that it was fitted on. Knows no torch."""

import os
import warnings

import numpy as np

from ..utils._check_images import IMAGES, PATHS, check_images
from . import PatientLeakageError, patient_ids


class FittedImages:
    """The part of an estimator that compares images with those of its fit.

    It relies on the estimator's parameter `image_size`.
    """

    def _remember_input(self, X, kind):
        self.input_ = {"kind": kind, "image_size": int(self.image_size)}
        if kind == IMAGES:
            self.input_ |= {"height": X.shape[1], "width": X.shape[2]}

    def _compare_with_fit(self, X, kind):
        fitted = getattr(self, "input_", None)
        if fitted is None:
            return
        if fitted["image_size"] != self.image_size:
            raise ValueError(
                f"This {type(self).__name__} was fitted at image_size="
                f"{fitted['image_size']!r}, and now has image_size="
                f"{self.image_size!r}: its answers would mean little. Set it back, or "
                "fit again."
            )
        size = (fitted.get("height"), fitted.get("width"))
        if kind == IMAGES and fitted["kind"] == IMAGES and X.shape[1:3] != size:
            warnings.warn(
                f"This {type(self).__name__} was fitted on images of {size[0]} x "
                f"{size[1]} pixels and now sees {X.shape[1]} x {X.shape[2]}. They are "
                f"resized to {self.image_size} x {self.image_size}, but detail and "
                "framing differ; prepare both in the same way.",
                UserWarning,
                stacklevel=4,
            )

    def _remember_patients(self, X, kind, *, reset):
        """Keep names of images and patients; return those of X, or None."""
        if kind != PATHS:
            if reset and hasattr(self, "trained_names_"):
                del self.trained_names_, self.trained_patients_
            return None, None
        names, patients = of_X = _names_and_patients(X)
        if not reset and hasattr(self, "trained_names_"):
            names = np.union1d(self.trained_names_, names)
            patients = np.union1d(self.trained_patients_, patients)
        self.trained_names_, self.trained_patients_ = names, np.unique(patients)
        return of_X

    def check_patients(self, X):
        """Raise if X holds unseen images of patients that were trained on.

        `score` and the scorers of :mod:`sk_fiqdr.metrics` call this. It can see
        patients only in file names, such as ``13_left.jpeg`` beside ``13_right.jpeg``;
        the training images themselves are not a leak but a training score.

        Parameters
        ----------
        X : array-like of shape (n_samples,)
            Image paths; anything else passes.

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
        names, patients = _names_and_patients(X)
        unseen = ~np.isin(names, trained)
        shared = np.intersect1d(patients[unseen], self.trained_patients_)
        if len(shared):
            raise PatientLeakageError(
                f"{len(shared)} patients are scored on one image and were trained on "
                f"another, among them {', '.join(shared[:5])}: such a score measures "
                "memory. Split with PatientStratifiedKFold or patient_train_test_split."
            )


def _names_and_patients(paths):
    """Name images by patient and file, wherever they lie, and return both."""
    patients = patient_ids(paths)
    names = [
        f"{patient}/{os.path.basename(path)}"
        for patient, path in zip(patients, paths, strict=True)
    ]
    return np.array(names), patients
