"""Sets of grades that cover each grade as often as promised."""

import warnings

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from ...metrics import set_report
from ...utils._constraints import real
from ...utils._labels import N_GRADES, UNKNOWN, check_integers
from ...utils._unwrap import last_step, unwrap
from .._patient_ids import holds_paths, patients_of
from ._base import NestedClassifier, names_of_eyes
from ._check_proba import check_proba
from ._check_tasks import check_tasks
from ._grade_sets import (
    fewest_patients,
    five_columns,
    grade_sets,
    set_threshold,
)
from ._out_of_fold import GRADE


class ConformalGradesCV(NestedClassifier):
    """Predict sets of neighbouring grades that hold the true one as often as promised.

    A grade belongs to the set of a photograph if its probability reaches the threshold
    of that grade. Thresholds are quantiles, on patients that the estimator has not
    seen, of the probability of the true grade [1]_. With a threshold for each grade,
    eyes of each grade are covered at the level [2]_; with one for all, ordinary sets,
    severe eyes are covered far less often than healthy ones.

    Parameters
    ----------
    estimator : estimator
        Any classifier of grades: a net, a Pipeline, :class:`TunedGradeThresholdsCV` or
        :class:`FellowEyeClassifier`.
    confidence_level : float, default=0.9
        Share of eyes of new patients whose set holds the true grade.
    by_grade : bool, default=True
        Hold the level for each grade. False holds it over all eyes together.
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
    thresholds_ : ndarray of shape (5,)
        Least probability at which each grade is in a set; 0.0 if it always is.
    n_patients_ : ndarray of shape (5,)
        Number of patients with an eye of each grade to calibrate on.
    estimator_ : estimator
        The fitted estimator.
    classes_ : ndarray of shape (n_classes,)
        The grades that it knows.
    n_features_in_, feature_names_in_ : object
        Those of the estimator.

    Warns
    -----
    UserWarning
        If a grade has too few patients to calibrate on, 9 at the level 0.9: it is in
        every set.

    See Also
    --------
    sk_fiqdr.metrics.set_report : Coverage and size of sets, by grade.

    Notes
    -----
    All eyes of a patient together count as one observation, as two eyes of a patient
    are not two patients. Grades between two members of a set are added, and the most
    probable grade to an empty set: this raises the coverage. Coverage is that of the
    mean over calibration sets, under the condition that new patients come from the same
    population, with the same camera. Within one calibration set of few severe eyes it
    varies: with 20 patients of a grade by about 0.07 (one standard deviation).

    References
    ----------
    .. [1] M. Sadinle, J. Lei, L. Wasserman: "Least Ambiguous Set-Valued Classifiers
       with Bounded Error Levels", JASA 114 (525), 2019.
    .. [2] V. Vovk: "Conditional Validity of Inductive Conformal Predictors", ACML 2012.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sk_fiqdr.model_selection import ConformalGradesCV
    >>> rng = np.random.default_rng(0)
    >>> patient = np.arange(1000) // 2
    >>> grade = rng.choice(5, size=500, p=[0.6, 0.1, 0.2, 0.05, 0.05])[patient]
    >>> X = grade[:, None] + rng.normal(size=(1000, 3))
    >>> sets = ConformalGradesCV(LogisticRegression())
    >>> sets = sets.fit(X[:600], grade[:600], groups=patient[:600])
    >>> sets.predict_set(X[600:603])
    array([[False,  True,  True, False, False],
           [False,  True,  True, False, False],
           [ True, False, False, False, False]])
    >>> report = sets.report(X[600:], grade[600:], groups=patient[600:])
    >>> report.loc[["all", "grade 4"], ["coverage", "size"]].round(2)
             coverage  size
    stratum...
    all           0.9  1.50
    grade 4       1.0  1.72
    """

    _parameter_constraints = {  # noqa: RUF012
        **NestedClassifier._parameter_constraints,
        "confidence_level": [real(0, 1, closed="neither")],
        "by_grade": ["boolean"],
    }

    def __init__(
        self,
        estimator,
        *,
        confidence_level=0.9,
        by_grade=True,
        cv=None,
        refit=True,
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.confidence_level = confidence_level
        self.by_grade = by_grade
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, groups=None, eyes=None, **params):
        """Fit the estimator and find the thresholds.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.
        y : array-like of shape (n,) or (n, 2)
            Grade, or grade and quality; -1 where unknown, which is ignored.
        groups : array-like of shape (n,), default=None
            Patient of each row; read from X by default, if it holds paths.
        eyes : array-like of shape (n,), default=None
            Eye of each row, if the estimator is a :class:`FellowEyeClassifier`.
        **params : dict
            For `fit` of the estimator, such as `sample_weight`; arrays of n values are
            split with the rows.

        Returns
        -------
        self : ConformalGradesCV
            The fitted meta-estimator.

        Raises
        ------
        ValueError
            If y holds no grades, or the estimator predicts no probabilities.
        PatientLeakageError
            If a split separates the images of a patient, or a prefit net was trained
            on one of these patients, as far as file names show.
        """
        X, y = self._check_y(X, y)
        check_integers("grade in y", y[:, GRADE], N_GRADES)
        if eyes is not None and has_fit_parameter(self.estimator, "eyes"):
            params = {**params, "eyes": eyes}
        names = names_of_eyes(self.estimator, groups, eyes)
        fitted, rows, _, (proba,) = self._fit_and_predict(X, y, groups, params, names)
        known = groups is not None or holds_paths(X)
        patients = patients_of(X, groups)[rows] if known else rows
        self._calibrate(check_proba("predict_proba", proba), y[rows, GRADE], patients)
        self._keep(fitted)
        return self

    def _calibrate(self, proba, grade, patients):
        use = (grade != UNKNOWN) & ~np.isnan(proba).any(axis=1)
        if not use.any():
            raise ValueError(
                "Sets are calibrated on known grades, and y holds none for images that "
                "could be read."
            )
        proba, grade, patients = proba[use], grade[use], patients[use]
        true = np.take_along_axis(proba, grade[:, None], axis=1)[:, 0]
        level = self.confidence_level
        of_grade = [grade == k for k in range(N_GRADES)]
        self.n_patients_ = np.array([len(np.unique(patients[k])) for k in of_grade])
        if not self.by_grade:
            of_grade = [np.full(len(grade), True)] * N_GRADES
        self.thresholds_ = np.array(
            [set_threshold(true[rows], patients[rows], level) for rows in of_grade]
        )
        self._warn_of_few(len(np.unique(patients)))

    def _warn_of_few(self, n_patients):
        needed = fewest_patients(self.confidence_level)
        counts = self.n_patients_ if self.by_grade else np.full(N_GRADES, n_patients)
        few = np.flatnonzero(counts < needed)
        if len(few):
            found = ", ".join(f"grade {k}: {self.n_patients_[k]}" for k in few)
            warnings.warn(
                f"Every set holds the grades {few.tolist()!r}: a level of "
                f"{self.confidence_level!r} needs {needed} patients to calibrate on, "
                f"got {found}. Add patients with these grades, or lower the level.",
                UserWarning,
                stacklevel=5,
            )

    @staticmethod
    def _outputs(fitted, X, **names):
        inside, X_inside = unwrap(fitted[GRADE], X)
        proba = np.asarray(inside.predict_proba(X_inside, **names))
        return (five_columns(proba, fitted[GRADE].classes_),)

    def predict_proba(self, X, groups=None, eyes=None):
        """Return the probability of each grade, from the estimator inside.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.
        groups, eyes : array-like of shape (n,), default=None
            As in `predict_set`.

        Returns
        -------
        proba : ndarray of shape (n, n_classes)
            In the order of `classes_`; nan where an image could not be read.
        """
        inside, X = self._inside(X)
        return inside.predict_proba(X, **names_of_eyes(inside, groups, eyes))

    def predict(self, X, groups=None, eyes=None):
        """Return the grade that the estimator inside predicts.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.
        groups, eyes : array-like of shape (n,), default=None
            As in `predict_set`.

        Returns
        -------
        grade : ndarray of shape (n,)
            -1 where there is none. Cut-points and gates may choose a grade outside the
            set.
        """
        inside, X = self._inside(X)
        return inside.predict(X, **names_of_eyes(inside, groups, eyes))

    def predict_set(self, X, groups=None, eyes=None):
        """Return the set of grades of each photograph.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.
        groups, eyes : array-like of shape (n,), default=None
            Patient and eye of each row, if the estimator is a
            :class:`FellowEyeClassifier` and X does not hold paths.

        Returns
        -------
        sets : ndarray of bool, shape (n, 5)
            A column for each grade. A set has no gaps and is never empty. An image that
            could not be read has the set of all grades.
        """
        check_is_fitted(self, "estimator_")
        names = names_of_eyes(last_step(self.estimator_), groups, eyes)
        return self.decide_sets(*self._outputs((self.estimator_,), X, **names))

    def decide_sets(self, proba):
        """Return the sets of given probabilities.

        Parameters
        ----------
        proba : array-like of shape (n, 5)
            Probability of each grade.

        Returns
        -------
        sets : ndarray of bool, shape (n, 5)
            As `predict_set`.

        Raises
        ------
        ValueError
            If rows are not probabilities of five grades.
        """
        check_is_fitted(self, "thresholds_")
        proba = check_proba("proba", proba)
        if proba.shape[1] != N_GRADES:
            raise ValueError(
                f"proba must have a column for each of the {N_GRADES} grades, got "
                f"shape {proba.shape!r}."
            )
        return grade_sets(proba, self.thresholds_)

    def report(self, X, y, groups=None, eyes=None):
        """Report coverage and size of the sets on other images, by grade.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.
        y : array-like of shape (n,) or (n, 2)
            Grade, or grade and quality; -1 where unknown.
        groups, eyes : array-like of shape (n,), default=None
            As in `predict_set`; the intervals need groups, too.

        Returns
        -------
        report : DataFrame
            See :func:`~sk_fiqdr.metrics.set_report`.

        Raises
        ------
        PatientLeakageError
            If X holds an eye whose fellow eye was trained on, as far as file names
            show.
        """
        if hasattr(self, "check_patients"):
            self.check_patients(X)
        sets = self.predict_set(X, groups, eyes)
        if groups is not None or holds_paths(X):
            groups = patients_of(X, groups)
        return set_report(check_tasks(y)[:, GRADE], sets, groups=groups)
