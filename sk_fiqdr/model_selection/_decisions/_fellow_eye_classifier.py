"""A classifier of grades that also uses the fellow eye."""

import warnings

import numpy as np
from scipy.optimize import minimize
from sklearn.base import _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from ...utils._labels import UNKNOWN, most_probable
from ...utils._unwrap import last_step, unwrap
from .._patient_ids import holds_paths, patients_of, read_eyes
from ._base import NestedClassifier, _inside_has
from ._check_tasks import check_tasks, kappa_of_predictions
from ._fellow_eyes import FIXED_SHARES, check_shares, fuse_fellow_eyes
from ._out_of_fold import GRADE

MIN_PATIENTS = 400
# The prior weighs as much as so many photographs, as poor ones are rare.
PRIOR_WEIGHT = 20.0


class FellowEyeClassifier(NestedClassifier):
    """Grade each eye with the help of the patient's other eye.

    The probabilities of the estimator inside are fused by :func:`fuse_fellow_eyes`, and
    weighted by the predicted quality if the estimator predicts quality. Patient and eye
    are read from file names; if X does not hold paths, pass `groups` and `eyes`. The
    fellow eye must be in the same call of `predict`.

    Parameters
    ----------
    estimator : estimator
        Any classifier of grades: a net, a Pipeline,
        :class:`TunedGradeThresholdsCV` or :class:`QualityGate`.
    rule : {"fixed", "learned"} or array-like of shape (2, 2), default="fixed"
        Shares of the fellow eye. "learned" finds them on out-of-fold predictions, by
        the log loss of the grade; with fewer than 400 patients it warns and uses
        "fixed". For an array see :func:`fuse_fellow_eyes`.
    cv : int, float, splitter, iterable or "prefit", default=None
        How to get the out-of-sample predictions that "learned" needs: a number of folds
        (None is 5) or a share to hold out, both grouped by patient; whatever
        scikit-learn accepts as `cv`; or "prefit" to keep `estimator` as it is and learn
        from the rows passed to `fit`, which it must not have been trained on.
    refit : bool, default=True
        Fit the estimator again, on all rows. False keeps the one fitted for learning
        the shares, and requires a single split such as ``cv=0.2``.
    n_jobs : int, default=None
        Number of splits to fit in parallel.
    random_state : int, RandomState or None, default=None
        Assigns patients at random to the folds of an int `cv` or the part that a float
        holds out; None assigns them in order of appearance.

    Attributes
    ----------
    shares_ : ndarray of shape (2, 2)
        Share of the fellow eye by own quality and its quality, 0 poor and 1 good.
    rule_ : {"fixed", "learned", "given"}
        How they were set.
    estimator_ : estimator
        The fitted estimator inside.
    classes_ : ndarray of shape (n_classes,)
        The grades that it knows.
    n_features_in_, feature_names_in_ : object
        Those of the estimator.

    See Also
    --------
    fuse_fellow_eyes : The rule itself.

    Notes
    -----
    In most data sets the graders saw both eyes of a patient, which favours fusion: also
    report the score of single eyes, that of `estimator_`.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sk_fiqdr.model_selection import FellowEyeClassifier
    >>> rng = np.random.default_rng(0)
    >>> patient = np.arange(1000) // 2
    >>> y = rng.choice(5, size=500, p=[0.72, 0.07, 0.16, 0.03, 0.02])[patient]
    >>> X = y[:, None] + 2 * rng.normal(size=(1000, 3))
    >>> train, test = slice(0, 600), slice(600, None)
    >>> grader = FellowEyeClassifier(LogisticRegression()).fit(X[train], y[train])
    >>> fused = grader.score(X[test], y[test], groups=patient[test])
    >>> alone = grader.score(X[test], y[test], groups=np.arange(400))
    >>> bool(fused > alone)
    True
    """

    _parameter_constraints = {  # noqa: RUF012
        **NestedClassifier._parameter_constraints,
        "rule": [StrOptions({"fixed", "learned"}), "array-like"],
    }

    def __init__(
        self,
        estimator,
        *,
        rule="fixed",
        cv=None,
        refit=True,
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.rule = rule
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, groups=None, eyes=None, **params):
        """Fit the estimator, and find the shares if they are to be learned.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.
        y : array-like of shape (n,) or (n, 2)
            Grade, or grade and quality; -1 where unknown.
        groups, eyes : array-like of shape (n,), default=None
            Patient and eye of each row, as in `predict_proba`, for learning the shares.
        **params : dict
            For `fit` of the estimator, such as `sample_weight`; arrays of n values are
            split with the rows.

        Returns
        -------
        self : FellowEyeClassifier
            The fitted meta-estimator.

        Raises
        ------
        ValueError
            If shares are to be learned and patients are unknown, a patient has more
            than two eyes, or y holds no grades.
        PatientLeakageError
            If a split separates the images of a patient, or a prefit net was trained
            on one of these patients, as far as file names show.
        """
        X, y = self._check_y(X, y)
        learned = isinstance(self.rule, str) and self.rule == "learned"
        if learned:
            n_patients = len(np.unique(patients_of(X, groups)))
            if n_patients < MIN_PATIENTS:
                warnings.warn(
                    "The shares of the fellow eye are fixed and not learned: "
                    f"{n_patients} patients are fewer than {MIN_PATIENTS}. Pass "
                    "rule='fixed', or add patients.",
                    UserWarning,
                    stacklevel=2,
                )
                learned = False
            self.rule_, shares = "fixed", "fixed"
        else:
            shares = self.rule
            self.rule_ = "fixed" if isinstance(shares, str) else "given"
        self.shares_ = check_shares(shares).astype(float)
        if learned:
            fitted, rows, _, (proba, quality) = self._fit_and_predict(
                X, y, groups, params
            )
            groups, eyes = (each[rows] for each in eyes_of(X, groups, eyes))
            grade = _columns(y[rows, GRADE], fitted[GRADE].classes_)
            self.shares_ = _learn_shares(proba, grade, groups, eyes, quality)
            self.rule_ = "learned"
        elif self.cv == "prefit":
            fitted = self._estimators()
            check_is_fitted(fitted[GRADE])
        else:
            fitted = self._fit_inside(X, y, self._route(groups, params)[0])
        self._keep(fitted)
        return self

    @staticmethod
    def _outputs(fitted, X):
        inside, X_inside = fitted[GRADE], X
        if hasattr(last_step(inside), "predict_tasks"):
            inside, X_inside = unwrap(inside, X)
            grade_proba, quality_proba = inside.predict_tasks(X_inside)
            return np.asarray(grade_proba), np.asarray(quality_proba)
        grade_proba = np.asarray(inside.predict_proba(X))
        return grade_proba, np.tile([0.0, 1.0], (len(grade_proba), 1))

    def _predict_fused(self, X, groups, eyes):
        check_is_fitted(self, "estimator_")
        grade_proba, quality_proba = self._outputs((self.estimator_,), X)
        groups, eyes = eyes_of(X, groups, eyes)
        fused = fuse_fellow_eyes(
            grade_proba,
            groups,
            eyes=eyes,
            quality_proba=quality_proba,
            rule=self.shares_,
        )
        return fused, quality_proba

    def predict_proba(self, X, groups=None, eyes=None):
        """Return the probability of each grade, fused over both eyes.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.
        groups : array-like of shape (n,), default=None
            Patient of each row; read from X by default, if it holds paths.
        eyes : array-like of shape (n,), default=None
            Eye of each row; read from X by default, if it holds paths. Otherwise each
            row is an eye of its own.

        Returns
        -------
        proba : ndarray of shape (n, n_grades)
            In the order of `classes_`; nan where an image could not be read.

        Raises
        ------
        ValueError
            If patients are unknown, or one has more than two eyes.
        """
        return self._predict_fused(X, groups, eyes)[GRADE]

    @_inside_has("predict_tasks")
    def predict_tasks(self, X, groups=None, eyes=None):
        """Return the probabilities of both tasks, the grade's fused over both eyes.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.
        groups, eyes : array-like of shape (n,), default=None
            As in `predict_proba`.

        Returns
        -------
        grade_proba, quality_proba : ndarray of shape (n, n_classes)
            Probabilities; those of the quality are of the single photograph.
        """
        return self._predict_fused(X, groups, eyes)

    @_inside_has("decide_tasks")
    def decide_tasks(self, grade_proba, quality_proba):
        """Decide on both tasks, as the estimator inside does.

        Parameters
        ----------
        grade_proba, quality_proba : array-like of shape (n, n_classes)
            What `predict_tasks` returns.

        Returns
        -------
        grade, quality : ndarray of shape (n,)
            -1 without a prediction.
        """
        inside = last_step(self.estimator_)
        return inside.decide_tasks(grade_proba, quality_proba)

    def predict(self, X, groups=None, eyes=None):
        """Grade by the fused probabilities, with the estimator's cut-points or gate.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.
        groups, eyes : array-like of shape (n,), default=None
            As in `predict_proba`.

        Returns
        -------
        grade : ndarray of shape (n,)
            One of `classes_`; -1 if the image is refused or could not be read.
        """
        proba, quality_proba = self._predict_fused(X, groups, eyes)
        if hasattr(self, "decide_tasks"):
            return self.decide_tasks(proba, quality_proba)[GRADE]
        return most_probable(proba, self.classes_)

    def score(self, X, y, groups=None, eyes=None):
        """Return the quadratic weighted kappa of the fused grades.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.
        y : array-like of shape (n,) or (n, 2)
            Grade, or grade and quality; rows of unknown grade (-1) are skipped.
        groups, eyes : array-like of shape (n,), default=None
            As in `predict_proba`.

        Returns
        -------
        kappa : float
            Images without a predicted grade are ignored.

        Raises
        ------
        PatientLeakageError
            If X holds an eye whose fellow eye was trained on, as far as file names
            show.
        """
        if hasattr(self, "check_patients"):
            self.check_patients(X)
        return kappa_of_predictions(
            check_tasks(y)[:, GRADE], self.predict(X, groups=groups, eyes=eyes)
        )


