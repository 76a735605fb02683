"""What a search over beta and lambd found."""

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from ._panels import POOR, new_axes


class SearchSurfaceDisplay:
    """Score of a search over beta and lambd, averaged over the folds.

    Use `from_estimator` or `from_cv_results` to make one.

    Parameters
    ----------
    surface : DataFrame
        Mean score: a row for each value of `y`, a column for each of `x`; nan where
        there is none.
    deviations : DataFrame
        Standard deviation over the folds, in the same form.
    metric : str
        What the score is called.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What is drawn on.
    figure_ : matplotlib Figure
        Figure that holds it.

    Notes
    -----
    Where a search varies other parameters as well, each cell shows the best of their
    candidates; of a halving search, the last iteration that a candidate reached. The
    deviation is one over folds: two cells that differ by less may be the same.

    Examples
    --------
    >>> from sk_fiqdr.inspection import SearchSurfaceDisplay
    >>> results = {
    ...     "param_beta": [1, 1, 27, 27],
    ...     "param_lambd": [0, 0.1, 0, 0.1],
    ...     "mean_test_kappa": [0.60, 0.63, 0.66, 0.71],
    ...     "std_test_kappa": [0.02, 0.01, 0.02, 0.03],
    ... }
    >>> display = SearchSurfaceDisplay.from_cv_results(results, metric="kappa")
    >>> display.frame().loc[0.1, 27]
    np.float64(0.71)
    """

    def __init__(self, *, surface, deviations, metric):
        self.surface = surface
        self.deviations = deviations
        self.metric = metric

    @classmethod
    def from_estimator(cls, search, *, metric=None, x="beta", y="lambd", ax=None):
        """Draw what a fitted search found.

        Parameters
        ----------
        search : GridSearchCV or another search of scikit-learn's
            Fitted.
        metric : str, default=None
            Which score, of a search with several; that of `refit` by default.
        x, y : str, default="beta", "lambd"
            Parameters across and up, by their full name in the search or by its end,
            as "beta" for "net__beta".
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : SearchSurfaceDisplay
            Drawn.

        Raises
        ------
        NotFittedError
            If the search is not fitted.
        ValueError
            If a parameter was not varied, or a score was not taken.
        """
        check_is_fitted(search, "cv_results_")
        if metric is None and isinstance(search.refit, str):
            metric = search.refit
        return cls.from_cv_results(search.cv_results_, metric=metric, x=x, y=y, ax=ax)

    @classmethod
    def from_cv_results(cls, cv_results, *, metric=None, x="beta", y="lambd", ax=None):
        """Draw results that were kept as a dict or a DataFrame.

        Parameters
        ----------
        cv_results : dict or DataFrame
            As `cv_results_` of scikit-learn's searches.
        metric : str, default=None
            Which score, of several: "kappa" for "mean_test_kappa".
        x, y : str, default="beta", "lambd"
            Parameters across and up, as in `from_estimator`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : SearchSurfaceDisplay
            Drawn.

        Raises
        ------
        ValueError
            If a parameter was not varied, or a score was not taken.
        """
        results = dict(cv_results)
        metric = _metric(results, metric)
        across, up = (_parameter(results, name) for name in (x, y))
        if across == up:
            raise ValueError(f"x and y are the same parameter, {across!r}.")
        mean = np.asarray(results[f"mean_test_{metric}"], dtype=float)
        std = results.get(f"std_test_{metric}", np.full(len(mean), np.nan))
        table = pd.DataFrame(
            {
                "x": [_label(value) for value in results[f"param_{across}"]],
                "y": [_label(value) for value in results[f"param_{up}"]],
                "mean": mean,
                "std": np.asarray(std, dtype=float),
            }
        )
        best = table[_last_iteration(results)].sort_values(
            "mean", kind="stable", na_position="first"
        )
        best = best.drop_duplicates(["x", "y"], keep="last")
        columns = pd.Index(sorted(best["x"].unique(), key=_rank), name=across)
        rows = pd.Index(sorted(best["y"].unique(), key=_rank), name=up)
        surface, deviations = (
            best.pivot(index="y", columns="x", values=value)
            .reindex(index=rows, columns=columns)
            .astype(float)
            for value in ("mean", "std")
        )
        return cls(surface=surface, deviations=deviations, metric=metric).plot(ax=ax)

    def frame(self):
        """Return the mean scores.

        Returns
        -------
        frame : DataFrame
            As the parameter `surface`.
        """
        return self.surface.copy()

    def plot(self, ax=None):
        """Draw a cell for each pair of values, or a dot where most pairs have no score.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : SearchSurfaceDisplay
            The object itself, with `ax_` and `figure_`.
        """
        mean = self.surface.to_numpy()
        drawn_at_random = np.isfinite(mean).mean() < 0.5 and min(mean.shape) > 2
        numbers = all(axis.dtype.kind in "if" for axis in self.surface.axes)
        n_rows, n_columns = (4, 4) if drawn_at_random else mean.shape
        size = max(4.5, 1.1 * n_columns + 2.2), max(3.4, 0.7 * n_rows + 1.6)
        self.ax_ = new_axes(ax, size)
        self.figure_ = self.ax_.figure
        if drawn_at_random and numbers:
            image, best = self._plot_dots()
        else:
            image, best = self._plot_cells(mean)
        self.ax_.set(xlabel=self.surface.columns.name, ylabel=self.surface.index.name)
        self.ax_.set_title("no candidate has a score" if best is None else best)
        if best is not None:
            self.figure_.colorbar(
                image, ax=self.ax_, label=f"{self.metric}, mean over the folds"
            )
        return self

    def _best(self):
        """Return row and column of the best score, None if there is no score."""
        mean = self.surface.to_numpy()
        if not np.isfinite(mean).any():
            return None
        return np.unravel_index(np.nanargmax(mean), mean.shape)

    def _name(self, row, column):
        y, x = self.surface.index, self.surface.columns
        return (
            f"best: {x.name} {_short(x[column])}, {y.name} {_short(y[row])}\n"
            f"{self.metric} {self.surface.iloc[row, column]:.3f}"
        )

    def _plot_cells(self, mean):
        image = self.ax_.imshow(mean, cmap="cividis", origin="lower", aspect="auto")
        for (row, column), score in np.ndenumerate(mean):
            deviation = self.deviations.iloc[row, column]
            text = "–" if np.isnan(score) else f"{score:.3f}"
            if np.isfinite(deviation):
                text += f"\n± {deviation:.3f}"
            dark = not np.isnan(score) and image.norm(score) < 0.5
            color = "white" if dark else "black"
            place = {"ha": "center", "va": "center", "fontsize": "small"}
            self.ax_.text(column, row, text, color=color, **place)
        for axis, labels in zip("yx", self.surface.axes, strict=True):
            set_ticks = getattr(self.ax_, f"set_{axis}ticks")
            set_ticks(range(len(labels)), [_short(label) for label in labels])
        best = self._best()
        if best is None:
            return image, None
        self.ax_.add_patch(_outline(*best))
        return image, self._name(*best)

    def _plot_dots(self):
        mean = self.surface.to_numpy()
        rows, columns = np.nonzero(np.isfinite(mean))
        x = self.surface.columns.to_numpy()[columns]
        y = self.surface.index.to_numpy()[rows]
        image = self.ax_.scatter(x, y, c=mean[rows, columns], cmap="cividis", ec="0.3")
        image.set_sizes([70])
        row, column = self._best()
        best = self.surface.columns[column], self.surface.index[row]
        self.ax_.plot(*best, "o", ms=15, mfc="none", mec=POOR, mew=3)
        _spread(self.ax_, "x", x)
        _spread(self.ax_, "y", y)
        return image, self._name(row, column)


