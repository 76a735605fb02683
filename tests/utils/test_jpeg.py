"""Damaged JPEGs that can be read, and headers that would take minutes or gigabytes."""

import io
import random
import struct

import numpy as np
import pytest
from PIL import Image

from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.exceptions import UnreadableImageError
from sk_fiqdr.utils._jpeg import count_scans, find_damage
from sk_fiqdr.utils._read_image import read_image

EYE = make_fundus(1, image_size=256, random_state=3).data[0]
KINDS = {
    "plain": {},
    "best quality": {"quality": 100},
    "coarse": {"quality": 20},
    "full colour": {"subsampling": "4:4:4"},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
}


def as_jpeg(image=EYE, **kwargs):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", **{"quality": 90, **kwargs})
    return buffer.getvalue()


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def damaged(data, n_bytes, draw):
    """Return the data with bytes changed after the tables of the header."""
    changed = bytearray(data)
    for _ in range(n_bytes):
        changed[draw.randrange(700, len(data) - 2)] = draw.randrange(255)
    return bytes(changed)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("contrast", [1.0, 3.0])
def test_intact_files_are_not_called_damaged(tmp_path, kind, contrast):
    image = ((EYE - 128.0) * contrast + 128).clip(0, 255).astype(np.uint8)
    path = tmp_path / "eye.jpeg"
    path.write_bytes(as_jpeg(image, **KINDS[kind]))
    assert find_damage(path) == ""


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_files_are_not_called_damaged(tmp_path, mode):
    Image.fromarray(EYE).convert(mode).save(tmp_path / "eye.jpeg")
    assert find_damage(tmp_path / "eye.jpeg") == ""


def test_only_jpegs_are_looked_at(tmp_path):
    Image.fromarray(EYE).save(tmp_path / "eye.png")
    (tmp_path / "page.jpeg").write_text("<html>")
    assert find_damage(tmp_path / "eye.png") == ""
    assert find_damage(tmp_path / "page.jpeg") == ""


@pytest.mark.parametrize("n_bytes", [3, 8])
def test_most_files_with_wrong_pixels_are_called_damaged(tmp_path, n_bytes):
    draw, path = random.Random(0), tmp_path / "eye.jpeg"
    data = as_jpeg()
    sound, n_wrong, n_found = pixels(data), 0, 0
    for _ in range(100):
        changed = damaged(data, n_bytes, draw)
        try:
            wrong = np.abs(pixels(changed) - sound).mean() > 8
        except OSError:  # Pillow itself finds it
            continue
        path.write_bytes(changed)
        n_wrong += wrong
        n_found += wrong and find_damage(path) != ""
    assert n_wrong >= 30
    assert n_found >= 0.75 * n_wrong  # shifts of the colour alone give no sign


def test_a_shift_that_no_decoder_warns_of_is_found(tmp_path):
    """Replace the first block's mean, from which all others are counted."""
    path = tmp_path / "eye.jpeg"
    data, found = as_jpeg(subsampling="4:4:4"), []
    start = data.index(b"\xff\xda") + 2 + 12
    for value in range(255):
        changed = data[:start] + bytes([value]) + data[start + 1 :]
        path.write_bytes(changed)
        found.append(find_damage(path))
    assert any("darker than black" in damage for damage in found)


def test_real_photographs_are_not_called_damaged(real_data):
    paths = [*real_data.glob("originals/*.jpeg"), *real_data.glob("eyepacs-256/*/*")]
    assert [path.name for path in paths if find_damage(path)] == []


def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def empty_scans(side, n_scans):
    """Return a progressive JPEG whose scans hold nothing, and go over all pixels."""
    n_blocks = (side // 8) ** 2
    first = segment(0xDA, b"\1\1\0\0\0\0") + bytes(n_blocks // 8 + 1)
    bits = "0" * 15 * -(-n_blocks // 16384)
    bits += "1" * (-len(bits) % 8)
    empty = int(bits, 2).to_bytes(len(bits) // 8, "big")
    out = b"\xff\xd8" + segment(0xDB, b"\0" + b"\1" * 64)
    out += segment(0xC2, struct.pack(">BHHB", 8, side, side, 1) + b"\1\x11\0")
    for table, value in ((b"\0", b"\0"), (b"\x10", b"\xe0")):
        out += segment(0xC4, table + bytes([1] + [0] * 15) + value)
    bands = (bytes([1, 1, 0, 1 + i % 63, 1 + i % 63, 0]) for i in range(n_scans))
    return out + first + b"".join(segment(0xDA, b) + empty for b in bands) + b"\xff\xd9"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("side", "n_scans"), [(10_000, 600), (4_000, 200)])
def test_scans_that_would_take_minutes_are_refused(tmp_path, side, n_scans):
    path = tmp_path / "eye.jpeg"
    path.write_bytes(empty_scans(side, n_scans))
    with pytest.raises(
        UnreadableImageError, match=rf"eye\.jpeg'.* {n_scans + 1} scans"
    ):
        read_image(path, 64)


def test_ordinary_progressive_files_are_read(tmp_path):
    path = tmp_path / "eye.jpeg"
    path.write_bytes(as_jpeg(progressive=True))
    assert 1 < count_scans(path) <= 12
    assert read_image(path, 64).shape == (64, 64, 3)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "header",
    [
        b"P6\n99999999 1\n255\n",
        b"P5\n1 99999999\n65535\n",
        b"P6\n10000 10000\n255\n",
    ],
)
def test_a_short_file_that_claims_much_is_unreadable(tmp_path, header):
    path = tmp_path / "eye.jpeg"
    path.write_bytes(header)
    with pytest.raises(UnreadableImageError, match=r"eye\.jpeg'"):
        read_image(path, 64)
