"""Crops: what lies in them, what is kept of the files, and how bad input is told."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.model_selection import patient_ids
from sk_fiqdr.preprocessing import FundusCropper, NoFundusError
from sk_fiqdr.preprocessing._crop import crop_file, crop_to_circle
from sk_fiqdr.utils._read_image import UnreadableImageError


@pytest.fixture(scope="module")
def camera_file(tmp_path_factory):
    """A painted eye, off-centre in a landscape frame as cameras have it."""
    eye = make_fundus(1, image_size=600, random_state=4)
    frame = np.zeros((700, 1100, 3), np.uint8)
    frame[60:660, 300:900] = eye.data[0]
    path = tmp_path_factory.mktemp("ä folder") / "7_left.jpeg"
    Image.fromarray(frame).save(path, quality=95)
    return path, eye.circle[0] + (300, 60, 0)


def test_the_crop_shows_the_circle_from_edge_to_edge():
    rows, columns = np.mgrid[:300, :400]
    image = np.zeros((300, 400, 3), np.uint8)
    image[np.hypot(columns - 230, rows - 140) < 90] = 200
    crop = crop_to_circle(image, (230, 140, 90), 64)
    y, x = np.mgrid[:64, :64]
    distance = np.hypot(x - 31.5, y - 31.5)
    assert (crop[distance < 30] > 190).all()
    assert (crop[distance > 34] < 10).all()


def test_what_lies_beyond_the_photograph_is_black_and_nothing_moves():
    rng = np.random.default_rng(0)
    image = rng.integers(1, 255, (40, 60, 3), dtype=np.uint8)
    crop = crop_to_circle(image, (29.5, 19.5, 30), 60)  # one pixel stays one pixel
    assert (crop[10:50] == image).all()
    assert (crop[:10] == 0).all()
    assert (crop[50:] == 0).all()


def test_the_circle_is_told_in_pixels_of_the_file(camera_file):
    path, circle = camera_file
    for image_size in (64, 256, 512):
        _, found = crop_file(path, image_size)
        assert np.abs(np.subtract(found, circle)).max() < 0.01 * circle[2]


def test_reduced_decoding_gives_the_picture_of_full_decoding(camera_file):
    path, _ = camera_file
    crop, circle = crop_file(path, 96)
    with Image.open(path) as image:
        full = crop_to_circle(image.convert("RGB"), circle, 96)
    assert np.abs(crop.astype(int) - full).mean() < 3


def test_exif_orientation_turns_the_circle_too(camera_file, tmp_path):
    path, circle = camera_file
    turned = tmp_path / "7_right.jpeg"
    with Image.open(path) as image:
        exif = image.getexif()
        exif[274] = 6  # to be turned by 90 degrees, clockwise
        image.save(turned, quality=95, exif=exif)
    _, found = crop_file(turned, 128)
    x, y, radius = circle
    assert np.abs(np.subtract(found, (699 - y, x, radius))).max() < 0.01 * radius


def test_paths_and_their_pixels_give_the_same_crops(tmp_path):
    eyes = make_fundus(3, image_size=96, random_state=0).data
    paths = [tmp_path / f"{i}_left.png" for i in range(3)]
    for eye, path in zip(eyes, paths, strict=True):
        Image.fromarray(eye).save(path)
    cropper = FundusCropper(64)
    assert (cropper.transform(paths) == cropper.fit_transform(eyes)).all()
    assert (clone(cropper).set_params(n_jobs=2).transform(paths)[2] > 0).any()


def test_cached_crops_are_made_once_and_keep_their_names(camera_file, tmp_path):
    path, _ = camera_file
    cropper = FundusCropper(64, cache_dir=tmp_path / "kept crops")
    (crop,) = cropper.transform([path])
    assert (np.asarray(Image.open(crop)) == FundusCropper(64).transform([path])).all()
    assert patient_ids([crop]) == patient_ids([path])
    original, made = path.stat(), os.stat(crop)
    assert cropper.transform([path]) == [crop]
    assert os.stat(crop) == made  # not written again
    assert path.stat() == original
    assert cropper.set_params(image_size=32).transform([path]) != [crop]


def test_a_changed_photograph_is_cropped_anew(tmp_path):
    eyes = make_fundus(2, image_size=96, random_state=0).data
    path = tmp_path / "1_left.png"
    cropper = FundusCropper(64, cache_dir=tmp_path / "crops")
    crops = []
    for eye in eyes:
        Image.fromarray(eye).save(path)
        crops.append(cropper.transform([path])[0])
    assert crops[0] != crops[1]
    assert not (np.asarray(Image.open(crops[0])) == Image.open(crops[1])).all()


def test_a_folder_that_names_the_patient_still_does_in_the_cache(tmp_path):
    path = tmp_path / "265" / "left.png"
    path.parent.mkdir()
    Image.fromarray(make_fundus(1, image_size=96, random_state=0).data[0]).save(path)
    (crop,) = FundusCropper(64, cache_dir=tmp_path / "crops").transform([path])
    assert patient_ids([crop]) == ["265"]


def test_nothing_half_written_stays_in_the_cache(tmp_path):
    bad = tmp_path / "1_left.jpeg"
    bad.write_bytes(b"<html>not found</html>")
    with pytest.raises(UnreadableImageError, match=r"1_left\.jpeg.*is not an image"):
        FundusCropper(64, cache_dir=tmp_path / "crops").transform([bad])
    assert [p for p in (tmp_path / "crops").rglob("*") if p.is_file()] == []


def test_a_link_in_the_cache_is_refused(camera_file, tmp_path):
    path, _ = camera_file
    cropper = FundusCropper(64, cache_dir=tmp_path / "crops")
    (crop,) = cropper.transform([path])
    os.unlink(crop)
    folder = Path(crop).parent
    elsewhere = folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(elsewhere)
    with pytest.raises(OSError, match="A link leads out of cache_dir"):
        cropper.transform([path])
    assert not list(elsewhere.iterdir())


def test_crops_of_relative_paths_never_share_a_place(tmp_path, monkeypatch):
    """Were they called by "..", they would lie outside of their own folders."""
    eyes = make_fundus(2, image_size=96, random_state=0).data
    crops = []
    for name, eye in zip("ab", eyes, strict=True):
        (tmp_path / name / "work").mkdir(parents=True)
        Image.fromarray(eye).save(tmp_path / name / "1_left.png")
        monkeypatch.chdir(tmp_path / name / "work")
        cropper = FundusCropper(64, cache_dir=tmp_path / "crops")
        crops.extend(cropper.transform([os.path.join("..", "1_left.png")]))
    assert len({os.path.realpath(crop) for crop in crops}) == 2


def test_colleagues_may_read_cached_crops(camera_file, tmp_path):
    (crop,) = FundusCropper(64, cache_dir=tmp_path / "crops").transform(camera_file[:1])
    (tmp_path / "ordinary").touch()
    assert os.stat(crop).st_mode == (tmp_path / "ordinary").stat().st_mode


def test_the_cropper_sits_in_a_pipeline_before_a_net(tiny, fundus, fundus_paths):
    pipeline = make_pipeline(FundusCropper(48), FIQDRClassifier(**tiny))
    pipeline.fit(fundus_paths, fundus.target)
    assert pipeline.predict(fundus_paths).shape == (24,)


def test_an_image_without_a_fundus_is_named(tmp_path, fundus):
    path = tmp_path / "black.png"
    Image.new("RGB", (80, 80)).save(path)
    with pytest.raises(NoFundusError, match=r"black\.png.*one colour"):
        FundusCropper().transform([path])
    images = fundus.data.copy()
    images[5] = 0
    with pytest.raises(NoFundusError, match="Row 5 of X"):
        FundusCropper().transform(images)


@pytest.mark.parametrize("image_size", [0, -4, 2.5, "512", None])
def test_a_senseless_size_is_refused(image_size, fundus):
    with pytest.raises(ValueError, match=f"image_size.*Got {image_size!r}"):
        FundusCropper(image_size).fit_transform(fundus.data)


def test_a_senseless_cache_is_refused(fundus):
    with pytest.raises(TypeError, match=r"cache_dir.*Got 3"):
        FundusCropper(cache_dir=3).fit_transform(fundus.data)


@pytest.mark.parametrize("X", ["eye.png", [], np.zeros((3, 4)), [None]])
def test_what_is_no_photograph_is_refused(X):
    with pytest.raises((TypeError, ValueError), match=r"expected|Pass|must"):
        FundusCropper().transform(X)
