"""Does quality help?
==================

The figures of :doc:`/user_guide/does_quality_help` as a picture. They were measured by
``benchmarks/reproduce_paper.py`` and are tracked in ``benchmarks/results/paper.csv``;
this reads that file from a copy of the repository. Run the benchmark on photographs of
your own, and draw its ``paper.csv`` in the same way.
"""

# %%
# The figures
# -----------

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

figures = pd.read_csv(Path("..", "..", "benchmarks", "results", "paper.csv"))
quality = figures.query("table == 'quality' and measure == 'mean_acc'")
grading = figures.query("table == 'grading' and measure == 'kappa'")
differences = figures.query("table == 'difference'")
differences[["row", "measure", "value", "lower", "upper", "patients_to_decide"]]

# %%
# Each with what 95 % of the draws of patients gave
# -------------------------------------------------


def draw(ax, part, color, label=None, shift=0.0):
    """Draw values with their intervals, one row of the table in one of the picture."""
    ax.errorbar(
        part["value"],
        [list(rows).index(row) + shift for row in part["row"]],
        xerr=[part["value"] - part["lower"], part["upper"] - part["value"]],
        fmt="o",
        capsize=3,
        color=color,
        label=label,
    )
    ax.set_yticks(range(len(rows)), rows)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.grid(axis="x", alpha=0.3)


fig, (top, bottom) = plt.subplots(
    2, figsize=(8.5, 9), layout="constrained", height_ratios=[16, 8]
)
rows = quality["row"].unique()
draw(top, quality, "C0")
top.set_title("Who finds the poor photographs?")
top.set_xlabel("mean_acc; 0.5 is chance")

rows = grading["row"].unique()
for shift, (decision, part) in zip(
    (-0.14, 0.14), grading.groupby("decision"), strict=True
):
    label = {"argmax": "most probable grade", "tuned": "tuned cut-points"}[decision]
    draw(bottom, part, {"argmax": "C0", "tuned": "C1"}[decision], label, shift)
bottom.set_title("Does it help grading?")
bottom.set_xlabel("quadratic weighted kappa")
fig.legend(loc="outside lower center", ncols=2)
plt.show()
