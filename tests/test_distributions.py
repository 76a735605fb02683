"""What is uploaded: the source distribution can test itself, the wheel is the code."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytest.importorskip("setuptools", "77", reason="building needs setuptools")


def tracked():
    """Return the files of the project; of an unpacked sdist, all that it holds."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listed = subprocess.run(
            ["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, check=True
        ).stdout.decode()
        return [name for name in listed.split("\0") if name and (ROOT / name).exists()]
    folders = (".ci", "benchmarks", "docs", "sk_fiqdr", "tests")
    files = [
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    ]
    files += [ROOT / name for name in ("pyproject.toml", "README.md", "LICENSE")]
    files += [ROOT / "MANIFEST.in"]
    return [path.relative_to(ROOT).as_posix() for path in files]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Return a copy of the project, without what lies beside its files."""
    folder = tmp_path_factory.mktemp("project")
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def build(kind, project, folder):
    build = f"print(build_meta.build_{kind}({str(folder)!r}))"
    call = f"from setuptools import build_meta; {build}"
    made = subprocess.run(
        [sys.executable, "-c", call], cwd=project, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    return folder / made.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def unpacked(project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build("sdist", project, folder)) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (top,) = (folder / "unpacked").iterdir()
    return top


def test_the_source_distribution_holds_every_file_of_the_project(project, unpacked):
    of_no_use = {".gitignore"}
    missing = [
        name
        for name in tracked()
        if name not in of_no_use and not (unpacked / name).is_file()
    ]
    assert missing == []


def test_nothing_that_was_generated_is_in_the_source_distribution(
    project, tmp_path, unpacked
):
    made = ["docs/_build/html/a.html", "docs/api/generated/a.rst", "tests/a.pyc"]
    copy = tmp_path / "project"
    shutil.copytree(project, copy)
    for name in made:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).touch()
    with tarfile.open(build("sdist", copy, tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert "tests/conftest.py" in names
    assert names.isdisjoint(made)


@pytest.mark.slow
def test_tests_run_from_the_source_distribution(unpacked):
    """A few of them; each needs a helper, a setting or a file beside it."""
    files = ["metrics/test_sets.py", "test_wording.py", "modules/test_averaged_net.py"]
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *(f"tests/{name}" for name in files),
        ],
        cwd=unpacked,
        env={**os.environ, "PYTHONPATH": str(unpacked), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert " passed" in ran.stdout


def test_the_wheel_is_the_package_alone(unpacked, tmp_path):
    with zipfile.ZipFile(build("wheel", unpacked, tmp_path)) as archive:
        names = set(archive.namelist())
    expected = {name for name in tracked() if name.startswith("sk_fiqdr/")}
    assert {name for name in names if ".dist-info/" not in name} == expected
