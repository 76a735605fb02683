"""Draw docs/images/architecture.svg from the imports of the package.

    python docs/draw_architecture.py

tests/test_imports.py holds the imports to what is allowed here, and the drawing to the
imports.
"""

import ast
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "sk_fiqdr"
DRAWING = ROOT / "docs" / "images" / "architecture.svg"


class Room(NamedTuple):
    """Files that belong together.

    Attributes
    ----------
    files : tuple of str
        Files and folders of the package, without ``.py``; ``*`` stands for anything.
    knows : tuple of str
        Rooms whose files they may import when they are loaded.
    libraries : tuple of str
        Of torch, torchvision, timm, skorch and accelerate, those that they may import
        when they are loaded.
    place : tuple of float
        Column and row of the box, from the lower left.
    words : str
        What is in it.
    """

    files: tuple
    knows: tuple
    libraries: tuple
    place: tuple
    words: str


TORCH = ("torch", "torchvision")
ROOMS = {
    "utils": Room(("utils",), (), ("torch",), (3, 0), "labels, images, files"),
    "losses": Room(("losses",), (), ("torch",), (0, 1), "torch alone"),
    "modules": Room(("modules",), (), ("torch",), (1, 1), "network, backbones"),
    "metrics": Room(("metrics",), ("utils",), (), (2.2, 1), "no torch, no net"),
    "preprocessing": Room(
        ("preprocessing",), ("utils",), (), (4.5, 1), "no torch, no net"
    ),
    "model_selection": Room(
        ("model_selection",),
        ("utils", "metrics"),
        (),
        (3, 2),
        "patients whole; no net",
    ),
    "datasets": Room(
        ("datasets",), ("utils", "model_selection"), (), (3.5, 3), "no torch, no net"
    ),
    "baselines": Room(
        ("baselines",),
        ("utils", "model_selection"),
        (),
        (2.4, 4),
        "rivals; no torch, no net",
    ),
    "callbacks": Room(("callbacks",), (), (*TORCH, "skorch"), (0.2, 2), "on skorch"),
    "estimators": Room(
        ("estimators",),
        (
            "utils",
            "losses",
            "modules",
            "metrics",
            "model_selection",
            "callbacks",
        ),
        (*TORCH, "skorch"),
        (1, 3),
        "classifiers, DeepFeatures",
    ),
    "distributed": Room(
        ("distributed",),
        ("utils", "modules", "model_selection", "losses", "estimators"),
        (*TORCH, "skorch"),
        (0.4, 4),
        "several processes",
    ),
    "inspection": Room(
        ("inspection",),
        ("utils", "modules", "metrics", "model_selection", "datasets"),
        ("torch",),
        (1.5, 5),
        "Displays, activation maps",
    ),
    "cli": Room(
        ("cli",),
        (
            "utils",
            "metrics",
            "model_selection",
            "preprocessing",
            "datasets",
            "baselines",
            "estimators",
            "inspection",
        ),
        (*TORCH, "skorch"),
        (3.6, 5),
        "the command sk-fiqdr",
    ),
}
WATCHED = {"torch", "torchvision", "timm", "skorch", "accelerate"}
# Where a function imports what its file must not: rivals made of our estimators, and
# photographs painted to check an export.
LATE = {
    ("baselines", "estimators"),
    ("estimators", "datasets"),
    ("estimators", "distributed"),
}

WIDTH, HEIGHT, COLUMN, ROW, MARGIN = 196, 50, 216, 92, 24
STYLE = """\
text { font: 14px system-ui, sans-serif; fill: #1b2733; text-anchor: middle }
.name { font-weight: 600 } .words { font-size: 12px; fill: #51606f }
rect.box { fill: #eef4fa; stroke: #5b7c9d; rx: 8px }
line { stroke: #5b7c9d; stroke-width: 1.5; marker-end: url(#tip) }
.late { stroke-dasharray: 5 4 }"""


