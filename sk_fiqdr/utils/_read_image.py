"""Images: what X may hold, and one file to square uint8 RGB, by Pillow and NumPy."""

import os
import stat

import numpy as np
from PIL import Image, UnidentifiedImageError

from ..exceptions import UnreadableImageError
from ._file_kinds import name_kind
from ._jpeg import MAX_SCANNED, count_scans
from ._pixels import choose_page, upright_rgb
from ._quiet import quiet

PATHS, IMAGES = "paths", "images"
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


def check_images(X):
    """Return X as an array of paths or of uint8 images, and which of both it is.

    Parameters
    ----------
    X : array-like
        Paths (str or Path), or uint8 images (n, height, width, 3).

    Returns
    -------
    X : ndarray of shape (n,) or (n, height, width, 3)
        Paths as str, or the images as they came.
    kind : {"paths", "images"}
        What X holds.

    Raises
    ------
    TypeError, ValueError
        If X is neither; the message says what came and the way out.
    """
    if isinstance(X, str | bytes | os.PathLike):
        raise TypeError(
            f"X is a single path, {os.fspath(X)!r}. Pass a list of paths: [path]."
        )
    if hasattr(X, "columns"):
        raise ValueError(
            f"X is a DataFrame with columns {list(X.columns)!r}, expected paths or "
            "images. Pass the one column that holds the paths: X['path']."
        )
    if not hasattr(X, "__len__"):
        raise TypeError(
            f"X must be a list or array of image paths or uint8 images, got {X!r}."
        )
    if len(X) == 0:
        raise ValueError("X is empty: expected at least one image path or image.")
    if not isinstance(X, np.ndarray):
        items = list(X)
        if all(isinstance(item, str | os.PathLike) for item in items):
            return np.array([os.fspath(item) for item in items], dtype=str), PATHS
        _refuse_mixture(items)
        shapes = {np.shape(item) for item in items}
        if len(shapes) > 1:
            raise ValueError(
                f"The images are of {len(shapes)} sizes, such as {min(shapes)!r} and "
                f"{max(shapes)!r}; an array of images has one. Pass paths instead, or "
                "resize them."
            )
        X = np.asarray(items)
    if X.dtype.kind in "OUT":  # T: strings of NumPy 2
        if X.ndim != 1:
            raise ValueError(
                f"Paths must be one-dimensional, got an array of shape {X.shape!r}. "
                "Use X.ravel(), or one column of it."
            )
        _refuse_mixture(X)
        return np.array([os.fspath(item) for item in X], dtype=str), PATHS
    _check_pixels(X)
    return X, IMAGES


def _refuse_mixture(items):
    strange = [
        i for i, item in enumerate(items) if not isinstance(item, str | os.PathLike)
    ]
    if strange and len(strange) < len(items):
        raise TypeError(
            f"Row {strange[0]} of X is {items[strange[0]]!r} where the others are "
            "paths. Drop such rows, of X and y alike."
        )
    if strange and not (isinstance(items[0], list) or hasattr(items[0], "__array__")):
        raise TypeError(
            f"X must hold image paths (str or Path) or uint8 images, got "
            f"{type(items[0]).__name__} in row 0: {items[0]!r}."
        )


def _check_pixels(X):
    if X.ndim == 2:
        raise ValueError(
            f"X has shape {X.shape!r}: rows of features, where image paths or images "
            "(n, height, width, 3) are expected. A net of features has backbone=None."
        )
    if X.ndim != 4 or X.shape[3] != 3:
        hint = "Colour images only: three channels, last."
        if X.ndim == 4 and X.shape[1] == 3:
            hint = "Put the channels last: X.transpose(0, 2, 3, 1)."
        elif X.ndim == 3 and X.shape[2] == 3:
            hint = "A single image is X[None]."
        elif X.ndim == 3:
            hint = "Grey images are np.repeat(X[..., None], 3, axis=3)."
        raise ValueError(
            f"Images must have shape (n, height, width, 3), got {X.shape!r}. {hint}"
        )
    if X.dtype.kind == "f" and np.isnan(X).any():
        raise ValueError(
            "Images hold NaN, expected uint8 pixels from 0 to 255. Leave out what has "
            "no pixels."
        )
    if X.dtype != np.uint8:
        raise ValueError(
            f"Images must be uint8 pixels from 0 to 255, got {X.dtype}"
            f"{_range_and_way(X)}"
        )
    if X.max() <= 1:
        raise ValueError(
            "Images hold nothing above 1: they look scaled to 0..1 and cast to uint8, "
            "which leaves them black. Pass pixels from 0 to 255."
        )


def _range_and_way(X):
    if X.dtype.kind not in "biuf" or not X.size:
        return ". Pass np.asarray(X, dtype=np.uint8), or paths."
    low, high = X.min(), X.max()
    if low < 0:
        way = "Undo what made them negative, such as a normalisation by mean and std."
    else:
        bits = (
            8 if high <= 255 else next(b for b in (10, 12, 14, 16, 32) if high < 1 << b)
        )
        scale = (
            " * 255" if high <= 1 else f" * (255 / {2**bits - 1})" if bits > 8 else ""
        )
        way = f"Use (X{scale}).round().astype(np.uint8); the net normalises by itself."
    return f" from {low:g} to {high:g}. {way}"


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


def read_or_blank(path, image_size):
    """Read an image, or return a black one and why it cannot be read.

    Parameters
    ----------
    path : str or Path
        The file.
    image_size : int
        Height and width of the result.

    Returns
    -------
    image : ndarray of shape (image_size, image_size, 3)
        uint8 pixels, as `read_image` returns them.
    error : UnreadableImageError, FileNotFoundError or None
        What `read_image` raised.
    """
    try:
        return read_image(path, image_size), None
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
