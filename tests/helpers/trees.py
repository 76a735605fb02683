"""Small trees of every set, laid out and labelled as the sets are distributed."""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from sk_fiqdr.datasets import (
    load_aptos,
    load_deepdrid,
    load_eyeq,
    load_idrid,
    load_kaggle_dr,
    load_messidor2,
)


def write_image(path, color="brown"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6), color).save(path)
    return path


def write_tree(root, images, files=()):
    """Write images, and files of text by their path, below a folder."""
    for image in images:
        write_image(root / image)
    for name, text in dict(files).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@dataclass
class LabelSet:
    """Three images of grades 0, 2 and 4, and the file of their labels."""

    root: Path
    images: list
    file: str
    header: list
    rows: list
    name_column: int
    grade_column: int
    load: object
    extra: dict = field(default_factory=dict)

    @property
    def label_file(self):
        return self.root / self.file

    def write(self, content=None):
        """Write the tree; the label file as given, or as it is distributed."""
        for image in self.images:
            write_image(self.root / image)
        for name, text in {**self.extra, self.file: content or self.text()}.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self

    def text(self, header=None, rows=None, separator=","):
        stream = io.StringIO()
        lines = csv.writer(stream, delimiter=separator, lineterminator="\n")
        lines.writerow(self.header if header is None else header)
        lines.writerows(self.rows if rows is None else rows)
        return stream.getvalue()

    def with_names(self, change):
        rows = [list(row) for row in self.rows]
        for row in rows:
            row[self.name_column] = change(row[self.name_column])
        return rows

    def grades(self):
        """Return what was read, by the order in which the images are listed."""
        eyes = self.load(self)
        found = dict(zip(eyes.data.tolist(), eyes.target.tolist(), strict=True))
        return [found[str(self.root / image)][0] for image in self.images]


def _kaggle(root):
    return LabelSet(
        root,
        images=["images/13_left.jpeg", "images/13_right.jpeg", "images/7_left.jpeg"],
        file="trainLabels.csv",
        header=["image", "level"],
        rows=[["13_left", "0"], ["13_right", "2"], ["7_left", "4"]],
        name_column=0,
        grade_column=1,
        load=lambda tree: load_kaggle_dr(tree.root / "images", tree.label_file),
    )


def _eyeq(root):
    return LabelSet(
        root,
        images=["images/13_left.jpeg", "images/13_right.jpeg", "images/7_left.jpeg"],
        file="Label_EyeQ_train.csv",
        header=["image", "quality", "DR_grade"],
        rows=[
            ["13_left.jpeg", "0", "0"],
            ["13_right.jpeg", "1", "2"],
            ["7_left.jpeg", "2", "4"],
        ],
        name_column=0,
        grade_column=2,
        load=lambda tree: load_eyeq(tree.root / "images", tree.label_file),
    )


def _deepdrid(root):
    part = "regular_fundus_images/regular-fundus-training"
    return LabelSet(
        root,
        images=[
            f"{part}/Images/13/13_l1.jpg",
            f"{part}/Images/13/13_r1.jpg",
            f"{part}/Images/7/7_l1.jpg",
        ],
        file=f"{part}/regular-fundus-training.csv",
        header=[
            "patient_id",
            "image_id",
            "image_path",
            "Overall quality",
            "right_eye_DR_Level",
            "patient_DR_Level",
            "Clarity",
            "Field definition",
            "Artifact",
            "left_eye_DR_Level",
        ],
        rows=[
            ["13", "13_l1", r"\13\13_l1.jpg", "1", "", "2", "8", "10", "0", "0"],
            ["13", "13_r1", r"\13\13_r1.jpg", "0", "2", "2", "1", "4", "6", ""],
            ["7", "7_l1", r"\7\7_l1.jpg", "1", "", "4", "8", "8", "0", "4"],
        ],
        name_column=1,
        grade_column=9,
        load=lambda tree: load_deepdrid(tree.root, subset="train"),
    )


def _aptos(root):
    names = ["000c1434d8d7", "001639a390f0", "0024cdab0c1e"]
    return LabelSet(
        root,
        images=[f"train_images/{name}.png" for name in names],
        file="train.csv",
        header=["id_code", "diagnosis"],
        rows=[list(row) for row in zip(names, "024", strict=True)],
        name_column=0,
        grade_column=1,
        load=lambda tree: load_aptos(tree.root),
    )


def _messidor2(root):
    names = ["20051020_43808_0100_PP.png", "IM000012.JPG", "IM000013.JPG"]
    return LabelSet(
        root,
        images=[f"IMAGES/{name}" for name in names],
        file="messidor_data.csv",
        header=[
            "image_id",
            "adjudicated_dr_grade",
            "adjudicated_dme",
            "adjudicated_gradable",
        ],
        rows=[
            ["20051020_43808_0100_PP.png", "0", "0", "1"],
            ["IM000012.jpg", "2", "1", "1"],
            ["IM000013.jpg", "4", "0", "1"],
        ],
        name_column=0,
        grade_column=1,
        load=lambda tree: load_messidor2(tree.root),
        extra={"messidor-2.csv": "left;right \nIM000013.JPG;IM000012.JPG\n"},
    )


def _idrid(root):
    names = ["IDRiD_001", "IDRiD_002", "IDRiD_003"]
    return LabelSet(
        root,
        images=[
            f"B. Disease Grading/1. Original Images/a. Training Set/{name}.jpg"
            for name in names
        ],
        file="B. Disease Grading/2. Groundtruths/"
        "a. IDRiD_Disease Grading_Training Labels.csv",
        header=["Image name", "Retinopathy grade", "Risk of macular edema "],
        rows=[[name, g, "1"] for name, g in zip(names, "024", strict=True)],
        name_column=0,
        grade_column=1,
        load=lambda tree: load_idrid(tree.root, subset="train"),
    )


LABEL_SETS = {
    "aptos": _aptos,
    "deepdrid": _deepdrid,
    "eyeq": _eyeq,
    "idrid": _idrid,
    "kaggle": _kaggle,
    "messidor2": _messidor2,
}
