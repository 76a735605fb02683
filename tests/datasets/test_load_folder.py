"""Any folder: which set it holds is found, named and counted, and never guessed."""

import pandas as pd
import pytest
from helpers.commands import run, words
from helpers.trees import LABEL_SETS, write_image

from sk_fiqdr.datasets import (
    load_aptos,
    load_brset,
    load_class_folders,
    load_ddr,
    load_folder,
    load_kaggle_dr,
    load_messidor2,
    load_odir,
)

pytestmark = pytest.mark.filterwarnings("ignore:The patients of:UserWarning")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def images(folder, *names):
    for name in names:
        write_image(folder / name)


def _ddr(root):
    images(root, *(f"DR_grading/train/007-000{n}-000.jpg" for n in range(3)))
    lines = "007-0000-000.jpg 0\n007-0001-000.jpg 5\n\n007-0002-000.jpg 2\n"
    write(root / "DR_grading" / "train.txt", lines)


def _brset(root):
    images(root, *(f"fundus_photos/img0000{n}.jpg" for n in range(3)))
    write(
        root / "labels_brset.csv",
        "image_id,patient_id,DR_SDRG,DR_ICDR,quality\nimg00000,7,0,0,Adequate\n"
        "img00001,7,0,4,Inadequate\nimg00002,8,1,,Adequate\n",
    )


def _mbrset(root):
    images(root, *(f"images/{n}.1.jpg" for n in range(3)))
    write(
        root / "labels_mbrset.csv",
        "patient,age,file,laterality,final_artifacts,final_quality,final_icdr\n"
        "7,60,0.1.jpg,left,no,yes,0.0\n7,60,1.1.jpg,right,yes,no,4.0\n"
        "8,50,2.1.jpg,left,no,yes,\n",
    )


def _odir(root):
    names = ("0_left.jpg", "0_right.jpg", "1_left.jpg", "1_right.jpg")
    images(root / "preprocessed_images", *names)
    write(
        root / "full_df.csv",
        "ID,Left-Fundus,Right-Fundus,Left-Diagnostic Keywords,"
        "Right-Diagnostic Keywords,N,D\n"
        "0,0_left.jpg,0_right.jpg,cataract,normal fundus,0,0\n"
        "1,1_left.jpg,1_right.jpg,"
        "moderate non proliferative retinopathy，hypertension,low image quality,0,1\n",
    )


def _drimdb(root):
    images(root, "Bad/b (1).jpg", "Good/g (1).jpg", "Outlier/o (1).jpg")


def _number_folders(root):
    images(root, *(f"train/{n}/{n}_left.png" for n in range(5)))


def _word_folders(root):
    for grade, name in enumerate(
        ("No_DR", "Mild", "Moderate", "Severe", "Proliferate_DR")
    ):
        images(root, f"{name}/{grade}_left.png")


def _both_folders(root):
    for grade, name in enumerate(("No DR", "Mild", "Moderate")):
        images(root, f"{grade} - {name}/{grade}_left.png")


def _quality_folders(root):
    images(root, "bad/1_left.png", "good/2_left.png")


def _own(root):
    images(root, "photos/1_left.png", "photos/1_right.png")
    write(root / "labels.csv", "image;grade;quality\n1_left;No_DR;good\n1_right;3;0\n")


def _aptos_mirror(root):
    for part, labels, name in (
        ("train_images/train_images", "train_1.csv", "a1"),
        ("val_images/val_images", "valid.csv", "b2"),
        ("test_images/test_images", "test.csv", "c3"),
    ):
        images(root, f"{part}/{name}.png")
        write(root / labels, f"id_code,diagnosis\n{name},{name[1]}\n")


def _messidor_mirror(root):
    images(root, "messidor-2/messidor-2/preprocess/IM1.png")
    images(root, "messidor-2/messidor-2/preprocess/IM2.png")
    write(
        root / "messidor_data.csv",
        "id_code,diagnosis,adjudicated_dme,adjudicated_gradable\n"
        "IM1.png,2,0,1\nIM2.png,,,0\n",
    )


