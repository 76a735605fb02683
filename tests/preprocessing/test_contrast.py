"""Local averages and CLAHE, against the formulas and another library."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.base import clone

from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.preprocessing import ClaheEqualizer, FundusCropper, GrahamNormalizer


@pytest.fixture(scope="module")
def crops():
    eyes = make_fundus(
        3, image_size=160, grade_fractions="balanced", poor_fraction=0, random_state=1
    )
    return FundusCropper(128).transform(eyes.data)


def test_graham_is_the_difference_from_an_exact_gaussian(crops):
    got = GrahamNormalizer().transform(crops).astype(float)
    sigma = 64 / 30
    blurred = gaussian_filter(crops.astype(float), (0, sigma, sigma, 0), mode="nearest")
    expected = np.clip(4 * (crops - blurred) + 128, 0, 255)
    y, x = np.mgrid[:128, :128]
    inside = np.hypot(x - 63.5, y - 63.5) < 0.88 * 64
    # Four times the rounding of the blurred image, and the box filters' few per cent.
    difference = np.abs(got - expected)[:, inside]
    assert difference.mean() < 2
    assert np.quantile(difference, 0.99) < 10


def test_graham_makes_the_border_grey(crops):
    y, x = np.mgrid[:128, :128]
    outside = np.hypot(x - 63.5, y - 63.5) > 0.91 * 64
    assert (GrahamNormalizer().transform(crops)[:, outside] == 128).all()


def test_graham_takes_away_light_that_changes_slowly(crops):
    slope = np.linspace(0.6, 1.0, 128)[None, None, :, None]
    darker = (crops * slope).round().astype(np.uint8)
    before = np.abs(darker.astype(float) - crops).mean()
    after = np.abs(
        GrahamNormalizer(gain=1).transform(darker).astype(float)
        - GrahamNormalizer(gain=1).transform(crops)
    ).mean()
    assert after < before / 10


def test_the_blur_scales_with_the_image(crops):
    small = FundusCropper(64).transform(crops)
    half = crops.reshape(3, 64, 2, 64, 2, 3).mean(axis=(2, 4)).round().astype(np.uint8)
    got, expected = GrahamNormalizer().transform(small), None
    expected = GrahamNormalizer().transform(half)
    assert np.abs(got.astype(int) - expected).mean() < 4


def test_clahe_raises_local_contrast_and_keeps_hue(crops):
    cv2 = pytest.importorskip("cv2")
    got = ClaheEqualizer().transform(crops)
    for before, after in zip(crops, got, strict=True):
        one, two = (cv2.cvtColor(i, cv2.COLOR_RGB2LAB) for i in (before, after))
        inside = before.max(axis=2) > 60
        assert two[..., 0][inside].std() > one[..., 0][inside].std()
        shift = np.abs(one[..., 1:].astype(int) - two[..., 1:])[inside]
        assert np.median(shift) <= 2


def test_each_image_is_normalised_by_itself(crops):
    for normalizer in (GrahamNormalizer(), ClaheEqualizer()):
        alone = clone(normalizer).fit_transform(crops[1:2])
        assert (normalizer.transform(crops)[1:2] == alone).all()


@pytest.mark.parametrize(
    ("normalizer", "name"),
    [
        (GrahamNormalizer(blur=0), "blur"),
        (GrahamNormalizer(gain=-1), "gain"),
        (GrahamNormalizer(keep="all"), "keep"),
        (GrahamNormalizer(keep=float("nan")), "keep"),
        (ClaheEqualizer(clip_limit=0), "clip_limit"),
        (ClaheEqualizer(n_tiles=2.5), "n_tiles"),
    ],
)
def test_a_senseless_parameter_is_named(normalizer, name, crops):
    with pytest.raises(ValueError, match=f"'{name}' parameter of .* must be.*Got"):
        normalizer.fit_transform(crops)


def test_paths_are_refused_with_the_way_out():
    with pytest.raises(TypeError, match=r"eye\.png.*FundusCropper"):
        GrahamNormalizer().transform(["eye.png"])
