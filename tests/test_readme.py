"""What the README tells a newcomer to type works."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from sk_fiqdr.cli import app
from sk_fiqdr.datasets import make_fundus

README = (Path(__file__).parents[1] / "README.md").read_text()


def marked_line(mark):
    block = README.split(f"<!-- {mark} -->")[1].split("<!-- end -->")[0]
    (line,) = [row for row in block.splitlines() if row and not row.startswith("```")]
    return line


@pytest.mark.parametrize(
    ("mark", "end"), [("demo line", "sk-fiqdr demo"), ("test line", "python -m pytest")]
)
def test_one_line_makes_an_environment_installs_and_runs(mark, end):
    line = marked_line(mark)
    assert line.startswith("python3 -m venv .venv && . .venv/bin/activate && pip ")
    assert line.endswith(end)


@pytest.fixture
def kaggle_folder(tmp_path, monkeypatch):
    """A folder such as the README assumes, of painted photographs."""
    fundus = make_fundus(
        48,
        image_size=64,
        poor_fraction=0.3,
        grade_fractions="balanced",
        random_state=0,
    )
    names = fundus.frame["patient"] + "_" + fundus.frame["eye"]
    (tmp_path / "images").mkdir()
    for name, image in zip(names, fundus.data, strict=True):
        Image.fromarray(image).save(tmp_path / "images" / f"{name}.jpeg")
    pd.DataFrame({"image": names, "level": fundus.target[:, 0]}).to_csv(
        tmp_path / "trainLabels.csv", index=False
    )
    pd.DataFrame({"image": names, "quality": fundus.target[:, 1]}).to_csv(
        tmp_path / "quality_label_train.csv", index=False
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_snippets_fit_tune_save_and_search(kaggle_folder, capsys):
    fit, search = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    # Smaller, so that they take seconds; nothing else is changed.
    fit = fit.replace(
        "FIQDRClassifier(random_state=0)",
        "FIQDRClassifier(random_state=0, max_epochs=1, image_size=64)",
    )
    search = search.replace(
        'DeepFeatures(memory="features")',
        'DeepFeatures(memory="features", image_size=64)',
    )
    assert fit.count("image_size=64") == search.count("image_size=64") == 1
    names = {}
    exec(compile(fit, "README.md", "exec"), names)
    assert "kappa" in capsys.readouterr().out
    assert (kaggle_folder / "saved" / "model.safetensors").is_file()
    assert len(names["net"].grade_cut_points_) == 4
    exec(compile(search, "README.md", "exec"), names)
    assert len(names["search"].cv_results_["params"]) == 6
    assert set(names["search"].cv_results_["params"][0]) == {
        "fiqdrclassifier__beta",
        "fiqdrclassifier__lambd",
    }


def test_three_commands_lead_from_a_folder_to_a_graded_csv(kaggle_folder):
    block = README.split("<!-- three commands -->")[1].split("<!-- end -->")[0]
    commands = [row for row in block.splitlines() if row.startswith("sk-fiqdr ")]
    assert [row.split()[1] for row in commands] == ["prepare", "train", "predict"]
    (kaggle_folder / "images").rename(kaggle_folder / "photographs")
    for command in commands:
        # Smaller, so that it takes seconds; nothing else is changed.
        command = command.replace("--image-size 512", "--image-size 64")
        command += " --image-size 64 --max-epochs 1" * (" train " in command)
        result = CliRunner().invoke(app, command.split()[1:])
        assert result.exit_code == 0, result.output
    graded = pd.read_csv(kaggle_folder / "graded.csv")
    status = graded["status"].value_counts().to_dict()
    assert status == {"graded": 48, "left aside": 1}  # the manifest of prepare
    assert graded["grade"].dropna().isin(range(5)).all()


def test_the_command_is_installed_and_helps():
    command = Path(sys.executable).with_name("sk-fiqdr")
    shown = subprocess.run(
        [command, "demo", "--help"], capture_output=True, text=True, check=True
    )
    assert "sk-fiqdr demo --folder" in shown.stdout
