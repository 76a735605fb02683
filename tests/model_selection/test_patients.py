"""Whose photograph is it, and does anything tear a patient apart?"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sk_fiqdr.model_selection import (
    PatientLeakageError,
    check_patients_apart,
    patient_ids,
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
    ],
)
def test_patient_is_what_stands_before_the_laterality(name, patient):
    assert patient_ids([name]).tolist() == [patient]


@pytest.mark.parametrize("container", [list, tuple, np.array, pd.Series])
def test_any_container_of_names_will_do(container):
    names = container(["1_left.jpeg", "1_right.jpeg", "2_left.jpeg"])
    assert patient_ids(names).tolist() == ["1", "1", "2"]


def test_paths_are_names_too():
    assert patient_ids([Path("x") / "1_left.jpeg"]).tolist() == ["1"]


@pytest.mark.parametrize("names", ["1_left", Path("1_left"), [1, 2], np.zeros((2, 3))])
def test_what_is_no_list_of_names_is_refused(names):
    with pytest.raises(TypeError, match=r"list of paths|Pass `groups`"):
        patient_ids(names)


def test_a_shared_patient_is_named():
    with pytest.raises(PatientLeakageError, match="among them 13"):
        check_patients_apart(["13", "15"], ["13"])


def test_separate_patients_pass():
    check_patients_apart([1, 2], [3])
