"""Decoding, on files of every odd kind that the tests write themselves."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from helpers.image_files import write_png16
from PIL import Image

from sk_fiqdr.utils._read_image import (
    UnreadableImageError,
    read_image,
    read_or_blank,
    resize_images,
)

SIZE = 32
RED, GREEN, BLUE, BLACK = (200, 30, 10), (20, 180, 40), (10, 40, 220), (0, 0, 0)


@pytest.fixture
def quarters():
    """Four flat quarters, so that a turn shows and JPEG changes little."""
    image = np.empty((SIZE, SIZE, 3), dtype=np.uint8)
    half = SIZE // 2
    image[:half, :half], image[:half, half:] = RED, GREEN
    image[half:, :half], image[half:, half:] = BLUE, (240, 240, 240)
    return image


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (41, 57, 3), dtype=np.uint8)


def as_jpeg(pixels, **kwargs):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95, **kwargs)
    return buffer.getvalue()


def assert_close(image, expected, tolerance):
    assert image.dtype == np.uint8
    assert image.shape == expected.shape
    difference = np.abs(image.astype(int) - expected)
    assert difference.max() <= tolerance


# What comes out of good files


@pytest.mark.parametrize("name", ["eye.png", "eye.bmp", "eye.tif", "ä é/my eye 1.png"])
@pytest.mark.parametrize("kind", [str, Path])
def test_an_image_of_the_right_size_comes_back_as_it_is(tmp_path, quarters, name, kind):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(quarters).save(path)
    np.testing.assert_array_equal(read_image(kind(path), SIZE), quarters)


# Orientation tag of EXIF -> how a numpy array is brought upright.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", ["jpeg", "png"])
def test_the_camera_orientation_is_honoured(tmp_path, quarters, orientation, suffix):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"eye.{suffix}"
    # Subsampled colour would smear the edges of the quarters.
    Image.fromarray(quarters).save(path, exif=exif, quality=95, subsampling=0)
    expected = UPRIGHT[orientation](quarters)
    assert_close(read_image(path, SIZE), expected, 12 if suffix == "jpeg" else 0)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_a_damaged_exif_block_does_not_spoil_the_image(tmp_path, quarters, exif):
    path = tmp_path / "eye.jpeg"
    path.write_bytes(as_jpeg(quarters, exif=exif, subsampling=0))
    assert_close(read_image(path, SIZE), quarters, 12)


def test_grey_becomes_three_equal_channels(tmp_path, quarters):
    grey = quarters[..., 0]
    Image.fromarray(grey).save(tmp_path / "eye.png")
    expected = np.repeat(grey[..., None], 3, axis=2)
    np.testing.assert_array_equal(read_image(tmp_path / "eye.png", SIZE), expected)


def test_one_bit_becomes_black_and_white(tmp_path, quarters):
    mask = quarters[..., 0] > 100
    Image.fromarray(mask).save(tmp_path / "eye.png")
    expected = np.repeat(255 * mask[..., None], 3, axis=2)
    np.testing.assert_array_equal(read_image(tmp_path / "eye.png", SIZE), expected)


def test_a_palette_is_looked_up(tmp_path, quarters):
    palette = Image.fromarray(quarters).quantize(4, dither=Image.Dither.NONE)
    assert palette.mode == "P"
    palette.save(tmp_path / "eye.png")
    assert_close(read_image(tmp_path / "eye.png", SIZE), quarters, 2)


def test_a_transparent_palette_colour_is_black(tmp_path, quarters):
    palette = Image.fromarray(quarters).quantize(4, dither=Image.Dither.NONE)
    red = palette.getpixel((0, 0))
    palette.save(tmp_path / "eye.png", transparency=red)
    expected = quarters.copy()
    expected[: SIZE // 2, : SIZE // 2] = BLACK
    assert_close(read_image(tmp_path / "eye.png", SIZE), expected, 2)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_on_black(tmp_path, quarters, mode):
    alpha = np.full((SIZE, SIZE), 255, dtype=np.uint8)
    alpha[:8], alpha[8:16] = 0, 128
    image = Image.fromarray(quarters).convert(mode)
    image.putalpha(Image.fromarray(alpha))
    image.save(tmp_path / "eye.png")
    opaque = np.asarray(Image.fromarray(quarters).convert(mode[:-1]).convert("RGB"))
    expected = opaque * (alpha[..., None] / 255)
    assert_close(read_image(tmp_path / "eye.png", SIZE), expected, 1)


def test_a_cmyk_jpeg_has_the_colours_of_its_rgb(tmp_path, quarters):
    # Pillow writes CMYK inverted, as Adobe does: read plainly it would be a negative.
    cmyk = Image.fromarray(quarters).convert("CMYK")
    cmyk.save(tmp_path / "eye.jpeg", quality=95)
    assert b"Adobe" in (tmp_path / "eye.jpeg").read_bytes()
    assert_close(read_image(tmp_path / "eye.jpeg", SIZE), quarters, 25)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path, suffix):
    ramp = np.linspace(0, 65535, SIZE * SIZE).reshape(SIZE, SIZE).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / f"eye.{suffix}")
    expected = np.repeat((ramp / 257.0)[..., None], 3, axis=2)
    assert_close(read_image(tmp_path / f"eye.{suffix}", SIZE), expected, 1)


@pytest.mark.parametrize("largest", [255, 65535, 2**31 - 1])
def test_wide_integers_are_scaled_by_the_width_that_holds_them(tmp_path, largest):
    ramp = np.linspace(0, largest, SIZE * SIZE).reshape(SIZE, SIZE).astype(np.int32)
    Image.fromarray(ramp).save(tmp_path / "eye.tif")
    expected = np.repeat((ramp * (255.0 / largest))[..., None], 3, axis=2)
    assert_close(read_image(tmp_path / "eye.tif", SIZE), expected, 1)


def test_sixteen_bit_colour_keeps_its_upper_bits(tmp_path, quarters):
    write_png16(tmp_path / "eye.png", quarters.astype(np.uint16) * 257)
    assert_close(read_image(tmp_path / "eye.png", SIZE), quarters, 1)


@pytest.mark.parametrize("suffix", ["gif", "mpo", "png", "tif"])
def test_the_first_of_several_frames_is_taken(tmp_path, suffix):
    frames = [Image.new("RGB", (SIZE, SIZE), colour) for colour in (RED, GREEN)]
    frames[0].save(tmp_path / f"eye.{suffix}", save_all=True, append_images=frames[1:])
    expected = np.full((SIZE, SIZE, 3), RED)
    assert_close(read_image(tmp_path / f"eye.{suffix}", SIZE), expected, 2)


# Geometry


@pytest.mark.parametrize(
    ("width", "height", "inside"),
    [(64, 32, np.s_[8:24, :]), (32, 64, np.s_[:, 8:24]), (16, 8, np.s_[8:24, :])],
)
def test_what_is_not_square_keeps_its_aspect_between_black_bars(
    tmp_path, width, height, inside
):
    Image.new("RGB", (width, height), RED).save(tmp_path / "eye.png")
    expected = np.zeros((SIZE, SIZE, 3), dtype=np.uint8)
    expected[inside] = RED
    np.testing.assert_array_equal(read_image(tmp_path / "eye.png", SIZE), expected)


def test_a_line_of_one_pixel_survives(tmp_path):
    Image.new("RGB", (500, 1), RED).save(tmp_path / "eye.png")
    image = read_image(tmp_path / "eye.png", SIZE)
    assert (image == RED).all(axis=2).sum() == SIZE


def test_shrinking_averages_and_does_not_pick(tmp_path):
    stripes = np.zeros((256, 256, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "eye.png")
    middle = read_image(tmp_path / "eye.png", SIZE)[4:-4, 4:-4]
    assert_close(middle, np.full(middle.shape, 127.5), 3)


@pytest.mark.parametrize("image_size", [16, 32, 41, 57, 90])
@pytest.mark.parametrize("turned", [False, True])
def test_a_file_and_its_pixels_give_the_same_image(tmp_path, noise, image_size, turned):
    pixels = noise.swapaxes(0, 1) if turned else noise
    Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / "eye.png")
    from_array = resize_images(np.stack([pixels, pixels]), image_size)
    assert from_array.shape == (2, image_size, image_size, 3)
    from_file = read_image(tmp_path / "eye.png", image_size)
    np.testing.assert_array_equal(from_array[0], from_file)
    np.testing.assert_array_equal(from_array[1], from_file)


def test_images_of_the_right_size_are_not_copied(quarters):
    images = quarters[None]
    assert resize_images(images, SIZE) is images


def test_reduced_decoding_is_as_good_as_full_decoding(tmp_path):
    y, x = np.mgrid[:900, :1200] / 40
    smooth = np.stack([np.sin(x), np.cos(y), np.sin(x + y)], axis=2) * 120 + 128
    path = tmp_path / "eye.jpeg"
    path.write_bytes(as_jpeg(smooth.astype(np.uint8)))
    with Image.open(path) as full:
        expected = resize_images(np.asarray(full)[None], 120)[0]
    error = read_image(path, 120).astype(float) - expected
    assert np.sqrt((error**2).mean()) < 2


@pytest.mark.realdata
def test_camera_originals_keep_their_frame(real_data):
    originals = sorted((real_data / "originals").glob("*.jpeg"))
    assert originals
    for path in originals[:5]:
        image = read_image(path, 224)
        with Image.open(path) as original:
            width, height = original.size
        bar = (224 - round(224 * height / width)) // 2
        assert image.shape == (224, 224, 3)
        assert not image[:bar].any()
        assert not image[224 - bar :].any()
        assert image[112 - 20 : 112 + 20].any()


# What is refused


def test_a_missing_file_is_named_with_the_folder_it_was_looked_for_in(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"'eyes/1\.png'") as error:
        read_image("eyes/1.png", SIZE)
    assert str(tmp_path) in str(error.value)


def test_a_folder_is_refused_as_one(tmp_path):
    with pytest.raises(UnreadableImageError, match="is a folder"):
        read_image(tmp_path, SIZE)


def test_an_empty_file_is_refused_as_one(tmp_path):
    (tmp_path / "eye.jpeg").touch()
    with pytest.raises(UnreadableImageError, match=r"eye\.jpeg' is empty"):
        read_image(tmp_path / "eye.jpeg", SIZE)


def test_a_web_page_is_refused_with_its_first_words(tmp_path):
    (tmp_path / "eye.jpeg").write_text("<!DOCTYPE html><p>Sign in</p>")
    with pytest.raises(UnreadableImageError, match=r"eye\.jpeg'.*<!DOCTYPE html>"):
        read_image(tmp_path / "eye.jpeg", SIZE)


def test_postscript_is_never_run(tmp_path, quarters):
    path = tmp_path / "eye.jpeg"
    Image.fromarray(quarters).save(path, "EPS")
    with pytest.raises(UnreadableImageError, match=r"is not an image.*%!PS"):
        read_image(path, SIZE)


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.99])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_truncated_jpeg_is_refused_and_never_half_grey(
    tmp_path, noise, kept, progressive
):
    whole = as_jpeg(np.tile(noise, (8, 8, 1)), progressive=progressive)
    path = tmp_path / "eye.jpeg"
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(UnreadableImageError, match=r"eye\.jpeg'.*truncated"):
        read_image(path, SIZE)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_other_truncated_files_are_refused(tmp_path, noise, suffix):
    path = tmp_path / f"eye.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(UnreadableImageError, match=path.name):
        read_image(path, SIZE)


@pytest.mark.timeout(10)
@pytest.mark.parametrize("side", [12_000, 14_143, 60_000])
def test_a_header_that_claims_too_many_pixels_is_refused_at_once(tmp_path, side):
    path = tmp_path / "eye.png"
    write_png16(path, np.zeros((1, 1, 3), dtype=np.uint16))
    header = bytearray(path.read_bytes())
    header[16:24] = struct.pack(">II", side, side)
    header[29:33] = struct.pack(">I", zlib.crc32(bytes(header[12:29])))
    path.write_bytes(header)
    with pytest.raises(UnreadableImageError, match=r"eye\.png'.*pixels"):
        read_image(path, SIZE)


@pytest.mark.timeout(10)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "eye.jpeg")
    with pytest.raises(UnreadableImageError, match="no regular file"):
        read_image(tmp_path / "eye.jpeg", SIZE)


@pytest.mark.parametrize("name", ["a" * 300 + ".png", "a\0b.png", "eye.png/eye.png"])
def test_a_name_that_cannot_be_one_is_refused_as_unreadable(tmp_path, quarters, name):
    Image.fromarray(quarters).save(tmp_path / "eye.png")
    with pytest.raises(UnreadableImageError, match="cannot be reached"):
        read_image(f"{tmp_path}/{name}", SIZE)


def test_a_broken_link_is_a_missing_file(tmp_path):
    (tmp_path / "eye.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(FileNotFoundError, match=r"eye\.png"):
        read_image(tmp_path / "eye.png", SIZE)


def test_what_cannot_be_read_is_black_and_comes_with_its_reason(tmp_path):
    path = tmp_path / "1.png"
    Image.new("RGB", (30, 20), "red").save(path)
    image, error = read_or_blank(path, 16)
    assert error is None
    np.testing.assert_array_equal(image, read_image(path, 16))
    path.write_bytes(path.read_bytes()[:40])
    for broken, kind in [(path, UnreadableImageError), ("none", FileNotFoundError)]:
        image, error = read_or_blank(broken, 16)
        assert isinstance(error, kind)
        assert str(broken) in str(error)
        assert image.shape == (16, 16, 3)
        assert image.dtype == np.uint8
        assert not image.any()
