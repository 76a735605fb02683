"""The contest's loader on folders that the tests write, and once on the real ones."""

import codecs
import os

import numpy as np
import pytest
from PIL import Image

from sk_fiqdr.datasets import load_kaggle_dr
from sk_fiqdr.model_selection import patient_ids


@pytest.fixture
def photographs(tmp_path):
    """Three images of two patients, with grades and quality."""
    folder = tmp_path / "images"
    for name in ("13_right.jpeg", "7_left.jpeg", "13_left.jpeg"):
        write_image(folder / name)
    return folder


@pytest.fixture
def write(tmp_path):
    def write_csv(text, name="labels.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_csv


@pytest.fixture
def grades(write):
    return write("image,level\n13_left,0\n13_right,2\n7_left,4\n", "trainLabels.csv")


@pytest.fixture
def quality(write):
    return write("image,quality\n13_left,1\n13_right,0\n7_left,1\n", "quality.csv")


def write_image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6), "brown").save(path)
    return path


def as_dict(bunch):
    names = [os.path.basename(path) for path in bunch.data]
    return dict(zip(names, bunch.target.tolist(), strict=True))


def test_each_image_gets_its_own_grade_and_quality(photographs, grades, quality):
    eyes = load_kaggle_dr(photographs, grades, quality)
    assert as_dict(eyes) == {
        "13_left.jpeg": [0, 1],
        "13_right.jpeg": [2, 0],
        "7_left.jpeg": [4, 1],
    }
    assert eyes.data.tolist() == sorted(str(path) for path in photographs.iterdir())
    assert eyes.data.dtype.kind == "U"
    assert eyes.target.dtype == np.int64
    assert eyes.groups.tolist() == ["13", "13", "7"]


def test_the_frame_repeats_data_target_and_groups(photographs, grades, quality):
    eyes = load_kaggle_dr(photographs, grades, quality)
    columns = ["path", "image", "patient", "eye", "grade", "quality"]
    assert eyes.frame.columns.tolist() == columns
    assert eyes.frame["path"].tolist() == eyes.data.tolist()
    assert eyes.frame["image"].tolist() == ["13_left", "13_right", "7_left"]
    assert eyes.frame["patient"].tolist() == patient_ids(eyes.data).tolist()
    assert eyes.frame["eye"].tolist() == ["left", "right", "left"]
    np.testing.assert_array_equal(eyes.frame[["grade", "quality"]], eyes.target)


@pytest.mark.parametrize(
    ("name", "eye"),
    [
        ("5_OD.png", "right"),
        ("5 (os).png", "left"),
        ("5_l2.png", "left"),
        ("5.png", ""),
    ],
)
def test_eyes_are_read_in_every_spelling_that_patients_are(tmp_path, write, name, eye):
    write_image(tmp_path / "images" / name)
    grades = write(f"image,level\n{name},1\n")
    assert load_kaggle_dr(tmp_path / "images", grades).frame["eye"].tolist() == [eye]


def test_return_X_y_gives_data_and_target(photographs, grades, quality):
    X, y = load_kaggle_dr(photographs, grades, quality, return_X_y=True)
    eyes = load_kaggle_dr(photographs, grades, quality)
    np.testing.assert_array_equal(X, eyes.data)
    np.testing.assert_array_equal(y, eyes.target)


def test_paths_may_be_strings(photographs, grades, quality):
    eyes = load_kaggle_dr(str(photographs), str(grades), [str(quality)])
    assert as_dict(eyes)["13_right.jpeg"] == [2, 0]


@pytest.mark.parametrize("task", ["grades", "quality"])
def test_labels_that_are_not_given_are_unknown(photographs, grades, quality, task):
    given = {"grades": grades, "quality": quality, task: None}
    eyes = load_kaggle_dr(photographs, **given)
    column = ["grades", "quality"].index(task)
    assert (eyes.target[:, column] == -1).all()
    assert (eyes.target[:, 1 - column] >= 0).all()


def test_images_in_nested_folders_are_found_whatever_their_extension(
    tmp_path, grades, quality
):
    folder = tmp_path / "images"
    write_image(folder / "a" / "b ä" / "13_left.JPG")
    write_image(folder / "13_right.png")
    write_image(folder / "c" / "7_left.Tif")
    eyes = load_kaggle_dr(folder, grades, quality)
    assert sorted(as_dict(eyes).values()) == [[0, 1], [2, 0], [4, 1]]


