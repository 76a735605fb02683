"""Detecting poor images: receiver operating characteristic."""

import numpy as np
import pandas as pd
from sklearn.metrics import RocCurveDisplay, roc_auc_score, roc_curve

from ._panels import new_axes
from ._poor_curves import finish, poor_and_proba, quality_proba_of


class PoorRocDisplay:
    """Receiver operating characteristic of detecting poor images.

    Poor is the positive class, the one to detect. Use `from_estimator` or
    `from_predictions` to make one; `plot` into the same Axes to compare several.

    Parameters
    ----------
    fpr, tpr, thresholds : ndarray of shape (n_thresholds,)
        Share of the good images predicted to be poor, and of the poor ones, if poor is
        predicted from the threshold on.
    roc_auc : float
        Area under the curve: how often a poor image has a higher probability of poor
        than a good one.
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
    display_ : RocCurveDisplay
        scikit-learn's, which draws the curve.

    See Also
    --------
    PoorPrecisionRecallDisplay : More informative if poor images are rare.

    Examples
    --------
    >>> from sk_fiqdr.inspection import PoorRocDisplay
    >>> quality, good = [0, 0, 1, 1, 1], [0.1, 0.6, 0.4, 0.8, 0.9]
    >>> display = PoorRocDisplay.from_predictions(quality, good)
    >>> round(display.roc_auc, 3)
    0.833
    """

    def __init__(self, *, fpr, tpr, thresholds, roc_auc, n_poor, n_good, name=None):
        self.fpr = fpr
        self.tpr = tpr
        self.thresholds = thresholds
        self.roc_auc = roc_auc
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
        display : PoorRocDisplay
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
        display : PoorRocDisplay
            Drawn.

        Raises
        ------
        ValueError
            If labels or probabilities are not as described, or there are not both poor
            and good images.
        """
        poor, proba = poor_and_proba(y_true, quality_proba)
        fpr, tpr, thresholds = roc_curve(poor, proba, drop_intermediate=False)
        display = cls(
            fpr=fpr,
            tpr=tpr,
            thresholds=thresholds,
            roc_auc=float(roc_auc_score(poor, proba)),
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
            Columns threshold, good_called_poor and poor_found, as shares.
        """
        return pd.DataFrame(
            {
                "threshold": self.thresholds,
                "good_called_poor": self.fpr,
                "poor_found": self.tpr,
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
        display : PoorRocDisplay
            The object itself, with `ax_` and `figure_`.
        """
        first = ax is None or not ax.lines
        self.ax_ = new_axes(ax, (5.4, 5.2))
        self.figure_ = self.ax_.figure
        self.display_ = RocCurveDisplay(
            fpr=self.fpr, tpr=self.tpr, roc_auc=self.roc_auc, name=self.name
        ).plot(ax=self.ax_, plot_chance_level=first)
        at = np.flatnonzero(self.thresholds >= 0.5)[-1]
        self.ax_.set_xlabel("good images called poor (share)")
        self.ax_.set_ylabel("poor images found (share)")
        finish(self, self.fpr[at], self.tpr[at], first=first, legend="lower right")
        return self
