"""The rough field of view: near the true circle, whatever the light."""

import numpy as np
import pytest

from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.preprocessing._field_of_view import find_field


def test_the_field_is_near_the_painted_circle_whatever_the_defect():
    eyes = make_fundus(60, image_size=128, poor_fraction=0.8, random_state=0)
    found = np.array([find_field(image) for image in eyes.data])
    radius = eyes.circle[:, 2]
    off_centre = np.hypot(*(found - eyes.circle)[:, :2].T) / radius
    assert off_centre.max() < 0.06
    assert (np.abs(found[:, 2] - radius) / radius).max() < 0.06


def test_the_field_is_found_to_a_block_on_a_large_black_frame():
    image = np.zeros((160, 160, 3), np.uint8)
    y, x = np.mgrid[:160, :160]
    image[np.hypot(y - 70, x - 90) < 40] = (120, 60, 20)
    field = find_field(image)
    assert (field.x, field.y) == pytest.approx((90, 70), abs=3)
    assert field.radius == pytest.approx(40, abs=4)


@pytest.mark.parametrize("size", [32, 33, 50, 255])
@pytest.mark.parametrize("level", [0, 255])
def test_a_pixel_or_nothing_lit_leaves_the_inscribed_circle(size, level):
    image = np.zeros((size, size, 3), np.uint8)
    image[-1, -1] = level
    assert find_field(image) == ((size - 1) / 2, (size - 1) / 2, size / 2)


def test_a_speck_does_not_widen_it():
    image = np.zeros((160, 160, 3), np.uint8)
    y, x = np.mgrid[:160, :160]
    image[np.hypot(y - 80, x - 80) < 40] = 100
    alone = find_field(image)
    image[2:6, 2:6] = 255
    assert find_field(image) == alone


def test_distances_are_in_radii():
    field = find_field(np.full((64, 64, 3), 90, np.uint8))
    distance = field.squared_distance(64)
    assert distance[32, 63] == pytest.approx((31.5**2 + 0.5**2) / 32**2)
    assert distance[0, 0] == pytest.approx(2 * 31.5**2 / 32**2)
