"""What the two estimators of a single task share."""

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from ..utils._labels import UNKNOWN, most_probable
from ._net import FundusNet


class SingleTask(ClassifierMixin, FundusNet):
    """A plain scikit-learn classifier of one column; -1 marks unknown labels."""

    _task = None  # with its column in y of several tasks

    @property
    def _tasks(self):
        classes = getattr(self, "classes_", self._task.classes)
        return (self._task._replace(column=None, classes=classes),)

    def _encode_targets(self, y):
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        known = y != UNKNOWN if np.issubdtype(y.dtype, np.number) else y == y
        self.classes_ = np.unique(y[known])
        self._check_classes(y)
        codes = np.searchsorted(self.classes_, np.where(known, y, y[known][0]))
        return np.where(known, codes, UNKNOWN).astype(np.int64)

    def _check_classes(self, y):
        if len(self.classes_) < 2:
            raise ValueError(
                f"This {type(self).__name__} needs at least two classes in y, got one "
                f"class: {self.classes_.tolist()!r}. -1 marks unknown labels, not a "
                "class; add training data until every class occurs."
            )

    def predict_proba(self, X):
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.

        Returns
        -------
        proba : ndarray of shape (n, n_classes)
            In the order of `classes_`; nan where an image could not be read.
        """
        return self._probabilities(X, self._task)[0]

    def predict(self, X):
        """Return the most probable class.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.

        Returns
        -------
        y : ndarray of shape (n,)
            The classes; -1 where an image could not be read.
        """
        return most_probable(self.predict_proba(X), self.classes_)

    def score(self, X, y, sample_weight=None):
        """Return the accuracy over rows of known label.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.
        y : array-like of shape (n,)
            True classes, -1 where unknown.
        sample_weight : array-like of shape (n,), default=None
            Weight of each row.

        Returns
        -------
        accuracy : float
            Share of correct predictions.

        Raises
        ------
        PatientLeakageError
            If X holds an eye whose fellow eye was trained on.
        """
        self.check_patients(X)
        y, y_pred = column_or_1d(y), self.predict(X)
        known = (y != UNKNOWN) & (y_pred != UNKNOWN)
        weight = None if sample_weight is None else np.asarray(sample_weight)[known]
        return accuracy_score(y[known], y_pred[known], sample_weight=weight)
