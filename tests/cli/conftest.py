"""A folder of painted photographs with labels, and a model trained on it."""

from pathlib import Path

import pandas as pd
import pytest
from helpers.commands import SMALL, run
from PIL import Image

from sk_fiqdr.datasets import make_fundus


class Eyes:
    """Where images and labels lie."""

    def __init__(self, folder):
        self.images = folder / "eyes of ümläut"
        self.grades, self.quality = folder / "trainLabels.csv", folder / "quality.csv"

    @property
    def labels(self):
        """Options that name both label files."""
        return ["--grades", self.grades, "--quality", self.quality]


@pytest.fixture(scope="session")
def eyes(tmp_path_factory):
    """60 photographs of 30 patients."""
    eyes = Eyes(tmp_path_factory.mktemp("kaggle folder"))
    eyes.images.mkdir()
    fundus = make_fundus(
        60, image_size=48, poor_fraction=0.3, grade_fractions="balanced", random_state=0
    )
    names = fundus.frame["patient"] + "_" + fundus.frame["eye"]
    for name, image in zip(names, fundus.data, strict=True):
        Image.fromarray(image).save(eyes.images / f"{name}.jpeg")
    grade, quality = fundus.target.T
    pd.DataFrame({"image": names, "level": grade}).to_csv(eyes.grades, index=False)
    pd.DataFrame({"image": names, "quality": quality}).to_csv(eyes.quality, index=False)
    return eyes


@pytest.fixture(scope="session")
def model(eyes, tmp_path_factory):
    """The folder that `sk-fiqdr train` wrote."""
    folder = tmp_path_factory.mktemp("runs") / "my model"
    learned = ["--max-epochs", "12", "--batch-size", "8", "--lr", "0.05"]
    args = [*eyes.labels, *SMALL, *learned, "--output", folder]
    result = run("train", eyes.images, *args)
    assert result.exit_code == 0, result.output
    return Path(folder)
