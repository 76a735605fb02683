"""`sk-fiqdr prepare`: what it prints, writes and refuses."""

import json

import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from sk_fiqdr.cli import app
from sk_fiqdr.preprocessing import prepare_images


@pytest.fixture
def photographs(fundus, tmp_path):
    folder = tmp_path / "my eyes"
    for i, eye in enumerate(fundus.data[:3]):
        path = folder / f"{i} é" / "eye.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(eye).save(path)
    return folder


def run_prepare(*args):
    return CliRunner().invoke(app, ["prepare", *map(str, args), "--n-jobs", "1"])


def test_prepare_tells_of_names_that_differ_in_the_suffix_only(photographs, tmp_path):
    twin = next(photographs.rglob("eye.png"))
    Image.open(twin).save(twin.with_suffix(".tif"))
    result = run_prepare(photographs, tmp_path / "out")
    assert "2 have names that differ only in the suffix" in result.stdout
    summary = json.loads(run_prepare(photographs, tmp_path / "out", "--json").stdout)
    assert summary["suffix_kept"] == 2
    assert summary["unchanged"] == 4


def test_prepare_does_what_the_function_does(photographs, tmp_path):
    result = run_prepare(photographs, tmp_path / "out", "--size", 64, "--format", "png")
    assert result.exit_code == 0, result.output
    assert "3 photographs: 3 prepared, 0 unchanged, 0 failed" in result.stdout
    assert not result.stderr  # no bar where there is no terminal
    prepare_images(
        photographs, tmp_path / "same", image_size=64, format="png", n_jobs=1
    )
    for path in (tmp_path / "same").rglob("*.*"):
        other = tmp_path / "out" / path.relative_to(tmp_path / "same")
        assert other.read_bytes() == path.read_bytes()


def test_prepare_tells_what_failed_and_what_is_done_anew(photographs, tmp_path):
    (photographs / "page.jpeg").write_text("<html>")
    (photographs / "labels.csv").touch()
    result = run_prepare(photographs, tmp_path / "out")
    assert result.exit_code == 1
    assert "failed: 'page.jpeg' is not an image" in result.stderr
    accounted = "5 files found = 3 prepared + 1 failed + 1 left aside (1 .csv)"
    assert accounted in result.stdout
    (photographs / "page.jpeg").unlink()
    result = run_prepare(photographs, tmp_path / "out", "--normalize", "graham")
    assert result.exit_code == 0
    assert "3 prepared again: the settings have changed" in result.stdout


def test_prepare_names_what_is_damaged(photographs, tmp_path):
    path = photographs / "hurt.jpeg"
    eye = Image.open(next(photographs.rglob("eye.png"))).resize((160, 160))
    eye.save(path, quality=95)
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + data[middle + 40 :])
    result = run_prepare(photographs, tmp_path / "out")
    assert result.exit_code == 0
    assert "damaged: 'hurt.jpeg' is damaged (" in result.stderr
    assert "4 files found = 3 prepared + 1 damaged" in result.stdout
    result = run_prepare(photographs, tmp_path / "out", "--on-damage", "raise")
    assert result.exit_code == 1
    assert "4 files found = 3 prepared + 1 failed" in result.stdout


def test_prepare_prints_json_alone_on_stdout(photographs, tmp_path):
    (photographs / "page.jpeg").write_text("<html>")
    result = run_prepare(photographs, tmp_path / "out", "--json")
    assert result.exit_code == 1
    summary = json.loads(result.stdout)
    counts = [summary[key] for key in ("found", "prepared", "failed")]
    assert counts == [4, 3, 1]
    assert [failure["source"] for failure in summary["failures"]] == ["page.jpeg"]
    assert len(pd.read_csv(summary["manifest"])) == 4


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["{in}", "{in}/out"], "must not lie in one another"),
        (["{in}/none", "{out}"], "There is no folder"),
        (["{in}", "{out}", "--size", "3"], "range [16, 8192]"),
        (["{in}", "{out}", "--format", "gif"], "must be a str among"),
        (["{in}"], "Missing argument"),
        (["{in}", "{out}", "--sise", "3"], "No such option"),
    ],
)
def test_prepare_refuses_with_a_message_and_status_two(
    photographs, tmp_path, args, message
):
    folders = {"in": photographs, "out": tmp_path / "out"}
    result = run_prepare(*[arg.format(**folders) for arg in args])
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_prepare_stops_at_the_first_failure_if_asked_to(photographs, tmp_path):
    (photographs / "page.jpeg").write_text("<html>")
    result = run_prepare(photographs, tmp_path / "out", "--on-error", "raise")
    assert result.exit_code == 1
    assert "page.jpeg' is not an image" in result.stderr


def test_prepare_shows_an_example_in_its_help():
    result = CliRunner().invoke(app, ["prepare", "--help"])
    assert "Example: sk-fiqdr prepare train/ train-512/ --size 512" in result.stdout