def test_hidden_files_and_other_files_are_no_images(photographs, grades, quality):
    (photographs / "._13_left.jpeg").write_bytes(b"macOS")
    (photographs / "notes.txt").write_text("not an image")
    write_image(photographs / "__MACOSX" / "7_left.jpeg")
    assert len(load_kaggle_dr(photographs, grades, quality).data) == 3


def test_a_link_to_a_parent_folder_ends(photographs, grades, quality):
    (photographs / "loop").symlink_to(photographs, target_is_directory=True)
    assert len(load_kaggle_dr(photographs, grades, quality).data) == 3


@pytest.mark.parametrize(
    "text",
    [
        "image,level\n13_left.jpeg,0\n13_right.JPEG,2\n7_left.png,4\n",
        codecs.BOM_UTF8 + b"image,level\r\n13_left,0\r\n13_right,2\r\n7_left,4\r\n",
        ",image,level\n0,13_left,0\n1,13_right,2\n2,7_left,4\n",
        " Image , LEVEL \n 13_left , 0\n13_right ,2 \n\n7_left,4\n\n",
        "image,level\n13_LEFT.JPG,0\n13_Right,2\n7_left,4\n",
        "level,image\n0,train/13_left\n2,train\\13_right.jpeg\n4,7_left\n",
        '"image","level"\n"13_left","0.0"\n"13_right","2.0"\n"7_left","4.0"\n',
        "image,level\n13_left,0\n13_right,2\n7_left,4\n13_left,0\n",
    ],
    ids=[
        "extensions",
        "BOM",
        "index",
        "blanks",
        "case",
        "folders",
        "quotes",
        "repeated",
    ],
)
def test_label_files_may_be_written_in_many_ways(photographs, write, text):
    eyes = load_kaggle_dr(photographs, write(text))
    assert eyes.target[:, 0].tolist() == [0, 2, 4]


def test_several_label_files_count_as_one(photographs, grades, write):
    parts = [
        write("image,quality\n13_left,1\n13_right,0\n", "train.csv"),
        write("image,quality\n7_left.jpeg,1\n99_left.jpeg,1\n", "test.csv"),
    ]
    eyes = load_kaggle_dr(photographs, grades, parts)
    assert eyes.target[:, 1].tolist() == [1, 0, 1]
    assert eyes.report["n_quality_rows"] == 4
    assert eyes.report["n_quality_rows_without_image"] == 1


def test_the_report_counts_what_did_not_match(photographs, write):
    grades = write(
        "image,level\n13_left,0\n13_left,0\n13_right,2\n8_left,1\n9_left,1\n"
    )
    with pytest.warns(UserWarning, match="1 without a row of grade labels"):
        eyes = load_kaggle_dr(photographs, grades)
    assert eyes.report == {
        "n_images": 3,
        "n_patients": 2,
        "n_repeated_names": 0,
        "n_images_without_grade_row": 1,
        "n_grade_rows": 5,
        "n_grade_rows_repeated": 1,
        "n_grade_rows_without_image": 2,
    }
    assert as_dict(eyes)["7_left.jpeg"] == [-1, -1]
    assert "Grade rows without image: 2." in eyes.DESCR


@pytest.mark.parametrize("unknown", ["-1", "", " "])
def test_an_empty_grade_or_minus_one_is_unknown_and_no_gap(photographs, write, unknown):
    eyes = load_kaggle_dr(
        photographs, write(f"image,level\n13_left,{unknown}\n13_right,2\n7_left,4\n")
    )
    assert eyes.target[:, 0].tolist() == [-1, 2, 4]
    assert eyes.report["n_images_without_grade_row"] == 0


def test_a_name_in_two_folders_is_two_rows_of_one_patient(photographs, grades):
    write_image(photographs / "again" / "7_left.png")
    with pytest.warns(UserWarning, match="name stands in another place.*'7_left'"):
        eyes = load_kaggle_dr(photographs, grades)
    assert eyes.target[:, 0].tolist() == [0, 2, 4, 4]
    assert eyes.groups.tolist() == ["13", "13", "7", "7"]
    assert eyes.report["n_repeated_names"] == 1


