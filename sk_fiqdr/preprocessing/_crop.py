"""Crop a fundus photograph to the square around the camera's circle."""

import numpy as np
from PIL import Image

from ..exceptions import NoFundusError
from ..utils._read_image import open_image
from ._circle import Circle, find_circle
from ._page import take_off_page


def crop_file(path, image_size):
    """Read one photograph and crop it to the square around its circle.

    A JPEG is decoded at the smallest of its own reduced sizes that is still as fine as
    the crop, so nothing is ever enlarged that need not be.

    Parameters
    ----------
    path : str or Path
        The file.
    image_size : int
        Height and width of the crop in pixels.

    Returns
    -------
    crop : ndarray of shape (image_size, image_size, 3)
        uint8 pixels, black where the square reaches beyond the photograph.
    circle : Circle
        In pixels of the file, upright.

    Raises
    ------
    FileNotFoundError, UnreadableImageError
        If the file does not exist, or is not a readable image.
    NoFundusError
        If the image is of one colour throughout.
    """
    smallest = image_size
    while True:
        image, size = open_image(path, smallest=smallest)
        try:
            circle = find_circle(image)
        except NoFundusError as error:
            raise NoFundusError(f"{str(path)!r}: {error}") from None
        # The circle may be small in its photograph: then more pixels are needed.
        if 2 * circle.radius >= image_size or image.size == size:
            break
        smallest = 2 * min(image.size)
    crop = crop_to_circle(image, circle, image_size)
    scale_x, scale_y = size[0] / image.width, size[1] / image.height
    return crop, Circle(
        (circle.x + 0.5) * scale_x - 0.5,
        (circle.y + 0.5) * scale_y - 0.5,
        circle.radius * (scale_x * scale_y) ** 0.5,
    )


def crop_to_circle(image, circle, image_size):
    """Cut out the square around a circle and bring it to a size.

    Parameters
    ----------
    image : PIL.Image.Image or ndarray of shape (height, width, 3)
        uint8 pixels, RGB.
    circle : Circle
        In its pixels.
    image_size : int
        Height and width of the crop.

    Returns
    -------
    crop : ndarray of shape (image_size, image_size, 3)
        uint8 pixels, black where the square reaches beyond the image, or onto the page
        around it.
    """
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    image = take_off_page(image)
    x, y, radius = circle
    scale = image_size / (2 * radius)
    left, upper = x + 0.5 - radius, y + 0.5 - radius
    # Whole pixels of the crop that the image covers, and where these lie in the image.
    columns = _covered(left, image.width, scale, image_size)
    rows = _covered(upper, image.height, scale, image_size)
    box = (
        max(0.0, left + columns[0] / scale),
        max(0.0, upper + rows[0] / scale),
        min(image.width, left + columns[1] / scale),
        min(image.height, upper + rows[1] / scale),
    )
    size = (columns[1] - columns[0], rows[1] - rows[0])
    crop = np.zeros((image_size, image_size, 3), dtype=np.uint8)
    crop[slice(*rows), slice(*columns)] = image.resize(
        size, Image.Resampling.BICUBIC, box=box
    )
    return crop


def _covered(start, length, scale, image_size):
    """Return the first and the last pixel of the crop that the image covers."""
    first = max(0, round(-start * scale))
    last = min(image_size, round((length - start) * scale))
    return first, max(first + 1, last)
