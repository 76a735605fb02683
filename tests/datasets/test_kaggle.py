"""A folder and its label files, tidy and untidy."""

import numpy as np
import pytest
from PIL import Image

from sk_fiqdr.datasets import load_kaggle_dr


@pytest.fixture
def folder(tmp_path):
    images = tmp_path / "bilder ä"
    for name in ("10_left", "10_right", "13_left"):
        images.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (90, 40, 20)).save(images / f"{name}.jpeg")
    (tmp_path / "grades.csv").write_text(
        "image,level\n10_left,0\n10_right,2\n13_left,4"
    )
    (tmp_path / "quality.csv").write_text("image,quality\n10_left.jpeg,1\n13_left,0\n")
    return tmp_path


def load(folder, **kwargs):
    return load_kaggle_dr(
        folder / "bilder ä", folder / "grades.csv", folder / "quality.csv", **kwargs
    )


def test_names_match_with_and_without_extension(folder):
    data = load(folder)
    assert data.target.tolist() == [[0, 1], [2, -1], [4, 0]]
    assert data.groups.tolist() == ["10", "10", "13"]
    assert data.frame["image"].tolist() == [
        "10_left.jpeg",
        "10_right.jpeg",
        "13_left.jpeg",
    ]
    assert data.target.dtype == np.int64


def test_what_does_not_match_is_counted(folder):
    (folder / "grades.csv").write_text("image,level\n10_left,0\n10_left,0\n99_left,1\n")
    with pytest.warns(UserWarning, match=r"2 images without a grade|1 grade rows rep"):
        data = load(folder)
    assert data.target[:, 0].tolist() == [0, -1, -1]
    assert data.report == {
        "images": 3,
        "grade rows": 3,
        "grade rows repeated": 1,
        "grade rows without an image": 1,
        "images without a grade": 2,
        "quality rows": 2,
        "quality rows repeated": 0,
        "quality rows without an image": 0,
        "images without a quality": 1,
        "image names in several folders": 0,
    }
    assert "images without a grade" in data.DESCR


def test_several_label_files_are_joined(folder):
    (folder / "more.csv").write_text("image,quality\n10_right.jpeg,1\n")
    data = load_kaggle_dr(
        folder / "bilder ä",
        folder / "grades.csv",
        [folder / "quality.csv", folder / "more.csv"],
    )
    assert data.target[:, 1].tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffimage,level\n10_left,0\n10_right,2\n13_left,4\n",
        "image,level\r\n10_left,0\r\n10_right,2\r\n13_left,4\r\n",
        ",image,level\n0,10_left,0\n1,10_right,2\n2,13_left,4\n",
        "Image , Level\n 10_left , 0\n 10_right , 2\n 13_left , 4\n",
        "image,level\n10_LEFT.JPG,0\ntrain/10_right.png,2\n13_left,4.0\n",
        "level,image\n0,10_left\n2,10_right\n4,13_left\n",
    ],
    ids=["BOM", "CRLF", "index", "blanks", "case", "order"],
)
def test_untidy_label_files_work(text, folder):
    (folder / "grades.csv").write_bytes(text.encode())
    assert load(folder).target[:, 0].tolist() == [0, 2, 4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,level\n10_left,0\n", r"no column 'image', only \['name', 'level'\]"),
        ("image,grade\n10_left,0\n", "no column 'level'"),
        ("image,level\n10_left,0\n10_right,5\n", "line 3: level is '5'"),
        ("image,level\n10_left,none\n", "line 2: level is 'none'"),
        ("image,level\n10_left,0.5\n", "line 2: level is '0.5'"),
        ("image,level\n10_left,0\n10_left.jpeg,1\n", "line 3: '10_left.jpeg' has lev"),
        ("image,level\n,0\n", "line 2: no image is named"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_line(text, message, folder):
    (folder / "grades.csv").write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        load(folder)
    assert "grades.csv" in str(caught.value)


def test_nested_folders_are_searched_and_equal_names_counted(folder):
    nested = folder / "bilder ä" / "again"
    nested.mkdir()
    Image.new("RGB", (8, 8)).save(nested / "10_left.png")
    with pytest.warns(UserWarning, match="1 image names in several folders"):
        data = load(folder)
    assert data.target[:, 0].tolist() == [0, 0, 2, 4]
    assert len(data.data) == 4


def test_an_empty_label_is_unknown(folder):
    (folder / "quality.csv").write_text("image,quality\n10_left,\n13_left,1\n")
    assert load(folder).target[:, 1].tolist() == [-1, -1, 1]


def test_without_quality_every_quality_is_unknown(folder):
    X, y = load_kaggle_dr(folder / "bilder ä", folder / "grades.csv", return_X_y=True)
    assert (y[:, 1] == -1).all()
    assert len(X) == 3


def test_paths_that_lead_nowhere_are_named(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_kaggle_dr(tmp_path / "nowhere", folder / "grades.csv")
    with pytest.raises(FileNotFoundError, match=r"no\.csv"):
        load_kaggle_dr(folder / "bilder ä", tmp_path / "no.csv")
    with pytest.raises(NotADirectoryError, match=r"grades\.csv"):
        load_kaggle_dr(folder / "grades.csv", folder / "grades.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no image"):
        load_kaggle_dr(tmp_path / "empty", folder / "grades.csv")


@pytest.mark.realdata
def test_the_real_photographs_are_all_there(real_data):
    data = load_kaggle_dr(
        real_data / "eyepacs-256" / "images",
        real_data / "labels" / "trainLabels.csv",
        real_data / "labels" / "quality_label_train.csv",
    )
    assert len(data.data) == 3298
    assert len(set(data.groups)) == 1650
    assert np.bincount(data.target[:, 0]).tolist() == [2368, 248, 534, 85, 63]
    assert np.bincount(data.target[:, 1]).tolist() == [145, 3153]
    assert data.report["grade rows without an image"] == 35126 - 3298