def test_contradicting_rows_are_named_with_file_and_line(photographs, write):
    one = write("image,level\n13_left,0\n13_right,2\n", "one.csv")
    two = write("image,level\n7_left,4\n13_right.jpeg,3\n", "two.csv")
    with pytest.raises(ValueError, match="13_right") as error:
        load_kaggle_dr(photographs, [one, two])
    for part in ("level 2", "one.csv' line 3", "and 3 in", "two.csv' line 3"):
        assert part in str(error.value)


@pytest.mark.parametrize("label", ["5", "-2", "1.5", "mildish", "nan", "inf", "1e400"])
def test_a_label_that_is_no_grade_is_named_with_file_and_line(
    photographs, write, label
):
    grades = write(f"image,level\n13_left,0\n\n13_right,{label}\n7_left,1\n")
    with pytest.raises(ValueError, match=r"labels.csv' line 4: image '13_right'") as e:
        load_kaggle_dr(photographs, grades)
    assert repr(label) in str(e.value)
    assert "0 to 4" in str(e.value)


def test_a_quality_of_two_is_refused(photographs, grades, write):
    quality = write("image,quality\n13_left,2\n", "quality.csv")
    with pytest.raises(ValueError, match=r"y.csv' line 2.*quality '2'.*0 to 1.*EyeQ"):
        load_kaggle_dr(photographs, grades, quality)


@pytest.mark.parametrize(
    ("name", "header"),
    [("Label_EyeQ_train.csv", "image,quality"), ("q.csv", "image,quality,DR_grade")],
)
def test_a_quality_file_of_eyeq_is_refused_though_it_holds_no_two(
    photographs, grades, write, name, header
):
    row = "13_left" + ",1" * header.count(",")
    quality = write(f"{header}\n{row}\n", name)
    with pytest.raises(ValueError, match=rf"{name}' seems to be EyeQ's.*load_eyeq"):
        load_kaggle_dr(photographs, grades, quality)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,stage\n13_left,0\n", r"no column 'level', but \['image', 'stage'\]"),
        ("", "not a readable CSV"),
        (b"PK\x03\x04\x00\xff\xfe", "must be unpacked first"),
        ("image,level\n", "holds no row"),
        ("image,level\n99_left,0\n", "None of the 3 images.*'13_left'.*'99_left'"),
    ],
    ids=["column", "empty", "archive", "header", "other images"],
)
def test_a_file_that_cannot_be_meant_is_refused_by_name(
    photographs, write, text, message
):
    with pytest.raises(ValueError, match=message) as error:
        load_kaggle_dr(photographs, write(text))
    assert "labels.csv" in str(error.value)


def test_a_label_file_that_is_missing_is_named(photographs, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere.csv"):
        load_kaggle_dr(photographs, tmp_path / "nowhere.csv")


def test_a_folder_in_place_of_a_label_file_is_named(photographs, tmp_path):
    with pytest.raises(ValueError, match="not a readable CSV"):
        load_kaggle_dr(photographs, tmp_path)


def test_a_missing_folder_is_named(tmp_path, grades):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_kaggle_dr(tmp_path / "nowhere", grades)


def test_a_file_in_place_of_the_folder_is_named(tmp_path, grades):
    archive = tmp_path / "train.zip"
    archive.write_bytes(b"PK")
    with pytest.raises(NotADirectoryError, match=r"train.zip.*Unpack"):
        load_kaggle_dr(archive, grades)


def test_a_folder_without_images_says_what_it_holds(tmp_path, grades):
    folder = tmp_path / "images"
    folder.mkdir()
    with pytest.raises(ValueError, match="but nothing"):
        load_kaggle_dr(folder, grades)
    (folder / "train.zip.001").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"1 other files, such as 'train.zip.001'"):
        load_kaggle_dr(folder, grades)


@pytest.mark.realdata
def test_the_real_photographs_have_the_counts_of_their_readme(real_data):
    labels = real_data / "labels"
    eyes = load_kaggle_dr(
        real_data / "eyepacs-256" / "images",
        labels / "trainLabels.csv",
        [
            labels / f"quality_label_{part}.csv"
            for part in ("train", "validate", "test")
        ],
    )
    assert len(eyes.data) == 3298
    assert len(set(eyes.groups)) == 1650
    assert np.bincount(eyes.target[:, 0]).tolist() == [2368, 248, 534, 85, 63]
    assert np.bincount(eyes.target[:, 1]).tolist() == [145, 3153]
    assert eyes.report["n_grade_rows_without_image"] == 35126 - 3298
