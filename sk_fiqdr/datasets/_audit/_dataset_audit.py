"""What `audit` found: tables and a picture."""

import numpy as np
import pandas as pd

from ...utils._constraints import check_parameters, one_of
from ...utils._labels import UNKNOWN

GRADES = range(5)
QUALITIES = {1: "good", 0: "poor", UNKNOWN: "unknown"}
COLORS = {"good": "#4477aa", "poor": "#ee6677", "unknown": "#bbbbbb"}
LABELED = ["path", "image", "patient", "eye", "grade", "quality"]
KINDS = (
    "labels",
    "eyes",
    "disagreements",
    "patients",
    "exact_duplicates",
    "near_duplicates",
    "unreadable",
    "images",
    "summary",
)


class DatasetAudit:
    """What `audit` found in a set: tables by `frame`, a picture by `plot`.

    Parameters
    ----------
    images : DataFrame
        A row for each image: path, image, patient, eye, grade, quality, width and
        height in pixels, sha256, phash, reason (why it cannot be read, "" if it can),
        exact_group and near_group (-1 for none) and distance, in bits, to the nearest
        of its near_group.
    split_hash : str
        Hash of names and labels; see `audit`.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What the picture fills.
    axes_ : ndarray of matplotlib Axes
        Its three panels: labels, eyes, findings.
    figure_ : matplotlib Figure
        Figure that holds them.

    See Also
    --------
    audit : Looks a set over and returns this.

    Examples
    --------
    >>> from sk_fiqdr.datasets import audit, make_fundus
    >>> eyes = make_fundus(8, image_size=48, random_state=1)
    >>> result = audit(eyes, n_jobs=1)
    >>> result.frame("summary").loc[["images", "patients"], "count"].tolist()
    [8, 4]
    """

    def __init__(self, *, images, split_hash):
        self.images = images
        self.split_hash = split_hash

    def frame(self, kind="labels"):
        """Return one of the tables.

        Parameters
        ----------
        kind : str, default="labels"
            ``"labels"``: images by grade (rows) and quality and eye (columns).
            ``"eyes"``: patients by the grade of the left eye (rows) and the right one
            (columns), the higher where an eye has several images.
            ``"disagreements"``: the patients whose eyes differ, widest first.
            ``"patients"``: how many patients have how many images.
            ``"exact_duplicates"``, ``"near_duplicates"``: the copies, by group.
            ``"unreadable"``: path and reason of each.
            ``"images"``: all that is known of each image.
            ``"summary"``: the counts.

        Returns
        -------
        frame : DataFrame
            The table.
        """
        check_parameters("frame", {"kind": [one_of(*KINDS)]}, kind=kind)
        return getattr(self, f"_{kind}")()

    def _images(self):
        return self.images.copy()

    def _labels(self):
        rows = self.images
        eyes = [eye for eye in ("left", "right", "") if (rows["eye"] == eye).any()]
        qualities = [q for q in QUALITIES if (rows["quality"] == q).any()]
        grades = [*GRADES] + [UNKNOWN] * bool((rows["grade"] == UNKNOWN).any())
        table = pd.crosstab(rows["grade"], [rows["quality"], rows["eye"]])
        columns = pd.MultiIndex.from_product(
            [qualities, eyes], names=["quality", "eye"]
        )
        table = table.reindex(index=grades, columns=columns, fill_value=0)
        return table.rename(columns=QUALITIES, level=0).rename(
            index={UNKNOWN: "unknown"}, columns={"": "unknown"}
        )

    def _by_eye(self):
        """Return the grade of each patient's left and right eye, both known."""
        rows = self.images
        rows = rows[(rows["grade"] != UNKNOWN) & rows["eye"].isin(["left", "right"])]
        table = rows.pivot_table(
            index="patient", columns="eye", values="grade", aggfunc="max"
        )
        table = table.reindex(columns=["left", "right"]).dropna().astype(np.int64)
        return table.rename_axis(columns=None)

    def _eyes(self):
        both = self._by_eye()
        table = pd.crosstab(both["left"], both["right"])
        return table.reindex(index=GRADES, columns=GRADES, fill_value=0)

    def _disagreements(self):
        both = self._by_eye()
        both["difference"] = (both["left"] - both["right"]).abs()
        differing = both[both["difference"] > 0]
        return differing.sort_values("difference", ascending=False, kind="stable")

    def _patients(self):
        sizes = self.images.groupby("patient").size().value_counts().sort_index()
        return sizes.rename_axis("n_images").to_frame("n_patients")

    def _exact_duplicates(self):
        return self._copies("exact_group", ["sha256"])

    def _near_duplicates(self):
        return self._copies("near_group", ["distance", "sha256"])

    def _copies(self, group, columns):
        rows = self.images[self.images[group] >= 0]
        rows = rows.sort_values([group, "path"])[[group, *LABELED, *columns]]
        return rows.rename(columns={group: "group"}).reset_index(drop=True)

    def _unreadable(self):
        rows = self.images[self.images["reason"] != ""]
        return rows[[*LABELED, "reason"]].reset_index(drop=True)

    def _summary(self):
        rows, eyes = self.images, self._by_eye()
        counts = {"images": len(rows), "patients": rows["patient"].nunique()}
        for task, labels in (("grade", GRADES), ("quality", (0, 1))):
            counts |= {
                f"{task} {label}": int((rows[task] == label).sum()) for label in labels
            }
            counts[f"{task} unknown"] = int((rows[task] == UNKNOWN).sum())
        counts |= {
            "patients with both eyes graded": len(eyes),
            "left and right grades differ": int((eyes["left"] != eyes["right"]).sum()),
            "unreadable files": int((rows["reason"] != "").sum()),
        }
        for kind in ("exact", "near"):
            copies = self.frame(f"{kind}_duplicates")
            groups = copies.groupby("group")
            split = groups["patient"].nunique() > 1
            known = copies[["grade", "quality"]].where(lambda labels: labels >= 0)
            contradicting = (known.groupby(copies["group"]).nunique() > 1).any(axis=1)
            counts |= {
                f"{kind} duplicates": len(copies),
                f"{kind} duplicates: groups": groups.ngroups,
                f"{kind} duplicates: groups across patients": int(split.sum()),
                f"{kind} duplicates: groups with two labels": int(contradicting.sum()),
            }
        return pd.Series(counts, name="count").rename_axis("finding").to_frame()

    def _lines(self):
        """Return the findings as pairs of text."""
        count = self._summary()["count"]
        sizes = self._patients().index

        def shares(task, labels):
            known = " / ".join(f"{count[f'{task} {label}']:,}" for label in labels)
            unknown = count[f"{task} unknown"]
            return known + f", {unknown:,} unknown" * int(unknown > 0)

        def copies(kind):
            n = count[f"{kind} duplicates"]
            text = f"{n:,}"
            if n:
                groups = count[f"{kind} duplicates: groups"]
                text += f" in {groups:,} group" + "s" * int(groups > 1)
            for what in ("across patients", "with two labels"):
                if found := count[f"{kind} duplicates: groups {what}"]:
                    text += f", {found:,} {what}"
            return text

        eyes = count["patients with both eyes graded"]
        differ = count["left and right grades differ"]
        share = f" of {eyes:,} ({differ / eyes:.1%})" if eyes else ""
        least, most = sizes.min(), sizes.max()
        return [
            ("images", f"{count['images']:,}"),
            ("patients", f"{count['patients']:,}"),
            ("images per patient", f"{least}" + f" to {most}" * int(most > least)),
            ("grade 0 / 1 / 2 / 3 / 4", shares("grade", GRADES)),
            ("quality poor / good", shares("quality", (0, 1))),
            ("left and right grades differ", f"{differ:,}{share}"),
            ("unreadable files", f"{count['unreadable files']:,}"),
            ("exact duplicates", copies("exact")),
            ("near duplicates", copies("near")),
            ("split hash", self.split_hash),
        ]

    def __repr__(self):
        lines = self._lines()
        width = max(len(name) for name, _ in lines)
        rows = "\n".join(f"  {name:<{width}}  {text}" for name, text in lines)
        return f"{type(self).__name__}\n{rows}"

    def plot(self, ax=None):
        """Draw grades by quality, the two eyes against each other, and the findings.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Space to fill; None makes a figure.

        Returns
        -------
        display : DatasetAudit
            The object itself, with `ax_`, `axes_` and `figure_`.
        """
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=(13, 4.6), layout="constrained")
        ax.set_axis_off()
        labels = ax.inset_axes([0.045, 0.13, 0.30, 0.77])
        eyes = ax.inset_axes([0.435, 0.13, 0.22, 0.77])
        findings = ax.inset_axes([0.68, 0.0, 0.32, 1.0])
        self._plot_labels(labels)
        self._plot_eyes(eyes)
        self._plot_findings(findings)
        self.ax_, self.figure_ = ax, ax.figure
        self.axes_ = np.array([labels, eyes, findings])
        return self

    def _plot_labels(self, ax):
        table = self._labels().T.groupby(level="quality").sum().T
        total = table.sum(axis=1)
        place = np.arange(len(table))
        left = np.zeros(len(table))
        for quality in ("poor", "good", "unknown"):
            if quality in table:
                ax.barh(place, table[quality], 0.7, left, color=COLORS[quality])
                ax.containers[-1].set_label(quality)
                left += table[quality]
        for at, (_, row) in enumerate(table.iterrows()):
            known = row.get("poor", 0) + row.get("good", 0)
            text = f" {total.iloc[at]:,}"
            if known:
                text += f" ({row.get('poor', 0) / known:.1%} poor)"
            ax.text(total.iloc[at], at, text, va="center", fontsize=9)
        ax.set_xlim(0, 1.45 * max(total.max(), 1))
        ax.set_yticks(place, table.index)
        ax.set_ylim(len(table) + 0.4, -0.6)  # a line below the bars for the legend
        ax.set(xlabel="images", ylabel="grade", title="Grade and quality")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, loc="lower right", ncols=3)

    def _plot_eyes(self, ax):
        table = self._eyes().to_numpy()
        ax.set_title("Left and right eye of a patient")
        if not table.any():
            ax.text(0.5, 0.5, "no patient has both\neyes graded", ha="center")
            ax.set_axis_off()
            return
        shade = np.log1p(table)
        ax.imshow(shade, cmap="Blues", vmin=0, vmax=1.15 * shade.max(), aspect="auto")
        for (row, column), n in np.ndenumerate(table):
            dark = shade[row, column] > 0.7 * shade.max()
            ax.text(
                column,
                row,
                f"{n:,}" if n else "·",
                ha="center",
                va="center",
                color="white" if dark else "#333333",
                fontsize=9,
            )
        ax.set(xlabel="grade of the right eye", ylabel="grade of the left eye")
        ax.set(xticks=list(GRADES), yticks=list(GRADES))

    def _plot_findings(self, ax):
        ax.set_axis_off()
        lines = self._lines()
        for at, (name, text) in enumerate(lines):
            y = 0.95 - 0.1 * at
            ax.text(0.0, y, name, color="#555555", fontsize=8, va="bottom")
            ax.text(0.0, y - 0.005, text, fontsize=9.5, va="top")
