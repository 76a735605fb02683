"""Take a photograph off the page around it: white margins, a screenshot."""

import math

import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion, binary_fill_holes, label

from ..exceptions import NoFundusError

WORKING_SIZE = 256  # longer side that the page is looked for at
LIGHT = 64  # mean of the channels from which a margin is a page, not a border
TOLERANCE = 20  # levels by which the pixels of a page differ from its colour
FLAT = 0.9  # share of a side of the image that is of one colour
SMALLEST = 0.02  # share of the image that a picture takes up
SECOND = 0.5  # share of the largest picture from which another is one of two


def take_off_page(image):
    """Return a photograph with the page around it painted black.

    A page is light, of one colour, and reaches a whole side of the image. The camera's
    circle is darker than it, and the black square around the circle makes an edge.

    Parameters
    ----------
    image : PIL.Image.Image
        8-bit RGB.

    Returns
    -------
    image : PIL.Image.Image
        Of the same size; the same object where there is no page.

    Raises
    ------
    NoFundusError
        If the page holds two pictures.
    """
    shrink = math.ceil(max(image.size) / WORKING_SIZE)
    small = np.asarray(image.reduce(shrink) if shrink > 1 else image).astype(np.int16)
    colour = _colour_of_page(small)
    if colour is None:
        return image
    picture = _picture(np.abs(small - colour).max(axis=2) <= TOLERANCE)
    if picture is None:
        return image
    scaled = Image.fromarray(picture).resize(
        [side * shrink for side in picture.shape[::-1]], Image.Resampling.NEAREST
    )
    black = Image.new("RGB", image.size)
    black.paste(image, mask=scaled.crop((0, 0, *image.size)))
    return black


def _colour_of_page(pixels):
    """Return the colour of the lightest side that is of one colour, or None."""
    page = None
    for side in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        colour = np.median(side, axis=0)
        flat = (np.abs(side - colour).max(axis=1) <= TOLERANCE).mean() >= FLAT
        if (
            flat
            and colour.mean() >= LIGHT
            and (page is None or colour.mean() > page.mean())
        ):
            page = colour
    return page


def _picture(paper):
    """Return where the largest thing on the page is, less the blur of its edge."""
    parts, _ = label(paper)
    frame = [parts[0], parts[-1], parts[:, 0], parts[:, -1]]
    page = np.isin(parts, np.setdiff1d(np.concatenate(frame), [0]))
    things, _ = label(binary_fill_holes(~page))
    sizes = np.bincount(things.ravel())[1:]
    if not len(sizes) or sizes.max() < SMALLEST * paper.size:
        return None
    n_pictures = np.count_nonzero(sizes >= SECOND * sizes.max())
    if n_pictures > 1:
        raise NoFundusError(
            f"The image is a page with {n_pictures} pictures, expected one fundus "
            "photograph. Save each as a file of its own."
        )
    picture = things == 1 + sizes.argmax()
    return binary_erosion(picture, iterations=2, border_value=1)
