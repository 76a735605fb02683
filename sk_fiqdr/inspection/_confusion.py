"""Which grades are confused with which, by image quality."""

import numpy as np
import pandas as pd
from sklearn.metrics import ConfusionMatrixDisplay

from ..metrics._grading import confusion, kappa_of_confusion
from ..utils._labels import N_GRADES, UNKNOWN, check_truth
from ._panels import new_panels, say
from ._predictions import check_predicted, nothing_known, predict_once

STRATA = ("all", "good", "poor")


class ConfusionByQualityDisplay:
    """Confusion of grades in all images, and in those of good and of poor quality.

    Use `from_estimator` or `from_predictions` to make one.

    Parameters
    ----------
    confusion : ndarray of shape (3, 5, 5)
        Counts in all, good and poor images, true grades in rows. All includes images of
        unknown quality.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What the picture fills.
    axes_ : ndarray of shape (3,)
        Its panels: all, good, poor.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    sk_fiqdr.metrics.grading_report : The kappas, with intervals.

    Examples
    --------
    >>> from sk_fiqdr.inspection import ConfusionByQualityDisplay
    >>> y_true = [[0, 1], [0, 1], [2, 1], [4, 0], [4, -1]]
    >>> display = ConfusionByQualityDisplay.from_predictions(y_true, [0, 1, 2, 0, 4])
    >>> display.frame().loc["good"]
    predicted  0  1  2  3  4
    true
    0          1  1  0  0  0
    1          0  0  0  0  0
    2          0  0  1  0  0
    3          0  0  0  0  0
    4          0  0  0  0  0
    """

    def __init__(self, *, confusion):
        self.confusion = confusion

    @classmethod
    def from_estimator(cls, estimator, X, y, *, ax=None):
        """Draw the confusion of what an estimator predicts.

        Parameters
        ----------
        estimator : estimator, Pipeline or search
            Fitted, of both tasks or of the grade.
        X : array-like
            Paths, images or features.
        y : array-like of shape (n_samples, 2)
            Grade and quality, -1 where unknown.
        ax : matplotlib Axes, default=None
            Space to fill; None makes a figure.

        Returns
        -------
        display : ConfusionByQualityDisplay
            Drawn.

        Raises
        ------
        ValueError, TypeError, PatientLeakageError
            If labels or estimator do not fit, or a patient was trained on.
        """
        return cls.from_predictions(y, predict_once(estimator, X, "grade").grade, ax=ax)

    @classmethod
    def from_predictions(cls, y_true, y_pred, *, ax=None):
        """Draw the confusion of given predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples, 2)
            Grade and quality; rows of unknown grade (-1) are skipped, rows of unknown
            quality count in all only.
        y_pred : array-like of shape (n_samples,)
            Predicted grade; rows without a prediction (-1) are skipped.
        ax : matplotlib Axes, default=None
            Space to fill; None makes a figure.

        Returns
        -------
        display : ConfusionByQualityDisplay
            Drawn.

        Raises
        ------
        ValueError
            If labels are not as described, or no row counts.
        """
        grade, quality = check_truth(y_true)
        y_pred = check_predicted("y_pred", y_pred, len(grade), "grade")
        known = (grade != UNKNOWN) & (y_pred != UNKNOWN)
        if not known.any():
            raise nothing_known("both a known grade and a prediction")
        strata = known, known & (quality == 1), known & (quality == 0)
        counts = [confusion(grade[s], y_pred[s], N_GRADES) for s in strata]
        return cls(confusion=np.stack(counts)).plot(ax=ax)

    def frame(self):
        """Return the counts.

        Returns
        -------
        frame : DataFrame
            A row for each stratum and true grade, a column for each predicted grade.
        """
        index = pd.MultiIndex.from_product(
            [STRATA, range(N_GRADES)], names=["stratum", "true"]
        )
        columns = pd.RangeIndex(N_GRADES, name="predicted")
        return pd.DataFrame(self.confusion.reshape(-1, N_GRADES), index, columns)

    def plot(self, ax=None):
        """Draw a panel for each stratum: counts, coloured by share of the true grade.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Space to fill; None makes a figure.

        Returns
        -------
        display : ConfusionByQualityDisplay
            The object itself, with `ax_`, `axes_` and `figure_`.
        """
        self.ax_, axes = new_panels(ax, 1, len(STRATA), (11, 4.3))
        self.axes_, self.figure_ = axes[0], self.ax_.figure
        for panel, stratum, counts in zip(
            self.axes_, STRATA, self.confusion, strict=True
        ):
            self._plot_stratum(panel, stratum, counts)
        return self

    def _plot_stratum(self, panel, stratum, counts):
        n = counts.sum()
        title = f"{stratum} images, n = {n:,}"
        if n == 0:
            panel.set_title(title)
            say(panel, f"no image is known\nto be {stratum}")
            return
        of_grade = counts.sum(axis=1, keepdims=True)
        shares = counts / np.where(of_grade > 0, of_grade, 1)
        drawn = ConfusionMatrixDisplay(shares).plot(
            ax=panel, colorbar=False, cmap="Blues", im_kw={"vmin": 0, "vmax": 1}
        )
        for text, count, share in zip(
            drawn.text_.flat, counts.flat, shares.flat, strict=True
        ):
            text.set_text(f"{count:,}" if count else "·")
            text.set(fontsize="small", color="white" if share > 0.6 else "#222222")
        panel.set(xlabel="predicted grade", ylabel="true grade", aspect="auto")
        panel.set_title(f"{title}\nkappa {kappa_of_confusion(counts):.3f}")
