"""The regions of a photograph that support a prediction."""

import numpy as np
import pandas as pd

from ..utils._labels import UNKNOWN
from ._panels import new_panels, say
from ._photographs import names_of
from ._predictions import labels_of

QUALITIES = {0: "poor", 1: "good"}
N_COLUMNS = 6


def activation_map(net, X, *, task="grade", target=None, layer=None):
    """Map the regions that support a prediction, by Grad-CAM.

    Parameters
    ----------
    net : FIQDRClassifier, QualityClassifier, DRGrader, Pipeline or search
        Fitted, with a convolutional backbone. It is not changed.
    X : array-like
        Paths or uint8 images (n, height, width, 3), as in `predict`.
    task : {"grade", "quality"}, default="grade"
        The head to explain.
    target : int or array-like of shape (n,), default=None
        Class whose evidence is mapped: a grade, or 0 poor and 1 good; one for all
        images or one for each. None uses the predicted class.
    layer : str or Module, default=None
        Layer of the backbone whose maps are weighted, such as "layer3" of a resnet; an
        earlier one is finer and less reliable. None uses the last one that has maps.

    Returns
    -------
    maps : ndarray of shape (n, image_size, image_size)
        From 0, no evidence, to 1, the strongest of this image, at the size that the net
        sees. Maps of two images cannot be compared in strength. A map is all 0 if
        nothing supports the class, and all nan if an image cannot be read, with
        ``on_error="warn"`` or ``"skip"``.

    Raises
    ------
    ImportError
        If captum is not installed.
    ValueError
        If the net has no backbone, or one without maps, or has not learned this task,
        or a class is unknown; the message says which.
    TypeError
        If it is not an estimator of this library.

    See Also
    --------
    ActivationMapDisplay : Draws the maps over the photographs.

    Notes
    -----
    The maps of a layer are summed, each weighted by the mean gradient of the class's
    score, negative sums are set to 0, and the result is enlarged to the size of the
    photograph [1]_, by captum. Maps are as coarse as the layer, and not a proof: a
    plausible map does not show that the network grades by the lesions.

    References
    ----------
    .. [1] R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
       Gradient-based Localization", ICCV 2017.

    Examples
    --------
    >>> from sk_fiqdr import FIQDRClassifier
    >>> from sk_fiqdr.datasets import make_fundus
    >>> from sk_fiqdr.inspection import activation_map
    >>> X, y = make_fundus(8, image_size=64, random_state=0, return_X_y=True)
    >>> net = FIQDRClassifier(image_size=64, max_epochs=1, random_state=0).fit(X, y)
    >>> activation_map(net, X[:3], task="quality", target=0).shape
    (3, 64, 64)
    """
    return _grad_cam()(net, X, task=task, target=target, layer=layer)[0]


def _grad_cam():
    try:
        from ._grad_cam import grad_cam
    except ImportError as error:
        if error.name is None or not error.name.startswith("captum"):
            raise
        raise ImportError(
            'Activation maps need captum: pip install "sk-fiqdr[inspection]".'
        ) from error
    return grad_cam


