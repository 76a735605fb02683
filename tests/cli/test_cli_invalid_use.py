"""Each wrong turn at the command line ends in a message that tells the way out."""

import os
import resource
import subprocess
import sys

import pytest
import torch
from helpers.commands import SMALL, run, words

COMMANDS = [
    "demo",
    "prepare",
    "audit",
    "search",
    "train",
    "predict",
    "evaluate",
    "export",
    "info",
]
COMMAND = [sys.executable, "-c", "from sk_fiqdr.cli import app; app()"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_an_example_in_its_help(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"Example: sk-fiqdr {command}" in words(result.stdout)
    assert "Exit status" in result.stdout or command == "demo"


def test_help_waits_for_no_torch():
    code = (
        "import sys; from sk_fiqdr.cli import app\n"
        "try: app(['train', '--help'])\n"
        "except SystemExit: print(sorted({'torch', 'pandas'} & set(sys.modules)))"
    )
    shown = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert shown.endswith("[]\n")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["train", "{none}", "--grades", "{grades}"], "There is no folder"),
        (["train", "{images}"], "name CSV files with --grades"),
        (["train", "{images}", "--grades", "{quality}"], "has no column 'level'"),
        (["train", "{images}", "--grades", "{none}"], "There is no label file"),
        (["train", "{folder}", "--grades", "{grades}"], "holds no image"),
        (["train", "{images}", "--grades", "{grades}", "--beta", "x"], "--beta must"),
        (["search", "{images}", "--grades", "{grades}", "--beta", "1,x"], "got 'x'"),
        (["search", "{images}", "--grades", "{grades}", "--lambd", "0,x"], "'x'"),
        (
            ["train", "{images}", "--grades", "{grades}", "--backbone", "resnet"],
            "resnet18",
        ),
        (
            ["train", "{images}", "--grades", "{grades}", "--weights", "{none}"],
            "weights",
        ),
        (
            ["train", "{images}", "--grades", "{grades}", "--device", "gpu"],
            "device must be",
        ),
        (
            ["train", "{images}", "--grades", "{grades}", "--balance", "eye"],
            "'balance' parameter of FIQDRClassifier must be",
        ),
        (
            ["train", "{images}", "--grades", "{grades}", "--json", "--csv"],
            "exclude each other",
        ),
        (
            ["train", "{images}", "--grades", "{grades}", "--output", "{model}"],
            "nothing is overwritten",
        ),
        (
            ["train", "{images}", "--grades", "{grades}", "--output", "{images}"],
            "was not created by `sk-fiqdr train`",
        ),
        (
            ["search", "{images}", "--grades", "{grades}", "--refit", "auc"],
            "--refit must be one of kappa",
        ),
        (  # the report's name of quality_accuracy, and no score of a search
            ["search", "{images}", "--grades", "{grades}", "--refit", "acc"],
            "quality_accuracy, got 'acc'",
        ),
        (["predict", "{images}", "{images}"], "is not a trained-model folder"),
        (["predict", "{none}", "{images}"], "is not there"),
        (["predict", "{model}", "{none}"], "There is no folder"),
        (
            ["predict", "{model}", "{images}", "--refuse-below", "2"],
            "less than or equal to 1",
        ),
        (
            ["predict", "{model}", "{images}", "--output", "{none}/graded.csv"],
            "There is no folder",
        ),
        (["evaluate", "{model}", "{images}"], "name CSV files with --grades"),
        (["export", "{model}", "{folder}/net.tflite"], "format"),
        (["info", "{images}"], "is not a trained-model folder"),
        (["audit", "{images}", "--table", "all"], "'kind' parameter of frame must be"),
    ],
)
def test_a_wrong_turn_is_told_with_status_two(args, message, eyes, model, tmp_path):
    (tmp_path / "empty").mkdir()
    places = {
        "images": eyes.images,
        "grades": eyes.grades,
        "quality": eyes.quality,
        "model": model,
        "folder": tmp_path / "empty",
        "none": tmp_path / "none",
    }
    args = [arg.format(**places) for arg in args]
    if args[0] in ("train", "search") and "--output" not in args:
        args += ["--output", str(tmp_path / "run")]
    result = run(*args)
    assert result.exit_code == 2, result.output
    assert message in words(result.stderr)
    assert "Traceback" not in result.output
    assert not (tmp_path / "run" / "model").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("command", ["train", "predict"])
