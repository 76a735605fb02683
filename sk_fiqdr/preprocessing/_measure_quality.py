"""Why a photograph is poor: measures of its light, focus, colour and field."""

from itertools import pairwise

import numpy as np
import pandas as pd
from PIL import Image
from scipy.ndimage import gaussian_filter

from ..utils._check_images import IMAGES, check_images
from ..utils._read_image import read_image, resize_images
from ._field_of_view import find_field

READ_SIZE = 256  # pixels along the side of an image as it is read
SIZE = 128  # pixels along the diameter of the field of view, as it is measured
SHOWN = 0.03  # of full light, above which a pixel of the field shows something
FULL = 0.97  # of full light, from which red is saturated
EPS = 0.02

MEASURES = (
    *("brightness", "brightest", "saturated", "evenness", "slope", "slope_fit"),
    *("sharpness", "fine_contrast", "vessel_contrast", "coarse_contrast", "noise"),
    *("colour", "colour_spread", "field_shown"),
)


def _uneven(m):
    return (m["slope"] > 0.57) & (m["slope_fit"] > 0.83)


# In this order: what hides everything else comes first. Thresholds are from synthetic
# photographs, and that of focus also from real ones.
REASONS = {
    "too dark": lambda m: m["brightest"] < 0.25,
    "too bright": lambda m: (m["saturated"] > 0.3) | (m["brightness"] > 0.63),
    "partly covered": lambda m: (
        (m["colour"] > 0.2) & (m["colour_spread"] > 0.06) & ~_uneven(m)
    ),
    "hazy": lambda m: (
        (m["sharpness"] < 0.65)
        & (
            (m["coarse_contrast"] < 0.0112)
            | ((m["coarse_contrast"] < 0.018) & (m["evenness"] + m["sharpness"] > 1.04))
        )
    ),
    "out of focus": lambda m: m["sharpness"] < 0.42,
    "unevenly lit": _uneven,
}


def measure_quality(X):
    """Measure what makes photographs poor, and name the reason.

    No network is needed. Everything is measured in the field of view at one size, so
    that neither the border nor the camera's resolution matters. A photograph of 256
    pixels took 48 ms on a core that was shared with other work.

    Parameters
    ----------
    X : array-like of shape (n,) of paths, or of shape (n, height, width, 3)
        Photographs, as files or as uint8 pixels.

    Returns
    -------
    measures : DataFrame of shape (n, 15)
        In this order:

        - `brightness`, `brightest`: median and 95th percentile of the light, 0 to 1
        - `saturated`: share of the field whose red is at its maximum
        - `evenness`: light of the darkest part relative to the brightest one
        - `slope`, `slope_fit`: how much the light changes from one side to the other
          relative to its mean, and the share of its variance that this is (R2)
        - `sharpness`: contrast of fine structures relative to that of coarse ones
        - `fine_contrast`, `vessel_contrast`, `coarse_contrast`, `noise`: mean contrast
          of structures of about 2, 4, 8 and 1 hundredths of the field's diameter
        - `colour`, `colour_spread`: how much more red than blue there is, -1 to 1, and
          how much it differs within the field
        - `field_shown`: share of the circle that is not black
        - `reason`: "too dark", "too bright", "hazy", "out of focus", "unevenly lit" or
          "partly covered", the first that applies, or "" if none does

    Raises
    ------
    TypeError, ValueError
        If X holds neither paths nor such images.
    FileNotFoundError, UnreadableImageError
        If a file is missing or cannot be read.

    Notes
    -----
    The reason explains why a photograph is poor that is known or predicted to be. It is
    not a classifier of quality, as good photographs have flaws as well. "partly
    covered" is found in natural colours only; "too dark" and "too bright" are rare
    where the contrast was stretched. To tell poor from good, train a
    LogisticRegression on the measures.

    Examples
    --------
    >>> from sk_fiqdr.datasets import make_fundus
    >>> from sk_fiqdr.preprocessing import measure_quality
    >>> fundus = make_fundus(3, poor_fraction=1, random_state=1)
    >>> measure_quality(fundus.data)["reason"].tolist()
    ['out of focus', 'too dark', 'partly covered']
    """
    X, kind = check_images(X)
    images = (
        (resize_images(image[None], READ_SIZE)[0] for image in X)
        if kind == IMAGES
        else (read_image(path, READ_SIZE) for path in X)
    )
    table = pd.DataFrame([_measure(image) for image in images], columns=MEASURES)
    table["reason"] = ""
    for reason, applies in reversed(REASONS.items()):
        table.loc[applies(table), "reason"] = reason
    return table


def _measure(image):
    """Return all measures of a square image, in the order of `MEASURES`."""
    pixels = _field(image)
    at = np.linspace(-1, 1, SIZE, dtype=np.float32)
    distance = np.hypot(at[:, None], at)
    inside, inner = distance < 0.95, distance < 0.8
    shown = inside & (pixels.max(axis=2) > SHOWN)
    red, green, blue = np.moveaxis(pixels, 2, 0)
    light = pixels.mean(axis=2)
    brightness, brightest = np.percentile(
        light[shown if shown.any() else inside], [50, 95]
    )
    colour = ((red - blue) / (red + blue + 0.05))[shown]
    low, median = np.percentile(colour, [10, 50]) if len(colour) else (0.0, 0.0)
    return (
        *(brightness, brightest, (red[inside] > FULL).mean()),
        *_evenness(light, inside, inner, at),
        *_contrasts(green, inner),
        *(median, median - low, shown.sum() / inside.sum()),
    )


def _field(image):
    """Return the field of view, 0 to 1, at the size of all measures."""
    x, y, radius = find_field(image)
    box = np.array([x - radius, y - radius, x + radius, y + radius]) + 0.5
    eye = Image.fromarray(image)
    if 2 * radius < 1.5 * SIZE:
        eye = eye.transform(
            (SIZE, SIZE), Image.Transform.EXTENT, tuple(box), Image.Resampling.BILINEAR
        )
    else:
        eye = eye.crop(box.round().astype(int).tolist())
        eye = eye.resize((SIZE, SIZE), Image.Resampling.BOX)
    return np.asarray(eye, dtype=np.float32) / 255


def _evenness(light, inside, inner, at):
    """Return evenness, slope and slope_fit of the light without its structures."""
    weight = gaussian_filter(inside.astype(np.float32), 6)
    smooth = (gaussian_filter(light, 6) / np.maximum(weight, 0.05))[inner]
    darkest, lightest = np.percentile(smooth, [3, 97])
    y, x = np.broadcast_arrays(at[:, None], at)
    design = np.column_stack([np.ones(inner.sum()), x[inner], y[inner]])
    plane, *_ = np.linalg.lstsq(design, smooth, rcond=None)
    rest, total = (smooth - design @ plane).var(), smooth.var()
    slope = np.hypot(*plane[1:]) / (smooth.mean() + EPS)
    return darkest / (lightest + EPS), slope, 1 - rest / max(total, 1e-9)


def _contrasts(green, inner):
    """Return sharpness, and contrast at four scales relative to the mean light."""
    scales = [green, *(gaussian_filter(green, 0.7 * 2**k) for k in range(4))]
    noise, fine, vessels, coarse = (
        np.abs(a - b)[inner].mean() for a, b in pairwise(scales)
    )
    mean = scales[-1][inner].mean() + EPS
    sharpness = fine / (coarse + 0.001)
    return sharpness, fine / mean, vessels / mean, coarse / mean, noise / mean