def imports_of(file):
    """Return what a file imports: (top-level?, module name, names) for each import."""
    folder = ("sk_fiqdr", *file.relative_to(PACKAGE).parent.parts)
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        at_top = node in tree.body
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield at_top, alias.name, ()
        elif isinstance(node, ast.ImportFrom):
            parts = folder[: len(folder) - node.level + 1] if node.level else ()
            parts += tuple(filter(None, [node.module]))
            yield at_top, ".".join(parts), tuple(alias.name for alias in node.names)


def files_of_package():
    """Return the files of the package, but for its own `__init__`."""
    return sorted(set(PACKAGE.rglob("*.py")) - {PACKAGE / "__init__.py"})


def room_of_file(file):
    """Return the room that a file belongs to, or None."""
    return _room_of(file.relative_to(PACKAGE).with_suffix("").parts[0])


def rooms_of_import(module, names):
    """Return the rooms that an import leads to."""
    parts = module.split(".")
    if parts[0] != "sk_fiqdr":
        return set()
    # `from . import _export`, `from .. import DeepFeatures`
    heads = parts[1:2] or [_home_of(name) for name in names]
    return {room for room in map(_room_of, heads) if room is not None}


def _home_of(name):
    if name == "__version__":
        return "utils"
    return "estimators" if name[:1].isupper() else name


def _room_of(head):
    for name, room in ROOMS.items():
        if any(fnmatchcase(head, pattern) for pattern in room.files):
            return name
    return None


def arrows():
    """Return the pairs of rooms of which one imports the other, and those that do late.

    What two arrows say together is left out.
    """
    loaded, late = set(), set()
    for file in files_of_package():
        for at_top, module, names in imports_of(file):
            for room in rooms_of_import(module, names) - {room_of_file(file)}:
                (loaded if at_top else late).add((room_of_file(file), room))
    reach = _closure(loaded)
    direct = {
        (a, b)
        for a, b in loaded
        if not any((a, c) in reach and (c, b) in reach for c in ROOMS)
    }
    late = {pair for pair in late - reach if pair[::-1] not in loaded}
    return direct, late


def _closure(pairs):
    pairs = set(pairs)
    while more := {(a, d) for a, b in pairs for c, d in pairs if b == c} - pairs:
        pairs |= more
    return pairs


def draw():
    """Return the drawing as SVG."""
    direct, late = arrows()
    full = {room_of_file(file) for file in files_of_package()}
    present = [name for name in ROOMS if name in full]
    height = 2 * MARGIN + 5 * ROW + HEIGHT
    width = 2 * MARGIN + 4.5 * COLUMN + WIDTH
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'role="img" aria-label="Rooms of sk_fiqdr and what they import">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#5b7c9d"/>'
        "</marker></defs>",
        '<rect width="100%" height="100%" fill="white" rx="8"/>',
    ]
    for kind, pairs in (("loaded", direct), ("late", late)):
        lines += [_line(kind, *pair) for pair in sorted(pairs)]
    lines += [_box(name, ROOMS[name]) for name in present]
    return "\n".join([*lines, "</svg>", ""])


def _centre(name):
    column, row = ROOMS[name].place
    x = MARGIN + column * COLUMN + WIDTH / 2
    return x, MARGIN + (5 - row) * ROW + HEIGHT / 2


def _line(kind, upper, lower):
    (x1, y1), (x2, y2) = _centre(upper), _centre(lower)
    if y1 == y2:
        side = WIDTH / 2 if x1 < x2 else -WIDTH / 2
        x1, x2 = x1 + side, x2 - side
    else:
        side = HEIGHT / 2 if y1 < y2 else -HEIGHT / 2
        y1, y2 = y1 + side, y2 - side
    ends = f'x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}"'
    return f'<line class="{kind}" {ends}><title>{upper} imports {lower}</title></line>'


def _box(name, room):
    x, y = _centre(name)
    left, top = x - WIDTH / 2, y - HEIGHT / 2
    return (
        f'<rect class="box" x="{left:g}" y="{top:g}" width="{WIDTH}" '
        f'height="{HEIGHT}"/>\n'
        f'<text class="name" x="{x:g}" y="{y - 4:g}">{name}</text>\n'
        f'<text class="words" x="{x:g}" y="{y + 14:g}">{room.words}</text>'
    )


if __name__ == "__main__":
    DRAWING.write_text(draw(), encoding="utf-8")