TREES = {
    "ddr": (_ddr, "ddr", [[0, 1], [-1, 0], [2, 1]]),
    "brset": (_brset, "brset", [[0, 1], [4, 0], [-1, 1]]),
    "mbrset": (_mbrset, "brset", [[0, 1], [4, 0], [-1, 1]]),
    "odir": (_odir, "odir", [[-1, -1], [0, -1], [2, -1], [-1, 0]]),
    "drimdb": (_drimdb, "drimdb", [[-1, 1], [-1, 0], [-1, 0]]),
    "aptos mirror": (_aptos_mirror, "aptos", [[1, -1], [2, -1], [3, -1]]),
    "messidor mirror": (_messidor_mirror, "messidor2", [[2, 1], [-1, 0]]),
    "0 to 4": (_number_folders, "grade-folders", [[n, -1] for n in range(5)]),
    "No_DR": (
        _word_folders,
        "grade-folders",
        [[1, -1], [2, -1], [0, -1], [4, -1], [3, -1]],
    ),
    "0 - No DR": (_both_folders, "grade-folders", [[n, -1] for n in range(3)]),
    "good and bad": (_quality_folders, "quality-folders", [[-1, 0], [-1, 1]]),
    "one's own": (_own, "labels", [[0, 1], [3, 0]]),
}


@pytest.mark.filterwarnings("ignore:There is no messidor-2.csv:UserWarning")
@pytest.mark.parametrize("deeper", ["", "downloads/unpacked"])
@pytest.mark.parametrize("what", TREES)
def test_a_folder_is_read_as_what_it_holds(tmp_path, what, deeper):
    make, layout, target = TREES[what]
    make(tmp_path / deeper)
    eyes = load_folder(tmp_path)
    assert eyes.layout == layout
    assert eyes.target.tolist() == target
    assert eyes.counted
    again = load_folder(tmp_path, layout=layout)
    assert again.target.tolist() == target


@pytest.mark.filterwarnings("ignore:There is no messidor-2.csv:UserWarning")
@pytest.mark.parametrize("what", TREES)
def test_audit_says_what_a_folder_was_read_as(tmp_path, what):
    make, layout, _ = TREES[what]
    make(tmp_path)
    result = run("audit", tmp_path)
    assert result.exit_code == 0, result.stderr
    assert f"Read as {layout}: {load_folder(tmp_path).counted}." in result.stderr


@pytest.mark.parametrize("name", sorted(LABEL_SETS))
def test_sets_as_distributed_are_found(make_set, name):
    tree = make_set(name).write()
    eyes = load_folder(tree.root)
    assert eyes.layout == {"kaggle": "labels"}.get(name, name)
    assert eyes.target.tolist() == tree.load(tree).target.tolist()


def test_patients_of_brset_are_its_own(tmp_path):
    _brset(tmp_path)
    assert load_brset(tmp_path).groups.tolist() == ["7", "7", "8"]


def test_odir_keeps_both_eyes_of_a_patient_together(tmp_path):
    _odir(tmp_path)
    eyes = load_odir(tmp_path)
    assert eyes.groups.tolist() == ["0", "0", "1", "1"]
    assert eyes.frame["keywords"][3] == "low image quality"


