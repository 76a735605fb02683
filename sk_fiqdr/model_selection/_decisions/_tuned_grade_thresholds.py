"""Grades by cut-points on the expected grade, tuned on unseen patients."""

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils.validation import check_is_fitted

from ...utils._labels import UNKNOWN, most_probable
from ._base import NestedClassifier
from ._check_tasks import kappa_of_predictions
from ._cut_points import best_cut_points, grade_by_cut_points
from ._out_of_fold import GRADE

SPREAD = 1e-6  # of expected grades, which float32 probabilities have by rounding alone


class TunedGradeThresholdsCV(NestedClassifier):
    """Grade by cut-points on the expected grade, tuned for quadratic weighted kappa.

    The most probable grade is the best prediction if all mistakes are equally bad.
    Kappa penalises a mistake by the square of its distance: with grade 0 at 0.4, 2 at
    0.3 and 3 at 0.3 the most probable grade is 0, and the expected one is 1.5. This
    meta-estimator predicts by the expected grade, the mean of the grades weighted by
    their probabilities, with four tuned cut-points instead of 0.5, 1.5, 2.5 and 3.5.
    They are tuned on the probabilities of patients that the estimator has not seen, as
    scikit-learn's TunedThresholdClassifierCV does.

    Parameters
    ----------
    estimator : estimator
        A classifier with `predict_proba` over grades, whole numbers from 0 on: of the
        grade alone (a Pipeline, :class:`~sk_fiqdr.DRGrader`), or of both tasks
        (:class:`~sk_fiqdr.FIQDRClassifier`).
    metric : callable, default=None
        What to tune for, ``metric(y_true, y_pred) -> float``, better when higher. None
        is the quadratic weighted kappa, for which the best cut-points are found
        exactly; for others they are tuned one after the other, from two starts.
    cv : int, float, splitter, iterable or "prefit", default=None
        How to get out-of-sample probabilities: a number of folds (None is 5) or a share
        to hold out, both grouped by patient; whatever scikit-learn accepts as `cv`; or
        "prefit" to keep `estimator` as it is and tune on the rows passed to `fit`,
        which it must not have been trained on.
    refit : bool, default=True
        Fit the estimator again, on all rows. False keeps the one fitted for tuning, and
        requires a single split such as ``cv=0.2``. It has no effect with
        ``cv="prefit"``.
    n_jobs : int, default=None
        Number of splits to fit in parallel.
    random_state : int, RandomState or None, default=None
        Assigns patients at random to the folds of an int `cv` or the part that a float
        holds out; None assigns them in order of appearance.
    store_cv_results : bool, default=False
        Keep the rows tuned on as `cv_results_`.

    Attributes
    ----------
    best_thresholds_ : ndarray of shape (n_classes - 1,)
        The cut-points, in ascending order; an expected grade that equals one lies above
        it. A grade that does not occur in the rows tuned on is never predicted: its
        cut-points are equal, or infinite at the ends of the scale.
    best_score_ : float
        Kappa, or `metric`, of the rows tuned on. As the cut-points were chosen there,
        it is slightly optimistic: score on other patients.
    argmax_score_ : float
        The same for the most probable grades.
    cv_results_ : dict of str to ndarray
        row, fold, grade and expected_grade of each row tuned on, for a DataFrame; if
        `store_cv_results`.
    estimator_ : estimator
        The fitted estimator inside.
    classes_ : ndarray of shape (n_classes,)
        The grades that it knows.
    n_features_in_, feature_names_in_ : object
        Those of the estimator.

    See Also
    --------
    QualityGate : Refuses to grade poor images; put it around this estimator.
    CalibratedTasksCV : Calibrates probabilities; put it inside this estimator.

    Notes
    -----
    `fit` fits the estimator ``cv + 1`` times. For nets that train for long prefer
    ``cv=0.2, refit=False``, which fits once, or ``cv="prefit"``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sk_fiqdr.model_selection import TunedGradeThresholdsCV
    >>> rng = np.random.default_rng(0)
    >>> patient = np.arange(1000) // 2
    >>> y = rng.choice(5, size=500, p=[0.72, 0.07, 0.16, 0.03, 0.02])[patient]
    >>> X = y[:, None] + 2 * rng.normal(size=(1000, 3))
    >>> train, test = slice(0, 600), slice(600, None)
    >>> grader = TunedGradeThresholdsCV(LogisticRegression())
    >>> grader = grader.fit(X[train], y[train], groups=patient[train])
    >>> grader.best_thresholds_.round(2)
    array([0.57, 1.14, 2.16, 2.61])
    >>> round(grader.score(X[test], y[test]), 2)
    0.69
    """

    _parameter_constraints = {  # noqa: RUF012
        **NestedClassifier._parameter_constraints,
        "metric": [callable, None],
        "store_cv_results": ["boolean"],
    }

    def __init__(
        self,
        estimator,
        *,
        metric=None,
        cv=None,
        refit=True,
        n_jobs=None,
        random_state=None,
        store_cv_results=False,
    ):
        self.estimator = estimator
        self.metric = metric
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.store_cv_results = store_cv_results

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, groups=None, **params):
        """Fit the estimator and tune the cut-points.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.
        y : array-like of shape (n,) or (n, 2)
            Grade, or grade and quality; -1 where unknown. Rows of unknown grade are
            ignored for the cut-points, and in the fit of an estimator of the grade
            alone.
        groups : array-like of shape (n,), default=None
            Patient of each row, so that splits keep the images of a patient together;
            read from X by default, if it holds paths.
        **params : dict
            For `fit` of the estimator, such as `sample_weight`; arrays of n values are
            split with the rows. They have no effect on the cut-points. With metadata
            routing enabled the estimator receives what it requests.

        Returns
        -------
        self : TunedGradeThresholdsCV
            The fitted meta-estimator.

        Raises
        ------
        ValueError
            If y holds no grades, or fewer than two that the estimator knows; or if all
            rows have the same expected grade, to within rounding.
        PatientLeakageError
            If a split separates the images of a patient, or a prefit net was trained
            on one of these patients, as far as file names show.
        """
        X, y = self._check_y(X, y)
        self._check_undecided()
        _check_two_grades(y[:, GRADE])
        fitted, rows, fold, (expected, likeliest) = self._fit_and_predict(
            X, y, groups, params
        )
        grades = _ordered(fitted[GRADE].classes_)
        truth = y[rows, GRADE]
        known = (truth != UNKNOWN) & ~np.isnan(expected)
        truth, expected = truth[known], expected[known]
        _check_two_grades(truth[np.isin(truth, grades)])
        if np.ptp(expected) < SPREAD:
            raise ValueError(
                f"Every row has the same expected grade, {expected[0]:.4g}: cut-points "
                "cannot be tuned. The estimator learned nothing from X, or y has too "
                "few rows of each grade."
            )
        self.best_thresholds_ = best_cut_points(expected, truth, grades, self.metric)
        tuned = grade_by_cut_points(expected, self.best_thresholds_, grades)
        measure = self.metric or kappa_of_predictions
        self.best_score_ = float(measure(truth, tuned))
        self.argmax_score_ = float(measure(truth, likeliest[known]))
        if self.store_cv_results:
            self.cv_results_ = {
                "row": rows[known],
                "fold": fold[known],
                "grade": truth,
                "expected_grade": expected,
            }
        self._keep(fitted)
        return self

    @staticmethod
    def _outputs(fitted, X):
        proba = np.asarray(fitted[GRADE].predict_proba(X))
        grades = _ordered(fitted[GRADE].classes_)
        return proba @ grades, most_probable(proba, grades)

    def decide(self, proba):
        """Grade given probabilities by the cut-points.

        Parameters
        ----------
        proba : array-like of shape (n, n_classes)
            Probabilities of `classes_`, such as the mean over several nets.

        Returns
        -------
        grade : ndarray of shape (n,)
            -1 where a probability is nan.
        """
        check_is_fitted(self, "estimator_")
        proba = np.asarray(proba)
        n_grades = len(self.classes_)
        if proba.ndim != 2 or proba.shape[1] != n_grades:
            raise ValueError(
                f"proba must have shape (n_samples, {n_grades}), a column for each of "
                f"the grades {self.classes_.tolist()!r}, got {proba.shape!r}."
            )
        expected = proba @ self.classes_
        return grade_by_cut_points(expected, self.best_thresholds_, self.classes_)

    def decide_tasks(self, grade_proba, quality_proba):
        """Decide on both tasks: the grade by the cut-points.

        Parameters
        ----------
        grade_proba, quality_proba : array-like of shape (n, n_classes)
            What `predict_tasks` returns.

        Returns
        -------
        grade, quality : ndarray of shape (n,)
            -1 where a probability is nan.
        """
        return self.decide(grade_proba), most_probable(quality_proba)

    def predict(self, X):
        """Grade by the tuned cut-points.

        Parameters
        ----------
        X : array-like
            Whatever the estimator accepts.

        Returns
        -------
        grade : ndarray of shape (n,)
            One of `classes_`; -1 where an image could not be read.
        """
        return self.decide(self.predict_proba(X))


def _ordered(grades):
    grades = np.asarray(grades)
    if grades.dtype.kind not in "biuf":
        raise ValueError(
            f"Grades must be whole numbers, as kappa uses their distances, got the "
            f"classes {grades.tolist()!r}."
        )
    return grades.astype(int)


def _check_two_grades(truth):
    seen = np.setdiff1d(truth, UNKNOWN).tolist()
    if len(seen) < 2:
        raise ValueError(
            "Cut-points lie between grades, and y needs at least two that the "
            f"estimator knows, got {'one class' if seen else 'none'}: {seen!r}."
        )
