"""From one file to square uint8 RGB, by Pillow and NumPy."""

import os
import stat

import numpy as np
from PIL import Image, UnidentifiedImageError

from ..exceptions import UnreadableImageError
from ._file_kinds import name_kind
from ._jpeg import MAX_SCANNED, count_scans, describe_damage
from ._pixels import choose_page, upright_rgb
from ._quiet import quiet

# What cameras and data sets write. Pillow knows more, and runs Ghostscript for some.
FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# How the names of such files end: the one list for readers, commands and patients.
EXTENSIONS = frozenset(
    (
        *(".apng", ".bmp", ".gif", ".j2c", ".j2k", ".jfif", ".jp2", ".jpc", ".jpe"),
        *(".jpeg", ".jpf", ".jpg", ".jpx", ".mpo", ".pbm", ".pfm", ".pgm", ".png"),
        *(".pnm", ".ppm", ".tif", ".tiff", ".webp"),
    )
)
# Camera originals end at about 50 megapixels; a header that claims more is a bomb.
MAX_PIXELS = 120_000_000


def read_image(path, image_size):
    """Read a photograph as a square RGB array.

    What is not square is padded with black, aspect kept; the rest as `open_image`.

    Parameters
    ----------
    path : str or Path
        The file.
    image_size : int
        Height and width of the result in pixels.

    Returns
    -------
    image : ndarray of shape (image_size, image_size, 3)
        uint8 pixels.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    UnreadableImageError
        If it is not an image, or corrupt.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> from sk_fiqdr.utils._read_image import read_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "eye.png")
    ...     Image.new("L", (30, 20), 200).save(path)
    ...     read_image(path, 16).shape
    (16, 16, 3)
    """
    # Twice the target differs from a full decoding by 57 dB, in a quarter of the time.
    image, _ = open_image(path, smallest=2 * image_size)
    return np.asarray(_fit_square(image, image_size))


@quiet(module="PIL")  # bombs, which are refused below, by size
def open_image(path, *, smallest=None):
    """Read a photograph as 8-bit RGB, reduced while it is decoded where that is asked.

    Grey, palette, transparent (on black), CMYK, float and 16-bit images become 8-bit
    RGB at the depth that their pixels use, the EXIF orientation is honoured, the first
    frame of an animation and the largest page of a TIFF are taken.

    Parameters
    ----------
    path : str or Path
        The file.
    smallest : int, default=None
        A JPEG may be decoded at a half, a quarter or an eighth of its size, as long as
        neither side becomes smaller than this many pixels.

    Returns
    -------
    image : PIL.Image.Image
        8-bit RGB.
    size : tuple of int
        Width and height of the file's own pixels, upright.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    UnreadableImageError
        If it is not an image, or corrupt.
    """
    path = os.fspath(path)
    if isinstance(path, str):
        path = str(path)  # np.str_ names itself so
    _check_regular_file(path)
    try:
        with Image.open(path, formats=FORMATS) as image:
            choose_page(image)
            size = image.size
            _check_work(path, image)
            if smallest is not None:
                image.draft("RGB", (smallest, smallest))
            drafted = image.size
            rgb = upright_rgb(image)
            rgb.load()
    except UnreadableImageError:
        raise
    except MemoryError as error:
        raise UnreadableImageError(
            f"{path!r} does not fit into the memory by what its header claims. Shrink "
            "the image, or leave it out if the header is damaged."
        ) from error
    except UnidentifiedImageError as error:
        what, way = name_kind(path, FORMATS)
        raise UnreadableImageError(f"{path!r} is {what}. {way}") from error
    except Exception as error:  # Pillow's plugins raise of all kinds on damaged files
        raise UnreadableImageError(
            f"{path!r} cannot be read as an image ({type(error).__name__}: {error}). "
            "Replace the file, or leave it out."
        ) from error
    return rgb, size if rgb.size == drafted else size[::-1]


def _check_work(path, image):
    """Refuse, before anything is decoded, what would take gigabytes or minutes."""
    n_pixels = image.width * image.height
    claims = f"{path!r} claims {image.width} x {image.height} pixels"
    if n_pixels > MAX_PIXELS:
        raise UnreadableImageError(
            f"{claims}, more than the {MAX_PIXELS:,} allowed: the header is damaged or "
            "hostile. Shrink the image if it is real."
        )
    if image.format in ("JPEG", "MPO"):
        n_scans = count_scans(path)
        if n_scans * n_pixels > MAX_SCANNED:
            raise UnreadableImageError(
                f"{claims} in {n_scans} scans, each of which goes over all of them, "
                f"more than the {MAX_SCANNED // n_pixels} allowed at this size: it is "
                "damaged or hostile. Save the image again if it is real."
            )


def _check_regular_file(path):
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise FileNotFoundError(
            f"There is no file {path!r}. Check the name; relative paths start from "
            f"{os.getcwd()!r}."
        ) from None
    except (OSError, ValueError) as error:  # no permission, too long, a null byte
        raise UnreadableImageError(
            f"{path!r} cannot be reached ({error}), expected an image file."
        ) from error
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
        raise UnreadableImageError(f"{path!r} is {kind}, expected an image file.")
    if os.path.getsize(path) == 0:
        raise UnreadableImageError(
            f"{path!r} is empty (0 bytes), expected an image. Copy it again."
        )


def read_or_blank(path, image_size, on_damage="warn"):
    """Read an image, or return a black one and why it cannot be read.

    Parameters
    ----------
    path : str or Path
        The file.
    image_size : int
        Height and width of the result.
    on_damage : {"warn", "raise", "ignore"}, default="warn"
        "raise" takes a damaged JPEG for unreadable.

    Returns
    -------
    image : ndarray of shape (image_size, image_size, 3)
        uint8 pixels, as `read_image` returns them.
    error : UnreadableImageError, FileNotFoundError or None
        What `read_image` raised, or that it is damaged.
    """
    try:
        image = read_image(path, image_size)
        if on_damage == "raise" and (damage := describe_damage(path)):
            raise UnreadableImageError(f"{damage} Copy it again.")
        return image, None
    except (UnreadableImageError, FileNotFoundError) as error:
        return np.zeros((image_size, image_size, 3), dtype=np.uint8), error


def _fit_square(image, image_size):
    """Shrink or grow the longer side to `image_size` and pad the other with black."""
    if image.size == (image_size, image_size):
        return image
    scale = image_size / max(image.size)
    size = [max(1, round(side * scale)) for side in image.size]
    image = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    if image.size == (image_size, image_size):
        return image
    square = Image.new("RGB", (image_size, image_size))
    square.paste(image, ((image_size - size[0]) // 2, (image_size - size[1]) // 2))
    return square


def resize_images(images, image_size):
    """Bring uint8 images to the asked size, exactly as `read_image` would.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, 3)
        uint8 pixels.
    image_size : int
        Height and width of the result.

    Returns
    -------
    images : ndarray of shape (n, image_size, image_size, 3)
        The same array where nothing is to be done.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr.utils._read_image import resize_images
    >>> resize_images(np.zeros((2, 30, 20, 3), np.uint8), 16).shape
    (2, 16, 16, 3)
    """
    if images.shape[1:3] == (image_size, image_size):
        return images
    return np.stack(
        [
            np.asarray(_fit_square(Image.fromarray(image), image_size))
            for image in images
        ]
    )
