"""The photographs on which a model is wrong and confident."""

import numpy as np
import pandas as pd

from ..utils._constraints import check_parameters, one_of, whole
from ..utils._labels import UNKNOWN, most_probable
from ._panels import new_panels, say
from ._photographs import names_of, take_photographs
from ._predictions import (
    N_CLASSES,
    check_predicted,
    check_proba,
    labels_of,
    predict_once,
)

CONSTRAINTS = {"task": [one_of(*N_CLASSES)], "n_images": [whole(1)]}
IMAGE_SIZE = 224
QUALITIES = {0: "poor", 1: "good", UNKNOWN: "unknown"}


class MistakesDisplay:
    """Gallery of the most confident mistakes, in descending order of confidence.

    They reveal wrong labels, ungradable photographs, and wrong features that the model
    has learned. Use `from_estimator` or
    `from_predictions` to make one.

    Parameters
    ----------
    photographs : ndarray of shape (n_images, image_size, image_size, 3)
        uint8 pixels of the mistakes that are shown.
    mistakes : DataFrame
        A row for each of them. Columns: row (in X), name, true, predicted, confidence
        (probability of the predicted class) and quality (true, -1 where unknown).
    task : {"grade", "quality"}
        What is mistaken.
    n_mistakes, n_answered : int
        Number of mistakes, shown or not, and of predictions for rows of known label.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What the picture fills.
    axes_ : ndarray of shape (n_rows, n_columns)
        Its panels.
    figure_ : matplotlib Figure
        Figure that holds them.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr.datasets import make_fundus
    >>> from sk_fiqdr.inspection import MistakesDisplay
    >>> X, y = make_fundus(4, image_size=64, random_state=0, return_X_y=True)
    >>> proba = np.full((4, 5), 0.1)
    >>> proba[:, 4] = 0.6
    >>> display = MistakesDisplay.from_predictions(X, y, proba)
    >>> display.frame()[["row", "true", "predicted", "confidence"]].head(2)
       row  true  predicted  confidence
    0    0     0          4         0.6
    1    1     0          4         0.6
    """

    def __init__(self, *, photographs, mistakes, task, n_mistakes, n_answered):
        self.photographs = photographs
        self.mistakes = mistakes
        self.task = task
        self.n_mistakes = n_mistakes
        self.n_answered = n_answered

    @classmethod
    def from_estimator(cls, estimator, X, y, *, task="grade", n_images=12, ax=None):
        """Show the mistakes of an estimator.

        Parameters
        ----------
        estimator : estimator, Pipeline or search
            Fitted, with probabilities of the task.
        X : array-like
            Paths or uint8 images.
        y : array-like of shape (n_samples, 2) or (n_samples,)
            Grade and quality, or the task's labels alone; -1 where unknown.
        task : {"grade", "quality"}, default="grade"
            Whose mistakes.
        n_images : int, default=12
            How many to show at most.
        ax : matplotlib Axes, default=None
            Space to fill; None makes a figure.

        Returns
        -------
        display : MistakesDisplay
            Drawn.

        Raises
        ------
        ValueError, TypeError, PatientLeakageError
            If labels or estimator do not fit, or a patient was trained on.
        """
        check_parameters(cls.__name__, CONSTRAINTS, task=task, n_images=n_images)
        predictions = predict_once(estimator, X, task)._asdict()
        if predictions[f"{task}_proba"] is None:
            raise TypeError(
                "Confidence needs predict_proba, which "
                f"{type(estimator).__name__} does not provide."
            )
        return cls.from_predictions(
            X,
            y,
            predictions[f"{task}_proba"],
            y_pred=predictions[task],
            task=task,
            n_images=n_images,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls, X, y_true, proba, *, y_pred=None, task="grade", n_images=12, ax=None
    ):
        """Show the mistakes among given predictions.

        Parameters
        ----------
        X : array-like
            Paths or uint8 images (n_samples, height, width, 3).
        y_true : array-like of shape (n_samples, 2) or (n_samples,)
            Grade and quality, or the task's labels alone; rows of unknown label (-1)
            are skipped.
        proba : array-like of shape (n_samples, n_classes)
            Probability of each grade, or of poor and of good quality; rows of nan are
            skipped.
        y_pred : array-like of shape (n_samples,), default=None
            Predictions, if not the most probable classes; rows of -1 are skipped.
        task : {"grade", "quality"}, default="grade"
            What the probabilities are of.
        n_images : int, default=12
            How many to show at most.
        ax : matplotlib Axes, default=None
            Space to fill; None makes a figure.

        Returns
        -------
        display : MistakesDisplay
            Drawn; without a mistake it says so.

        Raises
        ------
        ValueError
            If an argument is not as described.
        """
        check_parameters(cls.__name__, CONSTRAINTS, task=task, n_images=n_images)
        truth, quality = labels_of(y_true, task)
        names = names_of(X)
        if len(names) != len(truth):
            raise ValueError(f"X has {len(names)} images and y_true {len(truth)} rows.")
        proba = check_proba("proba", proba, len(truth), task)
        y_pred = most_probable(proba) if y_pred is None else y_pred
        y_pred = check_predicted("y_pred", y_pred, len(truth), task)
        known = (truth != UNKNOWN) & (y_pred != UNKNOWN) & ~np.isnan(proba[:, 0])
        wrong = np.flatnonzero(known & (truth != y_pred))
        confidence = proba[wrong, y_pred[wrong]]
        shown = np.argsort(-confidence, kind="stable")[:n_images]
        rows = wrong[shown]
        mistakes = pd.DataFrame(
            {
                "row": rows,
                "name": [names[row] for row in rows],
                "true": truth[rows],
                "predicted": y_pred[rows],
                "confidence": confidence[shown],
                "quality": quality[rows],
            }
        )
        return cls(
            photographs=take_photographs(X, rows, IMAGE_SIZE),
            mistakes=mistakes,
            task=task,
            n_mistakes=len(wrong),
            n_answered=int(known.sum()),
        ).plot(ax=ax)

    def frame(self):
        """Return the mistakes that are shown.

        Returns
        -------
        frame : DataFrame
            Columns as of the parameter `mistakes`.
        """
        return self.mistakes.copy()

    def plot(self, ax=None):
        """Draw the photographs with what is true and what was predicted.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Space to fill; None makes a figure.

        Returns
        -------
        display : MistakesDisplay
            The object itself, with `ax_`, `axes_` and `figure_`.
        """
        n_columns = int(np.clip(len(self.mistakes), 1, 4))
        n_rows = max(1, -(-len(self.mistakes) // n_columns))
        size = max(2.3 * n_columns, 4.6), 2.75 * n_rows + 0.4
        self.ax_, self.axes_ = new_panels(ax, n_rows, n_columns, size)
        self.figure_ = self.ax_.figure
        for panel in self.axes_.flat:
            panel.set_axis_off()
        if len(self.mistakes) == 0:
            say(self.axes_[0, 0], f"no mistake among {self.n_answered:,} predictions")
            return self
        self.axes_[0, 0].figure.suptitle(
            f"{len(self.mistakes)} of {self.n_mistakes:,} mistakes of the {self.task} "
            f"among {self.n_answered:,} predictions",
            fontsize="medium",
        )
        for panel, photograph, (_, mistake) in zip(
            self.axes_.flat, self.photographs, self.mistakes.iterrows(), strict=False
        ):
            panel.imshow(photograph)
            panel.set_title(self._caption(mistake), fontsize="small")
        return self

    def _caption(self, mistake):
        true, predicted = mistake["true"], mistake["predicted"]
        if self.task == "quality":
            true, predicted = QUALITIES[true], QUALITIES[predicted]
        text = f"true {true}, predicted {predicted} ({mistake['confidence']:.0%})"
        name = mistake["name"]
        name = name if len(name) <= 26 else f"{name[:12]}…{name[-13:]}"
        if self.task == "grade" and mistake["quality"] == 0:
            name += ", poor"
        return f"{text}\n{name}"
