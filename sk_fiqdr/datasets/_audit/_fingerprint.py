"""What `audit` notes of each image: whether it reads, its size, hashes, its detail."""

import hashlib
import os
import stat

import imagehash
import numpy as np
from PIL import Image, ImageFilter

from ...utils._read_image import open_image
from ...utils._same_file import content_of

SIDE = 256  # pixels of the longer side at which an image is hashed
HASH_SIZE = 16  # 16 x 16 bits: 64 do not tell one fundus from another
BORDER = 12  # grey level up to which a border counts as black
DETAIL = 48  # pixels of each side at which detail is compared
MARGIN = 6  # of these, left out at each side: the rim looks alike in all


def fingerprint_batch(images):
    """Return `fingerprint` of each image; what a worker process is given at a time."""
    return [fingerprint(image) for image in images]


def fingerprint(image):
    """Read one image and return its size, hashes and detail; never raise.

    Parameters
    ----------
    image : str or ndarray of shape (height, width, 3)
        Path, or uint8 pixels.

    Returns
    -------
    print : dict
        `width` and `height` in pixels, `sha256` of the file's bytes or of the pixels,
        `phash` of 32 bytes, `detail` as int8 of shape (1296,), and `reason`, why it
        cannot be read, "" if it can. What is not known is 0, "", b"" or all zero.
    """
    if isinstance(image, np.ndarray):
        pixels = np.ascontiguousarray(image)
        digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes())
        picture = Image.fromarray(pixels)
        return _describe(digest.hexdigest(), picture, picture.size)
    digest = ""
    try:
        # First the decoder, which refuses pipes and folders; those would hang a read.
        picture, size = open_image(image, smallest=SIDE)
    except (OSError, MemoryError) as error:
        if _is_file(image):
            digest = _digest(image)
        return {
            "width": 0,
            "height": 0,
            "sha256": digest,
            "phash": b"",
            "detail": np.zeros((DETAIL - 2 * MARGIN) ** 2, dtype=np.int8),
            "reason": str(error) or type(error).__name__,
        }
    return _describe(_digest(image), picture, size)


def _describe(digest, picture, size):
    grey = _trim(picture)
    bits = imagehash.phash(grey, hash_size=HASH_SIZE).hash
    return {
        "width": size[0],
        "height": size[1],
        "sha256": digest,
        "phash": np.packbits(bits).tobytes(),
        "detail": _detail(grey),
        "reason": "",
    }


def _trim(picture):
    """Shrink, turn grey and cut off the black border, which copies differ in."""
    scale = SIDE / max(picture.size)
    size = [max(1, round(side * scale)) for side in picture.size]
    grey = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    grey = grey.convert("L")
    bright = np.asarray(grey) > BORDER
    rows = np.flatnonzero(bright.mean(axis=1) > 0.05)  # a few bright pixels are noise
    columns = np.flatnonzero(bright.mean(axis=0) > 0.05)
    if not (len(rows) and len(columns)):
        return grey
    return grey.crop((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))


def _detail(grey):
    """Return what remains of the middle without its slow changes: vessels, lesions."""
    small = grey.resize((DETAIL, DETAIL), Image.Resampling.BILINEAR, reducing_gap=2.0)
    slow = small.filter(ImageFilter.GaussianBlur(DETAIL / 16))
    detail = np.asarray(small, dtype=np.float32) - np.asarray(slow, dtype=np.float32)
    detail = detail[MARGIN:-MARGIN, MARGIN:-MARGIN].ravel()
    detail -= detail.mean()
    spread = max(detail.std(), 1e-6)
    return (detail * (31 / spread)).clip(-127, 127).round().astype(np.int8)


def _is_file(path):
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False


def _digest(path):
    try:
        return content_of(path)
    except OSError:  # it went away, or may not be read
        return ""
