"""One section of a report, which may have nothing to show."""

from dataclasses import dataclass, field

import numpy as np

from ._figures import draw

WIDE = 8  # inches


@dataclass
class Figure:
    """A picture, as the address of an image that holds it."""

    source: str
    alt: str
    caption: str = ""
    wide: bool = False  # too small to read at the width of a phone


@dataclass
class Section:
    """A part of the page."""

    key: str
    title: str
    lead: str  # how to read it, in a sentence or two
    figures: list = field(default_factory=list)
    tables: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)  # what is not shown, and why
    in_rows: bool = False  # whether figures stand beside each other

    def show(self, alt, size, fill, *, caption="", photographs=False):
        """Add a picture, or the reason why there is none."""
        try:
            source = draw(size, fill, photographs=photographs)
        except (ValueError, TypeError, ImportError) as error:
            self.notes.append(f"“{alt}” is not shown. {error}")
        else:
            self.figures.append(Figure(source, alt, caption, size[0] > WIDE))

    def rows(self):
        """Yield name, columns and rows of each table, as text."""
        for name, table in self.tables.items():
            columns = [table.index.name or "", *map(str, table.columns)]
            cells = [
                [str(index), *map(as_text, row)]
                for index, row in zip(table.index, table.to_numpy(object), strict=True)
            ]
            yield name, columns, cells


def as_text(value):
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return "–"
        count = float(value).is_integer() and abs(value) > 1
        return f"{value:.0f}" if count else f"{value:.3f}"
    return str(value)
