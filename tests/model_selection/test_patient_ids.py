"""Whose photograph is it, and does anything tear a patient apart?"""

import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.model_selection import (
    PatientLeakageError,
    PatientStratifiedKFold,
    check_patients_apart,
    patient_ids,
    patient_train_test_split,
)


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("10_left", "10"),
        ("10_right.jpeg", "10"),
        ("some/where/10_RIGHT.JPEG", "10"),
        ("265/265_l1.jpg", "265"),
        ("265_r2.jpg", "265"),
        ("P07-OD.png", "P07"),
        ("P07 OS 2.tif", "P07"),
        ("müller_ä_left.jpeg", "müller_ä"),
        ("a b c_left.png", "a b c"),
        ("IMG_0017.png", "IMG_0017"),
        ("left.png", "left"),
        ("20051020_43808_0100_PP.tif", "20051020_43808_0100_PP"),
        ("drill.png", "drill"),
        ("scan_l", "scan"),
        ("265/left.jpg", "265"),
        ("a/265/OD1.jpg", "265"),
        ("C:\\images\\10_left.jpeg", "10"),
        ("10_left.jpeg.png", "10"),
        ("10_left (1).jpeg", "10"),
        ("10_left.v2", "10"),
        ("1.2.840.113", "1.2.840.113"),
        ("p.a.png", "p.a"),
        (".left", ".left"),
        ("DR_OD.OS.left", "DR_OD"),
    ],
)
def test_patient_is_what_stands_before_the_laterality(name, patient):
    assert patient_ids([name]).tolist() == [patient]


@pytest.mark.parametrize("container", [list, tuple, np.array, pd.Series])
def test_any_container_of_names_will_do(container):
    names = container(["1_left.jpeg", "1_right.jpeg", "2_left.jpeg"])
    assert patient_ids(names).tolist() == ["1", "1", "2"]


@pytest.mark.parametrize(
    "pair",
    [
        ("13L.png", "13R.png"),
        ("0007OD.jpg", "0007OS.jpg"),
        ("P07LE.tif", "P07RE.tif"),
        ("P07_LE.tif", "P07_RE.tif"),
        ("IM-3 OG.ppm", "IM-3 OD.ppm"),
        ("7_OI.jpg", "7_OD.jpg"),
        ("7oe2.jpg", "7od1.jpg"),
        ("12left.jpeg", "12right.jpeg"),
        ("OD_12.png", "OS_12.png"),
        ("left-a7.png", "right-a7.png"),
        ("12_left_eye.jpg", "12_right_eye.jpg"),
    ],
)
def test_both_eyes_are_one_patient_in_every_spelling(pair):
    assert len(set(patient_ids([*pair, "unrelated.png"]))) == 2


@pytest.mark.parametrize(
    "names",
    [
        ["13L.png", "14L.png"],  # no fellow: a scan of 13 litres, for all we know
        ["img2re.png", "img3re.png"],
        ["right_7.png", "right_8.png"],
        ["a1.png", "a2.png"],
        ["x7l.png", "x8r.png"],
    ],
)
def test_a_letter_is_no_side_where_the_fellow_is_not_there(names):
    assert patient_ids(names).tolist() == [name.split(".")[0] for name in names]


SPLITS = {
    "patient_train_test_split": lambda X, y: patient_train_test_split(X, y),
    "PatientStratifiedKFold": lambda X, y: list(PatientStratifiedKFold(2).split(X, y)),
}


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("name", ["{:012x}.png", "img{:05d}.jpg", "{}.1.jpg"])
def test_a_split_of_names_that_tell_no_patient_warns(split, name):
    names = [name.format(i * 7919) for i in range(1, 41)]
    with pytest.warns(UserWarning, match="40 of 40 file names do not identify a"):
        SPLITS[split](names, [[i % 5, 1] for i in range(40)])


@pytest.mark.parametrize("split", SPLITS)
def test_a_split_of_names_that_mostly_tell_is_silent(split):
    names = [f"{i}_{side}.png" for i in range(20) for side in ("left", "right")]
    SPLITS[split]([*names, "extra.png"], [[i % 5, 1] for i in range(41)])


def test_a_fellow_eye_is_known_where_each_set_has_one_side(tiny, fundus, tmp_path):
    for i, image in enumerate(fundus.data[:8]):
        Image.fromarray(image).save(tmp_path / f"{i // 2}{'LR'[i % 2]}.png")
    left = sorted(map(str, tmp_path.glob("*L.png")))
    right = sorted(map(str, tmp_path.glob("*R.png")))
    net = FIQDRClassifier(**tiny).fit(left, fundus.target[:4])
    net.check_patients(left)
    with pytest.raises(PatientLeakageError, match="4 patients"):
        net.score(right, fundus.target[:4])


def test_paths_are_names_too():
    assert patient_ids([Path("x") / "1_left.jpeg"]).tolist() == ["1"]


