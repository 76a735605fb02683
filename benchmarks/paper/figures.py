"""The tables as pictures: each row with its interval."""

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

COLORS = {"argmax": "C0", "tuned": "C1"}


def draw_quality(figures, path):
    """Draw mean_acc of each loss and optimiser."""
    part = figures[(figures.table == "quality") & (figures.measure == "mean_acc")]
    _draw(part.assign(decision="argmax"), "mean_acc (0.5 is chance)", path)


def draw_grading(figures, path):
    """Draw kappa of single-task and multi-task, by both ways to decide."""
    part = figures[(figures.table == "grading") & (figures.measure == "kappa")]
    _draw(part, "quadratic weighted kappa", path)


def _draw(part, label, path):
    if part.empty:
        return
    tests = part.test.unique()
    rows = part.row.unique()[::-1]
    figure, axes = plt.subplots(
        1,
        len(tests),
        figsize=(1 + 6 * len(tests), 1 + 0.42 * len(rows)),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for ax, test in zip(axes[0], tests, strict=True):
        decisions = part[part.test == test].groupby("decision", sort=False)
        for shift, (decision, found) in enumerate(decisions):
            height = [list(rows).index(row) - 0.16 * shift for row in found.row]
            reach = [found.value - found.lower, found.upper - found.value]
            ax.errorbar(
                found.value,
                height,
                xerr=reach,
                fmt="o",
                capsize=3,
                color=COLORS[decision],
                label=decision,
            )
        ax.set_yticks(range(len(rows)), rows)
        ax.set_xlabel(f"{label}, 95 % of draws of patients")
        ax.set_title(test)
        ax.grid(axis="x", alpha=0.3)
    if part.decision.nunique() > 1:
        handles, labels = axes[0, -1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower right", ncols=len(labels))
    figure.savefig(path, dpi=110)
    plt.close(figure)
