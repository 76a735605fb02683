"""Edge magnitudes and local intensity, against hand-computed images and loops."""

import math

import numpy as np
import pytest
from scipy import ndimage

from sk_fiqdr.baselines import EdgeIntensityClassifier
from sk_fiqdr.baselines._edges import chi_square_distance, edge_magnitude

SIZE, MIDDLE = 48, 23.5


def colour(grey):
    return np.repeat(np.asarray(grey, np.uint8)[..., None], 3, axis=-1)


def step(height):
    """Return an image that is 60 to the left and 60 + height to the right."""
    grey = np.full((SIZE, SIZE), 60)
    grey[:, SIZE // 2 :] += height
    return colour(grey)


def inside(row, column, radii):
    return math.hypot(row - MIDDLE, column - MIDDLE) < radii * SIZE / 2


def fit(*good):
    """Fit on these good images and on a black one."""
    images = np.stack([*good, np.zeros((SIZE, SIZE, 3), np.uint8)])
    y = [1] * len(good) + [0]
    return EdgeIntensityClassifier(image_size=SIZE).fit(images, y)


def test_a_step_has_half_its_height_as_magnitude_on_either_side():
    # Sobel's difference goes over two pixels.
    magnitude = edge_magnitude(step(20)[..., 1])
    expected = np.zeros((SIZE - 2, SIZE - 2))
    expected[:, [SIZE // 2 - 2, SIZE // 2 - 1]] = 10  # without the outermost column
    np.testing.assert_array_equal(magnitude, expected)


def test_the_edge_histogram_of_a_step_is_known():
    n = n_edge = 0
    for row in range(1, SIZE - 1):
        for column in range(1, SIZE - 1):
            if inside(row, column, 0.9):
                n += 1
                n_edge += column in (SIZE // 2 - 1, SIZE // 2)
    expected = np.zeros(64)
    expected[0], expected[20] = 1 - n_edge / n, n_edge / n  # 10 levels, bins of 0.5
    np.testing.assert_allclose(fit(step(20)).edge_reference_, expected, rtol=1e-5)


@pytest.mark.parametrize("height", [64, 150])
def test_the_last_bin_takes_all_edges_beyond_it(height):
    assert fit(step(height)).edge_reference_[63] > 0
    assert fit(step(height)).edge_reference_.sum() == pytest.approx(1)


def test_the_magnitude_is_that_of_scipys_sobel():
    grey = np.random.default_rng(0).integers(0, 256, (31, 45)).astype(float)
    expected = np.hypot(ndimage.sobel(grey, 0), ndimage.sobel(grey, 1)) / 8
    np.testing.assert_allclose(edge_magnitude(grey), expected[1:-1, 1:-1], rtol=1e-5)


def test_the_scale_of_a_ramp_is_its_slope_by_the_root_of_two():
    ramp = colour(np.tile(40 + 3 * np.arange(SIZE), (SIZE, 1)))
    _, scale, _ = fit(ramp).transform(ramp[None])[0]
    assert scale == pytest.approx(3 / math.sqrt(2))


def test_the_distance_equals_a_loop_and_has_its_known_ends():
    rng = np.random.default_rng(0)
    a, b = rng.dirichlet(np.ones(7), size=(2, 5))
    expected = [
        sum((x - y) ** 2 / (x + y) for x, y in zip(h, r, strict=True)) / 2
        for h, r in zip(a, b, strict=True)
    ]
    np.testing.assert_allclose(chi_square_distance(a, b), expected)
    np.testing.assert_allclose(chi_square_distance(b, a), expected)
    assert chi_square_distance(a, a).max() == 0
    assert chi_square_distance(np.array([1.0, 0, 0]), np.array([0, 0, 1.0])) == 1


def test_local_intensities_equal_a_loop_over_pixels():
    image = np.random.default_rng(0).integers(30, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    counts = np.zeros((64, 8))
    for row in range(SIZE):
        for column in range(SIZE):
            if inside(row, column, 0.97):
                cell = 8 * (row // 6) + column // 6
                counts[cell, image[row, column, 1] // 32] += 1
    expected = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.testing.assert_allclose(fit(image).intensity_reference_, expected, atol=1e-6)


def test_a_good_image_has_no_distance_from_itself():
    image = np.random.default_rng(0).integers(30, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    edges, _, intensity = fit(image).transform(image[None])[0]
    assert edges == pytest.approx(0, abs=1e-6)
    assert intensity == pytest.approx(0, abs=1e-6)


def test_intensity_in_the_wrong_place_is_a_distance_and_edges_are_not_concerned():
    left, right = step(100), step(100)[:, ::-1]
    edges, _, intensity = fit(left).transform(right[None])[0]
    assert edges == pytest.approx(0, abs=1e-6)
    assert intensity == pytest.approx(1)  # every cell has the other side's intensity


RISES, FALLS = 1, -1
EXPECTED = {  # edge_distance, edge_scale, intensity_distance; 0 makes no claim
    "blur": (RISES, FALLS, 0),
    "haze": (RISES, FALLS, RISES),
    "under-exposure": (RISES, FALLS, RISES),
    "over-exposure": (RISES, 0, RISES),
    "uneven illumination": (0, FALLS, RISES),
    "occlusion": (0, 0, RISES),
}


@pytest.mark.parametrize("defect", EXPECTED)
def test_each_defect_moves_the_measures_that_should_see_it(eyes, paint, defect):
    measures = EdgeIntensityClassifier(image_size=96).fit(*eyes)
    moved = measures.transform(paint(defect)) - measures.transform(paint(""))
    for column, expected in enumerate(EXPECTED[defect]):
        if expected:
            assert np.median(expected * moved[:, column]) > 0
            assert (expected * moved[:, column] > 0).mean() >= 0.8
