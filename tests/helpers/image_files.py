"""Image files that Pillow cannot write."""

import io
import struct
import zlib

from PIL import Image


def write_png16(path, pixels, colour=2):
    """Write 16 bits, of RGB or another type of colour, which Pillow cannot."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data))
            + name
            + data
            + struct.pack(">I", zlib.crc32(name + data))
        )

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def damaged_jpegs(pixels):
    """Return files of one photograph that decoders show, with wrong pixels, by kind."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90, subsampling="4:4:4")
    data = buffer.getvalue()
    start = data.index(b"\xff\xda") + 14  # of the pixels
    third = start + (len(data) - start) // 3
    return {
        "cut short": data[:-third] + b"\xff\xd9",
        "bytes left out": data[:third] + data[third + 41 :],
        "a part twice": data[:third] + data[start:],
    }