def _outline(row, column):
    from matplotlib.patches import Rectangle

    corner = column - 0.48, row - 0.47
    return Rectangle(corner, 0.96, 0.94, fill=False, ec=POOR, lw=3)


def _spread(ax, name, values):
    """Spread values over several powers of ten evenly, zero included."""
    positive = values[values > 0]
    if len(positive) == 0 or positive.max() < 30 * positive.min():
        return
    zero = [0.0] * bool((values == 0).any())
    if zero:
        getattr(ax, f"set_{name}scale")("symlog", linthresh=positive.min())
    else:
        getattr(ax, f"set_{name}scale")("log")
    lowest, highest = np.floor(np.log10([positive.min(), positive.max()])).astype(int)
    powers = range(lowest, highest + 1)
    ticks = [digit * 10.0**power for power in powers for digit in (1, 3)]
    ticks = [tick for tick in ticks if positive.min() <= tick <= positive.max()]
    axis = getattr(ax, f"{name}axis")
    axis.set_ticks(zero + ticks, [f"{tick:g}" for tick in zero + ticks])
    axis.set_ticks([], minor=True)


def _metric(results, metric):
    taken = [
        name.removeprefix("mean_test_")
        for name in results
        if name.startswith("mean_test_")
    ]
    if metric is None and len(taken) == 1:
        return taken[0]
    if metric not in taken:
        raise ValueError(f"metric must be one of {taken!r}, got {metric!r}.")
    return metric


def _parameter(results, name):
    """Return the full name of a parameter that is known by it or by its end."""
    varied = [c.removeprefix("param_") for c in results if c.startswith("param_")]
    found = [full for full in varied if full == name or full.endswith(f"__{name}")]
    if name in found:
        return name
    if len(found) != 1:
        raise ValueError(
            f"The search has {len(found)} parameters called {name!r}; it varied "
            f"{varied!r}."
        )
    return found[0]


def _last_iteration(results):
    """Tell the candidates of the last iteration that each reached in a halving."""
    if "iter" not in results:
        return slice(None)
    varied = [values for name, values in results.items() if name.startswith("param_")]
    # Iterations stand in their order, so that a later one takes the place.
    candidates = zip(*varied, strict=True)
    last = {tuple(map(str, who)): row for row, who in enumerate(candidates)}
    return np.isin(np.arange(len(results["iter"])), list(last.values()))


def _label(value):
    """Return a value that can be a label: of two weights, their text."""
    if value is np.ma.masked or (isinstance(value, float) and np.isnan(value)):
        return "not set"
    return value if np.isscalar(value) or value is None else str(np.asarray(value))


def _short(value):
    return f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)


def _rank(value):
    """Sort numbers by size, and words behind them."""
    if isinstance(value, int | float | np.number):
        return 0, float(value), ""
    return 1, 0.0, str(value)
