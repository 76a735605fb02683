"""Preparing a folder: what is written, done once only, refused, and told."""

import io
import os
import unicodedata
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.preprocessing import ClaheEqualizer, GrahamNormalizer, prepare_images
from sk_fiqdr.preprocessing._crop import crop_file
from sk_fiqdr.preprocessing._prepare._manifest import read_manifest
from sk_fiqdr.utils._read_image import UnreadableImageError

NAMES = (
    "10_left.jpeg",
    "10_right.JPG",
    "left over/ä é/眼底.png",
    "left over/two\nlines.tif",
    "left over/re\rturn, and 'quotes\".png",
    "left.over/1.2.3.png",
)


@pytest.fixture(scope="module")
def eyes():
    return make_fundus(len(NAMES), image_size=128, random_state=0)


@pytest.fixture
def images(eyes, tmp_path):
    """Six photographs in three folders, with names of every odd kind."""
    folder = tmp_path / "originals ü"
    for name, eye in zip(NAMES, eyes.data, strict=True):
        write_eye(folder / name, eye)
    return folder


@pytest.fixture
def output(tmp_path):
    return tmp_path / "prepared"


def write_eye(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=95)


def prepare(images, output, **kwargs):
    """Prepare in this process, quickly, and with complaints as errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kwargs = {"image_size": 48, "n_jobs": 1, **kwargs}
        return prepare_images(images, output, **kwargs)


def tree(folder):
    """Return every file and folder, hidden ones too, with what it holds."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def stamps(folder):
    """Tell one writing of a file from another, were they the same bytes."""
    return {
        str(path.relative_to(folder)): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.name != "manifest.csv"
    }


# What is written


def test_the_output_mirrors_the_folder(images, output):
    prepare(images, output)
    expected = {os.path.splitext(name)[0] + ".jpeg" for name in NAMES}
    files = {name for name, content in tree(output).items() if content is not None}
    assert files == expected | {"manifest.csv"}


def test_png_holds_the_very_pixels_of_the_crop(images, output):
    manifest = prepare(images, output, format="png")
    for row in manifest.itertuples():
        crop, _ = crop_file(images / row.source, 48)
        with Image.open(output / row.output) as image:
            np.testing.assert_array_equal(np.asarray(image), crop)


def test_jpeg_keeps_full_colour_resolution_and_no_metadata(images, output):
    manifest = prepare(images, output)
    for row in manifest.itertuples():
        crop, _ = crop_file(images / row.source, 48)
        with Image.open(output / row.output) as image:
            assert image.format == "JPEG"
            # Horizontal and vertical sampling of Y, Cb and Cr.
            assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3
            assert not set(image.info) - {
                *("jfif", "jfif_version", "jfif_unit", "jfif_density")
            }
            error = np.asarray(image).astype(int) - crop
        assert np.sqrt((error**2).mean()) < 4


def test_a_lower_quality_makes_smaller_files(images, output, tmp_path):
    fine = prepare(images, output)["output_bytes"]
    coarse = prepare(images, tmp_path / "coarse", quality=50)["output_bytes"]
    assert (coarse < fine).all()


@pytest.mark.parametrize("normalize", ["graham", "clahe"])
def test_normalize_changes_colours_as_the_transformer_does(images, output, normalize):
    transformer = {"graham": GrahamNormalizer(), "clahe": ClaheEqualizer()}[normalize]
    manifest = prepare(images, output, format="png", normalize=normalize)
    crops = np.stack([crop_file(images / name, 48)[0] for name in manifest["source"]])
    expected = transformer.fit(crops).transform(crops)
    for row, pixels in zip(manifest.itertuples(), expected, strict=True):
        with Image.open(output / row.output) as image:
            np.testing.assert_array_equal(np.asarray(image), pixels)


def test_the_manifest_tells_where_the_circle_was(eyes, tmp_path, output):
    for i, eye in enumerate(eyes.data):
        write_eye(tmp_path / "in" / f"{i}.png", eye)
    manifest = prepare(tmp_path / "in", output)
    found = manifest[["circle_x", "circle_y", "circle_radius"]].to_numpy()
    assert np.abs(found - eyes.circle).max() < 0.05 * eyes.circle[:, 2].min()


