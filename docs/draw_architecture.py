"""Draw docs/images/architecture.svg: the layers of the package and their imports.

    python docs/draw_architecture.py

The layers are those of the import-linter contract in pyproject.toml, which
``lint-imports`` checks; the arrows are the imports that grimp finds in the code.
"""

import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).parents[1]
DRAWING = ROOT / "docs" / "images" / "architecture.svg"
WORDS = {
    "baselines": "baselines of the paper",
    "callbacks": "early stopping",
    "cli": "the command sk-fiqdr",
    "datasets": "readers, synthesis, audit",
    "distributed": "several processes",
    "estimators": "classifiers, DeepFeatures",
    "exceptions": "errors to catch",
    "inspection": "displays, report",
    "losses": "Eqs. 1 to 6",
    "metrics": "scores, scorers, reports",
    "model_selection": "splits, searches, decisions",
    "modules": "network, backbones",
    "preprocessing": "crop, contrast, folders",
    "utils": "labels, images, files",
}
WIDTH, HEIGHT, COLUMN, ROW, MARGIN = 196, 50, 216, 88, 24
STYLE = """\
text { font: 14px system-ui, sans-serif; fill: #1b2733; text-anchor: middle }
.name { font-weight: 600 } .words { font-size: 12px; fill: #51606f }
rect.box { fill: #eef4fa; stroke: #5b7c9d; rx: 8px }
line { stroke: #5b7c9d; stroke-width: 1.5; marker-end: url(#tip) }"""


def layers():
    """Return the layers of the contract, the highest first, as lists of names."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    contracts = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    (contract,) = [it for it in contracts if it["id"] == "layers"]
    rows = [row.split(" | ") for row in contract["layers"]]
    return [row for row in rows if row != ["__main__"]]  # the command, in one line


def arrows(names):
    """Return the pairs of layers of which one imports the other.

    A pair is left out where two other arrows lead from the one to the other.
    """
    graph = grimp.build_graph("sk_fiqdr")
    imports = {
        (module.split(".")[1], other.split(".")[1])
        for module in graph.modules - {"sk_fiqdr", "sk_fiqdr.__main__"}
        for other in graph.find_modules_directly_imported_by(module) - {"sk_fiqdr"}
    }
    pairs = {(a, b) for a, b in imports if a != b}
    reach = set(pairs)
    while more := {(a, d) for a, b in reach for c, d in reach if b == c} - reach:
        reach |= more
    return {
        (a, b)
        for a, b in pairs
        if not any((a, c) in reach and (c, b) in reach for c in names)
    }


def draw():
    """Return the drawing as SVG."""
    rows = layers()
    widest = max(map(len, rows))
    centres = {
        name: (
            MARGIN + WIDTH / 2 + (column + (widest - len(row)) / 2) * COLUMN,
            MARGIN + HEIGHT / 2 + i * ROW,
        )
        for i, row in enumerate(rows)
        for column, name in enumerate(row)
    }
    width = 2 * MARGIN + (widest - 1) * COLUMN + WIDTH
    height = 2 * MARGIN + (len(rows) - 1) * ROW + HEIGHT
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        'role="img" aria-label="Layers of sk_fiqdr and their imports">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#5b7c9d"/>'
        "</marker></defs>",
        '<rect width="100%" height="100%" fill="white" rx="8"/>',
    ]
    for upper, lower in sorted(arrows(list(centres))):
        (x1, y1), (x2, y2) = centres[upper], centres[lower]
        lines.append(
            f'<line x1="{x1:g}" y1="{y1 + HEIGHT / 2:g}" x2="{x2:g}" '
            f'y2="{y2 - HEIGHT / 2:g}"><title>{upper} imports {lower}</title></line>'
        )
    for name, (x, y) in centres.items():
        lines.append(
            f'<rect class="box" x="{x - WIDTH / 2:g}" y="{y - HEIGHT / 2:g}" '
            f'width="{WIDTH}" height="{HEIGHT}"/>\n'
            f'<text class="name" x="{x:g}" y="{y - 4:g}">{name}</text>\n'
            f'<text class="words" x="{x:g}" y="{y + 14:g}">{WORDS[name]}</text>'
        )
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    DRAWING.write_text(draw(), encoding="utf-8")
