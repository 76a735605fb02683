"""Photographs on a page: margins of an export, screenshots, two eyes side by side."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.preprocessing import (
    FundusCropper,
    NoFundusError,
    find_circle,
    prepare_images,
)
from sk_fiqdr.preprocessing._page import take_off_page

LEFT, UPPER = 100, 50


@pytest.fixture(scope="module")
def eyes():
    return make_fundus(12, image_size=400, random_state=5)


def put_on_page(image, *, margins=(LEFT, UPPER, 100, 50), level=255, noise=0):
    left, upper, right, lower = margins
    height, width = image.shape[:2]
    page = np.zeros((height + upper + lower, width + left + right, 3)) + level
    page += noise * np.random.default_rng(0).standard_normal(page.shape)
    page[upper : upper + height, left : left + width] = image
    return page.clip(0, 255).astype(np.uint8)


def as_jpeg(page):
    file = io.BytesIO()
    Image.fromarray(page).save(file, "JPEG", quality=60)
    return np.asarray(Image.open(file))


def with_words(page):
    image = Image.fromarray(page)
    ImageDraw.Draw(image).text((120, 8), "Left eye", fill=0, font_size=28)
    return np.asarray(image)


def errors(eyes, draw, left=LEFT, upper=UPPER):
    """Return how far the circles are off, in radii."""
    truth = np.add(eyes.circle, [left, upper, 0])
    found = np.array([find_circle(draw(image)) for image in eyes.data])
    return np.abs(found - truth).max(axis=1) / eyes.circle[:, 2]


@pytest.mark.parametrize(
    "draw",
    [
        put_on_page,
        lambda image: put_on_page(image, level=(240, 235, 220), noise=4),
        lambda image: put_on_page(image, level=200),
        lambda image: put_on_page(image, level=80),
        lambda image: as_jpeg(put_on_page(image)),
        lambda image: with_words(put_on_page(image)),
    ],
    ids=["white", "paper", "grey", "dark grey", "JPEG", "words"],
)
def test_the_circle_is_found_as_without_the_page(eyes, draw):
    assert errors(eyes, draw).max() <= 0.01


@pytest.mark.parametrize(
    "margins",
    [
        (8, 8, 8, 8),
        (100, 0, 100, 0),
        (0, 80, 0, 80),
        (150, 0, 0, 0),
        (400, 400, 600, 9),
    ],
    ids=["thin", "beside", "above and below", "one side", "far larger"],
)
def test_the_margins_may_be_of_any_width(eyes, margins):
    off = errors(eyes, lambda image: put_on_page(image, margins=margins), *margins[:2])
    assert off.max() <= 0.02


def test_a_retina_cut_out_of_its_black_square_is_found(eyes):
    rows, columns = np.mgrid[:400, :400]
    for image, (x, y, radius) in zip(eyes.data, eyes.circle, strict=True):
        cut_out = np.where(
            (np.hypot(columns - x, rows - y) <= radius)[..., None], image, 255
        )
        found = find_circle(put_on_page(cut_out.astype(np.uint8)))
        expected = x + LEFT, y + UPPER, radius
        assert np.abs(np.subtract(found, expected)).max() <= 0.05 * radius


def test_crops_are_those_of_the_photographs_without_their_page(eyes, tmp_path):
    cropper = FundusCropper(image_size=96)
    plain = cropper.fit_transform(eyes.data)
    paged = cropper.fit_transform(np.stack([put_on_page(i) for i in eyes.data]))
    difference = np.abs(plain.astype(int) - paged).reshape(len(plain), -1)
    assert (difference.mean(axis=1) < 3).all()  # of 255 levels
    assert ((difference > 60).mean(axis=1) < 0.01).all()  # no white corners
    pages = tmp_path / "pages"
    pages.mkdir()
    for i in range(2):
        Image.fromarray(put_on_page(eyes.data[i])).save(pages / f"{i}_left.png")
    prepare_images(pages, tmp_path / "out", image_size=96, n_jobs=1)
    for i in range(2):
        (file,) = (tmp_path / "out").glob(f"{i}_left.*")
        prepared = np.asarray(Image.open(file).convert("RGB")).astype(int)
        assert np.abs(prepared - plain[i]).mean() < 4


def test_two_pictures_on_a_page_are_refused_and_not_chosen_from(eyes):
    both = np.hstack([put_on_page(eyes.data[0]), put_on_page(eyes.data[1])])
    with pytest.raises(NoFundusError, match=r"page with 2 pictures.* Save each"):
        find_circle(both)


def test_a_blank_page_holds_no_fundus():
    with pytest.raises(NoFundusError, match="one colour"):
        find_circle(np.full((300, 300, 3), 250, np.uint8))


def test_photographs_without_a_page_stay_as_they_are(eyes):
    for image in [*eyes.data, np.full((90, 120, 3), 140, np.uint8)]:
        image = Image.fromarray(image)
        assert take_off_page(image) is image


@pytest.mark.realdata
def test_no_real_photograph_is_taken_for_a_page(real_data):
    paths = sorted((real_data / "eyepacs-256" / "images").glob("*.jpeg"))[::10]
    for path in paths:
        with Image.open(path) as image:
            assert take_off_page(image) is image
