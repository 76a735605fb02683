"""The layers of pyproject.toml hold, and the drawing and the page show them."""

import ast
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sk_fiqdr"
# Import name of each distribution whose two names differ.
IMPORT_NAMES = {
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "opencv-python-headless": "cv2",
    "dask[distributed]": "dask",
    "tomli-w": "tomli_w",
}


def load_drawing():
    path = ROOT / "docs" / "draw_architecture.py"
    spec = importlib.util.spec_from_file_location("draw_architecture", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lint_imports(folder):
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_the_import_contracts_hold():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


def test_an_import_of_a_higher_layer_breaks_a_contract(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    copy = tmp_path / "sk_fiqdr"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    with open(copy / "metrics" / "__init__.py", "a") as file:
        file.write("\nfrom ..datasets import make_fundus\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    assert "sk_fiqdr.metrics -> sk_fiqdr.datasets" in done.stdout


def test_every_imported_library_is_declared():
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    extras = project["optional-dependencies"]
    texts = [*project["dependencies"]]
    for name in extras.keys() - {"test", "docs", "bench"}:
        texts += extras[name]
    names = [re.match(r"[\w.\[\]-]+", text)[0].lower() for text in texts]
    declared = {IMPORT_NAMES.get(name, name).replace("-", "_") for name in names}
    imported = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.partition(".")[0])
    assert not imported - declared - sys.stdlib_module_names - {"sk_fiqdr"}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda it: it.stem)
def test_no_module_is_longer_than_four_hundred_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_the_package_has_few_entries():
    entries = {path.name for path in PACKAGE.iterdir()} - {"__pycache__"}
    # Fourteen, and two that Python asks for by name.
    assert len(entries - {"__init__.py", "__main__.py"}) <= 14, sorted(entries)


def test_the_drawing_shows_todays_imports():
    drawing = load_drawing()
    shown = drawing.DRAWING.read_text(encoding="utf-8")
    assert shown == drawing.draw(), "Run: python docs/draw_architecture.py"
    text = (ROOT / "docs" / "architecture.rst").read_text(encoding="utf-8")
    for layer in [name for row in drawing.layers() for name in row]:
        assert f"``{layer}``" in text, f"docs/architecture.rst lacks {layer}"
