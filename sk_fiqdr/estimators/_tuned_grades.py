"""Cut-points of the grade inside a net, so that they are saved and deployed with it."""

import numpy as np
from sklearn.utils.metaestimators import available_if

from ..model_selection._decisions._cut_points import grade_by_cut_points
from ..utils._labels import most_probable

NAME = "grade_cut_points_"


def _is_tuned(net):
    return NAME in vars(net)


class TunedGrades:
    """Predict the grade by cut-points on the expected grade, once they are tuned."""

    def tune_grades(self, X, y, groups=None):
        """Tune cut-points on the expected grade, on patients that were not trained on.

        `predict`, the commands and exported files then grade by them, until the next
        fit. They are those of the largest quadratic weighted kappa, as
        :class:`~sk_fiqdr.model_selection.TunedGradeThresholdsCV` finds them.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`, of other patients.
        y : array-like
            Labels, as in `fit`.
        groups : array-like of shape (n,), default=None
            Patient of each row; read from X by default, if it holds paths.

        Returns
        -------
        self : FundusNet
            The net, with `grade_cut_points_`.

        Raises
        ------
        ValueError
            If y holds fewer than two grades.
        PatientLeakageError
            If X holds an eye of a patient that was trained on, by its name.
        """
        from ..model_selection import TunedGradeThresholdsCV

        vars(self).pop(NAME, None)
        tuned = TunedGradeThresholdsCV(self, cv="prefit").fit(X, y, groups=groups)
        return self._set_cut_points(tuned.best_thresholds_)

    def _set_cut_points(self, cut_points):
        grades = self.classes_
        # Infinite ones, of grades that did not occur, lie beyond every expected grade.
        self.grade_cut_points_ = np.clip(cut_points, grades[0] - 1, grades[-1] + 1)
        return self

    def _make_training_set(self, *args, **kwargs):
        vars(self).pop(NAME, None)  # of other weights
        return super()._make_training_set(*args, **kwargs)

    @available_if(_is_tuned)
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
        return self._decide_grade(grade_proba), most_probable(quality_proba)

    def _decide_grade(self, proba):
        if not _is_tuned(self):
            return most_probable(proba, self.classes_)
        expected = np.asarray(proba) @ self.classes_
        return grade_by_cut_points(expected, self.grade_cut_points_, self.classes_)

    def predict_expected_grade(self, X):
        """Return the expected grade: the mean of the grades under `predict_proba`.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.

        Returns
        -------
        expected : ndarray of shape (n,)
            From the lowest to the highest grade; nan where an image could not be read.
        """
        return self.predict_proba(X) @ self.classes_
