"""The paper's tables from answers, with intervals and paired differences."""

import numpy as np
import pandas as pd

from sk_fiqdr.metrics import compare, grading_report, quality_report
from sk_fiqdr.model_selection import PatientStratifiedKFold
from sk_fiqdr.model_selection._decisions._cut_points import (
    best_cut_points,
    grade_by_cut_points,
)

GRADES = np.arange(5)
QUALITY_COLUMNS = ["mean_acc", "specificity", "acc", "sensitivity", "precision"]
GRADING_COLUMNS = ["kappa", "kappa_good", "kappa_poor", "true", "poor_n", "ratio"]
# Tables 2, 3 and 4 of the paper; its ratio is ten times too large and is put right.
PAPER = {
    ("Validation", "L_q0, Adadelta"): (0.845, 0.704, 0.980, 0.986, 0.994),
    ("Validation", "L_q1, Adadelta"): (0.897, 0.827, 0.965, 0.968, 0.996),
    ("Validation", "L_q1, Momentum"): (0.961, 0.947, 0.974, 0.974, 0.999),
    ("Validation", "L_q3, Momentum"): (0.962, 0.969, 0.955, 0.954, 0.999),
    ("Testing", "L_q0, Adadelta"): (0.850, 0.711, 0.983, 0.989, 0.994),
    ("Testing", "L_q1, Adadelta"): (0.905, 0.838, 0.969, 0.971, 0.997),
    ("Testing", "L_q1, Momentum"): (0.966, 0.954, 0.977, 0.978, 0.980),
    ("Testing", "L_q3, Momentum"): (0.965, 0.976, 0.955, 0.954, 0.999),
    ("Validation", "Single-task"): (0.718, 0.721, 0.629, 8854, 164, 1.852),
    ("Validation", "Multi-task"): (0.745, 0.750, 0.616, 9095, 167, 1.836),
    ("Testing", "Single-task"): (0.710, 0.715, 0.589, 34298, 633, 1.846),
    ("Testing", "Multi-task"): (0.724, 0.730, 0.549, 34908, 623, 1.785),
}


def table1(data, parts=None):
    """Count photographs by quality and part, as in Table 1."""
    parts = parts or {"All": np.arange(len(data.target))}
    rows = {}
    for name, part in parts.items():
        quality, grade = data.target[part, 1], data.target[part, 0]
        rows[name] = {
            "good": np.sum(quality == 1),
            "poor": np.sum(quality == 0),
            "unknown": np.sum(quality == -1),
            "all": len(part),
            "patients": len(np.unique(data.groups[part])),
            **{f"grade {k}": np.sum(grade == k) for k in GRADES},
        }
    return pd.DataFrame(rows).T


class Answers:
    """What was answered on one test set: a row for each image and seed."""

    def __init__(self, data, runs, answers, test):
        rows = [run.tests[test] for run in runs]
        self.y = np.concatenate([data.target[part] for part in rows])
        self.groups = np.concatenate([data.groups[part] for part in rows])
        self.n_seeds = len({run.seed for run in runs})
        self.run = np.repeat(np.arange(len(runs)), [len(part) for part in rows])
        self.quality, self.grade, self.tuned = {}, {}, {}
        for name, found in answers.items():
            if (test, "quality") in found[0]:
                good = [run[test, "quality"][:, 1] for run in found]
                self.quality[name] = (np.concatenate(good) >= 0.5).astype(int)
            if (test, "grade") in found[0]:
                proba = np.concatenate([run[test, "grade"] for run in found])
                self.grade[name] = proba.argmax(axis=1)
                self.tuned[name] = self._tune(proba @ GRADES)

    def _tune(self, expected):
        """Cut the expected grades where other patients of the same run want it.

        They are rounded where there are no other patients.
        """
        grades = expected.round().astype(int)
        for run in np.unique(self.run):
            rows = np.flatnonzero(self.run == run)
            known = rows[self.y[rows, 0] >= 0]
            n_patients = len(np.unique(self.groups[known]))
            if n_patients < 2:
                continue
            folds = PatientStratifiedKFold(min(5, n_patients))
            for others, part in folds.split(known, self.y[known], self.groups[known]):
                others, part = known[others], known[part]
                cuts = best_cut_points(expected[others], self.y[others, 0], GRADES)
                grades[part] = grade_by_cut_points(expected[part], cuts, GRADES)
        return grades


