"""Functions in keys count by their source, whichever Python runs them."""

import importlib.util
import linecache

import pytest

from sk_fiqdr.utils._digest import describe
from sk_fiqdr.utils._source import source_of


def load(path, text):
    """Import a module that was just written."""
    path.write_text(text)
    linecache.clearcache()
    spec = importlib.util.spec_from_file_location("augmentations", path)
    module = importlib.util.module_from_spec(spec)
    exec(compile(text, str(path), "exec"), module.__dict__)
    return module


SOURCE = """\
def brighter(image, by=0.1):
    return image + by


class Darker:
    def __call__(self, image, *, by=0.2):
        return image - by


pair = [lambda a, b: a - b, lambda a, b: b - a]
"""


def test_a_function_is_described_by_its_source_without_byte_code(tmp_path):
    module = load(tmp_path / "augmentations.py", SOURCE)
    name, source, defaults, *_ = describe(module.brighter)
    assert name == "augmentations.brighter"
    assert source == "def brighter(image, by=0.1):\n    return image + by"
    assert defaults == ["0.1"]
    assert module.brighter.__code__.co_code.hex() not in str(describe(module.brighter))


def test_two_lambdas_on_one_line_have_sources_of_their_own(tmp_path):
    one, two = load(tmp_path / "augmentations.py", SOURCE).pair
    assert source_of(one.__code__) == "lambda a, b: a - b"
    assert source_of(two.__code__) == "lambda a, b: b - a"
    assert describe(one) != describe(two)


def test_a_function_may_move_to_another_line_or_depth(tmp_path):
    names = ("brighter", "Darker", "pair")
    before = load(tmp_path / "augmentations.py", SOURCE)
    described = [describe(getattr(before, name)) for name in names]
    indented = "".join(f"    {line}\n" for line in SOURCE.splitlines())
    after = load(tmp_path / "augmentations.py", f"import os\n\nif os:\n{indented}")
    assert [describe(getattr(after, name)) for name in names] == described


CHANGES = {
    "a constant": ("image + by", "image + by + 1", "brighter"),
    "a default": ("by=0.1", "by=0.3", "brighter"),
    "a method": ("image - by", "image * by", "Darker"),
    "a default of a method": ("by=0.2", "by=0.3", "Darker"),
    "a lambda": ("a - b", "a + b", "pair"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_makes_another_description(change, tmp_path):
    old, new, name = CHANGES[change]
    before = load(tmp_path / "augmentations.py", SOURCE)
    description = describe(getattr(before, name))
    after = load(tmp_path / "augmentations.py", SOURCE.replace(old, new))
    assert describe(getattr(after, name)) != description


def test_a_file_that_was_edited_since_does_not_describe_what_runs(tmp_path):
    """A long search would store the results of the old code as those of the new."""
    path, text = tmp_path / "augmentations.py", "def shift(image): return image + 7\n"
    running = load(path, text)
    path.write_text(text.replace("+", "-"))
    linecache.clearcache()
    described = describe(running.shift)
    assert source_of(running.shift.__code__) is None
    assert described != describe(load(path, text.replace("+", "-")).shift)


def test_functions_without_a_file_are_told_apart_by_their_code():
    described = []
    for text in ("x + 1", "x + 2", "x * 1", "x + 1"):
        namespace = {}
        exec(f"def f(x): return {text}", namespace)
        described.append(describe(namespace["f"]))
    assert described[0] == described[3]
    assert described[0] not in described[1:3]
    assert described[1] != described[2]
