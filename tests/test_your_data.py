"""The page "Your data": its lines load each set, and count labels as its tables say."""

import re
import shlex
from pathlib import Path

import pytest
from helpers.commands import run
from helpers.trees import write_tree

from sk_fiqdr.datasets._readers._kaggle import IMAGE
from sk_fiqdr.utils._label_words import NAMES

PAGE = Path(__file__).parents[1] / "docs" / "user_guide" / "your_data.rst"
UNKNOWN = -1


def rows_of(names, *columns, header):
    """Return a CSV of a column of names and others."""
    rows = zip(names, *columns, strict=True)
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    return "\n".join(lines) + "\n"


SIDES = ("left", "right")
EYES = [f"{patient}_{side}" for patient in (10, 13, 15, 16) for side in SIDES]


def _eyepacs():
    names = EYES[:5]
    images = [f"eyepacs/train/{name}.jpeg" for name in names]
    labels = rows_of(names, range(5), header="image,level")
    return {"eyepacs/trainLabels.csv": labels}, images, 3


def _paper():
    names = EYES[:8]
    images = [f"eyepacs/train/{name}.jpeg" for name in names]
    grades = rows_of(names, [*range(5), 0, 0, 0], header="image,level")
    quality = rows_of(names[5:7], [0, 1], header="image,quality")
    files = {
        "eyepacs/trainLabels.csv": grades,
        "eyepacs/quality_label_train.csv": quality,
    }
    return files, images, 4


def _eyeq():
    names = [f"{n}_left" for n in range(10, 19)]
    images = [f"eyepacs/train/{name}.jpeg" for name in names]
    labels = rows_of(
        range(8),
        [f"{name}.jpeg" for name in names[:8]],
        [0] * 5 + [0, 1, 2],
        [*range(5), 0, 0, 0],
        header=",image,quality,DR_grade",
    )
    return {"Label_EyeQ_train.csv": labels}, images, 9


def _deepdrid():
    part = "regular_fundus_images/regular-fundus-training"
    names = ["1_l1", "1_l2", "1_r1", "1_r2", "2_l1", "2_l2", "2_r1"]
    lines = ["patient_id,image_id,Overall quality,left_eye_DR_Level,right_eye_DR_Level"]
    for name, grade, quality in zip(
        names, [0, 1, 2, 3, 4, 4, 0], [1] * 5 + [0, 1], strict=True
    ):
        eyes = f"{grade}," if "l" in name else f",{grade}"
        lines.append(f"{name[0]},{name},{quality},{eyes}")
    images = [f"{part}/Images/{name[0]}/{name}.jpg" for name in names]
    return {f"{part}/regular-fundus-training.csv": "\n".join(lines)}, images, 2


def _aptos():
    names = ["000c1434d8d7", "001639a390f0", "0024cdab0c1e", "002c21358ce6", "005b95c2"]
    images = [f"aptos2019/train_images/{name}.png" for name in names]
    labels = rows_of(names, range(5), header="id_code,diagnosis")
    return {"aptos2019/train.csv": labels}, images, 5


def _messidor2():
    names = ["20051020_43808_0100_PP.png", *(f"IM00000{n}.JPG" for n in range(1, 7))]
    images = [f"messidor/IMAGES/{name}" for name in names]
    grades, gradable = [*range(5), 0, ""], [1] * 6 + [0]
    files = {
        "messidor/messidor_data.csv": rows_of(
            *(names, grades, gradable),
            header="image_id,adjudicated_dr_grade,adjudicated_gradable",
        ),
        "messidor/messidor-2.csv": f"left;right\n{names[0]};{names[1]}\n",
    }
    return files, images, 6


def _idrid():
    part = "idrid/B. Disease Grading"
    names = [f"IDRiD_00{n}" for n in range(1, 6)]
    images = [f"{part}/1. Original Images/a. Training Set/{name}.jpg" for name in names]
    file = f"{part}/2. Groundtruths/a. IDRiD_Disease Grading_Training Labels.csv"
    header = "Image name,Retinopathy grade,Risk of macular edema "
    return {file: rows_of(names, range(5), [0] * 5, header=header)}, images, 5


def _drimdb():
    kinds = ("Good", "Bad", "Outlier")
    images = [f"drimdb/{kind}/drimdb_{kind.lower()} (1).jpg" for kind in kinds]
    return {}, images, 3


def _ddr():
    names = [f"007-000{n}-000.jpg" for n in (4, 5, 6, 7, 8, 9)]
    lines = "".join(f"{name} {n}\n" for n, name in enumerate(names))
    images = [f"DDR/DR_grading/train/{name}" for name in names]
    return {"DDR/DR_grading/train.txt": lines}, images, 6


