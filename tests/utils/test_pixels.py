"""Bits, transparency, pages: a file shows what its photograph shows, or is refused."""

import struct

import numpy as np
import pytest
from helpers.image_files import write_png16
from PIL import Image

from sk_fiqdr import DeepFeatures
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.exceptions import UnreadableImageError
from sk_fiqdr.preprocessing import prepare_images
from sk_fiqdr.utils._check_images import check_images
from sk_fiqdr.utils._read_image import read_image

SIZE = 64


@pytest.fixture(scope="module")
def eye():
    return make_fundus(1, image_size=SIZE, random_state=3).data[0]


def assert_shows(path, eye, tolerance=1):
    image = read_image(path, SIZE)
    assert np.abs(image.astype(int) - eye).max() <= tolerance


def with_bits(eye, bits):
    """The pixels of `eye` as numbers of so many bits, in 16."""
    return eye.astype(np.uint16) << (bits - 8)


# Files of 16 bits that hold fewer


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("suffix", ["png", "tif", "ppm"])
def test_colours_in_16_bits_are_read_at_the_depth_that_they_use(
    tmp_path, eye, suffix, bits
):
    cv2 = pytest.importorskip("cv2")
    path = tmp_path / f"eye.{suffix}"
    cv2.imwrite(str(path), with_bits(eye, bits)[..., ::-1])
    assert_shows(path, eye)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_grey_in_16_bits_is_read_at_the_depth_that_it_uses(tmp_path, eye, suffix, bits):
    path = tmp_path / f"eye.{suffix}"
    Image.fromarray(with_bits(eye[..., 1], bits)).save(path)
    assert_shows(path, np.repeat(eye[..., 1:2], 3, axis=2))


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("alpha_bits", [8, 16])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_an_alpha_channel_has_a_depth_of_its_own(
    tmp_path, eye, suffix, bits, alpha_bits
):
    cv2 = pytest.importorskip("cv2")
    alpha = np.full((SIZE, SIZE, 1), (1 << alpha_bits) - 1, np.uint16)
    alpha[:8] = 0
    pixels = np.concatenate([with_bits(eye, bits)[..., ::-1], alpha], axis=2)
    path = tmp_path / f"eye.{suffix}"
    cv2.imwrite(str(path), pixels)
    expected = eye.copy()
    expected[:8] = 0
    assert_shows(path, expected)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_either_order_of_bytes_is_read(tmp_path, eye, order, bits):
    write_tiff16(tmp_path / "eye.tif", with_bits(eye, bits), order)
    assert_shows(tmp_path / "eye.tif", eye)


def write_tiff16(path, pixels, order="<", photometric=2, orientation=1):
    """Write one uncompressed strip of 16 bits, which Pillow cannot, by hand."""
    height, width, n_bands = pixels.shape
    data = pixels.astype(f"{order}u2").tobytes()
    tags = [
        (256, 3, 1, width),
        (257, 3, 1, height),
        (258, 3, n_bands, None),
        (259, 3, 1, 1),
        (262, 3, 1, photometric),
        (273, 4, 1, None),
        (274, 3, 1, orientation),
        (277, 3, 1, n_bands),
        (278, 3, 1, height),
        (279, 4, 1, len(data)),
    ]
    end = 8 + 2 + 12 * len(tags) + 4
    bits = struct.pack(f"{order}{n_bands}H", *[16] * n_bands)
    known = {258: end if n_bands > 2 else 16, 273: end + len(bits)}
    entries = b""
    for tag, kind, count, value in tags:
        value = known.get(tag, value)
        wide = kind == 4 or count > 2
        entries += struct.pack(f"{order}HHI", tag, kind, count)
        entries += struct.pack(
            f"{order}I" if wide else f"{order}HH", *(value, 0)[: 2 - wide]
        )
    head = b"II*\0" if order == "<" else b"MM\0*"
    path.write_bytes(
        head
        + struct.pack(f"{order}IH", 8, len(tags))
        + entries
        + struct.pack(f"{order}I", 0)
        + bits
        + data
    )


@pytest.mark.parametrize("bits", [8, 16])
def test_narrow_colours_are_turned_upright_too(tmp_path, eye, bits):
    write_tiff16(tmp_path / "eye.tif", with_bits(eye, bits), orientation=6)
    assert_shows(tmp_path / "eye.tif", np.rot90(eye, -1))


def test_grey_with_alpha_in_16_bits_is_read(tmp_path, eye):
    grey = with_bits(eye[..., 1:2], 12)
    pixels = np.concatenate([grey, np.full_like(grey, 65535)], axis=2)
    write_png16(tmp_path / "eye.png", pixels, colour=4)
    assert_shows(tmp_path / "eye.png", np.repeat(eye[..., 1:2], 3, axis=2))


