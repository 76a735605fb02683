"""Intervals of a whole Table 4: all models, all strata, over the same draws.

    python benchmarks/bench_bootstrap.py

appends its figures to ``benchmarks/results/bootstrap.csv``. 2,000 patients, 4,000
photographs graded as often and judged as poor as in the contest, six models (the rows
of Table 4), 1,000 draws of patients. The loop takes each draw's rows and scikit-learn's
kappa of them, for the three kappas of each model; it is timed over N_LOOPED draws.
"""

import statistics
import time
from pathlib import Path

import numpy as np
from _arguments import asked
from _record import record
from sklearn.metrics import cohen_kappa_score

from sk_fiqdr.metrics import compare, grading_report

RESULTS = Path(__file__).parent / "results" / "bootstrap.csv"
N_PATIENTS, N_MODELS, N_DRAWS = 2000, 6, 1000
N_TURNS, N_LOOPED = 5, 10
GRADES = [0.735, 0.070, 0.150, 0.025, 0.020]


def eyes():
    """Return labels, patients and the answers of the models."""
    rng = np.random.default_rng(0)
    patient = np.arange(2 * N_PATIENTS) // 2
    grade = rng.choice(5, N_PATIENTS, p=GRADES)[patient]
    quality = (rng.random(len(grade)) < 0.963).astype(int)
    y = np.column_stack([grade, quality])
    models = {}
    for i in range(N_MODELS):
        right = rng.random(y.shape) < 0.6 + 0.04 * i
        other = np.column_stack([rng.integers(0, 5, len(y)), 1 - quality])
        models[f"model {i}"] = np.where(right, y, other)
    return y, patient, models


def by_report(y, patient, models):
    """Take a row of Table 4 after the other."""
    for answer in models.values():
        grading_report(y, answer[:, 0], groups=patient, n_bootstraps=N_DRAWS)


def by_compare(y, patient, models):
    """Take all rows and their differences over the same draws."""
    compare(models, y, groups=patient, n_bootstraps=N_DRAWS)


def by_loop(y, patient, models):
    """Take some of the draws one by one."""
    rng = np.random.default_rng(0)
    for _ in range(N_LOOPED):
        drawn = rng.integers(0, N_PATIENTS, N_PATIENTS)
        rows = np.concatenate([2 * drawn, 2 * drawn + 1])
        for stratum in (rows, *(rows[y[rows, 1] == quality] for quality in (0, 1))):
            for answer in models.values():
                cohen_kappa_score(
                    y[stratum, 0],
                    answer[stratum, 0],
                    labels=range(5),
                    weights="quadratic",
                )


def measure():
    """Yield seconds of each way, by turns, and the ratio to the loop."""
    data = eyes()
    seconds = {way: [] for way in (by_report, by_compare, by_loop)}
    for _ in range(N_TURNS):
        for way, turns in seconds.items():
            start = time.perf_counter()
            way(*data)
            turns.append(time.perf_counter() - start)
    report, comparison, loop = map(statistics.median, seconds.values())
    loop *= N_DRAWS / N_LOOPED
    what = f"{N_MODELS} models, {N_PATIENTS} patients, {N_DRAWS} draws"
    yield f"grading_report of each, s: {what}", report, "less than 5"
    yield f"compare, with differences, s: {what}", comparison, "less than 5"
    yield f"loop over draws, kappas alone, s: {what}", loop, None
    yield "loop over draws / compare", loop / comparison, None


if __name__ == "__main__":
    asked(__doc__)
    record(RESULTS, "bench_bootstrap.py", measure())
