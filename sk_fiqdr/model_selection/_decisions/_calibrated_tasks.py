"""Temperature scaling of both heads."""

import warnings

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import _fit_context
from sklearn.utils.validation import check_is_fitted

from ...utils._labels import UNKNOWN
from ...utils._unwrap import last_step, unwrap
from ._base import NestedClassifier
from ._out_of_fold import GRADE, QUALITY

BOUNDS = (0.1, 10.0)


class CalibratedTasksCV(NestedClassifier):
    """Calibrate the probabilities of grade and quality by temperature scaling.

    Networks are mostly overconfident. Dividing the logits of a head by one number, its
    temperature, corrects this and does not change any prediction [1]_. For estimators
    of one task scikit-learn has
    ``CalibratedClassifierCV(estimator, method="temperature", ensemble=False)``; this is
    the same for the two heads of :class:`~sk_fiqdr.FIQDRClassifier`.

    Parameters
    ----------
    estimator : estimator
        An estimator of both tasks, such as :class:`~sk_fiqdr.FIQDRClassifier`, or a
        Pipeline or search around one.
    cv : int, float, splitter, iterable or "prefit", default=None
        How to get out-of-sample probabilities: a number of folds (None is 5) or a share
        to hold out, both grouped by patient; whatever scikit-learn accepts as `cv`; or
        "prefit" to keep `estimator` as it is and calibrate on the rows passed to `fit`,
        which it must not have been trained on.
    refit : bool, default=True
        Fit the estimator again, on all rows. False keeps the one fitted for
        calibrating, and requires a single split such as ``cv=0.2``.
    n_jobs : int, default=None
        Number of splits to fit in parallel.
    random_state : int, RandomState or None, default=None
        Assigns patients at random to the folds of an int `cv` or the part that a float
        holds out; None assigns them in order of appearance.

    Attributes
    ----------
    temperatures_ : ndarray of shape (2,)
        Of grade and quality, between 0.1 and 10; above 1 the estimator was
        overconfident. 1 if fewer than two classes are known to calibrate on.
    estimator_ : estimator
        The fitted estimator.
    classes_ : ndarray of shape (5,)
        The grades.

    Notes
    -----
    A temperature cannot shift the balance of the classes: after training with a large
    `beta`, poor images are still predicted more often than they occur.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger: "On Calibration of Modern Neural
       Networks", ICML 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr import FIQDRClassifier
    >>> from sk_fiqdr.model_selection import CalibratedTasksCV
    >>> rng = np.random.default_rng(0)
    >>> y = np.column_stack([np.arange(200) % 5, rng.random(200) < 0.8]).astype(int)
    >>> X = rng.normal(size=(200, 12)) + np.repeat(y, 6, axis=1)
    >>> net = FIQDRClassifier(backbone=None, lr=0.2, max_epochs=40, random_state=0)
    >>> net = CalibratedTasksCV(net).fit(X, y, groups=np.arange(200))
    >>> bool(net.temperatures_[0] > 1)
    True
    >>> net.predict_quality_proba(X[:2]).shape
    (2, 2)
    """

    def __init__(
        self, estimator, *, cv=None, refit=True, n_jobs=None, random_state=None
    ):
        self.estimator = estimator
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, groups=None, **params):
        """Fit the estimator and find the temperatures.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.
        y : array-like of shape (n, 2)
            Grade and quality; -1 where unknown, which is ignored.
        groups : array-like of shape (n,), default=None
            Patient of each row, so that splits keep the images of a patient together;
            read from X by default, if it holds paths.
        **params : dict
            For `fit` of the estimator, such as `sample_weight`; arrays of n values are
            split with the rows. With metadata routing enabled the estimator receives
            what it requests.

        Returns
        -------
        self : CalibratedTasksCV
            The fitted meta-estimator.

        Raises
        ------
        ValueError
            If the estimator does not learn both tasks, or y does not have both columns.
        PatientLeakageError
            If a split separates the images of a patient, or a prefit net was trained
            on one of these patients, as far as file names show.
        """
        if not hasattr(last_step(self.estimator), "predict_tasks"):
            raise ValueError(
                f"{type(last_step(self.estimator)).__name__} learns one task. Use "
                "scikit-learn's CalibratedClassifierCV(estimator, "
                'method="temperature", ensemble=False).'
            )
        self._check_undecided()
        X, y = self._check_y(X, y)
        fitted, rows, _, (grade_proba, quality_proba) = self._fit_and_predict(
            X, y, groups, params
        )
        grade_temperature = best_temperature(grade_proba, y[rows, GRADE], "grade")
        quality_temperature = best_temperature(
            quality_proba, y[rows, QUALITY], "quality"
        )
        self.temperatures_ = np.array([grade_temperature, quality_temperature])
        self._keep(fitted)
        return self

    @staticmethod
    def _outputs(fitted, X):
        inside, X = unwrap(fitted[GRADE], X)
        return inside.predict_tasks(X)

    def predict_tasks(self, X):
        """Return the calibrated probabilities of both tasks, in one pass through X.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.

        Returns
        -------
        grade_proba, quality_proba : ndarray of shape (n, n_classes)
            Rows add up to 1; nan where an image could not be read.
        """
        check_is_fitted(self, "estimator_")
        probabilities = self._outputs((self.estimator_,), X)
        return tuple(map(apply_temperature, probabilities, self.temperatures_))

    def predict_proba(self, X):
        """Return the calibrated probability of each grade.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.

        Returns
        -------
        proba : ndarray of shape (n, 5)
            Rows add up to 1; nan where an image could not be read.
        """
        return self.predict_tasks(X)[GRADE]

    def predict_quality_proba(self, X):
        """Return the calibrated probability of poor and of good quality.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.

        Returns
        -------
        proba : ndarray of shape (n, 2)
            Rows add up to 1; nan where an image could not be read.
        """
        return self.predict_tasks(X)[QUALITY]

    def predict(self, X):
        """Return the grade, which calibration does not change.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.

        Returns
        -------
        grade : ndarray of shape (n,)
            -1 where an image could not be read.
        """
        check_is_fitted(self, "estimator_")
        return self.estimator_.predict(X)


