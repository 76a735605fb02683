"""A quality gate: refuse to grade poor images, and report the cost."""

import warnings

import numpy as np
from sklearn.base import _fit_context
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted

from ...metrics import refusal_report
from ...metrics._grading import N_GRADES
from ...metrics._scorers import decide_tasks
from ...utils._constraints import real
from ...utils._labels import UNKNOWN, check_integers, most_probable
from ...utils._unwrap import last_step
from .._patient_ids import holds_paths, patients_of
from ._base import NestedClassifier
from ._check_tasks import check_tasks
from ._gate_threshold import gate_threshold
from ._out_of_fold import (
    GRADE,
    QUALITY,
    fitted_quality_proba,
    predict_fitted_tasks,
)

GOALS = ("max_refused", "min_kappa", "min_severe_kept")


class QualityGate(NestedClassifier):
    """Refuse to grade images whose quality is too poor, and report what that costs.

    An image is graded if its probability of good quality is at least `threshold_`,
    which is chosen for a goal on images of patients that the estimator has not seen.
    Without a goal the gate is off, and refuses nothing. Poor images are not spread
    evenly over the grades (15.7 % of grade 4 and 3.2 % of grade 0 in Kaggle's training
    set), so a gate loses the most severe eyes first: `report_` says how many.

    Parameters
    ----------
    estimator : estimator
        The grader. No other estimator is needed if it also predicts quality, as
        :class:`~sk_fiqdr.FIQDRClassifier` does.
    quality_estimator : classifier, default=None
        A quality classifier with `predict_proba` over 0 poor and 1 good. None uses the
        quality that `estimator` predicts.
    max_refused : float, default=None
        Goal: refuse the poorest images, up to this share.
    min_kappa : float, default=None
        Goal: refuse the fewest images, at most half, such that the kappa of the others
        reaches this value. The kappa of a few images can have any value by chance.
    min_severe_kept : float, default=None
        Goal: refuse the most images such that this share of the severe eyes (grades 3
        and 4) is still graded.
    threshold : float, default=None
        The threshold itself, in place of a goal.
    cv : int, float, splitter, iterable or "prefit", default=None
        How to get out-of-sample predictions to choose the threshold on: a number of
        folds (None is 5) or a share to hold out, both grouped by patient; whatever
        scikit-learn accepts as `cv`; or "prefit" to keep the estimators as they are and
        choose on the rows passed to `fit`, which they must not have been trained on.
    refit : bool, default=True
        Fit again, on all rows. False keeps the estimators fitted for choosing, and
        requires a single split such as ``cv=0.2``.
    n_jobs : int, default=None
        Number of splits to fit in parallel.
    random_state : int, RandomState or None, default=None
        Assigns patients at random to the folds of an int `cv` or the part that a float
        holds out; None assigns them in order of appearance.

    Attributes
    ----------
    threshold_ : float
        Least probability of good quality that is graded; 0.0 refuses nothing.
    report_ : DataFrame or None
        The cost, on the rows that the threshold was chosen on: see
        :func:`~sk_fiqdr.metrics.refusal_report`. This is slightly optimistic; for other
        images call :meth:`report`. None if the gate is off.
    estimator_, quality_estimator_ : estimator
        The fitted estimators.
    classes_ : ndarray of shape (n_classes,)
        The grades.

    See Also
    --------
    TunedGradeThresholdsCV : Cut-points for kappa; put it inside the gate.

    Notes
    -----
    The prediction for a refused image is -1, as for one that could not be read: neither
    is graded, and the scorers of :mod:`sk_fiqdr.metrics` ignore them. A gate can score
    higher just by refusing more: compare gates by their kappa at equal `max_refused`,
    never by kappa alone.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sk_fiqdr.model_selection import QualityGate
    >>> rng = np.random.default_rng(0)
    >>> patient = np.arange(600) // 2
    >>> grade = rng.choice(5, size=300, p=[0.6, 0.1, 0.2, 0.06, 0.04])[patient]
    >>> good = rng.random(600) > np.where(grade == 4, 0.2, 0.05)
    >>> noise = rng.normal(size=(600, 2)) * np.where(good, 0.5, 3)[:, None]
    >>> X = np.column_stack([grade, good]) + noise * [1, 0.2]
    >>> gate = QualityGate(LogisticRegression(), LogisticRegression(), max_refused=0.05)
    >>> gate = gate.fit(X, np.column_stack([grade, good]), groups=patient)
    >>> gate.report_.loc[["all", "grade 0", "grade 4"], "n"].to_dict()
    {'all': 600, 'grade 0': 328, 'grade 4': 36}
    >>> gate.report_.loc[["all", "grade 0", "grade 4"], "refused"].to_dict()
    {'all': 30, 'grade 0': 19, 'grade 4': 5}
    >>> int((gate.predict(X) == -1).sum())
    31
    """

    _parameter_constraints = {  # noqa: RUF012
        **NestedClassifier._parameter_constraints,
        "quality_estimator": [HasMethods(["fit", "predict_proba"]), None],
        "max_refused": [real(0, 1), None],
        "min_kappa": [real(-1, 1, closed="both"), None],
        "min_severe_kept": [real(0, 1, closed="right"), None],
        "threshold": [real(0, 1, closed="both"), None],
    }

    def __init__(
        self,
        estimator,
        quality_estimator=None,
        *,
        max_refused=None,
        min_kappa=None,
        min_severe_kept=None,
        threshold=None,
        cv=None,
        refit=True,
        n_jobs=None,
        random_state=None,
    ):
        self.estimator = estimator
        self.quality_estimator = quality_estimator
        self.max_refused = max_refused
        self.min_kappa = min_kappa
        self.min_severe_kept = min_severe_kept
        self.threshold = threshold
        self.cv = cv
        self.refit = refit
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _estimators(self):
        both = (self.estimator, self.quality_estimator)
        return both if self.quality_estimator is not None else both[:1]

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, groups=None, **params):
        """Fit the estimators and choose the threshold.

        Parameters
        ----------
        X : array-like
            Whatever the estimators accept.
        y : array-like of shape (n, 2)
            Grade and quality; -1 where unknown, which is ignored. With ``cv="prefit"``
            the grade alone, of shape (n,), is enough.
        groups : array-like of shape (n,), default=None
            Patient of each row, so that splits keep the images of a patient together;
            read from X by default, if it holds paths.
        **params : dict
            For `fit` of the estimators, such as `sample_weight`; arrays of n values are
            split with the rows. With metadata routing enabled each estimator receives
            what it requests.

        Returns
        -------
        self : QualityGate
            The fitted gate.

        Raises
        ------
        ValueError
            If there is more than one goal, or one that cannot be reached (the message
            says what can); if no estimator predicts quality, or y does not have both
            good and poor images to learn from.
        PatientLeakageError
            If a split separates the images of a patient, or a prefit net was trained
            on one of these patients, as far as file names show.
        """
        goal, value = self._goal()
        X, y = self._check_y(X, y)
        check_integers("grade in y", y[:, GRADE], N_GRADES)
        self._check_quality_estimator(y, off=goal is None)
        if goal is None:
            fitted, self.threshold_, self.report_ = self._off(X, y, groups, params)
        else:
            fitted, rows, _, (grade, good) = self._fit_and_predict(X, y, groups, params)
            self.threshold_ = (
                float(value)
                if goal == "threshold"
                else gate_threshold(goal, value, y[rows, GRADE], grade, good)
            )
            known = groups is not None or holds_paths(X)
            self.report_ = refusal_report(
                y[rows],
                grade,
                ~(good >= self.threshold_),
                groups=patients_of(X, groups)[rows] if known else None,
            )
            self._warn_if_half_is_lost()
        self._keep(fitted)
        self.quality_estimator_ = fitted[-1]
        return self

    def _goal(self):
        goals = {name: getattr(self, name) for name in (*GOALS, "threshold")}
        given = {name: goal for name, goal in goals.items() if goal is not None}
        if len(given) > 1:
            raise ValueError(
                f"A gate has one goal, got {given!r}. Keep one of {', '.join(GOALS)} "
                "or threshold, and leave the others None; `report_` shows what the "
                "goal means for the others."
            )
        return next(iter(given.items()), (None, None))

    def _check_quality_estimator(self, y, *, off):
        if self.quality_estimator is None and not hasattr(
            last_step(self.estimator), "predict_tasks"
        ):
            raise ValueError(
                f"{type(last_step(self.estimator)).__name__} does not predict "
                "quality. Pass a quality classifier as quality_estimator, or "
                "FIQDRClassifier as estimator."
            )
        classifier = self._estimators()[-1]
        learns = self.cv != "prefit" and not isinstance(classifier, FrozenEstimator)
        known = np.unique(y[y[:, QUALITY] != UNKNOWN, QUALITY])
        if learns and len(known) < 2 and not (off and self.quality_estimator is None):
            raise ValueError(
                "A quality classifier needs images of both classes, 0 (poor) and 1 "
                f"(good), got {'one class' if len(known) else 'none'}, "
                f"{known.tolist()!r}, in the second column of y. If the data does not "
                'have quality labels, pass fitted estimators with cv="prefit".'
            )

    def _off(self, X, y, groups, params):
        if self.cv == "prefit":
            fitted = self._estimators()
            for estimator in fitted:
                check_is_fitted(estimator)
        else:
            fitted = self._fit_inside(X, y, self._route(groups, params)[0])
        return fitted, 0.0, None

    def _warn_if_half_is_lost(self):
        share = self.report_.loc["all", "share"]
        if share > 0.5:
            warnings.warn(
                f"This gate refuses {100 * share:.1f} % of the images: scores of the "
                "others describe a selection. `report_` has the cost by grade.",
                UserWarning,
                stacklevel=4,
            )

    @staticmethod
    def _outputs(fitted, X):
        grade_proba, quality_proba = predict_fitted_tasks(fitted, X)
        grade, _ = decide_tasks(last_step(fitted[GRADE]), grade_proba, quality_proba)
        return np.asarray(grade), np.asarray(quality_proba)[:, 1]

    def _fitted(self):
        check_is_fitted(self, "estimator_")
        return (self.estimator_, self.quality_estimator_)[: len(self._estimators())]

    def predict_tasks(self, X):
        """Return the probabilities of both tasks, also for refused images.

        Parameters
        ----------
        X : array-like
            Whatever the estimators accept.

        Returns
        -------
        grade_proba, quality_proba : ndarray of shape (n, n_classes)
            Probabilities.
        """
        return predict_fitted_tasks(self._fitted(), X)

    def predict_quality_proba(self, X):
        """Return the probability of poor and of good quality.

        Parameters
        ----------
        X : array-like
            Whatever the estimators accept.

        Returns
        -------
        proba : ndarray of shape (n, 2)
            Probabilities.
        """
        return fitted_quality_proba(self._fitted()[-1], X)

    def predict_quality(self, X):
        """Return the more probable quality, which the threshold does not change.

        Parameters
        ----------
        X : array-like
            Whatever the estimators accept.

        Returns
        -------
        quality : ndarray of shape (n,)
            0 poor, 1 good; -1 where an image could not be read.
        """
        return most_probable(self.predict_quality_proba(X))

    def decide_tasks(self, grade_proba, quality_proba):
        """Decide on both tasks: the grade only if the quality is good enough.

        Parameters
        ----------
        grade_proba, quality_proba : array-like of shape (n, n_classes)
            What `predict_tasks` returns.

        Returns
        -------
        grade : ndarray of shape (n,)
            -1 if the image is refused, or a probability is nan.
        quality : ndarray of shape (n,)
            0 poor, 1 good; -1 where a probability is nan.
        """
        inside = last_step(self._fitted()[GRADE])
        grade, quality = decide_tasks(inside, grade_proba, quality_proba)
        gradable = np.asarray(quality_proba)[:, 1] >= self.threshold_
        return np.where(gradable, grade, UNKNOWN), quality

    def predict(self, X):
        """Grade the images of sufficient quality.

        Parameters
        ----------
        X : array-like
            Whatever the estimators accept.

        Returns
        -------
        grade : ndarray of shape (n,)
            -1 if the image is refused, or could not be read.
        """
        return self.decide_tasks(*self.predict_tasks(X))[GRADE]

    def is_gradable(self, X):
        """Return which images have sufficient quality to be graded.

        Parameters
        ----------
        X : array-like
            Whatever the estimators accept.

        Returns
        -------
        gradable : ndarray of bool, shape (n,)
            False if the image is refused, or could not be read.
        """
        return self.predict_quality_proba(X)[:, 1] >= self.threshold_

    def report(self, X, y, groups=None):
        """Report the cost of the gate on other images.

        Parameters
        ----------
        X : array-like
            Whatever the estimators accept.
        y : array-like of shape (n, 2) or (n,)
            Grade and quality, or grade; -1 where unknown.
        groups : array-like of shape (n,), default=None
            Patient of each row, for the intervals; read from X by default, if it holds
            paths.

        Returns
        -------
        report : DataFrame
            See :func:`~sk_fiqdr.metrics.refusal_report`. Images that could not be read
            count as refused.

        Raises
        ------
        PatientLeakageError
            If X holds an eye whose fellow eye was trained on, as far as file names
            show.
        """
        if hasattr(self, "check_patients"):
            self.check_patients(X)
        if groups is not None or holds_paths(X):
            groups = patients_of(X, groups)
        grade, good = self._outputs(self._fitted(), X)
        refused = ~(good >= self.threshold_)
        return refusal_report(check_tasks(y), grade, refused, groups=groups)