def quality_table(answers, n_bootstraps):
    """Return Table 2 (or 3), long: a row for each row of it and measure."""
    frames = []
    for name, quality in answers.quality.items():
        frame = quality_report(
            answers.y[:, 1], quality, groups=answers.groups, n_bootstraps=n_bootstraps
        )
        frames.append(frame.loc[QUALITY_COLUMNS].assign(row=name))
    return _long(frames)


def grading_table(answers, n_bootstraps):
    """Return Table 4, long, decided by argmax and by tuned cut-points."""
    frames = []
    for decision, grades in (("argmax", answers.grade), ("tuned", answers.tuned)):
        for name, grade in grades.items():
            frame = grading_report(
                answers.y, grade, groups=answers.groups, n_bootstraps=n_bootstraps
            )
            frame.loc[["true", "poor_n"]] /= answers.n_seeds
            frames.append(
                frame.loc[GRADING_COLUMNS].assign(row=name, decision=decision)
            )
    return _long(frames)


def differences(answers, pairs, n_bootstraps):
    """Return paired differences of rows, on the same draws of patients."""
    unknown = np.full(len(answers.y), -1)
    columns = {}
    for name, quality in answers.quality.items():
        columns[name] = np.column_stack([unknown, quality])
    for decision, grades in (("", answers.grade), (", tuned", answers.tuned)):
        for name, grade in grades.items():
            quality = answers.quality.get(name, unknown)
            columns[name + decision] = np.column_stack([grade, quality])
    rows = []
    for model, baseline, measure in pairs:
        if model not in columns or baseline not in columns:
            continue
        frame = compare(
            {baseline: columns[baseline], model: columns[model]},
            answers.y,
            groups=answers.groups,
            n_bootstraps=n_bootstraps,
        )
        difference, lower, upper = frame.loc[
            (measure, model), ["difference", "difference_lower", "difference_upper"]
        ]
        rows.append(
            {
                "row": f"{model} - {baseline}",
                "measure": measure,
                "value": difference,
                "lower": lower,
                "upper": upper,
                "patients_to_decide": patients_to_decide(
                    difference, lower, upper, len(np.unique(answers.groups))
                ),
            }
        )
    return pd.DataFrame(rows)


def patients_to_decide(difference, lower, upper, n_patients):
    """Return how many patients would bring the interval clear of 0, if it held.

    The width of an interval goes with one over the root of the number of patients.
    """
    if not np.isfinite([difference, lower, upper]).all() or difference == 0:
        return np.nan
    reach = difference - lower if difference > 0 else upper - difference
    return int(np.ceil(n_patients * (reach / abs(difference)) ** 2))


def _long(frames):
    frame = pd.concat(frames).rename_axis("measure").reset_index()
    first = [name for name in ("row", "decision", "measure") if name in frame]
    return frame[[*first, "value", "lower", "upper"]]


def layout(table, columns, test=None):
    """Return a table as the paper prints it, intervals in brackets."""
    index = [name for name in ("row", "decision") if name in table]
    whole = {"true", "poor_n"}
    cells = [
        f"{row.value:.0f}"
        if row.measure in whole
        else f"{row.value:.3f} [{row.lower:.3f}, {row.upper:.3f}]"
        for row in table.itertuples()
    ]
    printed = table.assign(cell=cells)
    printed = printed.pivot_table(
        index=index, columns="measure", values="cell", aggfunc="first", sort=False
    )[columns]
    for (of, row), values in PAPER.items():
        if (
            of == test
            and row in table["row"].to_numpy()
            and len(values) == len(columns)
        ):
            place = (row, "paper") if len(index) == 2 else f"{row} (paper)"
            printed.loc[place, :] = [f"{value:g}" for value in values]
    return printed
