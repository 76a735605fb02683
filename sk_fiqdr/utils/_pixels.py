"""The pixels of an open image as 8-bit RGB, at the depth that they use."""

import sys
from contextlib import suppress

import numpy as np
from PIL import Image, ImageOps

from ..exceptions import UnreadableImageError

# Cameras store 10, 12 or 14 bits in files of 16, and some tools 8. What is meant is the
# narrowest that holds the brightest pixel, and not that pixel itself: how bright a
# photograph is tells of its quality. (Each of 3,319 real ones reaches 3/4 of white.)
DEPTHS = (8, 10, 12, 14, 16, 31)
OVERSHOOT = 1.5  # by less than this factor do filters leave a range of floats
N_PAGES = 16  # of a TIFF that are looked at
WHITE_IS_ZERO = 0  # TIFF's tag 262
NATIVE, FOREIGN = ("L", "B") if sys.byteorder == "little" else ("B", "L")


def choose_page(image):
    """Go to the largest page of a TIFF: some cameras put a thumbnail first.

    Parameters
    ----------
    image : PIL.Image.Image
        Just opened. Of pages of one size, and of other formats, the first is kept.
    """
    if image.format != "TIFF":
        return
    areas = []
    with suppress(Exception):  # EOFError after the last page; of all kinds if damaged
        for page in range(N_PAGES):
            image.seek(page)
            areas.append(image.width * image.height)
    image.seek(int(np.argmax(areas)))


def upright_rgb(image):
    """Return an image as 8-bit RGB, upright.

    Parameters
    ----------
    image : PIL.Image.Image
        Opened from a file, not loaded yet. What is transparent is laid on black.

    Returns
    -------
    rgb : PIL.Image.Image
        8-bit RGB.

    Raises
    ------
    UnreadableImageError
        If its pixels do not tell how bright they are.
    """
    tiles = list(image.tile)  # until it is loaded
    ImageOps.exif_transpose(image, in_place=True)
    rgb = image
    if image.mode.startswith("I"):
        rgb = _from_integers(image)
    elif image.mode == "F":
        rgb = _from_floats(image)
    elif _of_16_bits(tiles) and min(map(_brightest, _parts(image))) <= 1 << 6:
        rgb = _from_narrow(image, tiles)
    if rgb.has_transparency_data:
        rgb = _on_black(image, rgb)
    rgb = rgb if rgb.mode == "RGB" else rgb.convert("RGB")
    _refuse_black(image, rgb)
    return rgb


def _refuse(image, what, way="Save it again with 8 bits, from 0 to 255."):
    raise UnreadableImageError(f"{image.filename!r} {what}. {way}")


def _depth(largest):
    return next(bits for bits in DEPTHS if largest < 1 << bits)


def _from_integers(image):
    """Keep the upper 8 of the bits that are used; Pillow would clip."""
    numbers = np.asarray(image).astype(np.int64)
    low, high = int(numbers.min()), int(numbers.max())
    if low < 0:
        _refuse(image, f"holds pixels from {low} to {high}, expected none below 0")
    tags = getattr(image, "tag_v2", {})
    if tags.get(262) == WHITE_IS_ZERO:
        _refuse(image, "stores white as 0 in 16 bits, and would be read as a negative")
    numbers[numbers == image.info.get("transparency")] = 0
    return Image.fromarray((numbers >> (_depth(high) - 8)).astype(np.uint8))


def _from_floats(image):
    """Read 0 to 1, 0 to 255 or the range of whole numbers of more bits."""
    numbers = np.asarray(image)
    strange = np.count_nonzero(~np.isfinite(numbers))
    if strange:
        _refuse(image, f"holds nan or infinity in {strange} of {numbers.size} pixels")
    low, high = float(numbers.min()), float(numbers.max())
    if low < -high / 4 or high > OVERSHOOT * 65535 or 0 < high < 2 / 255:
        _refuse(
            image,
            f"holds pixels from {low:.3g} to {high:.3g}, expected 0 to 1, 0 to 255 or "
            "0 to 65535",
        )
    if high <= OVERSHOOT:
        white = 1
    elif high <= OVERSHOOT * 255:
        white = 255
    else:
        white = (1 << min(16, _depth(int(high)))) - 1
    return Image.fromarray((numbers * (255 / white)).clip(0, 255).astype(np.uint8))


