"""Deep features and their class centres, in two dimensions."""

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from ..utils._labels import UNKNOWN
from ..utils._unwrap import unwrap
from ._panels import GOOD, GREY, POOR, new_axes, tidy
from ._predictions import labels_of

NAMES = {1: "good", 0: "poor", UNKNOWN: "unknown"}
STYLES = {1: (GOOD, "o"), 0: (POOR, "^"), UNKNOWN: (GREY, ".")}


class FeatureSpaceDisplay:
    """Features that the centre loss uses, with their centres, in two dimensions.

    The centre loss pulls the features of an image to the centre of its quality. Across
    stands the direction from one centre to the other, up the widest of those at a
    right angle to it, so that distances along both are those between features. Use
    `from_estimator` or `from_predictions` to make one.

    Parameters
    ----------
    points : ndarray of shape (n_samples, 2)
        The features in two dimensions.
    quality : ndarray of shape (n_samples,)
        True quality of each, -1 where unknown.
    centers : ndarray of shape (2, 2) or None
        Centre of poor and of good in the same two dimensions.
    explained : float
        Share of the features' variance that is seen, nan if there is none.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What is drawn on.
    figure_ : matplotlib Figure
        Figure that holds it.

    References
    ----------
    .. [1] Y. Wen, K. Zhang, Z. Li, Y. Qiao, "A Discriminative Feature Learning Approach
       for Deep Face Recognition", ECCV 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr.inspection import FeatureSpaceDisplay
    >>> features = [[0, 0, 1], [0, 2, 1], [4, 0, 1], [4, 2, 1]]
    >>> display = FeatureSpaceDisplay.from_predictions(
    ...     [0, 0, 1, -1], features, [[0, 1, 1], [4, 1, 1]]
    ... )
    >>> display.frame()["x"].tolist()
    [-2.0, -2.0, 2.0, 2.0, -2.0, 2.0]
    """

    def __init__(self, *, points, quality, centers, explained):
        self.points = points
        self.quality = quality
        self.centers = centers
        self.explained = explained

    @classmethod
    def from_estimator(cls, estimator, X, y, *, ax=None):
        """Draw the features that a net makes of X, and its centres.

        Parameters
        ----------
        estimator : FIQDRClassifier, QualityClassifier, Pipeline or search
            Fitted; another transformer has features, but no centres.
        X : array-like
            Paths, images or features, whether or not trained on.
        y : array-like of shape (n_samples, 2) or (n_samples,)
            Grade and quality, or quality; -1 where unknown.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : FeatureSpaceDisplay
            Drawn.

        Raises
        ------
        TypeError
            If the estimator has no `transform`.
        ValueError
            If labels do not fit.
        """
        estimator, X = unwrap(estimator, X)
        while hasattr(estimator, "estimator_"):  # a gate, cut-points, calibration
            estimator, X = unwrap(estimator.estimator_, X)
        if not hasattr(estimator, "transform"):
            raise TypeError(
                "FeatureSpaceDisplay needs transform, which "
                f"{type(estimator).__name__} does not provide. Use from_predictions."
            )
        centers = getattr(getattr(estimator, "criterion_", None), "centers", None)
        if centers is not None:
            centers = centers.detach().cpu().numpy()
        return cls.from_predictions(y, estimator.transform(X), centers, ax=ax)

    @classmethod
    def from_predictions(cls, y_true, features, centers=None, *, ax=None):
        """Draw given features.

        Parameters
        ----------
        y_true : array-like of shape (n_samples,) or (n_samples, 2)
            Quality, 1 good and 0 poor, or grade and quality; -1 where unknown, which is
            drawn in grey.
        features : array-like of shape (n_samples, n_features)
            Rows of nan are skipped.
        centers : array-like of shape (2, n_features), default=None
            Centre of poor and of good. Without, or where both are the same, the
            directions are the two widest.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : FeatureSpaceDisplay
            Drawn. Features of one dimension have a second coordinate of 0.

        Raises
        ------
        ValueError
            If shapes do not fit, or there is no row to draw.
        """
        quality = labels_of(y_true, "quality")[1]
        features = np.asarray(features, dtype=float)
        if features.ndim != 2 or len(features) != len(quality):
            raise ValueError(
                f"features must have shape ({len(quality)}, n_features), a row for "
                f"each of y_true, got {features.shape!r}."
            )
        read = ~np.isnan(features).any(axis=1)
        if not read.any():
            raise ValueError("There is nothing to show: no row has features.")
        quality, features = quality[read], features[read]
        if centers is not None:
            centers = np.asarray(centers, dtype=float)
            if centers.shape != (2, features.shape[1]):
                raise ValueError(
                    f"centers must have shape (2, {features.shape[1]}), that of poor "
                    f"and that of good, got {centers.shape!r}."
                )
        axes = _axes(features, centers)
        origin = features.mean(axis=0) if centers is None else centers.mean(axis=0)
        points = (features - origin) @ axes.T
        total = features.var(axis=0).sum()
        return cls(
            points=points,
            quality=quality,
            centers=None if centers is None else (centers - origin) @ axes.T,
            explained=float(points.var(axis=0).sum() / total) if total else np.nan,
        ).plot(ax=ax)

    def frame(self):
        """Return the points.

        Returns
        -------
        frame : DataFrame
            A row for each image and then for each centre. Columns: x, y, quality and
            kind ("image" or "center").
        """
        images = pd.DataFrame(self.points, columns=["x", "y"])
        images = images.assign(quality=self.quality, kind="image")
        if self.centers is None:
            return images
        centers = pd.DataFrame(self.centers, columns=["x", "y"])
        centers = centers.assign(quality=[0, 1], kind="center")
        return pd.concat([images, centers], ignore_index=True)

    def plot(self, ax=None):
        """Draw the points, poor over good, and the centres over both.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : FeatureSpaceDisplay
            The object itself, with `ax_` and `figure_`.
        """
        self.ax_ = new_axes(ax, (6.8, 5.4))
        self.figure_ = self.ax_.figure
        for quality in (UNKNOWN, 1, 0):
            points = self.points[self.quality == quality]
            if len(points):
                color, marker = STYLES[quality]
                self.ax_.scatter(
                    *points.T,
                    c=color,
                    marker=marker,
                    s=24,
                    alpha=0.6,
                    lw=0,
                    label=f"{NAMES[quality]}, n = {len(points):,}",
                )
        for quality in (0, 1) if self.centers is not None else ():
            self.ax_.plot(
                *self.centers[quality],
                marker="X",
                ms=15,
                ls="",
                color=STYLES[quality][0],
                mec="k",
                label=f"centre of {NAMES[quality]}",
            )
        across = "first direction of most variance"
        up = "second direction of most variance"
        if self.centers is not None and np.ptp(self.centers[:, 0]) > 0:
            across = "from poor to good: along the line through both centres"
            up = "widest direction at a right angle to it"
        self.ax_.set(xlabel=f"{across}\n(distance in feature space)", ylabel=up)
        self.ax_.set_title(f"{self.explained:.0%} of the features' variance is seen")
        self.ax_.legend(title="quality")
        tidy(self.ax_)
        return self


def _axes(features, centers):
    """Return two directions at a right angle, (2, n_features), each of length 1."""
    first = None if centers is None else centers[1] - centers[0]
    given = []
    if first is not None and np.linalg.norm(first) > 0:
        given = [first / np.linalg.norm(first)]
        features = features - np.outer(features @ given[0], given[0])
    n = min(2 - len(given), features.shape[1] - len(given), len(features))
    found = []
    if n and features.var(axis=0).sum() > 0:
        found = list(PCA(n, svd_solver="full").fit(features).components_)
    missing = [np.zeros(features.shape[1])] * (2 - len(given) - len(found))
    return np.array(given + found + missing)
