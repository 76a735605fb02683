"""The loss of the grade inside a net, for both estimators that learn grades."""

from ..losses._cross_entropy import MaskedCrossEntropy
from ..losses._grade import GRADE_LOSSES
from ..losses._plain import known_rows_only
from ..utils._constraints import one_of
from ..utils._tasks import GRADE

DEFAULT = "cross_entropy"


class GradeLoss:
    """Choose the loss of the grade, and the head that belongs to it."""

    _constraints = {"grade_loss": [one_of(*GRADE_LOSSES), callable]}  # noqa: RUF012

    def _loss_of(self, task):
        if task.name != GRADE.name or not self._has_own_grade_loss():
            return super()._loss_of(task)
        loss = self.grade_loss
        return known_rows_only(GRADE_LOSSES[loss] if isinstance(loss, str) else loss)

    def _module_sizes(self):
        ordinal = {"ordinal": True} if self.grade_loss == "ordinal" else {}
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