@pytest.mark.parametrize(
    "names",
    [
        "1_left",
        b"1_left",
        Path("1_left"),
        [1, 2],
        [b"1_left"],
        ["1_left", None],
        pd.Series(["1_left", np.nan]),
        np.zeros((2, 3)),
        np.array("1_left"),
        pd.DataFrame({"image": ["1_left"]}),
        {"1_left": 0},
        {"1_left"},
        None,
        7,
    ],
)
def test_what_is_no_list_of_names_is_refused(names):
    with pytest.raises(TypeError, match=r"paths.*([Pp]ass `groups`|Pass \[name\])"):
        patient_ids(names)


def test_no_names_are_no_patients():
    assert patient_ids([]).shape == (0,)


def test_both_spellings_of_an_umlaut_are_one_patient():
    composed, apart = (unicodedata.normalize(f, "müller") for f in ("NFC", "NFD"))
    assert composed != apart
    assert len(set(patient_ids([f"{composed}_left.png", f"{apart}_right.png"]))) == 1


def test_a_copy_in_another_folder_is_the_same_patient():
    assert (
        patient_ids(["train/13_left.png", "clahe/13_left.png"]).tolist() == ["13"] * 2
    )


def test_a_shared_patient_is_named():
    with pytest.raises(PatientLeakageError, match="split: 1, among them '13'"):
        check_patients_apart(["13", "15"], ["13"])


def test_five_shared_patients_are_named_of_many():
    with pytest.raises(PatientLeakageError, match=r": 9, among them 0, 1, 2, 3, 4\."):
        check_patients_apart(range(9), np.arange(9))


def test_separate_patients_pass():
    check_patients_apart([1, 2], [3])


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (np.array([13, 14]), np.array(["13", "15"])),
        ([13.0], ["13"]),
        ([13], ["13.0"]),
        (np.array([13, "a"], dtype=object), [13]),
        (pd.Series([13, 14], dtype="Int64"), pd.Series(["13"], dtype="string")),
        ([b"13"], ["13"]),
        (["müller"], [unicodedata.normalize("NFD", "müller")]),
        (["13 "], ["13"]),
    ],
)
def test_a_patient_is_one_as_number_and_as_text(train, test):
    for sides in ((train, test), (test, train)):
        with pytest.raises(PatientLeakageError, match="both sides of the split: 1"):
            check_patients_apart(*sides)


@pytest.mark.parametrize("names", [(["a1"], ["a2"]), ([13], ["13.5"]), ([], ["x"])])
def test_patients_of_other_names_stay_apart(names):
    check_patients_apart(*names)


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA, pd.NaT])
def test_an_unknown_patient_is_not_taken_for_another(missing):
    with pytest.raises(ValueError, match="train_groups has no patient in row 1"):
        check_patients_apart(pd.Series([1, missing], dtype=object), [2])
    with pytest.raises(ValueError, match="test_groups has no patient in row 0"):
        check_patients_apart(["a"], [missing])


def test_a_split_keeps_a_patient_whole_who_is_a_number_in_some_rows():
    groups = pd.Series([i // 2 if i % 2 else str(i // 2) for i in range(40)])
    for train, test in PatientStratifiedKFold(4).split(np.zeros((40, 1)), None, groups):
        assert not set(train // 2) & set(test // 2)


@pytest.mark.parametrize(
    "pair",
    [
        ("a\nb_left.jpeg", "a\nb_right.jpeg"),
        ("a\r\nb left.jpeg", "a\r\nb right.jpeg"),
        ("a\u2028b_l1.jpg", "a\u2028b_r1.jpg"),
        ("13_left\n.jpeg", "13_right.jpeg"),
        ("7\n8L.png", "7\n8R.png"),
        ("OD_a\nb.png", "OS_a\nb.png"),
        ("\ufeff13_left.jpeg", "13_right.jpeg"),
        ("13_\u200bleft.jpeg", "13_right.jpeg"),
        ("13\u200e_left.jpeg", "13_right.jpeg"),
        ("13_left\udce9.jpeg", "13_left\udce9.jpeg"),
    ],
)
def test_odd_characters_do_not_separate_the_eyes_of_a_patient(pair):
    assert len(set(patient_ids(pair))) == 1


@pytest.mark.parametrize(
    "side", ["_left", "-left", "(left)", ".left", "left (1)", "left eye", "_left_2"]
)
def test_a_mere_side_behind_a_sign_means_the_patient_of_its_folder(side):
    right = side.replace("left", "right")
    names = [f"265/{side}.jpg", f"265/{right}.jpg", f"266/{side}.jpg"]
    assert patient_ids(names).tolist() == ["265", "265", "266"]


def test_names_that_differ_in_a_line_break_are_two_patients():
    assert len(set(patient_ids(["a\nb_left.jpeg", "a b_left.jpeg"]))) == 2