def test_the_manifest_accounts_for_every_photograph(images, output):
    (images / "left over" / "page.jpeg").write_text("<html>Sign in</html>")
    manifest = prepare(images, output, on_error="skip")
    assert sorted(manifest["source"]) == sorted([*NAMES, "left over/page.jpeg"])
    assert manifest["status"].value_counts().to_dict() == {"prepared": 6, "failed": 1}
    failed = manifest[manifest["status"] == "failed"].iloc[0]
    assert failed["reason"].startswith("'left over/page.jpeg' is not an image")
    assert failed[["output", "circle_x", "output_bytes"]].isna().all()
    for row in manifest[manifest["status"] == "prepared"].itertuples():
        status = (images / row.source).stat()
        assert row.source_bytes == status.st_size
        assert row.source_mtime_ns == status.st_mtime_ns
        assert row.output_bytes == (output / row.output).stat().st_size
        assert row.settings.startswith("image_size=48 normalize=None format=jpeg ")
    pd.testing.assert_frame_equal(manifest, read_manifest(output / "manifest.csv"))


def test_nothing_in_the_output_tells_where_it_was_made(images, output, tmp_path):
    (images / "page.jpeg").write_text("<html>Sign in</html>")
    prepare(images, output, on_error="skip")
    moved = tmp_path / "moved"
    images.rename(moved)
    prepare(moved, tmp_path / "elsewhere", on_error="skip")
    assert tree(output) == tree(tmp_path / "elsewhere")


def test_originals_are_not_touched(images, output):
    before = tree(images), stamps(images)
    prepare(images, output)
    prepare(images, output, format="png", image_size=40)
    assert (tree(images), stamps(images)) == before


def test_hidden_files_and_those_of_a_mac_are_passed_over(images, output, eyes):
    for name in (".thumb.png", "._10_left.jpeg", "__MACOSX/a.png", ".git/a.png"):
        write_eye(images / name.replace("jpeg", "png"), eyes.data[0])
    manifest = prepare(images, output)
    assert manifest["status"].value_counts().to_dict() == {
        "prepared": len(NAMES),
        "left aside": 4,
    }
    assert manifest.attrs["other_files"] == {"of the system": 4}


def test_files_that_are_no_photographs_are_counted(images, output):
    for name in ("labels.csv", "left over/more.CSV", "README"):
        (images / name).touch()
    manifest = prepare(images, output)
    assert manifest.attrs["other_files"] == {".csv": 2, "no suffix": 1}


def test_links_are_followed_and_never_in_a_circle(images, output, eyes, tmp_path):
    write_eye(tmp_path / "other disk" / "7_left.png", eyes.data[0])
    (images / "linked").symlink_to(tmp_path / "other disk")
    (images / "left over" / "up").symlink_to(images)
    (images / "link.png").symlink_to(tmp_path / "other disk" / "7_left.png")
    manifest = prepare(images, output)
    assert sorted(manifest["source"]) == sorted(
        [*NAMES, "linked/7_left.png", "link.png"]
    )


# Names


def test_photographs_that_differ_in_the_suffix_only_keep_it(tmp_path, output, eyes):
    for i, name in enumerate(("eye.png", "eye.tif", "other.png")):
        write_eye(tmp_path / "in" / name, eyes.data[i])
    manifest = prepare(tmp_path / "in", output, format="png")
    assert manifest["output"].tolist() == ["eye.png.png", "eye.tif.png", "other.png"]
    for row in manifest.itertuples():
        with Image.open(output / row.output) as image:
            expected, _ = crop_file(tmp_path / "in" / row.source, 48)
            np.testing.assert_array_equal(np.asarray(image), expected)


@pytest.mark.parametrize(
    "names",
    [
        ("eye.png", "EYE.png"),
        ("a/eye.png", "A/eye.png"),
        (unicodedata.normalize("NFC", "é.png"), unicodedata.normalize("NFD", "é.png")),
    ],
    ids=["file", "folder", "accent"],
)
def test_names_that_some_file_systems_cannot_tell_both_fail(
    tmp_path, output, eyes, names
):
    for name in (*names, "fine.png"):
        write_eye(tmp_path / "in" / name, eyes.data[0])
    if len(tree(tmp_path / "in")) < 3:
        pytest.skip("this file system cannot tell these names")
    manifest = prepare(tmp_path / "in", output, on_error="skip")
    status = dict(zip(manifest["source"], manifest["status"], strict=True))
    assert status == {**dict.fromkeys(names, "failed"), "fine.png": "prepared"}
    assert manifest["reason"].str.contains("Rename it").sum() == 2


