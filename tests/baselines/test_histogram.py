"""The template intensity histogram, against loops over pixels and bins."""

import math

import numpy as np
import pytest

from sk_fiqdr.baselines import TemplateHistogramClassifier

SIZE = 40


def noise(n, seed=0, low=20, high=256):
    """Return images without a border: the field of view is the inscribed circle."""
    rng = np.random.default_rng(seed)
    return rng.integers(low, high, (n, SIZE, SIZE, 3), dtype=np.uint8)


def histogram_by_loop(image, channel):
    counts, middle = [0] * 64, (SIZE - 1) / 2
    for row in range(SIZE):
        for column in range(SIZE):
            if math.hypot(row - middle, column - middle) < 0.97 * SIZE / 2:
                counts[image[row, column, channel] // 4] += 1
    return [count / sum(counts) for count in counts]


def q_by_loop(histogram, template):
    product = sum(h * t for h, t in zip(histogram, template, strict=True))
    squares = sum(h * h for h in histogram) * sum(t * t for t in template)
    return product / math.sqrt(squares)


def test_the_quality_index_equals_a_loop_over_pixels():
    images = np.concatenate([noise(3), noise(3, 1, high=120), noise(2, 2, low=150)])
    y = np.array([1, 0, 1, 1, 0, 0, 1, 0])
    measured = TemplateHistogramClassifier(image_size=SIZE).fit(images, y)
    for channel in range(3):
        histograms = [histogram_by_loop(image, channel) for image in images]
        good = [h for h, label in zip(histograms, y, strict=True) if label == 1]
        template = [sum(bins) / len(good) for bins in zip(*good, strict=True)]
        np.testing.assert_allclose(
            measured.transform(images)[:, channel],
            [q_by_loop(h, template) for h in histograms],
            rtol=1e-5,
        )


def test_the_index_is_one_for_the_template_and_zero_for_nothing_in_common():
    dark, bright = noise(1, high=100), noise(1, low=160)
    images = np.concatenate([bright, dark])
    measures = TemplateHistogramClassifier(image_size=SIZE).fit(images, [1, 0])
    np.testing.assert_allclose(measures.transform(images), [[1] * 3, [0] * 3])


def test_where_the_intensities_are_does_not_matter():
    images = noise(4)
    measures = TemplateHistogramClassifier(image_size=SIZE).fit(images, [1, 1, 0, 0])
    turned = np.rot90(images, axes=(1, 2))
    np.testing.assert_allclose(
        measures.transform(images), measures.transform(turned), rtol=1e-6
    )


def test_the_black_around_the_field_of_view_does_not_count():
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    images = np.where((np.hypot(y, x) < SIZE / 2)[..., None], noise(4), 0)
    images = images.astype(np.uint8)
    wide = np.zeros((4, SIZE, 2 * SIZE, 3), np.uint8)
    wide[:, :, SIZE // 2 : -SIZE // 2] = images
    measures = TemplateHistogramClassifier(image_size=SIZE).fit(images, [1, 1, 0, 0])
    measures_of_wide = TemplateHistogramClassifier(image_size=2 * SIZE)
    measures_of_wide.fit(wide, [1, 1, 0, 0])
    np.testing.assert_allclose(
        measures.transform(images), measures_of_wide.transform(wide), rtol=1e-6
    )


@pytest.mark.parametrize(
    "defect", ["uneven illumination", "under-exposure", "over-exposure", "haze"]
)
def test_defects_of_light_lower_every_index(eyes, paint, defect):
    measures = TemplateHistogramClassifier(image_size=96).fit(*eyes)
    good, spoilt = measures.transform(paint("")), measures.transform(paint(defect))
    assert (np.median(spoilt, axis=0) < np.median(good, axis=0)).all()
    assert (spoilt < good).mean() > 0.8


def test_an_image_of_one_grey_level_has_an_index():
    images = np.concatenate([noise(2), np.full((2, SIZE, SIZE, 3), 3, np.uint8)])
    measures = TemplateHistogramClassifier(image_size=SIZE).fit(images, [1, 1, 0, 0])
    np.testing.assert_array_equal(measures.transform(images)[2:], 0)
    assert measures.predict(images).tolist() == [1, 1, 0, 0]
