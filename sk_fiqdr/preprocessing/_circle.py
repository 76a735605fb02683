"""Find the camera's circle: the edge between the lit retina and the dark around it."""

import math
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy.ndimage import (
    binary_erosion,
    gaussian_filter,
    map_coordinates,
    uniform_filter,
)

from ..exceptions import NoFundusError
from ._page import take_off_page

WORKING_SIZE = 256  # longer side that the circle is measured at
COARSE_SIZE = 64  # longer side that it is first looked for at
N_CANDIDATES = 6  # radii that are looked at closely
PADDING = 1.5  # grey levels up to which whole rows or columns are padding
DARK = 6.0  # grey levels over the border that begin to count as light
FULL = 1.2  # an edge this steep, in the scale of `_lightness`, counts as one
SEEN = 0.12  # mean edge over all directions, below which there is no circle


class Circle(NamedTuple):
    """A circle in pixels, (0, 0) being the centre of the upper left pixel.

    Parameters
    ----------
    x, y : float
        Column and row of the centre.
    radius : float
        Distance of the border from the centre.

    Examples
    --------
    >>> from sk_fiqdr.preprocessing import Circle
    >>> Circle(128.0, 128.0, 120.0)
    Circle(x=128.0, y=128.0, radius=120.0)
    """

    x: float
    y: float
    radius: float


def find_circle(image):
    """Find the camera's circle in a fundus photograph.

    Looks for the circle whose inside is lighter than its outside in as many directions
    as possible. Every direction has one vote however bright it is, and one that leaves
    the image or shows no edge abstains; so a dark side, an eyelid, a notch, a coloured
    border or a circle that is cut off by the frame does not matter. A light page around
    the photograph, as of a screenshot, is not looked at.

    Parameters
    ----------
    image : ndarray of shape (height, width, 3) or PIL.Image.Image
        uint8 pixels, RGB.

    Returns
    -------
    circle : Circle
        Centre and radius in pixels. It may reach beyond the image. Where no edge is
        seen, as in a photograph that was cropped inside its circle, the one that
        touches the longer sides of the image.

    Raises
    ------
    TypeError
        If `image` is not such an image; the message says what was passed.
    NoFundusError
        If the image is of one colour throughout, or smaller than 16 pixels, or a page
        with two pictures.

    Examples
    --------
    >>> from sk_fiqdr.datasets import make_fundus
    >>> from sk_fiqdr.preprocessing import find_circle
    >>> eye = make_fundus(1, image_size=128, random_state=0)
    >>> x, y, radius = find_circle(eye.data[0])
    >>> bool(abs(radius - eye.circle[0, 2]) < 1)
    True
    """
    if not isinstance(image, Image.Image):
        image = _as_image(image)
    width, height = image.size
    if min(width, height) < 16:
        raise NoFundusError(
            f"The image has {width} x {height} pixels, too few to hold a retina. "
            "Expected a fundus photograph; leave it out."
        )
    image = take_off_page(image if image.mode == "RGB" else image.convert("RGB"))
    shrink = math.ceil(max(width, height) / WORKING_SIZE)
    small = image.reduce(shrink) if shrink > 1 else image
    light = _lightness(np.asarray(small, dtype=np.float32))
    circle = _search(light)
    circle, seen = _refine(light, circle)
    if seen < SEEN:
        return Circle((width - 1) / 2, (height - 1) / 2, max(width, height) / 2)
    x, y, radius = circle
    # A pixel is half a pixel wide on either side of its coordinate, at any scale.
    return Circle(
        float((x + 0.5) * shrink - 0.5),
        float((y + 0.5) * shrink - 0.5),
        float(radius * shrink),
    )