def test_without_a_gpu_the_way_out_is_told(command, eyes, model, tmp_path):
    first = [model, eyes.images] if command == "predict" else [eyes.images]
    labels = eyes.labels if command == "train" else []
    output = ["--output", tmp_path / "out"]
    result = run(command, *first, *labels, "--device", "cuda", *output)
    assert result.exit_code == 2
    assert "finds no GPU. Set device='auto' to use the CPU" in words(result.stderr)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("betta = 3", "'betta', which `sk-fiqdr train` does not know. It takes images"),
        ("beta = ", "is not TOML"),
        ("beta = " + "[" * 5000 + "]" * 5000, "is not TOML"),
        ("beta = " + "{a = " * 5000 + "1" + "}" * 5000, "is not TOML"),
        ("max_epochs = 'many'", "unable to parse string as an integer"),
    ],
)
def test_a_config_that_cannot_be_used_is_told(toml, message, eyes, tmp_path):
    config = tmp_path / "run.toml"
    config.write_text(toml)
    result = run("train", eyes.images, *eyes.labels, "--config", config)
    assert result.exit_code == 2
    assert message in words(result.stderr)


@pytest.mark.parametrize(
    "toml", ["beta = ", "beta = " + "[" * 5000 + "]" * 5000, "beta = '\x00'"]
)
def test_a_record_of_a_run_that_cannot_be_read_is_named(toml, eyes, tmp_path):
    (tmp_path / "run.toml").write_text(toml)
    args = ["train", eyes.images, *eyes.labels, *SMALL, "--output", tmp_path]
    result = run(*args, "--weights", "none")
    assert result.exit_code == 2
    assert "run.toml' is not TOML" in words(result.stderr)
    assert "Choose another --output" in words(result.stderr)


def test_a_damaged_model_is_named(eyes, model, tmp_path):
    for path in (model / "model").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    result = run("predict", tmp_path, eyes.images)
    assert result.exit_code == 2
    assert "model.safetensors" in result.stderr
    (tmp_path / "config.json").write_text("{")
    assert "it is not JSON" in run("info", tmp_path).stderr


def test_weights_that_cannot_be_fetched_are_told_with_the_way_out(
    eyes, tmp_path, monkeypatch
):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    args = ["train", eyes.images, *eyes.labels, *SMALL, "--output", tmp_path / "run"]
    result = run(*args, "--weights", "DEFAULT")
    assert result.exit_code == 1
    assert "--weights FILE, or --weights none" in result.stderr
    again = run(*args)  # in the same folder: nothing was learned yet
    assert again.exit_code == 0, again.output


def run_with_little_room(n_bytes, *args):
    """Give the error of a full disk without one, by a limit on the size of files."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))

    return subprocess.run(
        [*COMMAND, *map(str, args)], capture_output=True, text=True, preexec_fn=limit
    )


def test_a_table_on_a_full_disk_is_named_and_not_half_written(eyes, model, tmp_path):
    output = tmp_path / "graded.csv"
    result = run_with_little_room(500, "predict", model, eyes.images, "-o", output)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert str(output) in result.stderr
    assert "free some space" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_leaves_nothing_half_written(eyes, tmp_path):
    output = tmp_path / "run"
    args = ["train", eyes.images, *eyes.labels, *SMALL, "--output", output]
    result = run_with_little_room(200_000, *args)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert str(output) in result.stderr
    assert not (output / "model").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(eyes, tmp_path):
    tmp_path.chmod(0o500)
    result = run("train", eyes.images, *eyes.labels, *SMALL, "-o", tmp_path / "run")
    tmp_path.chmod(0o700)
    assert result.exit_code == 2
    assert "run" in result.stderr
