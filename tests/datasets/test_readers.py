"""The readers of the public sets, on trees laid out as they are distributed."""

import numpy as np
import pytest
from helpers.trees import LABEL_SETS, write_image

from sk_fiqdr.datasets import (
    load_aptos,
    load_deepdrid,
    load_drimdb,
    load_eyeq,
    load_idrid,
    load_messidor2,
)
from sk_fiqdr.datasets._readers._assemble import frame_of_images

LAID_OUT = {  # the readers that take the folder of a whole set
    "aptos": load_aptos,
    "deepdrid": lambda folder: load_deepdrid(folder, subset="train"),
    "drimdb": load_drimdb,
    "idrid": lambda folder: load_idrid(folder, subset="train"),
    "messidor2": load_messidor2,
}


def write_drimdb(root):
    for name in ("Good", "Bad", "Outlier"):
        for number in (1, 2):
            write_image(root / name / f"drimdb_{name.lower()} ({number}).jpg")


@pytest.fixture(params=sorted(LAID_OUT))
def laid_out(request, tmp_path):
    """A set's root, written, and its reader."""
    root = tmp_path / "data ü" / "the set"
    if request.param == "drimdb":
        write_drimdb(root)
    else:
        LABEL_SETS[request.param](root).write()
    return root, LAID_OUT[request.param]


def by_name(bunch, column="quality"):
    return dict(zip(bunch.frame["image"], bunch.frame[column].tolist(), strict=True))


# What all have in common


def test_every_reader_returns_what_load_kaggle_dr_does(label_set):
    eyes = label_set.write().load(label_set)
    n = len(eyes.data)
    assert n == 3
    assert eyes.data.dtype.kind == eyes.groups.dtype.kind == "U"
    assert eyes.data.tolist() == sorted(eyes.data)
    assert eyes.target.shape == (n, 2)
    assert eyes.target.dtype == np.int64
    assert eyes.target_names == ["grade", "quality"]
    columns = ["path", "image", "patient", "eye", "grade", "quality"]
    assert eyes.frame.columns[:6].tolist() == columns
    np.testing.assert_array_equal(eyes.frame[["grade", "quality"]], eyes.target)
    assert eyes.frame["patient"].tolist() == eyes.groups.tolist()
    assert eyes.report["n_images"] == n
    assert f"{n} photographs" in eyes.DESCR
    assert "{" not in eyes.DESCR


def test_every_description_tells_labels_patients_licence_and_source(label_set):
    text = label_set.write().load(label_set).DESCR
    for word in ("Grade:", "Quality:", "20"):
        assert word in text
    assert "atients" in text or "PATIENTS ARE NOT KNOWN" in text
    assert any(word in text for word in ("icence", "rules", "free for research"))


def test_a_folder_some_levels_above_serves_too(laid_out):
    root, load = laid_out
    inside = load(root)
    above = load(root.parent)
    np.testing.assert_array_equal(inside.data, above.data)
    np.testing.assert_array_equal(inside.target, above.target)


def test_names_of_folders_match_in_any_case_and_with_coded_blanks(tmp_path):
    tree = LABEL_SETS["idrid"](tmp_path / "set").write()
    part = tree.root / "B. Disease Grading"
    old = part / "1. Original Images"
    old.rename(part / "1.%20original_images")
    (part / "2. Groundtruths").rename(part / "2. GROUNDTRUTHS")
    assert load_idrid(tmp_path, subset="train").target[:, 0].tolist() == [0, 2, 4]


def test_a_wrong_folder_is_refused_with_the_expected_and_the_found_tree(
    laid_out, tmp_path
):
    _, load = laid_out
    folder = tmp_path / "other"
    write_image(folder / "pictures" / "2019" / "cat.jpg")
    for number in range(20):
        (folder / f"notes {number:02d}.txt").write_text("")
    with pytest.raises(ValueError, match="does not hold") as error:
        load(folder)
    said = str(error.value)
    expected, found = said.split("\nFound:\n")
    assert "\nExpected:\n" in expected
    assert any(line.startswith(8 * " ") for line in expected.split("\n"))  # a tree
    assert "    other/\n        notes 00.txt\n" in found
    assert "... and 13 more" in found
    assert repr(str(folder)) in expected


