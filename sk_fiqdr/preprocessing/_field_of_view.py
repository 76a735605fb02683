"""Approximate field of view, in a tenth of a millisecond.

`find_circle` is exact, but takes longer than all measures of the baselines.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

BLOCK = 4  # pixels along the side of a block, which is lit or dark
DARK = 8  # grey levels up to which a block is border
LIT_SHARE = 0.05  # of a row or column, below which lit blocks are dust or print
SMALLEST = 1 / 8  # of the image's width, below which a radius is too small for a retina


class Field(NamedTuple):
    """The smallest circle around what is lit, in pixels."""

    x: float
    y: float
    radius: float

    def squared_distance(self, size):
        """Return how far each pixel is from the centre, squared, in radii.

        Parameters
        ----------
        size : int
            Height and width of the image.

        Returns
        -------
        distance : ndarray of shape (size, size)
            1 at the rim.
        """
        pixels = np.arange(size)
        x = ((pixels - self.x) / self.radius) ** 2
        y = ((pixels - self.y) / self.radius) ** 2
        return y[:, None] + x


def find_field(image):
    """Find the field of view by what is lit.

    Parameters
    ----------
    image : ndarray of shape (size, size, 3)
        uint8 pixels.

    Returns
    -------
    field : Field
        As wide as the image if no lit part is large enough for a retina.
    """
    size = len(image)
    light = np.maximum(np.maximum(image[..., 0], image[..., 1]), image[..., 2])
    lit = np.asarray(Image.fromarray(light).reduce(BLOCK)) > DARK
    top, bottom = _extent(lit.mean(axis=1), size)
    left, right = _extent(lit.mean(axis=0), size)
    radius = max(bottom - top, right - left) / 2
    if radius < SMALLEST * size:
        return Field((size - 1) / 2, (size - 1) / 2, size / 2)
    return Field((left + right - 1) / 2, (top + bottom - 1) / 2, radius)


def _extent(lit_share, size):
    lit = np.flatnonzero(lit_share > LIT_SHARE)
    if len(lit) == 0:
        return 0, 0
    return BLOCK * lit[0], min(size, BLOCK * (lit[-1] + 1))