def test_ddr_may_leave_the_quality_of_graded_images_unknown(tmp_path):
    _ddr(tmp_path)
    eyes = load_ddr(tmp_path, subset="train", gradable_as=-1)
    assert eyes.target.tolist() == [[0, -1], [-1, 0], [2, -1]]
    with pytest.raises(ValueError, match=r"does not hold DDR.*'test', 'test.txt'"):
        load_ddr(tmp_path, subset="test")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("007-0002-000.jpg", r"train.txt' line 3 is '007-0002-000.jpg', expected the"),
        ("007-0002-000.jpg 6", r"train.txt' line 3: .* has level '6', .* from 0 to 5"),
        ("007-0002-000.jpg mild", r"train.txt' line 3: .* has level 'mild'"),
        ("007-0000-000.jpg 4", r"has level 0 in .*train.txt' line 1 and 4 in"),
    ],
)
def test_a_list_of_ddr_that_is_damaged_is_named_with_its_line(tmp_path, line, message):
    _ddr(tmp_path)
    lines = f"007-0000-000.jpg 0\n007-0001-000.jpg 5\n{line}\n"
    write(tmp_path / "DR_grading" / "train.txt", lines)
    with pytest.raises(ValueError, match=message):
        load_ddr(tmp_path)


@pytest.mark.parametrize("separator", [" ", "\t", ",", ", ", "  "])
def test_lists_of_ddr_may_be_separated_by(tmp_path, separator):
    images(tmp_path, "train/a b.jpg", "train/c.jpg")
    write(tmp_path / "train.txt", f"a b.jpg{separator}3\r\nc.jpg{separator}5")
    assert load_ddr(tmp_path).target.tolist() == [[3, 1], [-1, 0]]


def test_graded_in_messidor_and_aptos_mirrors_is_read_by_their_own_readers(tmp_path):
    _aptos_mirror(tmp_path / "a")
    assert load_aptos(tmp_path / "a").frame["subset"].tolist() == [
        "train",
        "validation",
        "test",
    ]
    _messidor_mirror(tmp_path / "m")
    with pytest.warns(UserWarning, match="There is no messidor-2.csv"):
        assert load_messidor2(tmp_path / "m").target.tolist() == [[2, 1], [-1, 0]]


@pytest.mark.parametrize("names", [("0", "1"), ("0", "1", "2"), ("Class 0", "Class 1")])
def test_folders_that_may_be_grades_or_qualities_are_asked_for(tmp_path, names):
    for name in names:
        images(tmp_path, f"{name}/{name}_left.png")
    with pytest.raises(ValueError, match=r"task='grade' or task='quality'.*--layout"):
        load_class_folders(tmp_path)
    with pytest.raises(ValueError, match=r"grade-folders or as quality-folders, and"):
        load_folder(tmp_path)
    grades = load_folder(tmp_path, layout="grade-folders").target[:, 0]
    assert grades.tolist() == list(range(len(names)))
    if len(names) == 2:
        quality = load_class_folders(tmp_path, task="quality").target[:, 1]
        assert quality.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("0/a.png", "3/b.png", "c.png"), "do not each tell a grade or a quality"),
        (("DR/a.png", "No_DR/b.png"), r"they are \['DR', 'No_DR'\]"),
        (("0/a.png", "3/b.png", "5/c.png"), r"\['0', '3', '5'\]. Expected 0 to 4"),
        (("3 - Mild/a.png", "0/b.png"), "'3 - Mild'"),
    ],
)
def test_folders_that_tell_no_class_are_refused(tmp_path, names, message):
    images(tmp_path, *names)
    with pytest.raises(ValueError, match=message):
        load_class_folders(tmp_path)
    with pytest.raises(ValueError, match=r"(There are no labels|may be read as)"):
        load_folder(tmp_path)


def test_an_image_in_folders_of_two_classes_or_of_none_is_named(tmp_path):
    images(tmp_path, "0/a.png", "3/1/b.png")
    with pytest.raises(ValueError, match=r"b.png' lies in two folders, '3' and '1',"):
        load_class_folders(tmp_path, task="grade")
    images(tmp_path / "other", "c.png", "2/d.png")
    with pytest.raises(ValueError, match=r"c.png' lies in no folder of a grade"):
        load_class_folders(tmp_path / "other", task="grade")