def test_a_dark_photograph_of_16_bits_stays_dark(tmp_path, eye):
    dark = with_bits(eye // 2, 16)
    cv2 = pytest.importorskip("cv2")
    cv2.imwrite(str(tmp_path / "eye.png"), dark[..., ::-1])
    assert_shows(tmp_path / "eye.png", eye // 2)


def test_jpeg_2000_of_8_bits_in_16_is_refused_and_not_black(tmp_path, eye):
    cv2 = pytest.importorskip("cv2")
    path = tmp_path / "eye.jp2"
    cv2.imwrite(str(path), with_bits(eye, 8)[..., ::-1])
    with pytest.raises(UnreadableImageError, match=r"eye\.jp2' is black, or holds few"):
        read_image(path, SIZE)


def test_16_bits_with_white_as_zero_are_refused_and_not_a_negative(tmp_path, eye):
    write_tiff16(tmp_path / "eye.tif", with_bits(eye[..., :1], 16), photometric=0)
    with pytest.raises(UnreadableImageError, match="white as 0"):
        read_image(tmp_path / "eye.tif", SIZE)


def test_integers_below_zero_are_refused(tmp_path, eye):
    pixels = eye[..., 1].astype(np.int32) - 128
    Image.fromarray(pixels).save(tmp_path / "eye.tif")
    with pytest.raises(UnreadableImageError, match=r"from -\d+ to \d+, expected none"):
        read_image(tmp_path / "eye.tif", SIZE)


# Floats


@pytest.mark.parametrize("white", [1, 255, 4095, 65535])
@pytest.mark.parametrize("overshoot", [0, 0.01])
def test_floats_are_scaled_by_the_range_that_holds_them(tmp_path, white, overshoot):
    grey = np.linspace(0, 1, SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE)
    expected = np.repeat((grey * 255)[..., None], 3, axis=2)
    grey[-1, -1] += overshoot if white < 256 else 0
    Image.fromarray(grey * np.float32(white)).save(tmp_path / "eye.tif")
    assert_shows(tmp_path / "eye.tif", expected)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_floats_that_are_not_finite_are_refused(tmp_path, value):
    pixels = np.random.default_rng(0).random((SIZE, SIZE), dtype=np.float32)
    pixels[0, :3] = value
    Image.fromarray(pixels).save(tmp_path / "eye.tif")
    with pytest.raises(UnreadableImageError, match="infinity in 3 of 4096 pixels"):
        read_image(tmp_path / "eye.tif", SIZE)


@pytest.mark.parametrize(("low", "high"), [(-2.1, 2.6), (-1, 1), (0, 1e9), (0, 0.004)])
def test_floats_of_no_known_range_are_refused(tmp_path, low, high):
    pixels = np.linspace(low, high, SIZE * SIZE, dtype=np.float32)
    Image.fromarray(pixels.reshape(SIZE, SIZE)).save(tmp_path / "eye.tif")
    with pytest.raises(UnreadableImageError, match="expected 0 to 1, 0 to 255 or"):
        read_image(tmp_path / "eye.tif", SIZE)


# Transparency and pages


@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_what_is_transparent_throughout_is_refused_and_not_black(
    tmp_path, eye, suffix, largest
):
    alpha = np.full((SIZE, SIZE, 1), largest, np.uint8)
    image = Image.fromarray(np.concatenate([eye, alpha], axis=2))
    image.save(
        tmp_path / f"eye.{suffix}", **({"lossless": True} if suffix == "webp" else {})
    )
    with pytest.raises(UnreadableImageError, match="transparent throughout"):
        read_image(tmp_path / f"eye.{suffix}", SIZE)


def test_pixels_scaled_to_one_and_cast_are_refused(tmp_path, eye):
    Image.fromarray((eye > 40).astype(np.uint8)).save(tmp_path / "eye.png")
    with pytest.raises(UnreadableImageError, match="nothing above 1"):
        read_image(tmp_path / "eye.png", SIZE)


@pytest.mark.parametrize("thumbnail", [0, 1])
def test_the_thumbnail_of_a_tiff_is_not_taken_for_the_photograph(
    tmp_path, eye, thumbnail
):
    pages = [Image.fromarray(eye), Image.new("RGB", (16, 16), (0, 255, 0))]
    if thumbnail == 0:
        pages.reverse()
    pages[0].save(tmp_path / "eye.tif", save_all=True, append_images=pages[1:])
    assert_shows(tmp_path / "eye.tif", eye, 0)


def test_narrow_pixels_of_a_later_page_are_read(tmp_path, eye):
    cv2 = pytest.importorskip("cv2")
    pages = [np.zeros((8, 8, 3), np.uint16), with_bits(eye, 12)[..., ::-1]]
    assert cv2.imwritemulti(str(tmp_path / "eye.tif"), pages)
    assert_shows(tmp_path / "eye.tif", eye)


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_cmyk_and_palettes_of_a_tiff_are_read(tmp_path, eye, compression):
    for mode, tolerance in {"CMYK": 1, "P": 60}.items():
        path = tmp_path / f"{mode}.tif"
        Image.fromarray(eye).convert(mode).save(path, compression=compression)
        expected = Image.fromarray(eye).convert(mode).convert("RGB")
        assert_shows(path, np.asarray(expected).astype(int), tolerance)


# From the file to features and folders


def test_features_of_a_narrow_file_are_those_of_its_photograph(tmp_path, eye):
    cv2 = pytest.importorskip("cv2")
    paths = [tmp_path / f"{name}.png" for name in ("plain", "narrow", "black")]
    Image.fromarray(eye).save(paths[0])
    cv2.imwrite(str(paths[1]), with_bits(eye, 8)[..., ::-1])
    Image.new("RGB", (SIZE, SIZE)).save(paths[2])
    plain, narrow, black = DeepFeatures("resnet18", image_size=SIZE).fit_transform(
        paths
    )
    np.testing.assert_array_equal(narrow, plain)
    assert np.abs(black - plain).max() > 0.1


def test_prepare_reads_the_depth_and_names_what_it_refuses(tmp_path, eye):
    cv2 = pytest.importorskip("cv2")
    (tmp_path / "raw").mkdir()
    Image.fromarray(eye).save(tmp_path / "raw" / "1_left.png")
    cv2.imwrite(str(tmp_path / "raw" / "2_left.png"), with_bits(eye, 12)[..., ::-1])
    floats = np.full((SIZE, SIZE), np.nan, np.float32)
    Image.fromarray(floats).save(tmp_path / "raw" / "3_left.tif")
    with pytest.warns(UserWarning, match="3_left"):
        frame = prepare_images(
            tmp_path / "raw", tmp_path / "made", image_size=SIZE, format="png", n_jobs=1
        )
    assert frame["status"].tolist() == ["prepared", "prepared", "failed"]
    assert "nan or infinity" in frame["reason"].iloc[-1]
    made = [np.asarray(Image.open(tmp_path / "made" / f"{i}_left.png")) for i in (1, 2)]
    np.testing.assert_array_equal(*made)


# Files that are no images by their content


@pytest.mark.parametrize(
    ("start", "what", "way"),
    [
        (b"\0" * 128 + b"DICM", "a DICOM file", "pydicom"),
        (b"\0\0\0\x18ftypheic", "a HEIC photograph", "JPEG"),
        (b"%PDF-1.7", "a PDF document", "Export"),
        (b"PK\x03\x04", "a zip archive", "Unpack"),
        (b"\x93NUMPY\x01\0", "a NumPy array", r"np\.load"),
        (b"version https://git-lfs.github.com/spec/v1", "Git LFS", "git lfs pull"),
    ],
)
def test_another_kind_of_file_is_refused_by_its_name(tmp_path, start, what, way):
    (tmp_path / "eye.png").write_bytes(start + bytes(400))
    with pytest.raises(UnreadableImageError, match=rf"eye\.png' is .*{what}.*{way}"):
        read_image(tmp_path / "eye.png", SIZE)


def test_a_jpeg_of_12_bits_is_called_one(tmp_path, eye):
    Image.fromarray(eye).save(tmp_path / "eye.jpeg")
    data = bytearray((tmp_path / "eye.jpeg").read_bytes())
    data[data.index(b"\xff\xc0") + 4] = 12
    (tmp_path / "eye.jpeg").write_bytes(data)
    with pytest.raises(UnreadableImageError, match=r"a JPEG file.*12-bit.*with 8 bits"):
        read_image(tmp_path / "eye.jpeg", SIZE)


def test_colours_of_floats_are_called_a_tiff(tmp_path, eye):
    cv2 = pytest.importorskip("cv2")
    cv2.imwrite(str(tmp_path / "eye.tif"), eye.astype(np.float32) / 255)
    with pytest.raises(UnreadableImageError, match="a TIFF file that cannot be read"):
        read_image(tmp_path / "eye.tif", SIZE)


# Arrays


@pytest.mark.parametrize(
    ("images", "way"),
    [
        (np.full((2, 8, 8, 3), 4000, np.uint16), r"X \* \(255 / 4095\)"),
        (np.full((2, 8, 8, 3), 60000, np.uint16), r"X \* \(255 / 65535\)"),
        (np.full((2, 8, 8, 3), 0.9), r"X \* 255\)"),
        (np.full((2, 8, 8, 3), 200, np.int64), r"\(X\)\.round"),
        (np.full((2, 8, 8, 3), -2.1), "normalisation"),
        (np.full((2, 8, 8, 3), 2j), "dtype=np.uint8"),
    ],
)
def test_pixels_of_another_type_are_refused_with_their_scale(images, way):
    with pytest.raises(ValueError, match=rf"must be uint8 pixels .*{way}"):
        check_images(images)