def _brset():
    names = [f"img{n:05}" for n in range(1, 9)]
    labels = rows_of(
        names,
        [1, 1, 2, 2, 3, 3, 4, 4],
        [*range(5), "", 0, 0],
        ["Adequate"] * 7 + ["Inadequate"],
        header="image_id,patient_id,DR_ICDR,quality",
    )
    images = [f"brset/fundus_photos/{name}.jpg" for name in names]
    return {"brset/labels_brset.csv": labels}, images, 4


def _mbrset():
    names = [f"{n // 4 + 1}.{n % 4 + 1}.jpg" for n in range(8)]
    labels = rows_of(
        [1] * 4 + [2] * 4,
        names,
        ["yes"] * 7 + ["no"],
        [0.0, 1.0, 2.0, 3.0, 4.0, "", 0.0, 0.0],
        header="patient,file,final_quality,final_icdr",
    )
    images = [f"mbrset/images/{name}" for name in names]
    return {"mbrset/labels_mbrset.csv": labels}, images, 2


def _odir():
    words = [
        *("normal fundus", "mild nonproliferative retinopathy"),
        "moderate non proliferative retinopathy",
        *("severe nonproliferative retinopathy", "proliferative diabetic retinopathy"),
        *("diabetic retinopathy", "cataract", "low image quality"),
    ]
    images = [f"{n}_{side}.jpg" for n in range(4) for side in SIDES]
    labels = rows_of(
        *(range(4), images[::2], images[1::2], words[::2], words[1::2]),
        header="ID,Left-Fundus,Right-Fundus,Left-Diagnostic Keywords,"
        "Right-Diagnostic Keywords",
    )
    images = [f"odir/preprocessed_images/{name}" for name in images]
    return {"odir/full_df.csv": labels}, images, 4


WORDS = ["No_DR", "Mild", "Moderate", "Severe", "Proliferate_DR"]


def _own_csv():
    names = [f"p{n // 2 + 1}_{SIDES[n % 2]}" for n in range(18)]
    qualities = [0, "poor", "Inadequate", 1, "good", "Adequate"]
    labels = rows_of(
        names[:17],
        [*range(5), *WORDS, *[0] * 6, ""],
        [*[1] * 10, *qualities, ""],
        [f"P{n // 2}" for n in range(17)],
        header="image,level,quality,patient_id",
    )
    return {"labels.csv": labels}, [f"photographs/{name}.jpg" for name in names], 9


def _own_frame():
    names = [f"p{n}_left" for n in range(8)]
    labels = rows_of(
        names, [*range(5), 0, 0, 0], [1] * 5 + [1, 2, 3], header="image,level,quality"
    )
    return {"labels.csv": labels}, [f"photographs/{name}.jpg" for name in names], 8


def _class_folders():
    folders = [*(f"train/{n}" for n in range(5)), *WORDS]
    images = [
        f"sorted/{folder}/p{n // 2 + 1}_{SIDES[n % 2]}.jpg"
        for n, folder in enumerate(folders)
    ]
    return {}, images, 5


def _unknown():
    files, images, n_patients = _eyepacs()
    images = [image.replace("eyepacs", "downloads") for image in images]
    [labels] = files.values()
    return {"downloads/trainLabels.csv": labels}, images, n_patients


# Per section of the page: label files, images in the order of its table, and patients.
TREES = {
    "A folder that you do not know": _unknown,
    "EyePACS (Kaggle 2015)": _eyepacs,
    "Quality labels of the paper": _paper,
    "EyeQ": _eyeq,
    "DeepDRiD": _deepdrid,
    "APTOS 2019": _aptos,
    "Messidor-2": _messidor2,
    "IDRiD": _idrid,
    "DRIMDB": _drimdb,
    "DDR": _ddr,
    "BRSET": _brset,
    "mBRSET": _mbrset,
    "ODIR-5K": _odir,
    "Your own folder with a CSV": _own_csv,
    "Your own labels as a DataFrame": _own_frame,
    "Your own folders of classes": _class_folders,
}


def sections():
    """Return the text below each title that is underlined by hyphens."""
    lines = PAGE.read_text().split("\n")
    titles = [at for at, line in enumerate(lines) if line and not line.strip("-")]
    ends = [at - 1 for at in titles[1:]] + [len(lines)]
    return {
        lines[at - 1]: "\n".join(lines[at + 1 : end])
        for at, end in zip(titles, ends, strict=True)
    }


SECTIONS = sections()


