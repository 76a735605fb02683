"""Predictions of a gate: a grade, or -1 where it is not sure enough."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ...metrics import refusal_report
from ...metrics._grading import N_GRADES
from ...metrics._scorers import decide_tasks
from ...utils._labels import UNKNOWN, most_probable
from ...utils._unwrap import last_step, unwrap
from .._patient_ids import holds_paths, patients_of
from ._base import NestedClassifier, names_of_eyes
from ._check_tasks import check_tasks
from ._confidence import BY, confidence, doubts, reasons_of
from ._fellow_eye_classifier import eyes_of
from ._grade_sets import five_columns
from ._out_of_fold import (
    GRADE,
    QUALITY,
    fitted_quality_proba,
    predict_fitted_tasks,
)

EYES = ("groups", "eyes")


class GatedClassifier(NestedClassifier):
    """Base of a gate that has a `threshold_` and goes `by` something."""

    @staticmethod
    def _tasks(fitted, X, **names):
        """Return both probabilities; good where no estimator predicts quality."""
        if len(fitted) == 1 and not hasattr(last_step(fitted[GRADE]), "predict_tasks"):
            inside, X = unwrap(fitted[GRADE], X)
            grade_proba = np.asarray(inside.predict_proba(X, **names))
            quality_proba = np.tile([0.0, 1.0], (len(grade_proba), 1))
            quality_proba[np.isnan(grade_proba).any(axis=1)] = np.nan
            return grade_proba, quality_proba
        return tuple(map(np.asarray, predict_fitted_tasks(fitted, X, **names)))

    @staticmethod
    def _grades(fitted, grade_proba, quality_proba):
        """Return the grades decided on, and a column of probability for all five."""
        grader = last_step(fitted[GRADE])
        grade, _ = decide_tasks(grader, grade_proba, quality_proba)
        return np.asarray(grade), five_columns(grade_proba, grader.classes_)

    @staticmethod
    def _outputs(fitted, X, **names):
        proba = GatedClassifier._tasks(fitted, X, **names)
        return *GatedClassifier._grades(fitted, *proba), proba[QUALITY]

    def _confidence(self, grade_proba, quality_proba, groups=None, eyes=None):
        """Return how sure each row is, and what is most in doubt if several can be."""
        given = (self.by, grade_proba, quality_proba, np.arange(N_GRADES), groups, eyes)
        sure = confidence(*given)
        return sure, reasons_of(doubts(*given)) if self.by == "doubt" else None

    def _eyes_of(self, X, groups, eyes):
        """Return patient and eye of each row where they are given or needed."""
        if not BY[self.by][2] and groups is None and eyes is None:
            return {}
        return dict(zip(EYES, eyes_of(X, groups, eyes), strict=True))

    @staticmethod
    def _patients(X, groups, rows):
        known = groups is not None or holds_paths(X)
        return patients_of(X, groups)[rows] if known else None

    def _fitted(self):
        check_is_fitted(self, "estimator_")
        return (self.estimator_, self.quality_estimator_)[: len(self._estimators())]

    def _predict_tasks(self, X, groups, eyes):
        """Return the eyes that the confidence needs, and the probabilities."""
        names = self._eyes_of(X, groups, eyes)
        return names, self.predict_tasks(X, **names)

    def predict_tasks(self, X, groups=None, eyes=None):
        """Return the probabilities of both tasks, also for refused images.

        Parameters
        ----------
        X : array-like
            Whatever the estimators accept.
        groups, eyes : array-like of shape (n,), default=None
            As in `predict`.

        Returns
        -------
        grade_proba, quality_proba : ndarray of shape (n, n_classes)
            Probabilities.
        """
        fitted = self._fitted()
        return self._tasks(fitted, X, **names_of_eyes(fitted[GRADE], groups, eyes))

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

    def decide_tasks(self, grade_proba, quality_proba, groups=None, eyes=None):
        """Decide on both tasks: the grade only if it is sure enough.

        Parameters
        ----------
        grade_proba, quality_proba : array-like of shape (n, n_classes)
            What `predict_tasks` returns.
        groups, eyes : array-like of shape (n,), default=None
            Patient and eye of each row, for the disagreement of the eyes.

        Returns
        -------
        grade : ndarray of shape (n,)
            -1 if the image is refused, or a probability is nan.
        quality : ndarray of shape (n,)
            0 poor, 1 good; -1 where a probability is nan.

        Raises
        ------
        ValueError
            If the gate goes by the disagreement of the eyes, and `groups` is None.
        """
        quality_proba = np.asarray(quality_proba)
        grade, five = self._grades(
            self._fitted(), np.asarray(grade_proba), quality_proba
        )
        sure, _ = self._confidence(five, quality_proba, groups, eyes)
        _, quality = decide_tasks(
            last_step(self._fitted()[GRADE]), grade_proba, quality_proba
        )
        return np.where(sure >= self.threshold_, grade, UNKNOWN), quality

    def predict(self, X, groups=None, eyes=None):
        """Grade the images that are sure enough.

        Parameters
        ----------
        X : array-like
            Whatever the estimators accept.
        groups, eyes : array-like of shape (n,), default=None
            Patient and eye of each row, for the disagreement of the eyes; read from X
            by default, if it holds paths.

        Returns
        -------
        grade : ndarray of shape (n,)
            -1 if the image is refused, or could not be read.
        """
        names, proba = self._predict_tasks(X, groups, eyes)
        return self.decide_tasks(*proba, **names)[GRADE]

    def is_gradable(self, X, groups=None, eyes=None):
        """Return which images are sure enough to be graded.

        Parameters
        ----------
        X : array-like
            Whatever the estimators accept.
        groups, eyes : array-like of shape (n,), default=None
            As in `predict`.

        Returns
        -------
        gradable : ndarray of bool, shape (n,)
            False if the image is refused, or could not be read.
        """
        names, proba = self._predict_tasks(X, groups, eyes)
        five = self._grades(self._fitted(), *proba)[1]
        return self._confidence(five, proba[QUALITY], **names)[0] >= self.threshold_

    def report(self, X, y, groups=None, eyes=None, *, of="grades"):
        """Report the cost of the gate on other images.

        Parameters
        ----------
        X : array-like
            Whatever the estimators accept.
        y : array-like of shape (n, 2) or (n,)
            Grade and quality, or grade; -1 where unknown.
        groups, eyes : array-like of shape (n,), default=None
            As in `predict`; the intervals need groups, too.
        of : {"grades", "referable", "imageability"}, default="grades"
            See :func:`~sk_fiqdr.metrics.refusal_report`.

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
        names, proba = self._predict_tasks(X, groups, eyes)
        grade, five = self._grades(self._fitted(), *proba)
        sure, reasons = self._confidence(five, proba[QUALITY], **names)
        return refusal_report(
            check_tasks(y),
            grade,
            ~(sure >= self.threshold_),
            groups=self._patients(X, groups, slice(None)),
            eyes=names.get("eyes"),
            reasons=reasons,
            of=of,
        )
