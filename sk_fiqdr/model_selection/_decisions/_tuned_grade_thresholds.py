"""Grades by cut-points on the expected grade, tuned on patients not trained on."""

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils.validation import check_is_fitted

from ...utils._labels import UNKNOWN, most_probable
from ._base import NestedClassifier
from ._check_tasks import kappa_of_answers
from ._cut_points import best_cut_points, grade_by_cut_points
from ._out_of_fold import GRADE


class TunedGradeThresholdsCV(NestedClassifier):
    """Grade by cut-points on the expected grade, tuned for quadratic weighted kappa.

    The most probable grade is the right answer where every mistake is as bad as any
    other. Kappa forgives a near miss and punishes far ones by their square: with grade
    0 at 0.4, 2 at 0.3 and 3 at 0.3 the most probable grade is 0, and the expected one
    1.5. This meta-estimator answers by the expected grade, the mean of the grades
    weighted by their probabilities, and by four cut-points on it instead of 0.5, 1.5,
    2.5 and 3.5. They are tuned on probabilities of patients that the estimator behind
    them has not seen, in the manner of scikit-learn's TunedThresholdClassifierCV.

    Parameters
    ----------
    estimator : estimator
        A classifier with `predict_proba` over grades, whole numbers from 0 on: of the
        grade alone (a Pipeline, :class:`~sk_fiqdr.DRGrader`), or of both tasks
        (:class:`~sk_fiqdr.FIQDRClassifier`).
    metric : callable, default=None
        What to tune for, ``metric(y_true, y_pred) -> float``, better when higher. None
        is the quadratic weighted kappa, for which the best cut-points are found
        exactly; else they are searched for one after the other, from two starts.
    cv : int, float, splitter, iterable or "prefit", default=None
        Where the probabilities come from: a number of folds (None is 5) or a share to
        hold out, both with patients whole; what scikit-learn takes for `cv`; or
        "prefit" to take `estimator` as it is and tune on the rows that `fit` gets,
        which it must not have been trained on.
    refit : bool, default=True
        Fit the estimator again, on all rows. False keeps the one that was fitted for
        tuning, and wants a single split such as ``cv=0.2``. With ``cv="prefit"`` there
        is nothing to refit.
    n_jobs : int, default=None
        Splits to fit at a time.
    random_state : int, RandomState or None, default=None
        Deals patients at random to the folds of an int `cv` or the part that a float
        holds out; None deals them in order of appearance.
    store_cv_results : bool, default=False
        Keep what was tuned on as `cv_results_`.

    Attributes
    ----------
    best_thresholds_ : ndarray of shape (n_classes - 1,)
        The cut-points, in ascending order; an expected grade that equals one lies above
        it. A grade that no tuned row has is never answered: its cut-points are equal,
        or infinite at the ends of the scale.
    best_score_ : float
        Kappa, or `metric`, of the rows tuned on. As the cut-points were chosen there,
        it flatters a little: score on other patients.
    argmax_score_ : float
        The same of the most probable grades.
    cv_results_ : dict of str to ndarray
        row, fold, grade and expected_grade of each row tuned on, for a DataFrame; if
        `store_cv_results`.
    estimator_ : estimator
        The fitted estimator behind the answers.
    classes_ : ndarray of shape (n_classes,)
        The grades that it knows.
    n_features_in_, feature_names_in_ : object
        As the estimator has them.

    See Also
    --------
    QualityGate : Refuses to grade poor images; put it around this.
    CalibratedTasksCV : Calibrates probabilities; put it inside this.

    Notes
    -----
    `fit` makes ``cv + 1`` fits; nets that train for long are better served by
    ``cv=0.2, refit=False``, which makes one, or by ``cv="prefit"``.

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
            As the estimator takes it.
        y : array-like of shape (n,) or (n, 2)
            Grade, or grade and quality; -1 where unknown. Rows of unknown grade do not
            count for the cut-points, nor in the fit of an estimator of the grade alone.
        groups : array-like of shape (n,), default=None
            Patient of each row, to keep patients whole; read from X by default, if it
            holds paths.
        **params : dict
            For `fit` of the estimator, such as `sample_weight`; arrays of n values are
            split with the rows. The cut-points count each row once. With metadata
            routing enabled the estimator gets what it requests.

        Returns
        -------
        self : TunedGradeThresholdsCV
            The fitted meta-estimator.

        Raises
        ------
        ValueError
            If y holds no grades, or fewer than two that the estimator knows; or if all
            rows have the same expected grade.
        PatientLeakageError
            If a split tears a patient apart, or a prefit net was trained on one of
            these patients, as far as names tell.
        """
        X, y = self._check_y(X, y)
        self._check_undecided()
        _check_two_grades(y[:, GRADE])
        fitted, rows, fold, (expected, likeliest) = self._fit_and_ask(
            X, y, groups, params
        )
        grades = _ordered(fitted[GRADE].classes_)
        truth = y[rows, GRADE]
        known = (truth != UNKNOWN) & ~np.isnan(expected)
        truth, expected = truth[known], expected[known]
        _check_two_grades(truth[np.isin(truth, grades)])
        if expected.min() == expected.max():
            raise ValueError(
                f"Every row has the same expected grade, {expected[0]:.4g}: there is "
                "nothing to tune. The estimator learned nothing from X, or y has too "
                "few rows of each grade."
            )
        self.best_thresholds_ = best_cut_points(expected, truth, grades, self.metric)
        answer = grade_by_cut_points(expected, self.best_thresholds_, grades)
        measure = self.metric or kappa_of_answers
        self.best_score_ = float(measure(truth, answer))
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
    def _ask(fitted, X):
        proba = np.asarray(fitted[GRADE].predict_proba(X))
        grades = _ordered(fitted[GRADE].classes_)
        return proba @ grades, most_probable(proba, grades)

    def decide(self, proba):
        """Grade by the cut-points, whatever the probabilities are from.

        Parameters
        ----------
        proba : array-like of shape (n, n_classes)
            Probabilities of `classes_`, such as the mean of several nets'.

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
            As the estimator takes it.

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
            f"Grades must be whole numbers, their distances count, got the classes "
            f"{grades.tolist()!r}."
        )
    return grades.astype(int)


def _check_two_grades(truth):
    seen = np.setdiff1d(truth, UNKNOWN).tolist()
    if len(seen) < 2:
        raise ValueError(
            "Cut-points lie between grades, and y needs at least two that the "
            f"estimator knows, got {'one class' if seen else 'none'}: {seen!r}."
        )
