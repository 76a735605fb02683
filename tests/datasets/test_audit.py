"""What `audit` finds in sets with known faults, and how it shows it."""

import hashlib
import os
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from sklearn.utils import Bunch

from sk_fiqdr.datasets import DatasetAudit, audit, load_kaggle_dr
from sk_fiqdr.datasets._audit import _near_duplicates as _near
from sk_fiqdr.datasets._audit._near_duplicates import near_groups


@pytest.fixture(scope="module")
def paths(fundus, tmp_path_factory):
    """Eight painted photographs of four patients, as files."""
    folder = tmp_path_factory.mktemp("clean ü")
    names = [f"{p}_{e}" for p, e in fundus.frame[["patient", "eye"]].to_numpy()]
    for name, pixels in zip(names[:8], fundus.data[:8], strict=True):
        image = Image.fromarray(pixels).resize((160, 160), Image.Resampling.BICUBIC)
        image.save(folder / f"{name}.png")
    return sorted(str(path) for path in folder.iterdir())


@pytest.fixture
def photographs(paths, tmp_path):
    """Return a folder of the test's own with these photographs."""
    return [shutil.copy(path, tmp_path) for path in paths]


def bunch(data, target=None, groups=None, **more):
    n = len(data)
    target = np.tile([[0, 1]], (n, 1)) if target is None else np.asarray(target)
    groups = np.array([f"p{i // 2}" for i in range(n)]) if groups is None else groups
    return Bunch(data=data, target=target, groups=np.asarray(groups), **more)


def count(result, finding):
    return result.frame("summary").loc[finding, "count"]


# Labels, patients, eyes


@pytest.fixture
def labelled():
    """Seven arrays of four patients whose tables can be counted by hand."""
    data = np.random.default_rng(0).integers(0, 255, (7, 16, 16, 3)).astype(np.uint8)
    target = [[0, 1], [0, 0], [2, 1], [4, 1], [-1, 1], [3, -1], [1, 1]]
    eyes = ["left", "right", "left", "right", "left", "right", "left"]
    groups = ["a", "a", "b", "b", "c", "c", "d"]
    return bunch(data, target, groups, frame=pd.DataFrame({"eye": eyes}))


def test_the_label_table_counts_grade_by_quality_and_eye(labelled):
    table = audit(labelled).frame("labels")
    assert table.index.tolist() == [0, 1, 2, 3, 4, "unknown"]
    assert table.columns.names == ["quality", "eye"]
    assert table.loc[0, ("good", "left")] == 1
    assert table.loc[0, ("poor", "right")] == 1
    assert table.loc["unknown", ("good", "left")] == 1
    assert table.loc[3, ("unknown", "right")] == 1
    assert table.to_numpy().sum() == 7


def test_eyes_are_set_against_each_other_where_both_grades_are_known(labelled):
    result = audit(labelled)
    expected = np.zeros((5, 5), dtype=int)
    expected[0, 0] = expected[2, 4] = 1  # patients a and b; c and d lack a grade
    np.testing.assert_array_equal(result.frame("eyes"), expected)
    differing = result.frame("disagreements")
    assert differing.reset_index().to_numpy().tolist() == [["b", 2, 4, 2]]


def test_the_higher_grade_stands_for_an_eye_with_several_images():
    data = np.zeros((3, 16, 16, 3), dtype=np.uint8)
    frame = pd.DataFrame({"eye": ["left", "left", "right"]})
    three = bunch(data, [[1, 1], [3, 1], [2, 1]], ["a"] * 3, frame=frame)
    assert audit(three).frame("disagreements").loc["a"].tolist() == [3, 2, 1]


def test_patients_are_counted_by_their_number_of_images(labelled):
    table = audit(labelled).frame("patients")
    assert table["n_patients"].to_dict() == {1: 1, 2: 3}


def test_a_bunch_without_frame_has_no_eyes(labelled):
    del labelled["frame"]
    result = audit(labelled)
    assert set(result.frame("images")["eye"]) == {""}
    assert count(result, "patients with both eyes graded") == 0


# Copies


def test_different_photographs_are_no_copies(photographs):
    result = audit(bunch(photographs))
    assert result.frame("exact_duplicates").empty
    assert result.frame("near_duplicates").empty


