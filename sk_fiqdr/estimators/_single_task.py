"""What the two estimators of a single task share."""

from sklearn.base import ClassifierMixin

from ..utils._classes import check_classes, encode_classes, known_accuracy
from ..utils._labels import most_probable
from ..utils._relabelled import refuse_unknown_as_class
from ._net import FundusNet


class SingleTask(ClassifierMixin, FundusNet):
    """A plain scikit-learn classifier of one column; -1 marks unknown labels."""

    _task = None  # with its column in y of several tasks
    _fixed_classes = None  # which y must be of, where another call has said so

    @property
    def _tasks(self):
        classes = getattr(self, "classes_", self._task.classes)
        return (self._task._replace(column=None, classes=classes),)

    def __sklearn_clone__(self):
        refuse_unknown_as_class(self)
        return super().__sklearn_clone__()

    def _fix_classes(self, classes, *, reset):
        before = None if reset else getattr(self, "classes_", None)
        self._fixed_classes = check_classes(
            classes, type(self).__name__, self._task, before
        )

    def _encode_targets(self, y):
        codes, self.classes_ = encode_classes(
            y, type(self).__name__, self._task, self._fixed_classes
        )
        return codes

    def _encode_held_out(self, y):
        return encode_classes(y, type(self).__name__, self._task, self.classes_)[0]

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
            The classes; -1 where an image could not be read (then of dtype object if
            the classes are text).
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
        return known_accuracy(y, self.predict(X), sample_weight)
