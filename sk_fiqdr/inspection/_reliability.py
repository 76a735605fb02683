"""Whether predicted probabilities match observed frequencies."""

import numpy as np
import pandas as pd

from ..metrics._bootstrap import (
    check_bootstrap,
    check_groups,
    draw_patients,
    interval,
)
from ..utils._constraints import check_parameters, one_of, whole
from ..utils._labels import UNKNOWN, check_truth
from ._panels import GOOD, POOR, new_panels, tidy
from ._predictions import check_proba, nothing_known, predict_once

TASKS = {
    "grade": ("Grade", "probability of the most probable grade", "share right", GOOD),
    "quality": ("Quality", "probability of poor", "share poor", POOR),
}


class ReliabilityDisplay:
    """Reliability of both heads: observed frequency against predicted probability.

    For the grade, how often the most probable one is right; for the quality, how often
    an image is poor. Use `from_estimator` or `from_predictions` to make one.

    Parameters
    ----------
    bins : DataFrame
        A row for each task and bin that holds an image. Columns: n, predicted (mean
        probability), observed (frequency), lower and upper (its interval).
    errors : dict of str to float
        Expected calibration error of each task: mean distance of predicted and
        observed over the images.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What the picture fills.
    axes_ : ndarray of shape (n_tasks,)
        Its panels.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    sk_fiqdr.model_selection.CalibratedTasksCV : Calibrates both heads.

    References
    ----------
    .. [1] C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural
       Networks", ICML 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr.inspection import ReliabilityDisplay
    >>> rng = np.random.default_rng(0)
    >>> good = rng.random(2000)
    >>> quality = (rng.random(2000) < good).astype(int)
    >>> y_true = np.column_stack([np.full(2000, -1), quality])
    >>> display = ReliabilityDisplay.from_predictions(y_true, quality_proba=good)
    >>> display.frame().loc["quality", ["n", "predicted", "observed"]].round(2).head(3)
           n  predicted  observed
    bin
    0    199       0.05      0.03
    1    213       0.15      0.13
    2    194       0.25      0.22
    """

    def __init__(self, *, bins, errors):
        self.bins = bins
        self.errors = errors

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        groups=None,
        n_bins=10,
        strategy="uniform",
        n_bootstraps=1000,
        confidence_level=0.95,
        random_state=0,
        ax=None,
    ):
        """Draw the reliability of an estimator.

        Parameters
        ----------
        estimator : estimator, Pipeline or search
            Fitted, of both tasks or of one of them; of one the other panel is left out.
        X : array-like
            Paths, images or features.
        y : array-like of shape (n_samples, 2)
            Grade and quality, -1 where unknown.
        groups, n_bins, strategy : object
            As in `from_predictions`.
        n_bootstraps, confidence_level, random_state, ax : object
            As in `from_predictions`.

        Returns
        -------
        display : ReliabilityDisplay
            Drawn.

        Raises
        ------
        ValueError, TypeError, PatientLeakageError
            If labels or estimator do not fit, or a patient was trained on.
        """
        predictions = predict_once(estimator, X)
        return cls.from_predictions(
            y,
            predictions.grade_proba,
            predictions.quality_proba,
            groups=groups,
            n_bins=n_bins,
            strategy=strategy,
            n_bootstraps=n_bootstraps,
            confidence_level=confidence_level,
            random_state=random_state,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true,
        grade_proba=None,
        quality_proba=None,
        *,
        groups=None,
        n_bins=10,
        strategy="uniform",
        n_bootstraps=1000,
        confidence_level=0.95,
        random_state=0,
        ax=None,
    ):
        """Draw the reliability of given probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n_samples, 2)
            Grade and quality; a row counts for the task whose label is known. A task
            without any is left out.
        grade_proba : array-like of shape (n_samples, 5), default=None
            Probability of each grade; rows of nan are skipped. None leaves it out.
        quality_proba : array-like of shape (n_samples, 2) or (n_samples,), default=None
            Probability of poor and of good quality, or of good alone; rows of nan are
            skipped. None leaves it out.
        groups : array-like of shape (n_samples,), default=None
            Patient of each row: patients are drawn, not images. None draws rows.
        n_bins : int, default=10
            Number of bins; those that hold no image are left out.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width from 0 to 1, or of about as many images each.
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
        display : ReliabilityDisplay
            Drawn.

        Raises
        ------
        ValueError
            If an argument is not as described, or no row counts for any task.
        """
        check_bootstrap(cls.__name__, n_bootstraps, confidence_level)
        check_parameters(
            cls.__name__,
            {"n_bins": [whole(1)], "strategy": [one_of("uniform", "quantile")]},
            n_bins=n_bins,
            strategy=strategy,
        )
        truth = dict(zip(TASKS, check_truth(y_true), strict=True))
        proba = {"grade": grade_proba, "quality": quality_proba}
        tables, errors = {}, {}
        for task, labels in truth.items():
            if proba[task] is None:
                continue
            rows = check_proba(f"{task}_proba", proba[task], len(labels), task)
            known = (labels != UNKNOWN) & ~np.isnan(rows[:, 0])
            patients = check_groups(groups, known)
            if not known.any():
                continue
            predicted, so = _claims(task, labels[known], rows[known])
            bins = _bins(predicted, n_bins, strategy)
            counts = _count(so, bins, patients)
            draws = draw_patients(counts, n_bootstraps, random_state)
            table = _table(predicted, bins, counts, draws, confidence_level)
            off = (table["predicted"] - table["observed"]).abs()
            tables[task] = table
            errors[task] = float((off * table["n"]).sum() / table["n"].sum())
        if not tables:
            raise nothing_known("both a known label and a probability of it")
        return cls(bins=pd.concat(tables, names=["task", "bin"]), errors=errors).plot(
            ax=ax
        )

    def frame(self):
        """Return the bins.

        Returns
        -------
        frame : DataFrame
            A row for each task and bin; columns as of the parameter `bins`.
        """
        return self.bins.copy()

    def plot(self, ax=None):
        """Draw a panel for each task, and in grey how many images a bin holds.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Space to fill; None makes a figure.

        Returns
        -------
        display : ReliabilityDisplay
            The object itself, with `ax_`, `axes_` and `figure_`.
        """
        size = 4.8 * len(self.errors), 5.2
        self.ax_, axes = new_panels(ax, 1, len(self.errors), size)
        self.axes_, self.figure_ = axes[0], self.ax_.figure
        for panel, (task, error) in zip(self.axes_, self.errors.items(), strict=True):
            self._plot_task(panel, task, error)
        return self

    def _plot_task(self, panel, task, error):
        title, predicted, observed, color = TASKS[task]
        table = self.bins.loc[task]
        n = table["n"].sum()
        panel.bar(
            table["predicted"],
            table["n"] / n,
            0.03,
            color="0.85",
            label="share of images",
        )
        panel.plot([0, 1], [0, 1], color="0.4", ls="--", lw=1, label="calibrated")
        panel.vlines(
            table["predicted"], table["lower"], table["upper"], color=color, lw=2
        )
        panel.plot(table["predicted"], table["observed"], "o-", color=color, mec="k")
        for _, row in table.iterrows():
            panel.annotate(
                f"{row['n']:,.0f}",
                (row["predicted"], row["observed"]),
                (6, -4),
                textcoords="offset points",
                fontsize="x-small",
            )
        panel.set(xlabel=predicted, ylabel=observed)
        panel.set(xlim=(-0.02, 1.04), ylim=(-0.02, 1.04))
        panel.set_title(f"{title}, n = {n:,} images\ncalibration error {error:.3f}")
        panel.legend(fontsize="small", loc="upper left")
        tidy(panel)