def _as_image(image):
    if not isinstance(image, np.ndarray):
        raise TypeError(
            "find_circle takes one uint8 image (height, width, 3) or a Pillow image, "
            f"got {image!r}. A file is opened by PIL.Image.open(path)."
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise TypeError(
            "find_circle takes one uint8 image of shape (height, width, 3), got "
            f"{image.dtype} of shape {image.shape!r}. Call it for each image of a "
            "batch; pixels go from 0 to 255, channels come last."
        )
    return Image.fromarray(image)


def _lightness(pixels):
    """Compress light so that the edge of a dark retina counts like that of a bright."""
    level = pixels.mean(axis=2)
    if np.ptp(level) < 8:
        raise NoFundusError(
            f"The image is of one colour (grey levels {level.min():.0f} to "
            f"{level.max():.0f}), expected a fundus photograph. Leave it out."
        )
    # What is black from side to side is padding, not the camera's border.
    smooth = uniform_filter(level, 5)
    lit = smooth > PADDING
    content = np.ix_(*(_shrink(lit.any(axis=axis)) for axis in (1, 0)))
    border, darker = np.percentile(smooth[content], [2, 25])
    noise = (level - smooth)[content][smooth[content] <= darker].std()
    dark = max(DARK, 2 * noise)
    light = np.maximum(level - border, 0) / dark
    return np.log1p(light, dtype=np.float32)


def _shrink(lit):
    """Take a few pixels off both ends, where padding and photograph mix."""
    return binary_erosion(lit, iterations=3, border_value=1) if lit.sum() > 12 else lit


def _search(light):
    """Try a coarse grid of circles, look closer at the best of each radius."""
    height, width = light.shape
    longer = max(height, width)
    step = longer / COARSE_SIZE
    xs = np.arange(0.2 * width, 0.8 * width, 3 * step)
    ys = np.arange(0.2 * height, 0.8 * height, 3 * step)
    radii = np.arange(0.2 * longer, 0.68 * longer, 2 * step)
    grid = np.stack(np.meshgrid(radii, xs, ys, indexing="ij"), axis=-1)[..., [1, 2, 0]]
    grid = grid.reshape(len(radii), -1, 3)
    smooth = gaussian_filter(light, step, truncate=2)
    # Where the frame cuts the circle off, a smaller one that touches the cuts competes
    # with it until both are looked at closely: hence one candidate for each radius.
    candidates = _best(smooth, grid, 36, 1.5 * step)
    votes = _votes(smooth, candidates, 36, 1.5 * step)
    candidates = candidates[votes.argsort()[-N_CANDIDATES:]]
    moves = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), axis=-1)
    smooth = gaussian_filter(light, step / 2, truncate=2)
    for reach in (step, step / 2):
        near = candidates[:, None] + reach * moves.reshape(-1, 3)
        candidates = _best(smooth, near, 48, reach)
    return _best(smooth, candidates[None], 180, step / 2)[0]


def _best(light, circles, n_angles, reach):
    """Return the best circle of each row of circles (n, m, 3)."""
    votes = _votes(light, circles.reshape(-1, 3), n_angles, reach)
    best = votes.reshape(circles.shape[:2]).argmax(axis=1)
    return circles[np.arange(len(circles)), best]


def _votes(light, circles, n_angles, reach, *, spill=True):
    """Return how well the circles part light from dark, 1 at best.

    In every direction the step from outside to inside counts for the circle, and light
    that continues outside without a step against it (`spill`).
    """
    angles = np.linspace(0, 2 * np.pi, n_angles, endpoint=False, dtype=np.float32)
    cos, sin = np.cos(angles), np.sin(angles)
    x, y, radius = (circles[:, [i]].astype(np.float32) for i in range(3))
    # What lies outside the image is NaN, in a frame around it.
    padded = np.pad(light, 1, constant_values=np.nan)
    height, width = padded.shape

    def read(distance):
        columns = np.clip(x + distance * cos + 1.5, 0, width - 1).astype(np.int32)
        rows = np.clip(y + distance * sin + 1.5, 0, height - 1).astype(np.int32)
        return padded.ravel()[rows * width + columns]

    outside = read(radius + reach)
    step = read(radius - reach) - outside
    step[np.isnan(step)] = 0
    votes = np.clip(step, -FULL, FULL) / FULL
    if spill:
        lit = np.clip(np.nan_to_num(outside), 0, FULL) / FULL
        votes -= lit * (1 - np.maximum(votes, 0))
    return votes.mean(axis=1)


def _refine(light, circle):
    """Fit the circle to the steepest point in each direction; tell how much is seen."""
    smooth = gaussian_filter(light, 0.7)
    angles = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    offsets = np.arange(-6, 6.01, 0.5)
    for _ in range(2):
        x, y, radius = circle
        distances = radius + offsets
        columns, rows = x + distances * cos, y + distances * sin
        profile = map_coordinates(smooth, [rows, columns], order=1, cval=np.nan)
        # Two samples, one pixel, apart on either side.
        steps = np.nan_to_num(profile[:, :-4] - profile[:, 4:])
        steepest = steps.argmax(axis=1)
        height = steps.max(axis=1)
        seen = height > 0.15
        if seen.sum() < 12:
            break
        edge = (radius + offsets[2:-2][steepest])[seen]
        points_x, points_y = x + edge * cos[seen, 0], y + edge * sin[seen, 0]

        circle = _fit(points_x, points_y, circle)
    return circle, float(_votes(smooth, np.array([circle]), 180, 2.0, spill=False)[0])


def _fit(x, y, circle):
    """Fit a circle to points, those far from it counting little (Cauchy weights)."""
    design = np.column_stack([x, y, np.ones_like(x)])
    squares = x**2 + y**2
    for _ in range(5):
        miss = np.hypot(x - circle[0], y - circle[1]) - circle[2]
        weight = 1 / np.sqrt(1 + (miss / 0.5) ** 2)
        solution = np.linalg.lstsq(
            design * weight[:, None], squares * weight, rcond=None
        )[0]
        center = solution[:2] / 2
        circle = np.array([*center, np.sqrt(solution[2] + center @ center)])
    return circle