def apply_temperature(proba, temperature):
    """Divide the logits of probabilities by a temperature.

    Parameters
    ----------
    proba : array-like of shape (n, n_classes)
        Probabilities, whose logarithms are logits.
    temperature : float
        Above 1 it makes them more even.

    Returns
    -------
    proba : ndarray of shape (n, n_classes)
        Probabilities.
    """
    return softmax(_logits(proba) / temperature, axis=1)


def best_temperature(proba, labels, task):
    """Find the temperature that minimises the log loss.

    Parameters
    ----------
    proba : array-like of shape (n, n_classes)
        Probabilities, nan where an image could not be read.
    labels : ndarray of shape (n,)
        True classes, -1 where unknown.
    task : str
        Name of the task, for the warning.

    Returns
    -------
    temperature : float
        1.0, with a UserWarning, if fewer than two classes are known.
    """
    logits = _logits(proba)
    known = (labels != UNKNOWN) & ~np.isnan(logits[:, 0])
    logits, labels = logits[known], labels[known]
    if len(np.unique(labels)) < 2:
        warnings.warn(
            f"The {task} is not calibrated: its {len(labels)} known labels are of "
            f"fewer than two classes, {np.unique(labels).tolist()!r}.",
            UserWarning,
            stacklevel=4,
        )
        return 1.0

    def log_loss(log_temperature):
        log_proba = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -np.take_along_axis(log_proba, labels[:, None], axis=1).mean()

    found = minimize_scalar(log_loss, bounds=np.log(BOUNDS), method="bounded")
    return float(np.exp(found.x))


def _logits(proba):
    return np.log(np.maximum(proba, np.finfo(float).tiny))
