"""The sections of a report in their order, and the figures on top of them."""

import numpy as np

from ._facts import data, settings
from ._gallery import examples, mistakes
from ._scores import features, grading, quality, refusing, reliability
from ._section import as_text

SECTIONS = (
    grading,
    quality,
    refusing,
    reliability,
    features,
    examples,
    mistakes,
    data,
    settings,
)


def headline(sections, report_data):
    """Return the figures that stand on top of the page.

    Parameters
    ----------
    sections : list of Section
        All of them.
    report_data : ReportData
        What they are made from.

    Returns
    -------
    cards : list of (str, str, str)
        Value, what it is, and its interval.
    """
    n_patients = len(np.unique(report_data.groups))
    cards = [(f"{len(report_data.y):,}", "images", "")]
    if report_data.patients_known:
        cards[0] = (*cards[0][:2], f"of {n_patients:,} patients")
    tables = {key: table for it in sections for key, table in it.tables.items()}
    for key, measure, words in (
        ("grading", "kappa", "quadratic weighted kappa"),
        ("quality", "mean_acc", "mean_acc of quality"),
    ):
        if key in tables:
            value, lower, upper = tables[key].loc[measure, ["value", "lower", "upper"]]
            interval = "" if np.isnan(lower) else f"95 %: {lower:.3f} to {upper:.3f}"
            cards.append((as_text(float(value)), words, interval))
    return cards
