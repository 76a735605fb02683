"""The camera's circle: found where a drawing or make_fundus put it."""

import numpy as np
import pytest
from PIL import Image

from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.preprocessing import NoFundusError, find_circle


def draw(
    width=320,
    height=240,
    *,
    circle=(160, 120, 100),
    inside=(150, 80, 40),
    outside=(0, 0, 0),
    noise=0,
    seed=0,
):
    """A plain disc: nothing but the circle to go by."""
    x, y, radius = circle
    rows, columns = np.mgrid[:height, :width]
    disc = np.clip(radius - np.hypot(columns - x, rows - y) + 0.5, 0, 1)[..., None]
    image = disc * np.array(inside) + (1 - disc) * np.array(outside)
    rng = np.random.default_rng(seed)
    image += noise * rng.standard_normal(image.shape)
    return image.clip(0, 255).astype(np.uint8)


def assert_near(found, expected, tolerance=0.02):
    assert np.abs(np.subtract(found, expected)).max() <= tolerance * expected[2]


@pytest.mark.parametrize(
    "circle",
    [
        (160, 120, 100),
        (130, 120, 100),
        (160, 120, 150),
        (160, 100, 155),
        (120, 130, 70),
        (160, 120, 165),
    ],
    ids=[
        "whole",
        "off-centre",
        "cut off above and below",
        "cut off above",
        "small",
        "cut off all around",
    ],
)
def test_the_circle_is_found_wherever_it_lies(circle):
    assert_near(find_circle(draw(circle=circle)), circle)


@pytest.mark.parametrize(
    ("inside", "outside", "noise"),
    [
        ((14, 9, 6), (0, 0, 0), 1),
        ((250, 240, 230), (60, 55, 50), 2),
        ((120, 80, 60), (45, 5, 45), 3),
        ((150, 110, 80), (40, 40, 40), 35),
    ],
    ids=["dark", "washed out", "coloured border", "noisy border"],
)
def test_light_and_border_do_not_matter(inside, outside, noise):
    image = draw(inside=inside, outside=outside, noise=noise)
    assert_near(find_circle(image), (160, 120, 100))


def test_padding_around_a_noisy_border_is_not_taken_for_the_border():
    image = np.zeros((320, 320, 3), np.uint8)
    image[40:280] = draw(outside=(40, 40, 40), noise=35)
    assert_near(find_circle(image), (160, 160, 100))


def test_a_notch_and_a_lid_do_not_matter():
    image = draw()
    image[40:60, 225:245] = (150, 80, 40)
    image[150:, 60:140] //= 6
    assert_near(find_circle(image), (160, 120, 100))


def test_no_smaller_circle_between_the_cuts_is_preferred():
    circle = (160, 120, 150)  # the frame cuts off a fifth of it above and below
    image = np.zeros((320, 320, 3), np.uint8)
    image[40:280] = draw(circle=circle)
    assert_near(find_circle(image), (160, 160, 150))


def test_painted_circles_are_found_in_every_kind_of_poor_photograph():
    eyes = make_fundus(
        150,
        image_size=160,
        grade_fractions="balanced",
        poor_fraction=0.7,
        random_state=3,
    )
    found = np.array([find_circle(image) for image in eyes.data])
    error = np.abs(found - eyes.circle).max(axis=1) / eyes.circle[:, 2]
    assert set(eyes.frame["defect"]) > {"occlusion", "haze", "under-exposure"}
    assert (error <= 0.02).mean() >= 0.99


@pytest.mark.parametrize("size", [64, 100, 700, 1500])
def test_the_circle_scales_with_the_image(size):
    expected = np.array([0.48, 0.52, 0.42]) * size
    image = draw(size, size, circle=expected)
    assert_near(find_circle(image), expected, 0.01)


def test_arrays_and_pillow_images_are_the_same():
    image = draw(noise=3)
    assert find_circle(image) == find_circle(Image.fromarray(image))


def test_a_photograph_without_border_is_kept_whole():
    rng = np.random.default_rng(0)
    image = (140 + 20 * rng.standard_normal((90, 120, 3))).astype(np.uint8)
    assert find_circle(image) == (59.5, 44.5, 60)


@pytest.mark.parametrize("colour", [0, 255, 120])
def test_an_image_of_one_colour_holds_no_fundus(colour):
    with pytest.raises(NoFundusError, match=r"one colour.*expected a fundus"):
        find_circle(np.full((100, 100, 3), colour, np.uint8))


def test_a_tiny_image_holds_no_fundus():
    with pytest.raises(NoFundusError, match="1 x 1 pixels"):
        find_circle(np.zeros((1, 1, 3), np.uint8))


@pytest.mark.realdata
def test_every_small_photograph_has_a_plausible_circle(real_data):
    paths = sorted((real_data / "eyepacs-256" / "images").glob("*.jpeg"))[::25]
    circles = np.array([find_circle(Image.open(path)) for path in paths])
    assert (np.abs(circles[:, :2] - 127.5) < 90).all()
    # Most fill the picture, some a small part of it; none is half a retina.
    assert ((circles[:, 2] > 70) & (circles[:, 2] < 180)).all()


@pytest.mark.parametrize(
    "image",
    [
        "eye.png",
        None,
        np.zeros((40, 40)),
        np.zeros((40, 40, 3)),
        np.zeros((3, 40, 40), np.uint8),
        np.zeros((2, 40, 40, 3), np.uint8),
    ],
    ids=["path", "none", "grey", "float", "channels first", "batch"],
)
def test_what_is_no_image_is_refused_with_the_way_out(image):
    with pytest.raises(TypeError, match=r"find_circle takes one uint8 image.* got "):
        find_circle(image)
