"""Imports point one way, and the drawing of the architecture shows them."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def load_drawing():
    path = ROOT / "docs" / "draw_architecture.py"
    spec = importlib.util.spec_from_file_location("draw_architecture", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


drawing = load_drawing()
FILES = drawing.files_of_package()


def name(file):
    return str(file.relative_to(drawing.PACKAGE))


@pytest.mark.parametrize("file", FILES, ids=name)
def test_every_file_has_a_room_and_imports_what_it_may(file):
    own = drawing.room_of_file(file)
    assert own, f"Give {name(file)} a room in docs/draw_architecture.py."
    room = drawing.ROOMS[own]
    for at_top, module, names in drawing.imports_of(file):
        library = module.split(".")[0]
        if at_top and library in drawing.WATCHED:
            assert library in room.libraries, f"{own} must not import {library}"
        for other in drawing.rooms_of_import(module, names) - {own}:
            late = not at_top and (own, other) in drawing.LATE
            assert other in room.knows or late, f"{own} must not import {other}"


def test_no_room_knows_itself_through_others():
    rooms = dict(drawing.ROOMS)
    while rooms:
        free = [it for it, room in rooms.items() if not set(room.knows) & rooms.keys()]
        assert free, f"These rooms know each other in circles: {sorted(rooms)}"
        for it in free:
            del rooms[it]


def test_nothing_below_the_estimators_knows_a_net():
    for it in ("losses", "modules", "metrics", "model_selection", "datasets"):
        known = set(drawing.ROOMS[it].knows)
        assert not known & {"estimators", "cli", "inspection"}
    for it in ("losses", "modules"):
        assert drawing.ROOMS[it].knows == ()
        assert drawing.ROOMS[it].libraries == ("torch",)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from . import _export", [(True, "sk_fiqdr", ("_export",))]),
        ("from .._net import FundusNet", None),
        ("import torch.nn as nn", [(True, "torch.nn", ())]),
        ("def f():\n    from .losses import x", [(False, "sk_fiqdr.losses", ("x",))]),
        (
            "from .metrics._labels import A",
            [(True, "sk_fiqdr.metrics._labels", ("A",))],
        ),
    ],
)
def test_imports_are_read_as_python_reads_them(code, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(drawing, "PACKAGE", tmp_path)
    folder = tmp_path
    if expected is None:  # one folder further down
        folder = tmp_path / "metrics"
        folder.mkdir()
        expected = [(True, "sk_fiqdr._net", ("FundusNet",))]
    (folder / "file.py").write_text(code)
    assert list(drawing.imports_of(folder / "file.py")) == expected


def test_the_drawing_shows_todays_imports():
    shown = drawing.DRAWING.read_text(encoding="utf-8")
    assert shown == drawing.draw(), "Run: python docs/draw_architecture.py"
    text = (ROOT / "docs" / "architecture.rst").read_text(encoding="utf-8")
    for room in drawing.ROOMS:
        if f">{room}</text>" in shown:
            assert f"``{room}``" in text, (
                f"docs/architecture.rst says nothing of {room}"
            )