def test_exact_copies_are_grouped_whatever_their_names(photographs, tmp_path):
    copy = shutil.copy(photographs[3], tmp_path / "other_left.jpeg")
    result = audit(bunch([*photographs, copy]))
    found = result.frame("exact_duplicates")
    assert found["path"].tolist() == sorted([photographs[3], str(copy)])
    assert found["group"].tolist() == [0, 0]
    assert found["sha256"].nunique() == 1
    assert result.frame("near_duplicates").empty  # those are more than the same file
    assert count(result, "exact duplicates: groups across patients") == 1
    assert count(result, "exact duplicates: groups with two labels") == 0


COPIES = {
    "JPEG at quality 40": lambda image: image,
    "half size": lambda image: image.resize((80, 80)),
    "double size": lambda image: image.resize((320, 320)),
    "padded": lambda image: ImageOps.expand(image, 25),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1)),
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
}


@pytest.mark.parametrize("how", COPIES)
def test_copies_that_were_changed_are_near_duplicates(photographs, tmp_path, how):
    copies = []
    for path in photographs:
        copies.append(str(tmp_path / f"copy {os.path.basename(path)}.jpg"))
        quality = 40 if how.startswith("JPEG") else 90
        COPIES[how](Image.open(path)).save(copies[-1], quality=quality)
    target = [[0, 1]] * 8 + [[1, 1]] * 8
    result = audit(bunch(photographs + copies, target, list("abcdefgh" * 2)))
    group = result.frame("images")["near_group"].to_numpy()
    assert group[:8].tolist() == group[8:].tolist() == [*range(8)]
    assert count(result, "near duplicates") == 16
    assert count(result, "near duplicates: groups across patients") == 0
    assert count(result, "near duplicates: groups with two labels") == 8
    assert result.frame("near_duplicates")["distance"].between(0, 40).all()


def test_a_mirrored_eye_is_no_copy(photographs, tmp_path):
    mirrored = str(tmp_path / "mirrored.png")
    ImageOps.mirror(Image.open(photographs[0])).save(mirrored)
    assert audit(bunch([photographs[0], mirrored])).frame("near_duplicates").empty


def test_a_label_that_is_unknown_contradicts_no_other(photographs, tmp_path):
    copy = shutil.copy(photographs[0], tmp_path / "copy.png")
    result = audit(bunch([photographs[0], copy], [[2, -1], [-1, 1]]))
    assert count(result, "exact duplicates: groups with two labels") == 0


