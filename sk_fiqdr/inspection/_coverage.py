"""Gain and cost of refusing the poorest images."""

import numpy as np
import pandas as pd

from ..metrics._bootstrap import (
    check_bootstrap,
    check_groups,
    draw_patients,
    interval,
)
from ..metrics._grading import kappa_of_confusion
from ..metrics._refusal import SEVERE
from ..utils._constraints import check_parameters, real
from ..utils._labels import N_GRADES, UNKNOWN, check_truth
from ._panels import GOOD, GREY, POOR, new_panels, tidy
from ._predictions import check_predicted, check_proba, nothing_known, predict_once

N_POINTS = 51


class CoverageDisplay:
    """Kappa against coverage: the gain of refusing the images of worst quality.

    The panel below shows the cost: how many of the severe eyes are refused, and of
    those without retinopathy. Use `from_estimator` or `from_predictions` to make one.

    Parameters
    ----------
    curve : DataFrame
        A row for each threshold of the probability of good quality, from the one that
        grades all images down to `min_coverage`. Columns: threshold, coverage (share
        of the images that is graded), n (how many these are), kappa, lower, upper, and
        the refused share of "grade 0" to "grade 4" and of "severe" (grades 3 and 4).

    Attributes
    ----------
    ax_ : matplotlib Axes
        What the picture fills.
    axes_ : ndarray of shape (2,)
        Its panels: kappa, refused shares.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    sk_fiqdr.model_selection.QualityGate : Refuses, by a threshold chosen for a goal.
    sk_fiqdr.metrics.refusal_report : Gain and cost at one threshold.

    Notes
    -----
    Intervals are percentiles over draws of patients at the thresholds of the curve. A
    threshold read off the curve is slightly optimistic for other images, as it was
    chosen on these.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr.inspection import CoverageDisplay
    >>> rng = np.random.default_rng(0)
    >>> grade, good = rng.integers(0, 5, 400), rng.random(400)
    >>> guess = np.where(rng.random(400) < 0.5 + good / 2, grade, 0)
    >>> y_true = np.column_stack([grade, good > 0.2])
    >>> display = CoverageDisplay.from_predictions(y_true, guess, good)
    >>> display.frame().loc[[0, 10, 50], ["coverage", "n", "kappa"]].round(2)
        coverage    n  kappa
    0        1.0  400   0.69
    10       0.9  360   0.70
    50       0.5  200   0.82
    """

    def __init__(self, *, curve):
        self.curve = curve

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        groups=None,
        min_coverage=0.5,
        n_bootstraps=1000,
        confidence_level=0.95,
        random_state=0,
        ax=None,
    ):
        """Draw what refusing would do to what an estimator predicts.

        Parameters
        ----------
        estimator : estimator, Pipeline or search
            Fitted, of both tasks.
        X : array-like
            Paths, images or features.
        y : array-like of shape (n_samples, 2)
            Grade and quality, -1 where unknown.
        groups, min_coverage, n_bootstraps, confidence_level, random_state, ax : object
            As in `from_predictions`.

        Returns
        -------
        display : CoverageDisplay
            Drawn.

        Raises
        ------
        ValueError, TypeError, PatientLeakageError
            If labels or estimator do not fit, or a patient was trained on.
        """
        predictions = predict_once(estimator, X, "grade", "quality")
        return cls.from_predictions(
            y,
            predictions.grade,
            predictions.quality_proba,
            groups=groups,
            min_coverage=min_coverage,
            n_bootstraps=n_bootstraps,
            confidence_level=confidence_level,
            random_state=random_state,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        y_pred,
        quality_proba,
        *,
        groups=None,
        min_coverage=0.5,
        n_bootstraps=1000,
        confidence_level=0.95,
        random_state=0,
        ax=None,
    ):
        """Draw what refusing would do to given predictions.

        Parameters
        ----------
        y_true : array-like of shape (n_samples, 2)
            Grade and quality; rows of unknown grade (-1) are skipped. Quality labels
            are not needed: -1 will do.
        y_pred : array-like of shape (n_samples,)
            Predicted grade of every image; rows without a prediction (-1) are skipped.
        quality_proba : array-like of shape (n_samples, 2) or (n_samples,)
            Probability of poor and of good quality, or of good alone: images with the
            lowest are refused first, equal ones together.
        groups : array-like of shape (n_samples,), default=None
            Patient of each row: patients are drawn, not images. None draws rows.
        min_coverage : float, default=0.5
            Least share of the images to grade, above 0. The kappa of a few images can
            have any value by chance.
        n_bootstraps : int, default=1000
            Number of draws.
        confidence_level : float, default=0.95
            Level of the intervals.
        random_state : int, RandomState or None, default=0
            Makes the draws repeat.
        ax : matplotlib Axes, default=None
            Space to fill; None makes a figure.

        Returns
        -------
        display : CoverageDisplay
            Drawn. Where all images have the same probability, the curve is a point.

        Raises
        ------
        ValueError
            If an argument is not as described, or no row counts.
        """
        check_bootstrap(cls.__name__, n_bootstraps, confidence_level)
        check_parameters(
            cls.__name__,
            {"min_coverage": [real(0, 1, closed="right")]},
            min_coverage=min_coverage,
        )
        grade, _ = check_truth(y_true)
        y_pred = check_predicted("y_pred", y_pred, len(grade), "grade")
        good = check_proba("quality_proba", quality_proba, len(grade), "quality")[:, 1]
        known = (grade != UNKNOWN) & (y_pred != UNKNOWN) & ~np.isnan(good)
        groups = check_groups(groups, known)
        if not known.any():
            raise nothing_known("a known grade, a prediction and a quality")
        grade, y_pred, good = grade[known], y_pred[known], good[known]
        thresholds = _thresholds(good, min_coverage)
        patients, patient = np.unique(groups, return_inverse=True)
        counts = np.zeros((len(patients), len(thresholds), N_GRADES, N_GRADES))
        # Counted by the last threshold that an image passes; added up, by each of them.
        last = np.searchsorted(thresholds, good, side="right") - 1
        np.add.at(counts, (patient, last, grade, y_pred), 1)
        graded = _graded(counts.sum(axis=0))
        draws = _kappas(_graded(draw_patients(counts, n_bootstraps, random_state)))
        bounds = [interval(draw, confidence_level) for draw in draws.T]
        by_grade = graded.sum(axis=-1)
        curve = pd.DataFrame(
            {
                "threshold": thresholds,
                "coverage": by_grade.sum(axis=1) / len(grade),
                "n": by_grade.sum(axis=1).astype(int),
                "kappa": _kappas(graded),
                "lower": [lower for lower, _ in bounds],
                "upper": [upper for _, upper in bounds],
            }
        )
        strata = {f"grade {k}": [k] for k in range(N_GRADES)}
        for name, grades in {**strata, "severe": range(SEVERE, N_GRADES)}.items():
            n = by_grade[:, grades].sum(axis=1)
            curve[name] = 1 - n / n[0] if n[0] else np.nan
        return cls(curve=curve).plot(ax=ax)

    def frame(self):
        """Return the curve.

        Returns
        -------
        frame : DataFrame
            A row for each threshold; columns as of the parameter `curve`. The share of
            a grade that no image has is nan.
        """
        return self.curve.copy()

    def plot(self, ax=None):
        """Draw kappa with its interval, and below it what is refused.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Space to fill; None makes a figure.

        Returns
        -------
        display : CoverageDisplay
            The object itself, with `ax_`, `axes_` and `figure_`.
        """
        self.ax_, axes = new_panels(ax, 2, 1, (6.4, 6), height_ratios=[3, 2])
        self.axes_, self.figure_ = axes[:, 0], self.ax_.figure
        curve, (above, below) = self.curve, self.axes_
        coverage, n = curve["coverage"], curve["n"].iloc[0]
        above.fill_between(
            coverage, curve["lower"], curve["upper"], color=GOOD, alpha=0.2, lw=0
        )
        above.plot(
            coverage, curve["kappa"], color=GOOD, marker=".", label="of what is graded"
        )
        above.axhline(
            curve["kappa"].iloc[0], color="0.4", ls="--", lw=1, label="of all images"
        )
        above.set(ylabel="quadratic weighted kappa", title=f"n = {n:,} images")
        above.legend(frameon=False, fontsize="small")
        below.plot(coverage, 1 - coverage, color=GREY, ls="--", label="of all images")
        for name, color, marker in (("grade 0", GOOD, "."), ("severe", POOR, "^")):
            label = {"grade 0": "of grade 0", "severe": "of grades 3 and 4"}[name]
            if curve[name].notna().any():
                below.plot(
                    coverage, curve[name], color=color, marker=marker, label=label
                )
        below.set(ylabel="share that is refused", ylim=(0, None))
        below.yaxis.set_major_formatter("{x:.0%}")
        below.legend(frameon=False, fontsize="small")
        for panel in self.axes_:
            margin = 0.02 + 0.1 * (coverage.min() == 1)
            panel.set_xlim(coverage.min() - margin, 1.02)
            panel.xaxis.set_major_formatter("{x:.0%}")
            tidy(panel)
        below.set_xlabel("coverage: images that are graded")
        return self


def _thresholds(good, min_coverage):
    """Return probabilities, ascending, at which all to `min_coverage` are graded."""
    n_graded = np.ceil(np.linspace(1, min_coverage, N_POINTS) * len(good) - 1e-9)
    return np.unique(np.sort(good)[::-1][n_graded.astype(int) - 1])


def _graded(counts):
    """Add up (..., thresholds, 5, 5) counts of what passes each threshold and more."""
    return counts[..., ::-1, :, :].cumsum(axis=-3)[..., ::-1, :, :]


def _kappas(counts):
    n = counts.sum(axis=(-2, -1))
    return np.where(n > 0, kappa_of_confusion(counts), np.nan)