def test_a_folder_in_the_place_of_an_output_is_gone_around(tmp_path, output, eyes):
    write_eye(tmp_path / "in" / "eye.png", eyes.data[0])
    (tmp_path / "in" / "eye.jpeg").mkdir()
    write_eye(tmp_path / "in" / "eye.jpeg" / "inner.png", eyes.data[1])
    manifest = prepare(tmp_path / "in", output)
    assert manifest["output"].tolist() == ["eye.jpeg/inner.jpeg", "eye.png.jpeg"]


def test_a_folder_in_the_place_of_the_manifest_is_refused(tmp_path, output, eyes):
    write_eye(tmp_path / "in" / "manifest.csv" / "eye.png", eyes.data[0])
    write_eye(tmp_path / "in" / "eye.png", eyes.data[0])
    manifest = prepare(tmp_path / "in", output, on_error="skip")
    assert manifest["status"].tolist() == ["prepared", "failed"]


def test_a_name_that_the_output_cannot_have_is_a_failure(tmp_path, output, eyes):
    buffer = io.BytesIO()
    Image.fromarray(eyes.data[0]).save(buffer, "PNG")
    (tmp_path / "in").mkdir()
    for name in (b"a" * 251 + b".png", b"latin-\xe9.png", b"fine.png"):
        with open(os.path.join(os.fsencode(tmp_path / "in"), name), "wb") as file:
            file.write(buffer.getvalue())
    manifest = prepare(tmp_path / "in", output, on_error="skip")
    assert manifest["status"].tolist() == ["failed", "prepared", "failed"]
    assert "File name too long" in manifest["reason"][0]
    assert "not valid UTF-8" in manifest["reason"][2]


# Nothing is done twice


def test_a_second_run_writes_nothing_anew(images, output):
    first = prepare(images, output)
    before, content = stamps(output), tree(output)
    second = prepare(images, output)
    assert stamps(output) == before
    assert tree(output) == content
    assert first.attrs["prepared"] == second.attrs["unchanged"] == len(NAMES)
    assert second.attrs["prepared"] == 0


def test_only_what_has_changed_is_done_anew(images, output, eyes, tmp_path):
    prepare(images, output)
    before = stamps(output)
    write_eye(images / "10_left.jpeg", eyes.data[3])
    write_eye(images / "11_left.png", eyes.data[4])
    manifest = prepare(images, output)
    counts = {name: manifest.attrs[name] for name in ("source_changed", "new")}
    assert counts == {"source_changed": 1, "new": 1}
    after = stamps(output)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"10_left.jpeg", "11_left.jpeg"}
    prepare(images, tmp_path / "fresh")
    assert tree(output) == tree(tmp_path / "fresh")


@pytest.mark.parametrize("damage", ["missing", "cut short"])
def test_an_output_that_was_damaged_is_made_anew(images, output, damage):
    prepare(images, output)
    whole = tree(output)
    path = output / "10_left.jpeg"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:100])
    assert prepare(images, output).attrs["output_changed"] == 1
    assert tree(output) == whole


def test_other_settings_replace_what_there_was(images, output, tmp_path):
    prepare(images, output)
    manifest = prepare(images, output, format="png", image_size=40)
    assert manifest.attrs["settings_changed"] == len(NAMES)
    prepare(images, tmp_path / "fresh", format="png", image_size=40)
    assert tree(output) == tree(tmp_path / "fresh")


def test_what_failed_is_tried_again(images, output, eyes, tmp_path):
    (images / "bad.png").write_bytes(b"")
    manifest = prepare(images, output, on_error="skip")
    assert manifest.attrs["failed"] == 1
    write_eye(images / "bad.png", eyes.data[0])
    manifest = prepare(images, output)
    assert manifest.attrs["failed_before"] == 1
    assert (manifest["status"] == "prepared").all()
    prepare(images, tmp_path / "fresh")
    assert tree(output) == tree(tmp_path / "fresh")


