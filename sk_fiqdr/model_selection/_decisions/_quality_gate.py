"""A quality gate: refuse to grade poor images, and report the cost."""

import warnings

import numpy as np
import pandas as pd
from sklearn.base import _fit_context
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from ...metrics import refusal_report
from ...metrics._grading import N_GRADES
from ...utils._constraints import one_of, real
from ...utils._labels import UNKNOWN, check_integers
from ...utils._unwrap import last_step
from ._base import names_of_eyes
from ._confidence import BY
from ._gate_threshold import gate_threshold
from ._gated import GatedClassifier
from ._out_of_fold import (
    GRADE,
    QUALITY,
)

GOALS = ("max_refused", "min_kappa", "min_severe_kept")


class QualityGate(GatedClassifier):
    """Refuse to grade images whose quality is too poor, and report what that costs.

    An image is graded if its confidence, by default the probability of good quality, is
    at least `threshold_`, which is chosen for a goal on images of patients that the
    estimator has not seen. Without a goal the gate is off, and refuses nothing. Poor
    images are not spread evenly over the grades (15.7 % of grade 4 and 3.2 % of grade 0
    in Kaggle's training set), so a gate loses the most severe eyes first: `report_`
    says how many.

    Parameters
    ----------
    estimator : estimator
        The grader. No other estimator is needed if it also predicts quality, as
        :class:`~sk_fiqdr.FIQDRClassifier` does.
    quality_estimator : classifier, default=None
        A quality classifier with `predict_proba` over 0 poor and 1 good. None uses the
        quality that `estimator` predicts.
    by : {"quality", "variance", "disagreement", "doubt"}, default="quality"
        What the confidence goes by: the probability of good quality, the variance of
        the grade, the distance between the expected grades of the patient's two eyes,
        or the sum of all three. Each is scaled to 1 for no doubt and 0 for the most
        there can be. A photograph without a fellow eye does not disagree.
    max_refused : float, default=None
        Goal: refuse the least sure images, up to this share.
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
        Least confidence that is graded; 0.0 refuses nothing.
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
        **GatedClassifier._parameter_constraints,
        "quality_estimator": [HasMethods(["fit", "predict_proba"]), None],
        "by": [one_of(*BY)],
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
        by="quality",
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
        self.by = by
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
    def fit(self, X, y, groups=None, eyes=None, **params):
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
        eyes : array-like of shape (n,), default=None
            Eye of each row, such as "left" and "right", for the disagreement of the
            eyes; read from X by default, if it holds paths. Otherwise each row is an
            eye of its own.
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
            names = self._eyes_of(X, groups, eyes)
            inside = names_of_eyes(self.estimator, **names)
            if eyes is not None and has_fit_parameter(self.estimator, "eyes"):
                params = {**params, "eyes": eyes}
            fitted, rows, _, (grade, *proba) = self._fit_and_predict(
                X, y, groups, params, inside
            )
            names = {name: own[rows] for name, own in names.items()}
            sure, reasons = self._confidence(*proba, **names)
            self.threshold_ = (
                float(value)
                if goal == "threshold"
                else gate_threshold(goal, value, y[rows, GRADE], grade, sure)
            )
            self.report_ = refusal_report(
                y[rows],
                grade,
                ~(sure >= self.threshold_),
                groups=self._patients(X, groups, rows),
                eyes=names.get("eyes"),
                reasons=reasons,
            )
            self._warn_if_half_is_lost()
        self._keep(fitted)
        self.quality_estimator_ = fitted[-1]
        return self

    def __getstate__(self):
        state = dict(super().__getstate__())
        if state.get("report_") is not None:  # skops stores no frames
            state["report_"] = state["report_"].to_dict("tight")
        return state

    def __setstate__(self, state):
        if isinstance(state.get("report_"), dict):
            report = pd.DataFrame.from_dict(state["report_"], orient="tight")
            state = {**state, "report_": report}
        super().__setstate__(state)

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
            if self.by in ("variance", "disagreement"):
                return
            raise ValueError(
                f"{type(last_step(self.estimator)).__name__} does not predict "
                "quality. Pass a quality classifier as quality_estimator, or "
                "FIQDRClassifier as estimator; or go by='variance'."
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
