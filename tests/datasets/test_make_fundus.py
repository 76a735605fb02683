"""Painted photographs: what is claimed of them is in their pixels."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.datasets._synthetic import DEFECTS, Appearance, paint_fundus
from sk_fiqdr.datasets._synthetic._make_fundus import (
    GRADE_FRACTIONS,
    _draw_grades,
    _poor_by_grade,
)


def paint(seed, *, grade=0, eye="right", defect="", size=96):
    return paint_fundus(
        np.random.default_rng(seed),
        Appearance.draw(np.random.default_rng(seed)),
        grade=grade,
        eye=eye,
        defect=defect,
        image_size=size,
    )


def test_shapes_and_types_are_those_of_a_bunch():
    fundus = make_fundus(5, image_size=40, random_state=0)
    assert fundus.data.shape == (5, 40, 40, 3)
    assert fundus.data.dtype == np.uint8
    assert fundus.target.shape == (5, 2)
    assert fundus.target.dtype == np.int64
    assert fundus.groups.tolist() == ["1", "1", "2", "2", "3"]
    assert list(fundus.frame) == ["patient", "eye", "grade", "quality", "defect"]
    assert "Painted, not photographed" in fundus.DESCR


def test_the_seed_repeats_every_byte():
    one, two, other = (make_fundus(6, image_size=48, random_state=s) for s in (3, 3, 4))
    assert (one.data == two.data).all()
    assert (one.data != other.data).any()


def test_the_global_generator_is_left_alone():
    np.random.seed(0)  # noqa: NPY002 the global generator is what is tested
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    make_fundus(2, image_size=32, random_state=0)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_labels_do_not_depend_on_the_size_and_images_hardly():
    small = make_fundus(4, image_size=64, random_state=0)
    large = make_fundus(4, image_size=128, random_state=0)
    assert (small.target == large.target).all()
    np.testing.assert_allclose(large.circle[:, 2], 2 * small.circle[:, 2])
    for a, b in zip(small.data, large.data, strict=True):
        shrunk = np.asarray(Image.fromarray(b).resize((64, 64), Image.BOX), float)
        assert np.abs(shrunk - a).mean() < 8


@pytest.mark.parametrize("fractions", [GRADE_FRACTIONS, (0.2,) * 5])
def test_grades_have_the_asked_frequencies_and_eyes_are_alike(fractions):
    grades = _draw_grades(
        np.random.RandomState(0), 20_000, np.array(fractions) / sum(fractions)
    )
    share = np.bincount(grades, minlength=5) / len(grades)
    np.testing.assert_allclose(share, fractions, atol=0.01)
    assert (grades[::2] == grades[1::2]).mean() == pytest.approx(0.87, abs=0.01)


@pytest.mark.parametrize("poor", [0.0, 0.036, 0.3, 0.9, 1.0])
def test_rates_of_poor_quality_add_up_and_keep_their_order(poor):
    rates = _poor_by_grade(poor, np.array(GRADE_FRACTIONS))
    assert (rates * GRADE_FRACTIONS).sum() == pytest.approx(poor, abs=1e-6)
    assert (np.diff(rates[[1, 0, 2, 3, 4]]) > -1e-9).all()


@pytest.mark.parametrize("poor", [0.0, 0.3, 1.0])
def test_the_share_of_poor_images_can_be_set(poor):
    fundus = make_fundus(
        120,
        image_size=32,
        poor_fraction=poor,
        grade_fractions="balanced",
        random_state=0,
    )
    assert (fundus.target[:, 1] == 0).mean() == pytest.approx(poor, abs=0.12)
    assert ((fundus.frame["defect"] != "") == (fundus.target[:, 1] == 0)).all()


@pytest.mark.parametrize("seed", range(8))
def test_outside_the_known_circle_it_is_black_and_inside_bright(seed):
    painting = paint(seed, size=160)
    x, y, radius = painting.circle
    yy, xx = np.mgrid[:160, :160]
    distance = np.hypot(xx - x, yy - y)
    light = painting.image.max(axis=2)
    assert light[distance > 1.07 * radius].max(initial=0) < 12  # the notch is nearer
    assert (light[distance < 0.7 * radius] > 40).mean() > 0.99


@pytest.mark.parametrize("eye", ["left", "right"])
def test_the_disc_lies_to_the_nose(eye):
    for seed in range(5):
        painting = paint(seed, eye=eye, size=128)
        blurred = ndimage.gaussian_filter(painting.image[..., 1].astype(float), 5)
        column = np.unravel_index(blurred.argmax(), blurred.shape)[1]
        assert (column > 64) == (eye == "right")


@pytest.mark.parametrize("eye", ["left", "right"])
def test_the_fovea_lies_to_the_temple_of_the_disc_and_is_dark(eye):
    for seed in range(5):
        painting = paint(seed, eye=eye, size=128)
        smooth = ndimage.gaussian_filter(painting.image[..., 0].astype(float), 4)
        disc = np.unravel_index(
            ndimage.gaussian_filter(painting.image[..., 1].astype(float), 5).argmax(),
            smooth.shape,
        )[1]
        macula = smooth[50:84, 44:84]  # no border, and the disc at its edge at most
        column = 44 + np.unravel_index(macula.argmin(), macula.shape)[1]
        assert (column < disc) == (eye == "right")


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_spoilt_photograph_shows_the_eye_that_the_good_one_shows(defect):
    for seed in range(3):
        good, bad = (paint(seed, grade=3, defect=d) for d in ("", defect))
        assert (good.lesions == bad.lesions).all()
        assert np.array_equal(good.circle, bad.circle)
    if defect in ("under-exposure", "haze"):
        one, two = (p.image[24:72, 24:72, 1].astype(float) for p in (good, bad))
        assert np.corrcoef(one.ravel(), two.ravel())[0, 1] > 0.6


def test_lesions_grow_with_the_grade():
    area = [
        np.mean([paint(s, grade=grade, size=160).lesions.mean() for s in range(8)])
        for grade in range(5)
    ]
    assert area[0] == 0
    assert 0 < area[1] < area[2] < area[3]
    assert area[4] > area[2]


def test_lesion_masks_come_on_request():
    fundus = make_fundus(
        10,
        image_size=64,
        grade_fractions="balanced",
        lesion_masks=True,
        random_state=1,
    )
    assert fundus.lesion_mask.shape == (10, 64, 64)
    for mask, grade in zip(fundus.lesion_mask, fundus.target[:, 0], strict=True):
        assert mask.any() == (grade > 0)
    assert "lesion_mask" not in make_fundus(1, image_size=32)


def sharpness(image):
    return ndimage.laplace(image[30:-30, 30:-30, 1].astype(float)).var()


def inside_mean(image):
    return image[image.shape[0] // 4 : -image.shape[0] // 4].mean()


@pytest.mark.parametrize("seed", range(3))
def test_defects_do_to_the_picture_what_they_are_called(seed):
    good = paint(seed).image
    bad = {defect: paint(seed, defect=defect).image for defect in DEFECTS}
    assert sharpness(bad["blur"]) < 0.7 * sharpness(good)
    assert inside_mean(bad["under-exposure"]) < 0.5 * inside_mean(good)
    assert inside_mean(bad["over-exposure"]) > 1.3 * inside_mean(good)
    middle = np.s_[24:72, 24:72, 1]  # one channel: a veil has a colour of its own
    assert bad["haze"][middle].std() < 0.6 * good[middle].std()
    halves = [
        bad["uneven illumination"][rows, cols].mean()
        for rows in (slice(20, 48), slice(48, 76))
        for cols in (slice(20, 48), slice(48, 76))
    ]
    assert max(halves) > 1.5 * min(halves)
    assert (bad["occlusion"] != good).mean() > 0.3


@pytest.mark.parametrize("size", [32, 33, 500])
def test_any_size_will_do(size):
    assert make_fundus(1, image_size=size, random_state=0).data.shape == (
        1,
        size,
        size,
        3,
    )


@pytest.mark.parametrize(
    "kwargs",
    [
        {"n_samples": 0},
        {"n_samples": 2.5},
        {"n_samples": True},
        {"n_samples": "10"},
        {"image_size": 16},
        {"image_size": 10_000},
        {"image_size": "large"},
        {"poor_fraction": 1.5},
        {"poor_fraction": "a"},
        {"poor_fraction": float("nan")},
        {"grade_fractions": [1, 1, 1, 1, float("inf")]},
        {"grade_fractions": [1, 2]},
        {"grade_fractions": "even"},
        {"grade_fractions": [0, 0, 0, 0, 0]},
        {"grade_fractions": [-1, 1, 1, 1, 1]},
    ],
)
def test_senseless_parameters_are_refused_by_name(kwargs):
    with pytest.raises(ValueError, match=f"{next(iter(kwargs))}.* must be"):
        make_fundus(**kwargs)