class ActivationMapDisplay:
    """Photographs, overlaid with the regions that support a prediction.

    Use `from_estimator` to make one.

    Parameters
    ----------
    photographs : ndarray of shape (n_images, height, width, 3)
        uint8 pixels.
    maps : ndarray of shape (n_images, height, width)
        From 0 to 1, as of :func:`activation_map`.
    answers : DataFrame
        A row for each photograph. Columns: name, target (the class that the map argues
        for), probability (of that class), and true (-1 where unknown).
    task : {"grade", "quality"}, default="grade"
        Whose classes these are.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What the picture fills.
    axes_ : ndarray of shape (n_rows, n_columns)
        Its panels, photographs above their maps.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    activation_map : The maps alone, and what they mean.

    Examples
    --------
    >>> from sk_fiqdr import FIQDRClassifier
    >>> from sk_fiqdr.datasets import make_fundus
    >>> from sk_fiqdr.inspection import ActivationMapDisplay
    >>> X, y = make_fundus(8, image_size=64, random_state=0, return_X_y=True)
    >>> net = FIQDRClassifier(image_size=64, max_epochs=1, random_state=0).fit(X, y)
    >>> display = ActivationMapDisplay.from_estimator(net, X[:3], y[:3])
    >>> display.frame()[["name", "true"]]
        name  true
    0  row 0     0
    1  row 1     0
    2  row 2     0
    """

    def __init__(self, *, photographs, maps, answers, task="grade"):
        self.photographs = photographs
        self.maps = maps
        self.answers = answers
        self.task = task

    @classmethod
    def from_estimator(
        cls,
        net,
        X,
        y=None,
        *,
        task="grade",
        target=None,
        layer=None,
        names=None,
        ax=None,
    ):
        """Draw the maps of a net.

        Parameters
        ----------
        net : FIQDRClassifier, QualityClassifier, DRGrader, Pipeline or search
            Fitted, with a convolutional backbone. It is not changed.
        X : array-like
            Paths or uint8 images; all of them are drawn, so pass a few.
        y : array-like of shape (n, 2) or (n,), default=None
            Grade and quality, or the task's labels alone, for the captions; -1 where
            unknown.
        task, target, layer : object
            As in :func:`activation_map`.
        names : sequence of str, default=None
            What to call each image; by default the name of its file, or its row.
        ax : matplotlib Axes, default=None
            Space to fill; None makes a figure.

        Returns
        -------
        display : ActivationMapDisplay
            Drawn.

        Raises
        ------
        ImportError, ValueError, TypeError
            As in :func:`activation_map`, or if y does not fit.
        """
        maps, photographs, targets, proba = _grad_cam()(
            net, X, task=task, target=target, layer=layer
        )
        answers = pd.DataFrame(
            {
                "name": names_of(X) if names is None else names,
                "target": targets,
                "probability": proba,
                "true": _truth(y, len(maps), task),
            }
        )
        display = cls(photographs=photographs, maps=maps, answers=answers, task=task)
        return display.plot(ax=ax)

    def frame(self):
        """Return what the maps are of.

        Returns
        -------
        frame : DataFrame
            Columns as of the parameter `answers`, and peak_row and peak_column, the
            pixel of the strongest reason; -1 where there is none.
        """
        n, _, width = self.maps.shape
        flat = np.nan_to_num(self.maps).reshape(n, -1)
        peak = flat.argmax(axis=1)
        there = flat.max(axis=1) > 0
        return self.answers.assign(
            peak_row=np.where(there, peak // width, -1),
            peak_column=np.where(there, peak % width, -1),
        )

    def plot(self, ax=None):
        """Draw each photograph, and below it the same with its map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Space to fill; None makes a figure.

        Returns
        -------
        display : ActivationMapDisplay
            The object itself, with `ax_`, `axes_` and `figure_`.
        """
        n = len(self.maps)
        n_columns = min(n, N_COLUMNS)
        n_bands = -(-n // n_columns)
        size = max(1.9 * n_columns, 3.8) + 0.8, 4.3 * n_bands + 0.1
        self.ax_, self.axes_ = new_panels(ax, 2 * n_bands, n_columns, size)
        self.figure_ = self.ax_.figure
        for panel in self.axes_.flat:
            panel.set_axis_off()
        image = None
        for at in range(n):
            band, column = divmod(at, n_columns)
            above, below = self.axes_[2 * band : 2 * band + 2, column]
            above.set_title(self._caption(at), fontsize="small")
            above.imshow(self.photographs[at])
            if np.isnan(self.maps[at]).any():
                say(below, "cannot be read")
                continue
            grey = self.photographs[at].mean(axis=-1)
            below.imshow(grey, cmap="gray", vmin=0, vmax=255)
            heat = self.maps[at]
            image = below.imshow(
                heat, cmap="inferno", vmin=0, vmax=1, alpha=0.75 * np.sqrt(heat)
            )
        if image is not None:
            bar = self.axes_[0, 0].figure.colorbar(
                image,
                ax=self.axes_,
                shrink=0.5,
                pad=0.02,
                label=f"reasons for the {self.task}",
            )
            bar.set_ticks([0, 1], labels=["none", "most"])
        return self

    def _caption(self, at):
        answer = self.answers.iloc[at]
        text = answer["name"]
        if answer["target"] != UNKNOWN:
            name = self._class(answer["target"])
            text += f"\n{self.task} {name}: {answer['probability']:.0%}"
        if answer["true"] != UNKNOWN:
            text += f"\ntrue: {self._class(answer['true'])}"
        return text

    def _class(self, label):
        return QUALITIES.get(label, label) if self.task == "quality" else label


def _truth(y, n_images, task):
    if y is None:
        return np.full(n_images, UNKNOWN)
    truth, _ = labels_of(y, task)
    if len(truth) != n_images:
        raise ValueError(f"X has {n_images} images and y {len(truth)} rows.")
    return truth
