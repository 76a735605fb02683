"""Kappa of an eye alone and fused with its fellow eye, on published scores.

    SK_FIQDR_DATA=... python benchmarks/bench_decisions.py

appends to ``benchmarks/results/decisions.csv``. The scores are P(grade >= 2) of a
published ResNet-18 on the contest's test set. In each of 20 draws of 200 patients a
multinomial logistic regression on the logit of that score gives the probabilities of
five grades, and cut-points are tuned, for each way anew; kappa is that of all other
patients. Quality is the true label. Graders saw both eyes, which flatters fusion.
"""

import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from _arguments import asked
from _record import record
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from sk_fiqdr.metrics import quadratic_weighted_kappa
from sk_fiqdr.model_selection import fuse_fellow_eyes, patient_ids
from sk_fiqdr.model_selection._decisions._cut_points import (
    best_cut_points,
    grade_by_cut_points,
)

RESULTS = Path(__file__).parent / "results" / "decisions.csv"
N_DRAWS, N_PATIENTS = 20, 200
GRADES = np.arange(5)


def five_grades(score, grade, chosen):
    """Return probabilities of five grades, by a model fitted on the chosen rows."""
    X = logit(np.clip(score, 1e-6, 1 - 1e-6))[:, None]
    model = LogisticRegression(max_iter=2000).fit(X[chosen], grade[chosen])
    proba = np.zeros((len(X), len(GRADES)))
    proba[:, model.classes_] = model.predict_proba(X)
    return proba


def kappas(proba, grade, poor, chosen, asked_for):
    """Return kappa of all rows asked for and of the poor ones among them."""
    expected = proba @ GRADES
    cuts = best_cut_points(expected[chosen], grade[chosen], GRADES)
    answer = grade_by_cut_points(expected, cuts, GRADES)
    return [
        quadratic_weighted_kappa(grade[rows], answer[rows])
        for rows in (asked_for, asked_for & poor)
    ]


def measure(frame):
    """Yield kappas, what fusion adds in the mean and in the worst draw, and seconds."""
    groups = patient_ids(frame.image)
    eyes = frame.image.str.rsplit("_", n=1).str[1].to_numpy()
    grade, quality = frame.level.to_numpy(), np.eye(2)[frame.quality]
    poor = quality[:, 0] == 1
    rng, patients = np.random.default_rng(0), np.unique(groups)
    found, seconds = [], []
    for _ in range(N_DRAWS):
        chosen = np.isin(groups, rng.choice(patients, N_PATIENTS, replace=False))
        proba = five_grades(frame.p_referable.to_numpy(), grade, chosen)
        start = time.perf_counter()
        fused = fuse_fellow_eyes(proba, groups, eyes=eyes, quality_proba=quality)
        seconds.append(time.perf_counter() - start)
        # In a third of the patients one eye, drawn at random, is missing.
        torn = np.isin(groups, rng.choice(patients, len(patients) // 3, replace=False))
        kept = ~torn | (
            eyes
            == rng.choice(["left", "right"], len(patients))[
                np.searchsorted(patients, groups)
            ]
        )
        lacking = proba.copy()
        lacking[kept] = fuse_fellow_eyes(
            proba[kept], groups[kept], eyes=eyes[kept], quality_proba=quality[kept]
        )
        found.append(
            [
                kappas(proba, grade, poor, chosen, ~chosen),
                kappas(fused, grade, poor, chosen, ~chosen),
                kappas(proba, grade, poor, chosen & kept, ~chosen & kept),
                kappas(lacking, grade, poor, chosen & kept, ~chosen & kept),
            ]
        )
    found = np.array(found)
    for rows, name, wanted, worst in (
        (0, "all", "at least 0.025", "at least 0.010"),
        (1, "poor", "at least 0.150", None),
    ):
        own, fused = found[:, 0, rows], found[:, 1, rows]
        yield f"kappa, own eye, {name}, mean of draws", own.mean(), None
        yield f"kappa, fused, {name}, mean of draws", fused.mean(), None
        yield f"kappa, fused - own eye, {name}, mean", (fused - own).mean(), wanted
        yield f"kappa, fused - own eye, {name}, worst", (fused - own).min(), worst
    gain = found[:, 3, 0] - found[:, 2, 0]
    what = "kappa, fused - own eye, an eye missing in a third of patients"
    yield f"{what}, mean", gain.mean(), None
    yield f"{what}, worst", gain.min(), "at least -0.001"
    yield f"fusing {len(frame)} photographs, median, s", np.median(seconds), "below 1"


if __name__ == "__main__":
    asked(__doc__)
    folder = os.environ.get("SK_FIQDR_DATA")
    if not folder:
        raise SystemExit("Set SK_FIQDR_DATA to the folder of published scores.")
    scores = pd.read_csv(Path(folder) / "scores" / "eyepacs_test_scores.csv")
    record(RESULTS, "bench_decisions.py", measure(scores))
