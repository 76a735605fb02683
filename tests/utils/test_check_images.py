"""What X may hold, and what is refused, with the way out."""

import collections
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from sk_fiqdr.utils._check_images import check_images

NAMES = ["a/1_left.png", "a/1_right.png"]


@pytest.fixture
def eyes():
    return np.random.default_rng(0).integers(0, 256, (2, 5, 4, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "X",
    [
        NAMES,
        tuple(NAMES),
        [Path(name) for name in NAMES],
        np.array(NAMES),
        np.array(NAMES, dtype=object),
        pd.Series(NAMES, index=[7, 3]),
        pd.Series(NAMES, dtype="string"),
        pd.Series(NAMES, dtype="category"),
        pd.Index(NAMES),
        collections.deque(NAMES),
        dict.fromkeys(NAMES).keys(),
        {0: NAMES[0], 1: NAMES[1]}.values(),
    ],
    ids=lambda X: type(X).__name__,
)
def test_paths_are_taken_from_anything_that_holds_them_in_order(X):
    paths, kind = check_images(X)
    assert kind == "paths"
    assert paths.tolist() == NAMES


@pytest.mark.parametrize(
    "hold",
    [
        list,
        lambda eyes: np.array([*eyes, None], dtype=object)[:2],
        lambda eyes: [Image.fromarray(eye) for eye in eyes],
        lambda eyes: np.array([*map(Image.fromarray, eyes), None], dtype=object)[:2],
        lambda eyes: pd.Series([Image.fromarray(eye) for eye in eyes]),
        torch.from_numpy,
        lambda eyes: [torch.from_numpy(eye) for eye in eyes],
    ],
    ids=["list", "objects", "pillow", "pillows", "series", "tensor", "tensors"],
)
def test_images_are_taken_one_by_one(eyes, hold):
    images, kind = check_images(hold(eyes))
    assert kind == "images"
    np.testing.assert_array_equal(images, eyes)


def test_a_pillow_image_is_turned_upright(eyes):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[274] = 3  # upside down
    Image.fromarray(eyes[0]).save(file, "PNG", exif=exif)
    images, _ = check_images([Image.open(file)])
    np.testing.assert_array_equal(images[0], eyes[0][::-1, ::-1])


def png(eye):
    file = io.BytesIO()
    Image.fromarray(eye).save(file, "PNG")
    return file.getvalue()


class Strange:
    def __repr__(self):
        return "strange\n" * 1000


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("eye.png", TypeError, r"single path, 'eye.png'\. Pass a list of paths"),
        (b"eye.png", TypeError, r"single bytes, .* Pass a list"),
        (Image.new("RGB", (4, 4)), TypeError, "single Pillow image"),
        (np.array("eye.png"), TypeError, "single value, 'eye.png'"),
        ([], ValueError, "X is empty"),
        ([b"a.png", b"b.png"], TypeError, r"got bytes in row 0.*os\.fsdecode"),
        (np.array([b"a.png"]), TypeError, r"os\.fsdecode"),
        ([("a.png", 1), ("b.png", 0)], TypeError, "labels as y"),
        (["a.png", None], TypeError, r"Row 1 of X is None .* Drop such rows"),
        (["a.png", float("nan")], TypeError, "Row 1 of X is nan"),
        (pd.Series(["a.png", pd.NA], dtype="string"), TypeError, "Row 1 of X is <NA>"),
        ([Strange()], TypeError, r"got Strange in row 0: strange .{0,50}\.$"),
        ({"a.png": 1}, TypeError, "Pass one of its values"),
        ({"a.png", "b.png"}, TypeError, r"Pass list\(X\)"),
        ((name for name in NAMES), TypeError, r"Pass list\(X\)"),
        (5, TypeError, "got 5"),
        (None, TypeError, "got None"),
        (
            pd.DataFrame({"path": NAMES, "age": 1}),
            ValueError,
            r"\['path', 'age'\].*Pass the one column",
        ),
        (np.array([NAMES]), ValueError, r"\(1, 2\)\. Use X\.ravel\(\)"),
        ([Image.new("I;16", (4, 4))], TypeError, "mode 'I;16'.*Pass the paths"),
        ([[[[0] * 3]]], ValueError, r"got int64 .*astype\(np\.uint8\)"),
    ],
    ids=range(21),
)
def test_anything_else_is_refused_in_a_sentence_or_two(X, error, message):
    with pytest.raises(error, match=message) as raised:
        check_images(X)
    assert len(str(raised.value)) < 400
    assert "\n" not in str(raised.value)


def test_contents_of_files_are_refused_with_the_line_that_decodes_them(eyes):
    with pytest.raises(TypeError, match=r"Image\.open\(io\.BytesIO\(row\)\)"):
        check_images([png(eye) for eye in eyes])
    images, _ = check_images(
        [Image.open(io.BytesIO(png(eye))).convert("RGB") for eye in eyes]
    )
    np.testing.assert_array_equal(images, eyes)


def test_images_of_several_sizes_are_refused_with_both(eyes):
    with pytest.raises(ValueError, match=r"2 sizes, .*\(4, 4, 3\) and \(5, 4, 3\)"):
        check_images([eyes[0], eyes[1, :4]])


@pytest.mark.parametrize(
    "X",
    [
        np.array(NAMES, dtype=object)[:, None],
        np.array(NAMES)[:, None],
        pd.DataFrame({"path": NAMES}),
        pd.DataFrame({"path": NAMES}, index=[5, 5]),
        pd.DataFrame({"path": NAMES}, dtype="string"),
        pd.DataFrame({"path": NAMES}, dtype="category"),
    ],
)
def test_one_column_of_paths_is_its_paths(X):
    paths, kind = check_images(X)
    assert kind == "paths"
    assert paths.tolist() == [str(name) for name in NAMES]
