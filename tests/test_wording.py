"""The package, its documentation and its Markdown files keep to plain English."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
spec = importlib.util.spec_from_file_location("wording", ROOT / ".ci" / "wording.py")
wording = importlib.util.module_from_spec(spec)
spec.loader.exec_module(wording)


def test_no_phrase_of_the_list_is_used(capsys):
    n_found = wording.main([])
    assert n_found == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        "X is no array.",
        "Labels of nobody",
        "The file is\n    no image.",
        "# The file is\n# no image.",
        "Rivals of the paper",
        "a net that goes\non",
    ],
)
def test_a_phrase_is_found_also_over_lines(text):
    ((line, phrase, instead),) = wording.find(text)
    assert line == 1
    assert "\n" not in phrase
    assert instead


@pytest.mark.parametrize(
    "text",
    [
        "There is no gain.",
        "It is no longer used.",
        "The loss has not decreased.",
        "The recommended contestant",
        "A judgement",
    ],
)
def test_good_english_is_left_alone(text):
    assert wording.find(text) == []


def test_every_file_that_users_read_is_looked_at():
    files = {path for part in wording.PARTS for path in ROOT.glob(part)}
    for name in ("README.md", "sk_fiqdr/cli/_app.py", "docs/user_guide/training.rst"):
        assert ROOT / name in files
    assert not [path for path in files if "_build" in path.parts]


def test_words_are_spelled_correctly():
    run = subprocess.run(["codespell"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
