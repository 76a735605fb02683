"""Models of one task whose classes are words, 1 and 2, or unknown, in the commands."""

import json

import numpy as np
import pandas as pd
import pytest
from helpers.commands import run, words

from sk_fiqdr import DRGrader, QualityClassifier
from sk_fiqdr.datasets import load_kaggle_dr

SMALL = {
    "backbone": "shufflenet_v2_x0_5",
    "image_size": 32,
    "max_epochs": 1,
    "random_state": 0,
}
GRADES = np.array(["No_DR", "Mild", "Moderate", "Severe", "Proliferate_DR"])


@pytest.fixture(scope="module")
def data(eyes):
    return load_kaggle_dr(eyes.images, eyes.grades, eyes.quality)


@pytest.mark.parametrize(
    ("poor", "good", "poor_label"),
    [
        ("bad", "good", None),
        ("Inadequate", "Adequate", None),
        (False, True, None),
        (2, 1, 2),
        ("A", "B", "A"),
    ],
)
def test_qualities_in_words_are_written_as_poor_and_good(
    poor, good, poor_label, data, eyes, tmp_path
):
    quality = data.target[:, 1]
    net = QualityClassifier(**SMALL, poor_label=poor_label)
    net.fit(data.data, np.where(quality == 1, good, poor))
    net.save_pretrained(tmp_path / "net")
    result = run("predict", tmp_path / "net", eyes.images, "--json")
    assert result.exit_code == 0, result.output
    table = pd.DataFrame(json.loads(result.stdout))
    is_good = net.predict(data.data) == good
    assert table["quality"].tolist() == is_good.astype(int).tolist()
    p_good = net.predict_proba(data.data)[:, net.classes_.tolist().index(good)]
    np.testing.assert_allclose(table["p_good"], p_good, atol=1e-6)
    scored = run(
        *("evaluate", tmp_path / "net", eyes.images, "--quality", eyes.quality),
        *("--n-bootstraps", "0", "--json"),
    )
    assert scored.exit_code == 0, scored.output
    scores = pd.DataFrame(json.loads(scored.stdout)).set_index("measure")["value"]
    assert scores["acc"] == pytest.approx((is_good == (quality == 1)).mean())


def test_grades_in_words_are_written_as_numbers_in_their_order(data, eyes, tmp_path):
    net = DRGrader(**SMALL).fit(data.data, GRADES[data.target[:, 0]])
    net.save_pretrained(tmp_path / "net")
    result = run("predict", tmp_path / "net", eyes.images, "--json")
    assert result.exit_code == 0, result.output
    table = pd.DataFrame(json.loads(result.stdout))
    assert GRADES[table["grade"]].tolist() == net.predict(data.data).tolist()
    for grade, word in enumerate(GRADES):
        p = net.predict_proba(data.data)[:, net.classes_.tolist().index(word)]
        np.testing.assert_allclose(table[f"p_grade_{grade}"], p, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.* do not say which:UserWarning")
@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_a_model_that_does_not_say_which_class_is_poor_names_the_line_to_run(
    command, data, eyes, tmp_path
):
    net = QualityClassifier(**SMALL).fit(data.data, data.target[:, 1] + 1)
    net.save_pretrained(tmp_path / "net")
    labels = ["--quality", eyes.quality] if command == "evaluate" else []
    result = run(command, tmp_path / "net", eyes.images, *labels)
    assert result.exit_code == 2
    said = words(result.stderr)
    assert "has the classes 1, 2, which do not say which one means poor" in said
    line = said.split("in Python: ")[1].rstrip(".")
    eval(line.replace("...)", "1)", 1), {"QualityClassifier": QualityClassifier})
    again = run(command, tmp_path / "net", eyes.images, *labels)
    assert again.exit_code == 0, again.output


def test_a_grader_of_classes_that_are_no_grades_is_refused(data, eyes, tmp_path):
    referable = np.where(data.target[:, 0] > 1, "refer", "keep")
    DRGrader(**SMALL).fit(data.data, referable).save_pretrained(tmp_path / "net")
    result = run("predict", tmp_path / "net", eyes.images)
    assert result.exit_code == 2
    said = words(result.stderr)
    assert "the classes 'keep', 'refer', which are neither grades 0 to 4 nor" in said
    assert "y.map({...})" in said