def test_nothing_stays_of_a_photograph_that_turned_bad(images, output, tmp_path):
    prepare(images, output)
    (images / "10_left.jpeg").write_bytes(b"gone bad")
    prepare(images, output, on_error="skip")
    assert not (output / "10_left.jpeg").exists()
    prepare(images, tmp_path / "fresh", on_error="skip")
    assert tree(output) == tree(tmp_path / "fresh")


def test_what_has_lost_its_photograph_stays_and_is_told(images, output):
    whole = prepare(images, output)
    away = images.parent / "10_left.jpeg"
    (images / "10_left.jpeg").rename(away)
    for _ in range(2):
        manifest = prepare(images, output)
        assert manifest.attrs["gone"] == 1
        assert manifest.iloc[-1][["source", "status"]].tolist() == [
            *("10_left.jpeg", "gone")
        ]
        assert (output / "10_left.jpeg").exists()
    away.rename(images / "10_left.jpeg")
    back = prepare(images, output)
    assert back.attrs["unchanged"] == len(NAMES)
    pd.testing.assert_frame_equal(back, whole)


def test_a_new_namesake_does_not_take_over_what_is_prepared(tmp_path, output, eyes):
    write_eye(tmp_path / "in" / "eye.png", eyes.data[0])
    prepare(tmp_path / "in", output)
    write_eye(tmp_path / "in" / "eye.tif", eyes.data[1])
    prepare(tmp_path / "in", output)
    assert sorted(tree(output)) == ["eye.png.jpeg", "eye.tif.jpeg", "manifest.csv"]
    (tmp_path / "in" / "eye.png").unlink()
    manifest = prepare(tmp_path / "in", output)
    assert manifest["output"].tolist() == ["eye.jpeg", "eye.png.jpeg"]
    assert manifest["status"].tolist() == ["prepared", "gone"]
    with Image.open(output / "eye.jpeg") as image:
        expected, _ = crop_file(tmp_path / "in" / "eye.tif", 48)
        assert np.abs(np.asarray(image).astype(int) - expected).mean() < 4


# Failures


def test_failures_are_told_in_one_warning(images, output):
    for name in ("a.png", "b.png"):
        (images / name).touch()
    with pytest.warns(
        UserWarning, match=r"2 of 8 photographs.*a\.png' is empty"
    ) as all:
        prepare_images(images, output, image_size=48, n_jobs=1)
    assert len(all) == 1


def test_raise_stops_and_what_is_finished_is_kept(images, output, tmp_path, eyes):
    for i in range(20):
        write_eye(images / f"{i}_left.png", eyes.data[i % 6])
    (images / "z.png").write_bytes(b"no image")
    with pytest.raises(UnreadableImageError, match=r"z\.png"):
        prepare(images, output, on_error="raise")
    before = stamps(output)
    write_eye(images / "z.png", eyes.data[0])
    manifest = prepare(images, output)
    assert manifest.attrs["unchanged"] == len(NAMES) + 20
    assert {name: stamps(output).get(name) for name in before if "/" not in name} == {
        name: stamp for name, stamp in before.items() if "/" not in name
    }
    prepare(images, tmp_path / "fresh")
    assert tree(output) == tree(tmp_path / "fresh")


# What is refused


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("in", "in"),
        ("in", "in/out"),
        ("in", "in/a/b/out"),
        ("in/a", "in"),
        ("in", "link/out"),
        ("link", "in"),
        ("in", "other/../in/out"),
    ],
)
def test_folders_in_one_another_are_refused(tmp_path, eyes, source, target):
    write_eye(tmp_path / "in" / "a" / "eye.png", eyes.data[0])
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "in")
    before = tree(tmp_path)
    with pytest.raises(ValueError, match="must not lie in one another"):
        prepare(tmp_path / source, tmp_path / target)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("link", ["file", "folder", "whole"])
def test_a_link_into_the_output_is_refused(images, output, link):
    prepare(images, output)
    target = {"file": "10_left.jpeg", "folder": "left over", "whole": ""}[link]
    (images / "link.jpeg").symlink_to(output / target)
    before = tree(output)
    with pytest.raises(ValueError, match="is a link into the output folder"):
        prepare(images, output)
    assert tree(output) == before


def test_an_output_folder_of_another_origin_is_refused(images, output, eyes):
    write_eye(output / "precious.png", eyes.data[0])
    before = tree(output)
    with pytest.raises(ValueError, match=r"holds 'precious\.png' but no manifest\.csv"):
        prepare(images, output)
    assert tree(output) == before


