"""Detecting poor images: precision and recall."""

import numpy as np
import pandas as pd
from sklearn.metrics import (
    PrecisionRecallDisplay,
    average_precision_score,
    precision_recall_curve,
)

from ._panels import new_axes
from ._poor_curves import finish, poor_and_proba, quality_proba_of


class PoorPrecisionRecallDisplay:
    """Precision and recall of detecting poor images.

    If poor images are rare, as in screening, this shows what a ROC curve hides: how
    many of the images predicted to be poor are. Use `from_estimator` or
    `from_predictions` to make one; `plot` into the same Axes to compare several.

    Parameters
    ----------
    precision, recall : ndarray of shape (n_thresholds + 1,)
        Share of poor images among those predicted to be poor, and share of the poor
        images that are found, from all images to none; the last point is 1 and 0 by
        definition.
    thresholds : ndarray of shape (n_thresholds,)
        Probability of poor from which on poor is predicted.
    average_precision : float
        Mean of the precisions, weighted by the steps of recall.
    n_poor, n_good : int
        Numbers of images.
    name : str, default=None
        Name of the curve in the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the plot.
    figure_ : matplotlib Figure
        Figure that holds it.
    display_ : PrecisionRecallDisplay
        scikit-learn's, which draws the curve.

    See Also
    --------
    PoorRocDisplay : The same, whatever the share of poor images.

    Examples
    --------
    >>> from sk_fiqdr.inspection import PoorPrecisionRecallDisplay
    >>> quality, good = [0, 0, 1, 1, 1], [0.1, 0.6, 0.4, 0.8, 0.9]
    >>> display = PoorPrecisionRecallDisplay.from_predictions(quality, good)
    >>> round(display.average_precision, 3)
    0.833
    """

    def __init__(
        self,
        *,
        precision,
        recall,
        thresholds,
        average_precision,
        n_poor,
        n_good,
        name=None,
    ):
        self.precision = precision
        self.recall = recall
        self.thresholds = thresholds
        self.average_precision = average_precision
        self.n_poor = n_poor
        self.n_good = n_good
        self.name = name

    @classmethod
    def from_estimator(cls, estimator, X, y, *, name=None, ax=None):
        """Draw the curve of an estimator.

        Parameters
        ----------
        estimator : estimator, Pipeline or search
            Fitted, of both tasks or of the quality.
        X : array-like
            Paths, images or features.
        y : array-like of shape (n_samples, 2) or (n_samples,)
            Grade and quality, or quality; -1 where unknown.
        name : str, default=None
            What the legend calls the curve; the estimator's class by default.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : PoorPrecisionRecallDisplay
            Drawn.

        Raises
        ------
        ValueError, TypeError, PatientLeakageError
            If labels or estimator do not fit, or a patient was trained on.
        """
        proba = quality_proba_of(estimator, X)
        name = type(estimator).__name__ if name is None else name
        return cls.from_predictions(y, proba, name=name, ax=ax)

    @classmethod
    def from_predictions(cls, y_true, quality_proba, *, name=None, ax=None):
        """Draw the curve of given probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, 2)
            Quality, 1 good and 0 poor, or grade and quality; rows of unknown quality
            (-1) are skipped.
        quality_proba : array-like of shape (n_samples, 2) or (n_samples,)
            Probability of poor and of good quality, or of good alone; rows of nan are
            skipped.
        name : str, default=None
            Name of the curve in the legend.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : PoorPrecisionRecallDisplay
            Drawn.

        Raises
        ------
        ValueError
            If labels or probabilities are not as described, or there are not both poor
            and good images.
        """
        poor, proba = poor_and_proba(y_true, quality_proba)
        precision, recall, thresholds = precision_recall_curve(poor, proba)
        display = cls(
            precision=precision,
            recall=recall,
            thresholds=thresholds,
            average_precision=float(average_precision_score(poor, proba)),
            n_poor=int(poor.sum()),
            n_good=int((~poor).sum()),
            name=name,
        )
        return display.plot(ax=ax)

    def frame(self):
        """Return the curve.

        Returns
        -------
        frame : DataFrame
            Columns threshold (nan at the last point, which calls no image poor),
            precision and recall.
        """
        return pd.DataFrame(
            {
                "threshold": np.append(self.thresholds, np.nan),
                "precision": self.precision,
                "recall": self.recall,
            }
        )

    def plot(self, ax=None):
        """Draw the curve, with a dot where poor becomes more probable than good.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : PoorPrecisionRecallDisplay
            The object itself, with `ax_` and `figure_`.
        """
        first = ax is None or not ax.lines
        self.ax_ = new_axes(ax, (5.4, 5.2))
        self.figure_ = self.ax_.figure
        self.display_ = PrecisionRecallDisplay(
            precision=self.precision,
            recall=self.recall,
            average_precision=self.average_precision,
            name=self.name,
            prevalence_pos_label=self.n_poor / (self.n_poor + self.n_good),
        ).plot(ax=self.ax_, plot_chance_level=first)
        at = np.searchsorted(self.thresholds, 0.5)
        self.ax_.set_xlabel("poor images found (recall)")
        self.ax_.set_ylabel("truly poor among those called poor (precision)")
        at = self.recall[at], self.precision[at]
        finish(self, *at, first=first, legend="best")
        return self
