"""Which files are images: one list, and an account of all others."""

import os

import pytest
from PIL import Image

from sk_fiqdr.datasets import load_kaggle_dr
from sk_fiqdr.datasets._folder import image_name
from sk_fiqdr.model_selection import patient_ids
from sk_fiqdr.preprocessing import prepare_images
from sk_fiqdr.utils._image_files import (
    BESIDE,
    SYSTEM,
    describe_aside,
    list_files,
)
from sk_fiqdr.utils._read_image import EXTENSIONS, FORMATS, read_image

SAVED_AS = {
    ".apng": "PNG",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".jfif": "JPEG",
    ".jp2": "JPEG2000",
    ".jpe": "JPEG",
    ".mpo": "JPEG",
    ".pgm": "PPM",
    ".ppm": "PPM",
    ".tif": "TIFF",
    ".webp": "WEBP",
}


def write_eye(path, form="JPEG", size=96):
    """Write a disc on black, which `prepare` finds."""
    from sk_fiqdr.datasets import make_fundus

    eye = make_fundus(1, image_size=size, random_state=len(path.name)).data[0]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(eye).save(path, form)


def test_the_list_is_that_of_every_format_which_is_read():
    Image.init()
    known = Image.registered_extensions().items()
    assert {e for e, form in known if form in (*FORMATS, "MPO")} == EXTENSIONS


@pytest.mark.parametrize("suffix", sorted(SAVED_AS))
def test_a_file_of_each_kind_is_found_read_named_and_prepared(suffix, tmp_path):
    for side in ("left", "right"):
        write_eye(tmp_path / "in" / f"13_{side}{suffix}", SAVED_AS[suffix])
    paths = list_files(tmp_path / "in").images
    assert len(paths) == 2
    assert read_image(paths[0], 32).shape == (32, 32, 3)
    assert patient_ids(paths).tolist() == ["13", "13"]
    assert image_name(paths[0]) == "13_left"
    prepare_images(tmp_path / "in", tmp_path / "out", image_size=48, n_jobs=1)
    labels = tmp_path / "labels.csv"
    labels.write_text(f"image,level\n13_left{suffix},0\n13_right{suffix.upper()},3\n")
    assert load_kaggle_dr(tmp_path / "out", labels).target[:, 0].tolist() == [0, 3]


OF_SYSTEMS = [
    "._13_left.jpg",
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    "@eaDir/13_left.jpg/SYNOPHOTO_THUMB_M.jpg",
    "__MACOSX/images/._13_left.jpg",
    ".hidden/13_left.jpg",
    "#recycle/13_left.jpg",
]


@pytest.mark.parametrize("name", OF_SYSTEMS)
def test_what_a_system_keeps_is_left_aside_and_counted(name, tmp_path):
    write_eye(tmp_path / "13_left.jpg")
    write_eye(tmp_path / name)
    listing = list_files(tmp_path)
    assert [os.path.basename(path) for path in listing.images] == ["13_left.jpg"]
    assert listing.aside == {str(tmp_path / name): SYSTEM}
    assert len(load_kaggle_dr(tmp_path, None).left_aside) == 1


def messy(folder):
    """Write two photographs, one file that is none, and others; return how many."""
    write_eye(folder / "13_left.jpg")
    write_eye(folder / "deep" / "13_right.PPM", "PPM")
    (folder / "14_left.png").write_text("<html>")
    for name in ("labels.csv", "scan.dcm", "15_left.heic", "README"):
        (folder / name).write_text("x")
    for name in OF_SYSTEMS:
        write_eye(folder / name)
    return 3 + 4 + len(OF_SYSTEMS)


def test_every_file_is_in_one_of_the_two_lists(tmp_path):
    n_files = messy(tmp_path)
    listing = list_files(tmp_path)
    every = [os.path.join(p, name) for p, _, ns in os.walk(tmp_path) for name in ns]
    assert len(every) == n_files
    assert sorted([*listing.images, *listing.aside]) == sorted(every)
    assert listing.aside[str(tmp_path / "README")] == "no suffix"


def test_a_reader_names_what_may_be_a_photograph_and_not_what_lies_beside(tmp_path):
    messy(tmp_path)
    with pytest.warns(UserWarning, match="Left aside") as caught:
        eyes = load_kaggle_dr(tmp_path, None)
    said = str(caught[0].message)
    assert "scan.dcm" in said
    assert "15_left.heic" in said
    assert "README" in said
    assert "labels.csv" not in said
    assert "Thumbs" not in said
    assert ".csv" in BESIDE
    assert eyes.report["n_files_left_aside"] == len(eyes.left_aside) == 12


def test_a_link_into_the_folder_itself_counts_no_file_twice(tmp_path):
    n_files = messy(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "deep", target_is_directory=True)
    listing = list_files(tmp_path)
    assert len(listing.images) + len(listing.aside) == n_files


def test_the_manifest_accounts_for_every_file_at_each_run(tmp_path):
    n_files = messy(tmp_path / "in")
    for _ in range(2):
        manifest = prepare_images(
            tmp_path / "in", tmp_path / "out", image_size=48, n_jobs=1, on_error="skip"
        )
        counts = manifest["status"].value_counts().to_dict()
        assert counts == {"prepared": 2, "failed": 1, "left aside": n_files - 3}
        assert manifest.attrs["found"] + manifest.attrs["left_aside"] == n_files
    reasons = manifest.set_index("source")["reason"]
    assert reasons["scan.dcm"] == "left aside: .dcm"
    assert reasons["@eaDir/13_left.jpg/SYNOPHOTO_THUMB_M.jpg"].endswith("of the system")


def test_names_of_what_is_left_aside_give_a_terminal_no_orders():
    said = describe_aside({"a\x1b[2J.txt": ".txt", "b": ".x\x07"})
    assert said == r"1 .txt (a\x1b[2J.txt), 1 .x\x07 (b)"
