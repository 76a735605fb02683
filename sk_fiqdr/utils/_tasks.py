"""What an estimator learns: the tasks, as data."""

from typing import NamedTuple


class Task(NamedTuple):
    """One thing that an estimator learns and predicts.

    Attributes
    ----------
    name : str
        What it is called, in `balance`, in messages and in exported files. A parameter
        of the net named ``<name>_loss_weight`` weighs its loss.
    column : int or None
        Its column of y; None where y is that one column.
    output : int
        Which of the network's outputs holds its logits.
    classes : sequence
        Its classes, in the order of the logits.
    centred : bool, default=False
        Whether its loss, the net's criterion, also takes the deep features, to pull
        them to the centres of its classes (Eq. 5).
    """

    name: str
    column: int | None
    output: int
    classes: tuple
    centred: bool = False

    def labels(self, y):
        """Return the labels of this task.

        Parameters
        ----------
        y : ndarray or Tensor of shape (n,) or (n, n_tasks)
            Labels of all tasks.

        Returns
        -------
        labels : ndarray or Tensor of shape (n,)
            A view of `y`.
        """
        return y if self.column is None else y[:, self.column]


GRADE = Task("grade", column=0, output=0, classes=(0, 1, 2, 3, 4))
QUALITY = Task("quality", column=1, output=1, classes=(0, 1), centred=True)
TASKS = (GRADE, QUALITY)
DEEP = -1  # the network's last output: the deep features