def blocks(text, start):
    """Return the indented blocks that follow a line, without their indentation."""
    found = []
    for part in f"\n{text}".split(f"\n{start}\n")[1:]:
        lines = []
        for line in part.split("\n"):
            if line and not line.startswith("   "):
                break
            lines.append(line[3:])
        found.append("\n".join(lines).strip("\n"))
    return found


def commands(text):
    lines = "\n".join(blocks(text, ".. code-block:: bash")).replace("\\\n", "")
    return [shlex.split(line) for line in lines.split("\n")]


def table(text):
    """Return the grade and quality of each row, None where its cell is empty."""
    borders = [line for line in text.split("\n") if line.startswith("===")]
    if not borders:
        return []
    ends = [len(part) for part in borders[0].split("  ")]
    second = ends[0] + 2
    third = second + ends[1] + 2
    rows = []
    for line in text.split(borders[0])[2].strip("\n").split("\n"):
        grade, quality = line[second:third].strip(), line[third:].strip()
        grades = range(5) if grade == "0 to 4" else [_number(grade)]
        rows += [(number, _number(quality)) for number in grades]
    return rows


def _number(cell):
    return {"": None, "unknown": UNKNOWN}[cell] if not cell.isdigit() else int(cell)


def tree_of(text):
    """Return the paths that a section draws, but for those that are left out."""
    above, paths = [], []
    for line in "\n".join(blocks(text, "::")).split("\n"):
        name = re.split(r"  +", line.strip())[0]
        if name and name != "...":
            depth = (len(line) - len(line.lstrip())) // 4
            above = [*above[:depth], name.rstrip("/")]
            paths.append("/".join(above))
    return paths


@pytest.fixture
def section(request, tmp_path, monkeypatch):
    """Return the text of a section, its images and number of patients, in its tree."""
    monkeypatch.chdir(tmp_path)
    files, images, n_patients = TREES[request.param]()
    write_tree(tmp_path, images, files)
    return SECTIONS[request.param], images, n_patients


in_each = pytest.mark.parametrize("section", TREES, indirect=True)


def load(text):
    """Run the Python of a section; return what it has read."""
    [code] = blocks(text, ".. code-block:: python")
    exec(compile(code, "your_data.rst", "exec"), names := {})
    return names["eyes"]


def test_every_section_has_a_tree_and_every_tree_a_section():
    assert [*SECTIONS] == [*TREES]


def test_all_names_that_columns_may_have_are_told():
    text = SECTIONS["Your own folder with a CSV"]
    names = {*IMAGE, *NAMES["grade"], *NAMES["quality"]}
    assert {*re.findall(r"\w+", text)} >= names


@in_each
def test_the_tree_that_is_drawn_is_the_one_that_is_read(section):
    text, _, _ = section
    missing = [path for path in tree_of(text) if not Path(path).exists()]
    assert missing == []


@pytest.mark.filterwarnings("ignore:Of .* images in .* without a row:UserWarning")
@in_each
def test_python_counts_labels_as_the_table_says(section, capsys):
    text, images, n_patients = section
    eyes = load(text)
    paths = [Path(path).as_posix() for path in eyes.data]
    read = dict(zip(paths, eyes.target.tolist(), strict=True))
    assert sorted(read) == sorted(images)
    for image, expected in zip(images, table(text) or read.values(), strict=True):
        for task, label in enumerate(expected):
            assert label in (None, read[image][task]), image
    assert len({*eyes.groups}) == n_patients


@pytest.mark.filterwarnings("ignore:Of .* images in .* without a row:UserWarning")
@in_each
def test_the_command_counts_as_python_does(section, capsys):
    text, images, n_patients = section
    eyes = load(text)
    [(program, *args)] = commands(text)
    assert program == "sk-fiqdr"
    result = run(*args)
    assert result.exit_code == 0, result.output
    grade, quality = (column.tolist() for column in eyes.target.T)
    grades = ", ".join(f"{n}: {grade.count(n)}" for n in range(5))
    assert f"Grades     {grades}, unknown: {grade.count(-1)}" in result.stdout
    assert (
        f"Qualities  poor: {quality.count(0)}, good: {quality.count(1)}, "
        f"unknown: {quality.count(-1)}"
    ) in result.stdout
    patients = next(x for x in result.stdout.split("\n") if x.startswith("Patients"))
    assert re.match(rf"Patients   ({n_patients} (by|as) |unknown, )", patients)
    is_unknown = "**Patients are\nunknown" in text or "**Patients are unknown" in text
    assert ("Patients   unknown" in patients) == is_unknown
    assert f"= {len(images)} read" in result.stderr
