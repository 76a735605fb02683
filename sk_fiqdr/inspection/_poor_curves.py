"""How well poor images are told from good ones, at every threshold."""

import numpy as np
import pandas as pd
from sklearn.metrics import (
    PrecisionRecallDisplay,
    RocCurveDisplay,
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from ..metrics._labels import UNKNOWN
from ._answers import ask, check_proba, labels_of
from ._panels import new_axes, tidy


def _poor_and_proba(y_true, quality_proba):
    """Return of rows that count whether an image is poor, and how probably it is."""
    quality = labels_of(y_true, "quality")[1]
    proba = check_proba("quality_proba", quality_proba, len(quality), "quality")[:, 0]
    known = (quality != UNKNOWN) & ~np.isnan(proba)
    poor, proba = quality[known] == 0, proba[known]
    if poor.all() or not poor.any():
        raise ValueError(
            f"The curve needs poor and good images of known quality, got {poor.sum()} "
            f"poor and {(~poor).sum()} good ones. PatientStratifiedKFold and "
            "patient_train_test_split spread them over the parts."
        )
    return poor, proba


def _quality_proba(estimator, X):
    proba = ask(estimator, X, "quality").quality_proba
    if proba is None:
        raise TypeError(
            f"The curve needs predict_proba, which {type(estimator).__name__} has not."
        )
    return proba


def _finish(display, x, y, *, first):
    """Mark the point at which an image is called poor that is more probably so."""
    ax = display.ax_
    ax.plot(
        x,
        y,
        "o",
        color=display.display_.line_.get_color(),
        mec="k",
        zorder=3,
        label="poor if more probable" if first else None,
    )
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False)
    ax.set_title(f"{display.n_poor:,} poor and {display.n_good:,} good images")
    tidy(ax)


class PoorRocDisplay:
    """Receiver operating characteristic of telling poor images from good ones.

    Poor is the positive class: it is what one looks for. Use `from_estimator` or
    `from_predictions` to make one; `plot` into the same Axes to compare several.

    Parameters
    ----------
    fpr, tpr, thresholds : ndarray of shape (n_thresholds,)
        Share of the good images that are called poor, and of the poor ones, where the
        probability of poor is at least the threshold.
    roc_auc : float
        Area under the curve: how often a poor image is less probably good than a good
        one is.
    n_poor, n_good : int
        Numbers of images.
    name : str, default=None
        What the legend calls the curve.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What is drawn on.
    figure_ : matplotlib Figure
        Figure that holds it.
    display_ : RocCurveDisplay
        scikit-learn's, which draws the curve.

    See Also
    --------
    PoorPrecisionRecallDisplay : What is left of it where poor images are rare.

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
        proba = _quality_proba(estimator, X)
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
            What the legend calls the curve.
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
        poor, proba = _poor_and_proba(y_true, quality_proba)
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
        """Draw the curve, with a dot where poor is the more probable answer.

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
        self.ax_ = new_axes(ax, (5.4, 6.4))
        self.figure_ = self.ax_.figure
        self.display_ = RocCurveDisplay(
            fpr=self.fpr, tpr=self.tpr, roc_auc=self.roc_auc, name=self.name
        ).plot(ax=self.ax_, plot_chance_level=first)
        at = np.flatnonzero(self.thresholds >= 0.5)[-1]
        self.ax_.set_xlabel("good images called poor (share)")
        self.ax_.set_ylabel("poor images found (share)")
        _finish(self, self.fpr[at], self.tpr[at], first=first)
        return self


class PoorPrecisionRecallDisplay:
    """Precision and recall of looking for poor images.

    Where poor images are rare, as in screening, this shows what a ROC curve hides: how
    many of the images called poor are. Use `from_estimator` or `from_predictions` to
    make one; `plot` into the same Axes to compare several.

    Parameters
    ----------
    precision, recall : ndarray of shape (n_thresholds + 1,)
        Share of poor images among those called poor, and share of the poor images that
        are, from all images to none; the last point is 1 and 0 by definition.
    thresholds : ndarray of shape (n_thresholds,)
        Probability of poor from which on an image is called so.
    average_precision : float
        Mean of the precisions, weighted by the steps of recall.
    n_poor, n_good : int
        Numbers of images.
    name : str, default=None
        What the legend calls the curve.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What is drawn on.
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
        proba = _quality_proba(estimator, X)
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
            What the legend calls the curve.
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
        poor, proba = _poor_and_proba(y_true, quality_proba)
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
        """Draw the curve, with a dot where poor is the more probable answer.

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
        self.ax_ = new_axes(ax, (5.4, 6.4))
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
        _finish(self, *at, first=first)
        return self