def _claims(task, labels, proba):
    """Return the probability of each event, and whether it happened."""
    if task == "quality":
        return proba[:, 0], labels == 0
    return proba.max(axis=1), proba.argmax(axis=1) == labels


def _bins(predicted, n_bins, strategy):
    """Assign probabilities to bins as scikit-learn's calibration_curve does."""
    edges = np.linspace(0, 1, n_bins + 1)
    if strategy == "quantile":
        edges = np.quantile(predicted, edges)
    return np.searchsorted(edges[1:-1], predicted)


def _count(so, bins, patients):
    """Count events that did not happen and that did: (patients, bins in use, 2)."""
    used, bins = np.unique(bins, return_inverse=True)
    patients, patient = np.unique(patients, return_inverse=True)
    counts = np.zeros((len(patients), len(used), 2))
    np.add.at(counts, (patient, bins, so.astype(int)), 1)
    return counts


def _table(predicted, bins, counts, draws, confidence_level):
    used, bins = np.unique(bins, return_inverse=True)
    with np.errstate(invalid="ignore"):
        shares = draws[..., 1] / draws.sum(axis=-1)
    bounds = np.array([interval(share, confidence_level) for share in shares.T])
    n = counts.sum(axis=(0, 2))
    return pd.DataFrame(
        {
            "n": n.astype(int),
            "predicted": np.bincount(bins, predicted) / n,
            "observed": counts[..., 1].sum(axis=0) / n,
            "lower": bounds[:, 0],
            "upper": bounds[:, 1],
        },
        index=used,
    )