@pytest.mark.parametrize(
    "row", [b"\xff\xfe", b"a\xc3", b"1" * 200_000, b'"' + b"1" * 200_000]
)
def test_a_manifest_that_is_not_a_table_of_text_is_named(row, images, output):
    prepare(images, output)
    manifest = output / "manifest.csv"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole + row)
    before = tree(output)
    with pytest.raises(ValueError, match=r"manifest\.csv' is not a readable CSV"):
        prepare(images, output)
    assert tree(output) == before


def test_a_manifest_of_another_origin_is_refused(images, output):
    output.mkdir()
    (output / "manifest.csv").write_text("image,level\n10_left,0\n")
    with pytest.raises(ValueError, match=r"has columns \['image', 'level'\]"):
        prepare(images, output)
    assert tree(output) == {"manifest.csv": b"image,level\n10_left,0\n"}


def test_a_link_in_the_output_cannot_lead_writing_astray(images, output, tmp_path):
    prepare(images, output)
    elsewhere = tmp_path / "elsewhere"
    (output / "left over").rename(elsewhere)
    (output / "left over").symlink_to(elsewhere)
    before = tree(elsewhere)
    with pytest.raises(OSError, match="link points outside the output folder"):
        prepare(images, output, image_size=40)
    assert tree(elsewhere) == before


def test_a_missing_folder_is_named(tmp_path, output, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="no folder 'photos'") as error:
        prepare("photos", output)
    assert str(tmp_path) in str(error.value)
    assert not output.exists()


def test_a_file_is_no_folder(images, tmp_path):
    with pytest.raises(NotADirectoryError, match="is a file, expected a folder"):
        prepare(images / "10_left.jpeg", tmp_path / "out")
    with pytest.raises(NotADirectoryError, match="is a file, expected a folder"):
        prepare(images, images / "10_left.jpeg")


def test_a_folder_without_photographs_is_refused(tmp_path, output):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "labels.csv").touch()
    with pytest.raises(ValueError, match=r"no photograph in.*1 \.csv.*\.jpeg"):
        prepare(tmp_path / "in", output)
    assert not output.exists()


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"image_size": 0}, ValueError, r"'image_size' .* \[16, 8192\]\. Got 0"),
        ({"image_size": 51.2}, TypeError, r"'image_size' .* an int .*Got 51\.2"),
        ({"n_jobs": 0}, ValueError, r"'n_jobs' .*-1\] or None\. Got 0"),
        ({"quality": 101}, ValueError, r"'quality' .* \[1, 100\]\. Got 101"),
        ({"format": "gif"}, ValueError, "'format' .*'jpeg', 'png'.*Got 'gif'"),
        ({"normalize": "ben"}, ValueError, "'normalize' .*'graham'.*Got 'ben'"),
        ({"on_error": "ignore"}, ValueError, "'on_error' .*Got 'ignore'"),
    ],
)
def test_parameters_out_of_range_are_refused(
    images, output, parameters, error, message
):
    with pytest.raises(error, match=message):
        prepare(images, output, **parameters)
    assert not output.exists()


# Many processes


@pytest.mark.slow
def test_two_processes_make_the_same_as_one(images, output, tmp_path):
    (images / "bad.png").write_text("<html>")
    prepare(images, output, on_error="skip")
    prepare(images, tmp_path / "two", on_error="skip", n_jobs=2)
    assert tree(tmp_path / "two") == tree(output)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_dask_cluster_makes_the_same_as_one_process(images, output, tmp_path, eyes):
    distributed = pytest.importorskip("distributed")
    for i in range(20):
        write_eye(images / "many" / f"{i}.png", eyes.data[i % 6])
    (images / "bad.png").write_text("<html>")
    prepare(images, output, on_error="skip")
    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=tmp_path / "dask",
        ) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config("dask", wait_for_workers_timeout=60),
    ):
        assert len(client.scheduler_info()["workers"]) == 2
        manifest = prepare_images(
            images, tmp_path / "two", image_size=48, on_error="skip"
        )
    assert manifest.attrs["prepared"] == len(NAMES) + 20
    assert tree(tmp_path / "two") == tree(output)
