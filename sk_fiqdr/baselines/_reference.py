"""Base of the hand-crafted baselines: similarity to the good images of the fit."""

import warnings

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from ..model_selection._fitted_images import (
    check_patients,
    compare_with_fit,
    remember_images,
)
from ..utils._check_images import check_images
from ..utils._classes import check_length, encode_classes, known_accuracy
from ..utils._constraints import N_JOBS, one_of, whole
from ..utils._label_words import poor_class
from ..utils._labels import UNKNOWN, most_probable
from ..utils._last_call import LastCall
from ..utils._tasks import QUALITY
from ._photograph_measures import describe_images

SMALLEST = 32  # pixels, below which measures are meaningless


class ReferenceClassifier(ClassifierMixin, TransformerMixin, BaseEstimator):
    """Classify images by their distance from a reference of good images.

    A subclass has `_measures`, the names of its measures; `_describe_image`, which
    maps one image to a tuple of arrays; `_fit_reference`, which learns from those of
    the good images; and `_measure`, which compares any image with it.
    """

    check_patients = check_patients
    unreadable_ = LastCall()
    _parameter_constraints = {  # noqa: RUF012
        "image_size": [whole(SMALLEST)],
        "on_error": [one_of("raise", "warn", "skip")],
        "n_jobs": N_JOBS,
    }

    def __init__(self, *, image_size=256, on_error="raise", n_jobs=None):
        self.image_size = image_size
        self.on_error = on_error
        self.n_jobs = n_jobs

    def fit(self, X, y):
        """Learn the reference from the good images, and the decision from all.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, height, width, 3)
            Image paths (str or Path), or uint8 images.
        y : array-like of shape (n_samples,)
            Quality, 0 poor and 1 good; rows of -1 (unknown) are ignored.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        TypeError, ValueError
            If X or y is not as described, or one class is missing; the message says
            what was passed.
        FileNotFoundError, UnreadableImageError
            If an image cannot be read and ``on_error="raise"``.
        """
        self._validate_params()
        X, kind = check_images(X)
        name = type(self).__name__
        y = check_length(y, len(X), name)
        codes, self.classes_ = encode_classes(y, name, QUALITY)
        poor = self._poor_code(name)
        remember_images(self, X, kind)
        known = codes != UNKNOWN
        descriptions, readable = self._describe(X[known], kind)
        codes = codes[known][readable]
        for code, quality in ((poor, "poor"), (1 - poor, "good")):
            if code not in codes:
                raise ValueError(
                    f"No {quality} image could be read, and both classes are needed. "
                    f"The first unreadable file: "
                    f"{next(iter(self.unreadable_.values()))}"
                )
        self._fit_reference(*(part[codes != poor] for part in descriptions))
        self.decision_ = make_pipeline(
            StandardScaler(), LogisticRegression(class_weight="balanced")
        )
        self.decision_.fit(self._measure(*descriptions), codes)
        return self

    def _poor_code(self, name):
        """Return the place of the class that means poor; warn where labels hide it."""
        poor = poor_class(self.classes_)
        if poor is None:
            one, other = self.classes_.tolist()
            warnings.warn(
                f"y holds the labels {one!r} and {other!r}, which do not say which of "
                f"them means poor: {name} takes {one!r} for it. Pass 0 poor and 1 "
                "good.",
                UserWarning,
                stacklevel=3,
            )
            poor = 0
        return poor

    def transform(self, X):
        """Measure images.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, height, width, 3)
            Image paths (str or Path), or uint8 images.

        Returns
        -------
        measures : ndarray of shape (n_samples, n_measures)
            In the order of `get_feature_names_out`; nan where an image could not be
            read.
        """
        check_is_fitted(self)
        X, kind = check_images(X)
        compare_with_fit(self, X, kind)
        descriptions, readable = self._describe(X, kind)
        measures = np.full((len(X), len(self._measures)), np.nan)
        if readable.any():
            measures[readable] = self._measure(*descriptions)
        return measures

    def predict_proba(self, X):
        """Return the probability of poor and of good quality.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, height, width, 3)
            Image paths (str or Path), or uint8 images.

        Returns
        -------
        proba : ndarray of shape (n_samples, 2)
            As if poor and good images were equally frequent; nan where an image could
            not be read.
        """
        measures = self.transform(X)
        read = ~np.isnan(measures[:, 0])
        proba = np.full((len(measures), 2), np.nan)
        if read.any():
            proba[read] = self.decision_.predict_proba(measures[read])
        return proba

    def predict(self, X):
        """Return the more probable quality.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, height, width, 3)
            Image paths (str or Path), or uint8 images.

        Returns
        -------
        quality : ndarray of shape (n_samples,)
            0 poor, 1 good; -1 where an image could not be read.
        """
        return most_probable(self.predict_proba(X), self.classes_)

    def score(self, X, y):
        """Return the accuracy over images of known quality.

        It is high for a constant prediction of good; use
        :func:`sk_fiqdr.metrics.mean_acc_scorer` for a balanced accuracy.

        Parameters
        ----------
        X : array-like of shape (n_samples,) or (n_samples, height, width, 3)
            Image paths (str or Path), or uint8 images.
        y : array-like of shape (n_samples,)
            True quality, -1 where unknown.

        Returns
        -------
        accuracy : float
            Share of correct predictions. Unreadable images are ignored.

        Raises
        ------
        PatientLeakageError
            If X holds an eye whose fellow eye was trained on.
        """
        self.check_patients(X)
        return known_accuracy(y, self.predict(X))

    def get_feature_names_out(self, input_features=None):
        """Return the names of the measures.

        Parameters
        ----------
        input_features : object
            Not used; scikit-learn passes it.

        Returns
        -------
        names : ndarray of str
            In the order of the columns of `transform`.
        """
        return np.array(self._measures, dtype=object)

    def _describe(self, X, kind):
        descriptions, readable, unreadable = describe_images(
            X,
            kind,
            self._describe_image,
            image_size=int(self.image_size),
            on_error=self.on_error,
            n_jobs=self.n_jobs,
        )
        self.unreadable_ = unreadable
        if unreadable and self.on_error == "warn":
            warnings.warn(
                f"{len(unreadable)} of {len(X)} images could not be read and "
                "are ignored; `unreadable_` names them. The first: "
                f"{next(iter(unreadable.values()))}",
                UserWarning,
                stacklevel=3,
            )
        return descriptions, readable

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        return tags
