"""The grade inside a net: its loss, its head and how it is decided."""

import numpy as np
from sklearn.utils.metaestimators import available_if

from ..losses._cross_entropy import MaskedCrossEntropy
from ..losses._grade import GRADE_LOSSES
from ..losses._known_rows_only import known_rows_only
from ..model_selection._decisions._cut_points import grade_by_cut_points
from ..utils._constraints import one_of
from ..utils._labels import most_probable
from ..utils._tasks import GRADE

DEFAULT = "cross_entropy"
NAME = "grade_cut_points_"


def _is_tuned(net):
    return NAME in vars(net)


class Graded:
    """Learn the grade by a chosen loss, and predict it by cut-points once tuned."""

    _constraints = {"grade_loss": [one_of(*GRADE_LOSSES), callable]}  # noqa: RUF012

    def _loss_of(self, task):
        if task.name != GRADE.name or not self._has_own_grade_loss():
            return super()._loss_of(task)
        loss = self.grade_loss
        return known_rows_only(GRADE_LOSSES[loss] if isinstance(loss, str) else loss)

    def _module_sizes(self):
        is_ordinal = self._is_solved() or self.grade_loss == "ordinal"
        ordinal = {"ordinal": True} if is_ordinal else {}
        return {**super()._module_sizes(), **ordinal}

    def _has_own_grade_loss(self):
        return not isinstance(self.grade_loss, str) or self.grade_loss != DEFAULT

    def _check_parameters(self, caller=None):
        super()._check_parameters(caller)
        if isinstance(self.grade_loss, type):
            raise ValueError(
                f"grade_loss={self.grade_loss.__name__} is a class: pass an instance, "
                f"such as {self.grade_loss.__name__}()."
            )
        if (
            self._criterion_task == GRADE.name
            and self._has_own_grade_loss()
            and self.criterion is not MaskedCrossEntropy
        ):
            raise ValueError(
                f"grade_loss={self.grade_loss!r} and criterion="
                f"{self.criterion.__name__} are both losses of the grade: set one."
            )

        if (
            self._criterion_task == GRADE.name
            and self._has_own_grade_loss()
            and self.get_params_for("criterion")
        ):
            name = next(iter(self.get_params_for("criterion")))
            raise ValueError(
                f"criterion__{name} has no effect with grade_loss="
                f"{self.grade_loss!r}, which is another loss: set one of both."
            )

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
