"""The documentation names everything, and everything that it shows runs."""

import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest
from numpydoc.docscrape import ClassDoc, FunctionDoc

import sk_fiqdr

ROOT = Path(__file__).parents[1]
# The command is documented by its own --help.
MODULES = [
    info.name
    for info in pkgutil.walk_packages(sk_fiqdr.__path__, "sk_fiqdr.")
    if info.name != "sk_fiqdr.cli"
]
PUBLIC = [
    name
    for name in ["sk_fiqdr", *MODULES]
    if not re.search(r"\._", name) and hasattr(importlib.import_module(name), "__all__")
]
NAMES = [
    (module, name)
    for module in PUBLIC
    for name in importlib.import_module(module).__all__
    if not name.startswith("_")
]


def test_the_public_modules_are_found():
    assert {"sk_fiqdr", "sk_fiqdr.callbacks", "sk_fiqdr.preprocessing"} <= set(PUBLIC)
    assert not [name for name in PUBLIC if name.startswith("sk_fiqdr.cli")]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_every_public_name_is_in_the_api_reference(module, name):
    text = (ROOT / "docs" / "api" / "index.rst").read_text()
    assert re.search(rf"(^   |``){name}(``|$)", text, re.MULTILINE)


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_sorted(module):
    names = importlib.import_module(module).__all__
    assert list(names) == sorted(names)


@pytest.mark.parametrize("module", MODULES)
def test_docstring_examples_run(module):
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(importlib.import_module(module), optionflags=flags)
    assert result.failed == 0


@pytest.mark.parametrize(
    ("module", "name"), [pair for pair in NAMES if "scorer" not in pair[1]]
)
def test_every_public_parameter_is_documented(module, name):
    thing = getattr(importlib.import_module(module), name)
    if inspect.isclass(thing) and issubclass(thing, Exception):
        return
    doc = ClassDoc(thing) if inspect.isclass(thing) else FunctionDoc(thing)
    documented = {
        part.strip().lstrip("*")
        for parameter in doc["Parameters"]
        for part in parameter.name.split(",")
    }
    expected = set(inspect.signature(thing).parameters) - {"self"}
    assert expected == documented
    assert doc["Summary"]
    assert doc["Examples"]


def test_the_files_that_developers_are_sent_to_exist():
    page = (ROOT / "docs" / "development.rst").read_text()
    files = re.findall(r"``(sk_fiqdr/\S+)``", page)
    assert len(files) >= 12
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_every_word_of_the_glossary_is_linked_from_a_page():
    glossary = (ROOT / "docs" / "glossary.rst").read_text()
    words = set(re.findall(r"^   (\w.*)$", glossary, re.MULTILINE))
    links = {
        link.partition("<")[2].rstrip(">") or link
        for page in PAGES
        for link in re.findall(r":term:`([^`]+)`", page.read_text())
    }
    assert words <= links


PAGES = sorted((ROOT / "docs").rglob("*.rst"))
PAGES = [page for page in PAGES if "generated" not in page.parts]


# test_your_data.py runs that page, in a tree of each data set.
RUN_ALONE = [page for page in PAGES if page.stem != "your_data"]


@pytest.mark.parametrize("page", RUN_ALONE, ids=lambda page: page.stem)
def test_code_of_the_pages_runs(page, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = page.read_text()
    blocks = re.finditer(r"code-block:: python\n\n( +)\S.*\n(?:\1.*\n|\n)*", text)
    for block in (match[0].partition("\n\n")[2] for match in blocks):
        exec(compile(inspect.cleandoc(block), str(page), "exec"), {})


def test_preparing_images_never_imports_torch():
    code = (
        "import sys, sk_fiqdr.baselines, sk_fiqdr.datasets, sk_fiqdr.preprocessing;"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