def test_an_empty_folder_is_shown_as_such(laid_out, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty/\n *\(empty\)"):
        laid_out[1](tmp_path / "empty")


def test_a_set_that_is_there_twice_is_refused_by_both_names(laid_out, tmp_path):
    root, load = laid_out
    root.rename(tmp_path / "both 1")
    both = tmp_path / "both"
    both.mkdir()
    (tmp_path / "both 1").rename(both / "one")
    for path in [both / "one", *(both / "one").rglob("*")]:
        copy = both / "two" / path.relative_to(both / "one")
        copy.mkdir() if path.is_dir() else copy.write_bytes(path.read_bytes())
    with pytest.raises(ValueError, match=r"2 times: .*one.*two.*Pass one"):
        load(both)


def test_a_folder_that_is_missing_or_a_file_is_named(laid_out, tmp_path):
    _, load = laid_out
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load(tmp_path / "nowhere")
    (tmp_path / "set.zip").write_bytes(b"PK")
    with pytest.raises(NotADirectoryError, match=r"set.zip.*Unpack"):
        load(tmp_path / "set.zip")


def test_a_folder_of_images_that_is_empty_is_named(tmp_path):
    tree = LABEL_SETS["aptos"](tmp_path).write()
    for image in tree.images:
        (tmp_path / image).rename(tmp_path / image.replace("png", "txt"))
    with pytest.raises(ValueError, match=r"train_images' holds no image, but 3 other"):
        load_aptos(tmp_path)


@pytest.mark.parametrize("side", ["left", "OD"])
def test_a_name_that_is_only_a_side_is_of_the_patient_of_its_folder(tmp_path, side):
    write_image(tmp_path / "265" / f"{side}.png")
    frame = frame_of_images(tmp_path)
    assert frame["patient"].tolist() == ["265"]
    assert frame["eye"].tolist() == [{"left": "left", "OD": "right"}[side]]


# EyeQ


@pytest.mark.parametrize(
    ("mapping", "quality"),
    [
        ({}, [1, 1, 0]),
        ({"usable_as": 0}, [1, 0, 0]),
        ({"usable_as": -1}, [1, -1, 0]),
        ({"reject_as": -1}, [1, 1, -1]),
        ({"good_as": -1, "usable_as": 1, "reject_as": 0}, [-1, 1, 0]),
    ],
)
def test_eyeq_counts_backwards_and_each_part_maps_as_asked(tmp_path, mapping, quality):
    tree = LABEL_SETS["eyeq"](tmp_path).write()
    eyes = load_eyeq(tmp_path / "images", tree.label_file, **mapping)
    assert eyes.target.tolist() == [
        [g, q] for g, q in zip((0, 2, 4), quality, strict=True)
    ]
    assert eyes.frame["eyeq_quality"].tolist() == [0, 1, 2]
    assert f"Reject (2) as {mapping.get('reject_as', 0)};" in eyes.DESCR


@pytest.mark.parametrize("wrong", [2, True, "poor", None, 0.5])
def test_eyeq_refuses_to_map_to_what_is_no_quality(tmp_path, wrong):
    tree = LABEL_SETS["eyeq"](tmp_path).write()
    with pytest.raises(ValueError, match=r"reject_as must be 1 \(good\), 0"):
        load_eyeq(tmp_path / "images", tree.label_file, reject_as=wrong)


def test_eyeq_refuses_the_papers_labels_in_place_of_its_own(tmp_path):
    tree = LABEL_SETS["eyeq"](tmp_path)
    tree.write("image,quality\n13_left,1\n13_right,0\n7_left,1\n")
    with pytest.raises(ValueError, match="no column 'DR_grade'"):
        load_eyeq(tmp_path / "images", tree.label_file)


def test_eyeq_takes_both_of_its_files(tmp_path):
    tree = LABEL_SETS["eyeq"](tmp_path).write()
    other = tmp_path / "Label_EyeQ_test.csv"
    other.write_text(",image,quality,DR_grade\n0,8_left.jpeg,2,3\n")
    write_image(tmp_path / "images" / "8_left.jpeg")
    eyes = load_eyeq(tmp_path / "images", [tree.label_file, other])
    assert by_name(eyes)["8_left"] == 0
    assert eyes.groups.tolist() == ["13", "13", "7", "8"]


@pytest.mark.realdata
def test_the_real_eyeq_labels_have_the_counts_of_their_readme(real_data):
    images = real_data / "eyepacs-256" / "images"
    files = [real_data / "labels" / f"Label_EyeQ_{p}.csv" for p in ("train", "test")]
    with pytest.warns(UserWarning, match="without a row of labels"):
        eyes = load_eyeq(images, files)
    assert eyes.report["n_label_rows"] == 28792
    known = eyes.target[eyes.target[:, 1] >= 0]
    assert len(known) == 3298 - eyes.report["n_images_without_label_row"]
    assert np.bincount(known[:, 1]).tolist() == [235, 981]


# DeepDRiD


def test_deepdrid_gives_each_eye_its_own_grade_and_each_view_its_quality(tmp_path):
    eyes = load_deepdrid(_deepdrid(tmp_path).root, subset="train")
    assert eyes.target.tolist() == [[0, 1], [2, 0], [4, 1]]
    assert eyes.frame["eye"].tolist() == ["left", "right", "left"]
    assert eyes.groups.tolist() == ["13", "13", "7"]
    assert eyes.frame["clarity"].tolist() == [8, 1, 8]
    assert eyes.frame["artifact"].tolist() == [0, 6, 0]
    assert eyes.frame["subset"].unique().tolist() == ["train"]


def _deepdrid(root):
    return LABEL_SETS["deepdrid"](root).write()


def test_deepdrid_leaves_the_eye_open_where_name_and_grade_disagree(tmp_path):
    tree = LABEL_SETS["deepdrid"](tmp_path)
    rows = [list(row) for row in tree.rows]
    rows[1][4], rows[1][9] = "", "2"  # 13_r1 graded as a left eye, as 56_r3 is
    tree.write(tree.text(rows=rows))
    eyes = load_deepdrid(tmp_path, subset="train")
    assert eyes.frame["eye"].tolist() == ["left", "", "left"]
    assert eyes.target[:, 0].tolist() == [0, 2, 4]
    assert eyes.report["n_images_with_unclear_side"] == 1


def test_deepdrid_refuses_two_grades_of_one_image(tmp_path):
    tree = LABEL_SETS["deepdrid"](tmp_path)
    rows = [list(row) for row in tree.rows]
    rows[1][9] = "3"
    tree.write(tree.text(rows=rows))
    with pytest.raises(ValueError, match=r"line 3: image '13_r1' has the grade 3 as a"):
        load_deepdrid(tmp_path, subset="train")


@pytest.fixture(params=["xlsx", "csv"])
def deepdrid_with_test(request, tmp_path):
    """DeepDRiD with its validation and test parts, labels in either format."""
    root = _deepdrid(tmp_path).root / "regular_fundus_images"
    part = root / "regular-fundus-validation"
    write_image(part / "Images" / "265" / "265_r2.jpg")
    (part / "regular-fundus-validation.csv").write_text(
        "patient_id,image_id,Overall quality,left_eye_DR_Level,right_eye_DR_Level\n"
        "265,265_r2,1,,3\n"
    )
    part = root / "Online-Challenge1&2-Evaluation"
    write_image(part / "Images" / "347" / "347_l1.jpg")
    tables = {
        "Challenge1_labels": [["image_id", "DR_Levels"], ["347_l1", 4]],
        "Challenge2_labels": [["image_id", "Overall quality"], ["347_l1", 0]],
    }
    for name, rows in tables.items():
        if request.param == "csv":
            text = "\n".join(",".join(map(str, row)) for row in rows)
            (part / f"{name}.csv").write_text(text)
        else:
            book = pytest.importorskip("openpyxl").Workbook()
            for row in rows:
                book.active.append(row)
            book.save(part / f"{name}.xlsx")
    return tmp_path


def test_deepdrid_reads_all_three_subsets(deepdrid_with_test):
    subsets = ["train", "validation", "test"]
    eyes = load_deepdrid(deepdrid_with_test, subset=subsets)
    assert eyes.target.tolist() == [[0, 1], [2, 0], [4, 1], [3, 1], [4, 0]]
    counts = eyes.frame["subset"].value_counts()
    assert counts.to_dict() == {"train": 3, "validation": 1, "test": 1}
    default = load_deepdrid(deepdrid_with_test)
    assert default.frame["subset"].unique().tolist() == ["train", "validation"]


@pytest.mark.parametrize("load", [load_deepdrid, load_idrid])
@pytest.mark.parametrize("wrong", ["training", [], ["train", "val"]])
def test_a_subset_that_is_none_is_refused(tmp_path, load, wrong):
    with pytest.raises(ValueError, match="subset must be one or several of 'train'"):
        load(tmp_path, subset=wrong)


def test_a_part_that_is_missing_is_refused_with_the_way_to_read_the_other(tmp_path):
    LABEL_SETS["idrid"](tmp_path).write()
    with pytest.raises(ValueError, match="pass the name as subset"):
        load_idrid(tmp_path)


# IDRiD, APTOS


def test_idrid_keeps_the_equal_names_of_its_two_parts_apart(tmp_path):
    tree = LABEL_SETS["idrid"](tmp_path).write()
    part = tree.root / "B. Disease Grading"
    write_image(part / "1. Original Images" / "b. Testing Set" / "IDRiD_001.jpg")
    labels = part / "2. Groundtruths" / "b. IDRiD_Disease Grading_Testing Labels.csv"
    labels.write_text(
        "Image name,Retinopathy grade,Risk of macular edema \nIDRiD_001,3,2\n"
    )
    eyes = load_idrid(tmp_path)
    assert eyes.target.tolist() == [[0, -1], [2, -1], [4, -1], [3, -1]]
    assert len(set(eyes.groups)) == 4
    assert eyes.report["n_repeated_names"] == 0
    assert eyes.frame["macular_edema"].tolist() == [1, 1, 1, 2]


def test_idrids_other_parts_do_not_stand_in_for_the_grading_part(tmp_path):
    LABEL_SETS["idrid"](tmp_path).write()
    images = tmp_path / "A. Segmentation" / "1. Original Images" / "a. Training Set"
    write_image(images / "IDRiD_01.jpg")
    assert len(load_idrid(tmp_path, subset="train").data) == 3


@pytest.mark.parametrize("name", ["aptos", "idrid"])
def test_where_patients_are_unknown_each_image_is_its_own(tmp_path, name):
    tree = LABEL_SETS[name](tmp_path).write()
    eyes = tree.load(tree)
    assert len(set(eyes.groups)) == 3
    assert eyes.frame["eye"].tolist() == ["", "", ""]
    assert "PATIENTS ARE NOT KNOWN" in eyes.DESCR
    assert (eyes.target[:, 1] == -1).all()


# Messidor-2


def test_messidor2_pairs_the_eyes_of_an_examination(tmp_path):
    tree = LABEL_SETS["messidor2"](tmp_path).write()
    eyes = tree.load(tree)
    assert eyes.target.tolist() == [[0, 1], [2, 1], [4, 1]]
    assert eyes.frame["eye"].tolist() == ["", "right", "left"]
    assert eyes.groups.tolist() == ["20051020_43808_0100_PP", "IM000013", "IM000013"]
    assert eyes.report["n_images_without_pair"] == 1
    assert eyes.frame["macular_edema"].tolist() == [0, 1, 0]


def test_messidor2_without_its_pairs_warns_that_patients_are_torn_apart(tmp_path):
    tree = LABEL_SETS["messidor2"](tmp_path).write()
    (tmp_path / "messidor-2.csv").unlink()
    with pytest.warns(UserWarning, match=r"every image is its own group"):
        eyes = tree.load(tree)
    assert len(set(eyes.groups)) == 3
    assert "PATIENTS ARE NOT KNOWN" in eyes.DESCR


def test_messidor2_takes_an_ungradable_image_as_poor_without_grade(tmp_path):
    tree = LABEL_SETS["messidor2"](tmp_path)
    tree.rows[2][1:] = ["", "", "0"]
    tree.write()
    assert tree.load(tree).target[2].tolist() == [-1, 0]


def test_messidor2_names_an_image_in_two_pairs(tmp_path):
    tree = LABEL_SETS["messidor2"](tmp_path)
    tree.extra["messidor-2.csv"] = "left;right\nIM000013.JPG;a.JPG\nIM000013.jpg;b.JPG"
    tree.write()
    with pytest.raises(ValueError, match=r"'IM000013' stands in line 2 and in line 3"):
        tree.load(tree)


# DRIMDB


@pytest.mark.parametrize("outlier", [0, -1])
def test_drimdb_takes_its_quality_from_the_folders(tmp_path, outlier):
    write_drimdb(tmp_path)
    eyes = load_drimdb(tmp_path, outlier_as=outlier)
    assert eyes.target[:, 0].tolist() == [-1] * 6
    assert eyes.target[:, 1].tolist() == [1, 1, 0, 0, outlier, outlier]
    assert eyes.frame["drimdb_class"].tolist()[::2] == ["good", "bad", "outlier"]
    assert len(set(eyes.groups)) == 6
    assert f"Outlier is {outlier}," in eyes.DESCR


def test_drimdb_keeps_equal_names_in_its_folders_apart(tmp_path):
    for name in ("good", "BAD", "Outlier"):
        write_image(tmp_path / name / "1.jpg")
    eyes = load_drimdb(tmp_path)
    assert len(set(eyes.groups)) == 3
    assert eyes.report["n_repeated_names"] == 0


@pytest.mark.parametrize("wrong", [1, 2, False, "poor"])
def test_drimdb_refuses_to_call_an_outlier_good(tmp_path, wrong):
    write_drimdb(tmp_path)
    with pytest.raises(ValueError, match="outlier_as must be 0"):
        load_drimdb(tmp_path, outlier_as=wrong)


def test_all_readers_return_arrays_on_request(tmp_path):
    write_drimdb(tmp_path / "drimdb")
    for name, load in {
        "aptos": load_aptos,
        "deepdrid": lambda f, **kw: load_deepdrid(f, subset="train", **kw),
        "drimdb": load_drimdb,
        "idrid": lambda f, **kw: load_idrid(f, subset="train", **kw),
        "messidor2": load_messidor2,
    }.items():
        folder = tmp_path / name
        if name != "drimdb":
            LABEL_SETS[name](folder).write()
        X, y = load(folder, return_X_y=True)
        eyes = load(folder)
        np.testing.assert_array_equal(X, eyes.data)
        np.testing.assert_array_equal(y, eyes.target)