def eyes_of(X, groups, eyes):
    """Return patient and eye of each row, read from X unless they are given.

    Parameters
    ----------
    X : array-like
        Paths, or rows of any kind.
    groups, eyes : array-like of shape (n,) or None
        Patient and eye of each row.

    Returns
    -------
    patients, eyes : ndarray of shape (n,)
        Without paths and `eyes`, each row is an eye of its own.
    """
    patients = patients_of(X, groups)
    if eyes is None:
        eyes = np.arange(len(patients)).astype(object)
        if holds_paths(X):
            read = list(read_eyes(X))
            # Without a laterality, the same name is the same photograph.
            eyes = np.array([eye or name for name, eye in read], dtype=object)
    return patients, np.asarray(eyes)


def _columns(grade, classes):
    """Return the column of each grade, -1 for those that the estimator lacks."""
    found = grade[:, None] == np.asarray(classes)
    return np.where(found.any(axis=1), found.argmax(axis=1), UNKNOWN)


def _learn_shares(proba, column, groups, eyes, quality_proba):
    """Find the shares that minimise the log loss, with the fixed ones as a prior."""
    known = (column != UNKNOWN) & ~np.isnan(proba).any(axis=1)
    if not known.any():
        raise ValueError(
            "Shares are learned from known grades, and y holds none that the estimator "
            "knows. Pass rule='fixed'."
        )

    def loss(shares):
        fused = fuse_fellow_eyes(
            proba.astype(float),
            groups,
            eyes=eyes,
            quality_proba=quality_proba,
            rule=np.clip(shares, 0, 1).reshape(2, 2),
        )
        likelihood = fused[known, column[known]]
        distance = PRIOR_WEIGHT * np.square(shares - FIXED_SHARES.ravel()).sum()
        return (distance - np.log(np.maximum(likelihood, 1e-12)).sum()) / known.sum()

    found = minimize(loss, FIXED_SHARES.ravel(), bounds=[(0, 1)] * 4)
    return np.clip(found.x, 0, 1).reshape(2, 2)