def test_nothing_is_chosen_where_two_label_files_or_two_kinds_are_there(tmp_path):
    _own(tmp_path)
    write(tmp_path / "other.csv", "image,level\n1_left,2\n")
    with pytest.raises(ValueError, match=r"2 files with grades: labels.csv, other.csv"):
        load_folder(tmp_path)
    eyes = load_folder(tmp_path, tmp_path / "labels.csv")
    assert eyes.target.tolist() == [[0, -1], [3, -1]]
    mixed = tmp_path / "mixed"
    _number_folders(mixed)
    write(mixed / "labels.csv", "image,level\n0_left,0\n")
    with pytest.raises(ValueError, match=r"may be read as labels or as grade-folders"):
        load_folder(mixed)


def test_files_of_labels_are_told_from_tables_of_other_things(tmp_path):
    _own(tmp_path)
    write(tmp_path / "predictions.csv", "image,grade,p_grade_0\n1_left,3,0.1\n")
    write(tmp_path / "readme.txt", "some words\n")
    write(tmp_path / "notes.csv", "\0\0\0")
    assert load_folder(tmp_path).counted == (
        "grades from labels.csv; quality from labels.csv"
    )


EYEQ = ",image,quality,DR_grade\n0,1_left.jpeg,0,0\n1,1_right.jpeg,2,4\n"


@pytest.mark.parametrize("name", ["Label_EyeQ_train.csv", "labels.csv"])
def test_labels_of_eyeq_are_told_by_name_or_columns(tmp_path, name):
    images(tmp_path, "1_left.jpeg", "1_right.jpeg")
    labels = write(tmp_path / name, EYEQ)
    for eyes in (
        load_folder(tmp_path),
        load_folder(tmp_path, quality=labels),
        load_folder(tmp_path, quality=labels, grades=labels),
    ):
        assert eyes.layout == "eyeq"
        assert eyes.target.tolist() == [[0, 1], [4, 0]]
    result = run("audit", tmp_path, "--quality", labels)
    assert "its 2, reject, is poor" in words(result.stderr)


def test_columns_as_eyeqs_without_a_two_are_not_guessed(tmp_path):
    images(tmp_path, "1_left.jpeg", "1_right.jpeg")
    labels = write(tmp_path / "labels.csv", EYEQ.replace(",2,", ",1,"))
    with pytest.raises(ValueError, match=r"seems to be EyeQ's.*--layout eyeq"):
        load_folder(tmp_path, quality=labels)
    eyeq = load_folder(tmp_path, quality=labels, layout="eyeq")
    assert eyeq.target[:, 1].tolist() == [1, 1]
    own = load_folder(tmp_path, quality=labels, poor_label=0)
    assert own.target[:, 1].tolist() == [0, 1]


def test_labels_may_be_a_dataframe(tmp_path):
    _own(tmp_path)
    table = pd.DataFrame({"image": ["1_left", "1_right"], "level": ["Mild", 4]})
    eyes = load_folder(tmp_path, table)
    assert eyes.target[:, 0].tolist() == [1, 4]
    assert eyes.counted == "grades from DataFrame"
    assert load_kaggle_dr(tmp_path, table).target.tolist() == eyes.target.tolist()


def test_a_layout_that_is_none_or_contradicts_the_files_is_refused(tmp_path):
    _own(tmp_path)
    with pytest.raises(ValueError, match=r"one of 'auto', 'labels', .*got 'kaggle'"):
        load_folder(tmp_path, layout="kaggle")
    with pytest.raises(ValueError, match="'ddr' has its labels in the folder"):
        load_folder(tmp_path, tmp_path / "labels.csv", layout="ddr")


@pytest.mark.parametrize("command", ["train", "search", "audit"])
def test_commands_name_the_ways_out_where_there_are_no_labels(tmp_path, command):
    images(tmp_path / "photos", "1_left.png")
    output = () if command == "audit" else ("--output", tmp_path / "out")
    result = run(command, tmp_path / "photos", *output)
    assert result.exit_code == (0 if command == "audit" else 2)
    if command != "audit":
        assert "There are no labels in" in words(result.stderr)
        assert "folders 0 to 4 or No_DR to Proliferate_DR." in words(result.stderr)
