"""Support vector classification with balanced probabilities."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import check_is_fitted, validate_data

from ..utils._classes import check_length, encode_classes, known_accuracy
from ..utils._labels import UNKNOWN, most_probable
from ..utils._tasks import QUALITY

N_FOLDS = 5


class BalancedSVC(ClassifierMixin, BaseEstimator):
    """Support vector classification of features with balanced classes.

    Features of a large network separate a few poor training images from all others
    whatever their weights, and a plain support vector machine then predicts almost
    always good. Therefore a sigmoid of its distances is fitted to rows that it was not
    trained on, in which poor and good rows have the same total weight, and classifies
    at one half.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the regularisation.
    kernel : str, default="rbf"
        As in :class:`sklearn.svm.SVC`.
    gamma : "scale", "auto" or float, default="scale"
        As in :class:`sklearn.svm.SVC`.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels found in y, sorted: 0 poor and 1 good.
    calibrated_ : CalibratedClassifierCV
        The support vector machine and its sigmoid.
    n_features_in_ : int
        Number of features.

    Notes
    -----
    Rows with a nan, such as those of unreadable images, are ignored in fit; their
    prediction is -1, and their probabilities are nan. The folds of the sigmoid do not
    keep patients together; it has two parameters only.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr.baselines._svm import BalancedSVC
    >>> rng = np.random.default_rng(0)
    >>> y = (np.arange(100) % 10 > 0).astype(int)
    >>> X = rng.normal(size=(100, 2)) + 3 * y[:, None]
    >>> bool(BalancedSVC().fit(X, y).score(X, y) > 0.9)
    True
    """

    _parameter_constraints = SVC._parameter_constraints

    def __init__(self, C=1.0, *, kernel="rbf", gamma="scale"):
        self.C = C
        self.kernel = kernel
        self.gamma = gamma

    def fit(self, X, y):
        """Fit the support vector machine, and the sigmoid of its distances.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features; rows with a nan are ignored.
        y : array-like of shape (n_samples,)
            Quality, 0 poor and 1 good; rows of -1 (unknown) are ignored.

        Returns
        -------
        self : object
            The fitted classifier.

        Raises
        ------
        ValueError
            If X or y is not as described, or a class has less than two rows.
        """
        self._validate_params()
        X = validate_data(self, X, dtype="numeric", ensure_all_finite="allow-nan")
        y = check_length(y, len(X), "BalancedSVC")
        codes, self.classes_ = encode_classes(y, "BalancedSVC", QUALITY)
        known = (codes != UNKNOWN) & ~np.isnan(X).any(axis=1)
        X, codes = X[known], codes[known]
        smallest = min(np.bincount(codes, minlength=2))
        if smallest < 2:
            raise ValueError(
                f"BalancedSVC needs two readable images of each quality, got {smallest}"
                " of one of them: the sigmoid is fitted to images outside the training "
                "folds. Label more images."
            )
        self.calibrated_ = CalibratedClassifierCV(
            SVC(C=self.C, kernel=self.kernel, gamma=self.gamma),
            ensemble=False,
            cv=int(min(N_FOLDS, smallest)),
        )
        weight = compute_sample_weight("balanced", codes)
        self.calibrated_.fit(X, codes, sample_weight=weight)
        return self

    def predict_proba(self, X):
        """Return the probability of poor and of good quality.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        proba : ndarray of shape (n_samples, 2)
            As if poor and good images were equally frequent; nan for rows with a
            nan.
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, dtype="numeric", ensure_all_finite="allow-nan", reset=False
        )
        known = ~np.isnan(X).any(axis=1)
        proba = np.full((len(X), 2), np.nan)
        if known.any():
            proba[known] = self.calibrated_.predict_proba(X[known])
        return proba

    def predict(self, X):
        """Return the more probable quality.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.

        Returns
        -------
        quality : ndarray of shape (n_samples,)
            0 poor, 1 good; -1 for rows with a nan.
        """
        return most_probable(self.predict_proba(X), self.classes_)

    def score(self, X, y):
        """Return the accuracy over rows of known quality.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            True quality, -1 where unknown.

        Returns
        -------
        accuracy : float
            Share of correct predictions; rows with a nan are ignored.
        """
        return known_accuracy(y, self.predict(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        return tags
