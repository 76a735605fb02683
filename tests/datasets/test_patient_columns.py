"""Whose photographs are: by a column of the label file, or by the names, or unknown."""

import warnings

import numpy as np
import pandas as pd
import pytest
from helpers.trees import LABEL_SETS, write_image

from sk_fiqdr.datasets import load_aptos, load_eyeq, load_kaggle_dr
from sk_fiqdr.exceptions import PatientLeakageError
from sk_fiqdr.model_selection import PatientStratifiedKFold


@pytest.fixture
def folder(tmp_path):
    """Eight images of four patients, whose names tell nothing."""
    for i in range(8):
        write_image(tmp_path / "img" / f"img{i:05d}.jpg")
    return tmp_path / "img"


def table(**columns):
    names = [f"img{i:05d}" for i in range(8)]
    return pd.DataFrame({"image": names, "level": [0, 1] * 4, **columns})


FOUR = [f"p{i // 2}" for i in range(8)]


@pytest.mark.parametrize(
    "column", ["patient_id", "Patient", "subject", "Subject ID", "pid", "patientID"]
)
def test_a_column_that_is_called_so_names_the_patients(folder, tmp_path, column):
    table(**{column: FOUR}).to_csv(tmp_path / "labels.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        eyes = load_kaggle_dr(folder, tmp_path / "labels.csv")
    assert eyes.groups.tolist() == FOUR
    for train, test in PatientStratifiedKFold(2).split(
        eyes.data, eyes.target, eyes.groups
    ):
        assert not {*eyes.groups[train]} & {*eyes.groups[test]}


def test_another_column_is_taken_by_its_name_and_a_missing_one_refused(folder):
    labels = table(visit_of=FOUR)
    eyes = load_kaggle_dr(folder, labels, patient_column="visit_of")
    assert eyes.groups.tolist() == FOUR
    with pytest.raises(ValueError, match="No label file has a column 'person'"):
        load_kaggle_dr(folder, labels, patient_column="person")


def test_two_columns_that_may_name_patients_are_not_guessed_between(folder):
    labels = table(patient_id=FOUR, subject=range(8))
    with pytest.raises(ValueError, match=r"2 columns .*patient_column"):
        load_kaggle_dr(folder, labels)
    assert (
        load_kaggle_dr(folder, labels, patient_column="patient_id").report["n_patients"]
        == 4
    )


def test_a_column_of_the_quality_file_serves_as_well(folder):
    labels = table(quality=1, patient=FOUR)
    with pytest.warns(UserWarning, match="unknown") as caught:
        load_kaggle_dr(folder, labels[["image", "level"]])
    assert "img00000" in str(caught[0].message)
    eyes = load_kaggle_dr(folder, labels[["image", "level"]], labels)
    assert eyes.groups.tolist() == FOUR


def test_an_image_without_a_patient_keeps_its_own_and_is_counted(folder):
    labels = table(patient_id=[*FOUR[:6], None, ""])
    eyes = load_kaggle_dr(folder, labels)
    assert eyes.groups[:6].tolist() == FOUR[:6]
    assert eyes.groups[6:].tolist() == ["img00006", "img00007"]
    assert eyes.report["n_images_of_unknown_patient"] == 2


def test_an_image_of_two_patients_is_refused(folder):
    labels = pd.concat([table(patient_id=FOUR), table(patient_id=FOUR[::-1])])
    with pytest.raises(ValueError, match="'img00000' has patient_id p0 in 'DataFrame'"):
        load_kaggle_dr(folder, labels)


def test_a_column_that_parts_the_eyes_of_a_name_is_refused(tmp_path):
    for side in ("left", "right"):
        write_image(tmp_path / f"13_{side}.jpg")
    labels = pd.DataFrame(
        {"image": ["13_left", "13_right"], "level": [0, 0], "patient": [1, 2]}
    )
    with pytest.raises(PatientLeakageError, match=r"'13_left', '13_right'.*'1', '2'"):
        load_kaggle_dr(tmp_path, labels)
    eyes = load_kaggle_dr(tmp_path, labels, patient_column=False)
    assert eyes.groups.tolist() == ["13", "13"]


def test_the_fellow_of_a_named_eye_is_the_same_patient(tmp_path):
    for side in ("left", "right"):
        write_image(tmp_path / f"13_{side}.jpg")
    labels = pd.DataFrame({"image": ["13_left"], "level": [0], "patient": ["Ada"]})
    with pytest.warns(UserWarning, match="without a row"):
        eyes = load_kaggle_dr(tmp_path, labels)
    assert eyes.groups.tolist() == ["Ada", "Ada"]


@pytest.mark.parametrize("name", ["eyeq", "aptos"])
def test_other_readers_take_the_column_too(name, tmp_path):
    tree = LABEL_SETS[name](tmp_path)
    header = [*tree.header, "patient_id"]
    rows = [[*row, p] for row, p in zip(tree.rows, "aab", strict=True)]
    tree.write(tree.text(header, rows))
    eyes = (
        load_aptos(tmp_path)
        if name == "aptos"
        else load_eyeq(tmp_path / "images", tree.label_file)
    )
    assert eyes.groups.tolist() == ["a", "a", "b"]


def test_names_that_tell_no_patient_warn_once_and_sides_do_not(folder, tmp_path):
    with pytest.warns(UserWarning, match="8 of 8 images .* unknown"):
        load_kaggle_dr(folder, table())
    assert len(np.unique(load_aptos(_aptos(tmp_path)).groups)) == 3  # it says so itself


def _aptos(root):
    return LABEL_SETS["aptos"](root / "aptos").write().root