def _random_hashes(n, seed=0):
    rng = np.random.default_rng(seed)
    seeds = rng.integers(0, 2, (n // 3, 256))
    bits = seeds[rng.integers(0, len(seeds), n)] ^ (rng.random((n, 256)) < 0.05)
    return bits.astype(np.uint8)


@pytest.mark.parametrize("block", [1, 100, 1 << 22])
def test_near_groups_equal_those_of_a_loop_over_all_pairs(monkeypatch, block):
    monkeypatch.setattr(_near, "BLOCK", block)
    bits = _random_hashes(60)
    bits[7] = bits[3]  # equal hashes
    details = np.random.default_rng(1).integers(-3, 100, (60, 16)).astype(np.int8)
    hashes = [np.packbits(row).tobytes() for row in bits]
    hashes[5] = b""  # an unreadable one
    group, distance = near_groups(hashes, details, 24, 0.75)

    members = {i: {i} for i in range(60)}  # merged as neighbours are found
    nearest = dict.fromkeys(range(60), -1)
    norm = np.linalg.norm(details.astype(float), axis=1)
    for i in range(60):
        for j in range(i):
            apart = int((bits[i] != bits[j]).sum())
            alike = details[i].astype(float) @ details[j] >= 0.75 * norm[i] * norm[j]
            if 5 in (i, j) or apart > 24 or (apart and not alike):
                continue
            both = members[i] | members[j]
            for k in both:
                members[k] = both
            for k in (i, j):
                nearest[k] = apart if nearest[k] < 0 else min(nearest[k], apart)
    assert distance.tolist() == list(nearest.values())
    for i in range(60):
        same = np.flatnonzero(group == group[i]) if group[i] >= 0 else [i]
        assert set(same) == members[i]
    first = [int(np.flatnonzero(group == g)[0]) for g in range(group.max() + 1)]
    assert first == sorted(first)
    assert len(first) > 5


def test_a_thousand_equal_hashes_are_one_group():
    group, distance = near_groups(
        [bytes(32)] * 1000, np.zeros((1000, 4), dtype=np.int8), 40, 0.92
    )
    assert set(group) == {0}
    assert set(distance) == {0}


def test_no_or_one_readable_image_is_no_group():
    for hashes in ([], [b""], [b"", bytes(32)]):
        group, _ = near_groups(hashes, np.zeros((len(hashes), 4), np.int8), 40, 0.92)
        assert (group == -1).all()


# Files


def test_unreadable_files_are_named_with_their_reason_and_stop_nothing(
    photographs, tmp_path
):
    page = tmp_path / "page.jpeg"
    page.write_bytes(b"<!DOCTYPE html><html>")
    cut = tmp_path / "cut.png"
    with open(photographs[0], "rb") as whole:
        cut.write_bytes(whole.read()[:2000])
    empty = tmp_path / "empty.jpg"
    empty.touch()
    folder = tmp_path / "folder.png"
    folder.mkdir()
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    missing = tmp_path / "missing.png"
    bad = [str(path) for path in (page, cut, empty, folder, pipe, missing)]
    result = audit(bunch([*photographs, *bad]))
    found = result.frame("unreadable")
    assert found["path"].tolist() == bad
    reasons = ["begins with", "cannot be read", "0 bytes", "folder", "regular", "no fi"]
    for reason, part in zip(found["reason"], reasons, strict=True):
        assert part in reason
    assert count(result, "unreadable files") == 6
    assert count(result, "images") == 14


def test_copies_of_an_unreadable_file_are_still_copies(photographs, tmp_path):
    pages = [tmp_path / "a.jpeg", tmp_path / "b.jpeg"]
    for page in pages:
        page.write_bytes(b"<html>404</html>")
    result = audit(bunch([*photographs, *map(str, pages)]))
    assert count(result, "exact duplicates") == 2
    assert count(result, "near duplicates") == 0


def test_all_files_unreadable_is_a_result_too(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")
    result = audit(bunch([str(tmp_path / "a.png"), str(tmp_path / "b.png")]))
    assert count(result, "unreadable files") == 2


def test_sizes_are_those_of_the_file(photographs):
    images = audit(bunch(photographs)).frame("images")
    assert images[["width", "height"]].to_numpy().tolist() == [[160, 160]] * 8


def test_arrays_and_paths_and_any_number_of_threads_agree(photographs):
    pixels = np.stack([np.asarray(Image.open(path)) for path in photographs])
    of_files = audit(bunch(photographs * 20), n_jobs=1)
    again = audit(bunch(photographs * 20), n_jobs=2)
    assert of_files.images.equals(again.images)
    of_arrays = audit(bunch(np.tile(pixels, (20, 1, 1, 1))))
    for column in ("phash", "exact_group", "near_group"):
        assert of_files.images[column].equals(of_arrays.images[column])


# The split hash


def test_the_split_hash_is_that_of_the_sorted_lines(photographs):
    target = [[i % 5, i % 2] for i in range(8)]
    names = [os.path.basename(path)[:-4] for path in photographs]
    eyes = bunch(photographs, target)
    lines = sorted(f"{names[i]}\t{i % 5}\t{i % 2}\n" for i in range(8))
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()[:16]
    assert audit(eyes).split_hash == expected
    eyes.frame = pd.DataFrame({"image": names, "eye": ""})
    assert audit(eyes).split_hash == expected


def test_the_split_hash_depends_on_labels_but_on_no_order_or_folder(
    photographs, tmp_path
):
    moved = tmp_path / "moved"
    moved.mkdir()
    eyes = bunch(photographs, groups=list("abcdefgh"))
    elsewhere = [shutil.copy(path, moved) for path in reversed(photographs)]
    split_hash = audit(eyes).split_hash
    assert audit(bunch(elsewhere)).split_hash == split_hash
    eyes.target[3, 0] = 1
    assert audit(eyes).split_hash != split_hash
    assert audit(bunch(photographs[:7])).split_hash != split_hash


def test_the_split_hash_of_a_known_set_stays_what_it_is():
    data = np.zeros((2, 8, 8, 3), dtype=np.uint8)
    frame = pd.DataFrame({"image": ["13_left", "13_right"], "eye": ["left", "right"]})
    eyes = bunch(data, [[0, 1], [2, -1]], ["13", "13"], frame=frame)
    lines = b"13_left\t0\t1\n13_right\t2\t-1\n"
    assert audit(eyes).split_hash == hashlib.sha256(lines).hexdigest()[:16]


# The result


def test_it_prints_what_matters(labelled):
    text = repr(audit(labelled))
    assert text.startswith("DatasetAudit\n  images ")
    assert "1 / 1 / 1 / 1 / 1" not in text
    assert "2 / 1 / 1 / 1 / 1, 1 unknown" in text
    assert "1 of 2 (50.0%)" in text


def test_a_table_that_is_none_is_refused(labelled):
    with pytest.raises(ValueError, match=r"'kind' .* must be .*'labels'.*Got 'label'"):
        audit(labelled).frame("label")


def test_tables_may_be_changed_without_harm(labelled):
    result = audit(labelled)
    table = result.frame("images")
    table["path"] = ""
    assert (result.frame("images")["path"] != "").all()


def test_the_picture_fills_a_new_figure_or_a_given_space(labelled):
    plt = pytest.importorskip("matplotlib.pyplot")
    result = audit(labelled)
    assert result.plot() is result
    assert isinstance(result, DatasetAudit)
    assert result.ax_.figure is result.figure_
    assert [ax.get_title() for ax in result.axes_[:2]] == [
        "Grade and quality",
        "Left and right eye of a patient",
    ]
    labels = [text.get_text().strip() for text in result.axes_[0].texts]
    assert labels[0] == "2 (50.0% poor)"
    figure, ax = plt.subplots()
    assert result.plot(ax).ax_ is ax
    assert result.figure_ is figure
    figure.canvas.draw()
    plt.close("all")


def test_a_set_without_eyes_or_labels_has_a_picture_too():
    plt = pytest.importorskip("matplotlib.pyplot")
    data = np.zeros((2, 8, 8, 3), dtype=np.uint8)
    result = audit(bunch(data, [[-1, -1], [-1, -1]])).plot()
    assert "no patient has both" in result.axes_[1].texts[0].get_text()
    result.figure_.canvas.draw()
    plt.close("all")


def test_no_progress_bar_is_drawn_where_there_is_no_terminal(photographs, capfd):
    audit(bunch(photographs), progress=True)
    assert capfd.readouterr().err.strip() == ""


# Errors


def test_what_is_no_bunch_is_refused_with_the_way_to_build_one(photographs):
    with pytest.raises(TypeError, match=r"got tuple.*return_X_y, or build"):
        audit((photographs, np.zeros((8, 2))))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": np.zeros(8)}, r"shape \(n_samples, 2\).*got shape \(8,\)"),
        ({"target": np.zeros((7, 2))}, "one length, got 8, 7 and 8"),
        ({"groups": ["a"]}, "one length, got 8, 8 and 1"),
    ],
)
def test_parts_that_do_not_fit_are_refused(photographs, change, message):
    with pytest.raises(ValueError, match=message):
        audit(Bunch(**{**bunch(photographs), **change}))


@pytest.mark.parametrize(
    "change",
    [{"max_distance": -1}, {"max_distance": 200}, {"min_correlation": 1.1}],
)
def test_thresholds_out_of_range_are_refused(photographs, change):
    with pytest.raises(ValueError, match=f"'{next(iter(change))}' .* must be.*Got"):
        audit(bunch(photographs), **change)


@pytest.mark.realdata
def test_the_real_photographs_are_all_different_and_readable(real_data):
    labels = real_data / "labels"
    eyes = load_kaggle_dr(
        real_data / "eyepacs-256" / "images",
        labels / "trainLabels.csv",
        labels / "quality_label_train.csv",
    )
    result = audit(eyes)
    assert count(result, "unreadable files") == 0
    assert count(result, "exact duplicates") == 0
    assert count(result, "near duplicates") == 0
    assert count(result, "patients with both eyes graded") == 1648
    assert count(result, "left and right grades differ") == 214
    table = result.frame("labels").T.groupby(level="quality").sum()
    assert table.loc["poor"].sum() == 145