def _of_16_bits(tiles):
    """Tell whether a file holds colours of 16 bits, of which Pillow reads the upper."""
    return any(";16" in _rawmode(tile) or _is_ppm16(tile) for tile in tiles)


def _rawmode(tile):
    return tile.args if isinstance(tile.args, str) else str(tile.args[0])


def _is_ppm16(tile):
    return tile.codec_name == "ppm" and tile.args[-1] == 65535


def _parts(image):
    """Part colours from transparency: each may have a depth of its own."""
    bands = image.split()
    n = 4 if image.mode == "CMYK" else 3
    return [part for part in (bands[:n], bands[n:]) if part]


def _brightest(bands):
    return max(band.getextrema()[1] for band in bands)


def _from_narrow(image, tiles):
    """Take the bits that are used: the upper 8 of 16 hold next to nothing."""
    if _is_ppm16(tiles[0]):
        count = image.height * image.width * 3
        words = np.fromfile(image.filename, ">u2", count, offset=tiles[0].offset)
        words = words.reshape(image.height, image.width, 3)
        high, low = (words >> 8).astype(np.uint8), words.astype(np.uint8)
    else:
        high, low = np.asarray(image), _low_bytes(image, tiles)
    ends = np.cumsum([len(part) for part in _parts(image)])[:-1]
    pairs = zip(np.split(high, ends, axis=2), np.split(low, ends, axis=2), strict=True)
    parts = [_upper_bits(*pair) for pair in pairs]
    return Image.fromarray(np.concatenate(parts, axis=2), image.mode)


def _upper_bits(high, low):
    bits = _depth(int(high.max()) << 8 | 255)
    return high if bits == 16 else (high << (16 - bits)) | (low >> (bits - 8))


def _low_bytes(image, tiles):
    """Read a file as if its 16 bits were in the other order of bytes."""
    with Image.open(image.filename, formats=[image.format]) as again:
        again.seek(image.tell())
        again.tile = [_in_other_order(image, tile) for tile in again.tile]
        ImageOps.exif_transpose(again, in_place=True)
        low = np.asarray(again)
    return low[..., [1, 1, 1, 3]] if _rawmode(tiles[0]) == "LA;16B" else low


def _in_other_order(image, tile):
    name, _, order = _rawmode(tile).partition(";16")
    if name not in ("RGB", "RGBA", "RGBX", "CMYK", "LA"):
        _refuse(image, f"holds 16-bit {name} pixels of which only the lower bits count")
    other = FOREIGN if order in ("N", NATIVE) else NATIVE
    rawmode = "RGBA" if name == "LA" else f"{name};16{other}"
    alone = isinstance(tile.args, str)
    return tile._replace(args=rawmode if alone else (rawmode, *tile.args[1:]))


def _on_black(image, rgb):
    rgba = rgb.convert("RGBA")
    if rgba.getchannel("A").getextrema()[1] <= 1:
        _refuse(image, "is transparent throughout", "Save it without an alpha channel.")
    return Image.alpha_composite(Image.new("RGBA", rgb.size, (0, 0, 0, 255)), rgba)


def _refuse_black(image, rgb):
    """Refuse what a conversion has left black; a photograph may be black."""
    if image.format == "JPEG2000" and _brightest(rgb.split()) < 1 << 4:
        _refuse(image, "is black, or holds few bits in pixels of 16")
    elif image.format != "JPEG" and _brightest(rgb.split()) == 1:
        _refuse(image, "holds nothing above 1: scaled to 0 to 1, and cast to uint8")
