"""Does quality help?
==================

This example plots the tables of :doc:`/user_guide/does_quality_help`. They were
measured by ``benchmarks/reproduce_paper.py`` and are tracked in
``benchmarks/results/paper.csv``, which is read from a copy of the repository. To plot
your own results, run the benchmark on your photographs and read its ``paper.csv``.
"""

# %%
# The measurements
# ----------------

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

figures = pd.read_csv(Path("..", "..", "benchmarks", "results", "paper.csv"))
quality = figures.query("table == 'quality' and measure == 'mean_acc'")
grading = figures.query("table == 'grading' and measure == 'kappa'")
differences = figures.query("table == 'difference'")
differences[["row", "measure", "value", "lower", "upper", "patients_to_decide"]]

# %%
# Scores with intervals of 95 % of the bootstrap samples of patients
# ------------------------------------------------------------------


def draw(ax, part, color, label=None, shift=0.0):
    """Draw values with their intervals, a row for each row of the table."""
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
top.set_title("Which method recognises poor photographs?")
top.set_xlabel("mean_acc; 0.5 is chance")

rows = grading["row"].unique()
for shift, (decision, part) in zip(
    (-0.14, 0.14), grading.groupby("decision"), strict=True
):
    label = {"argmax": "most probable grade", "tuned": "tuned cut-points"}[decision]
    draw(bottom, part, {"argmax": "C0", "tuned": "C1"}[decision], label, shift)
bottom.set_title("Does quality improve grading?")
bottom.set_xlabel("quadratic weighted kappa")
fig.legend(loc="outside lower center", ncols=2)
plt.show()
