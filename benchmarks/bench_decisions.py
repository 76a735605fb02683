"""What fellow eyes, gates and sets of grades decide, on published scores.

    SK_FIQDR_DATA=... python benchmarks/bench_decisions.py [NAME ...]

appends to ``benchmarks/results/decisions.csv``; NAME is fellow_eyes, gates, sets or
subscores, by default all. The scores are P(grade >= 2) of a
published ResNet-18 on the contest's test set. In each of 20 draws of patients a
multinomial logistic regression on the logit of that score gives the probabilities of
five grades. What is chosen is chosen on these patients (200 for cut-points, which are
tuned for each way anew; 800 for sets, out of fold), and reported on all others. Quality
is the true label. Graders saw both eyes, which flatters fusion. ``subscores`` is
measured on photographs, painted and real.
"""

import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from _arguments import asked
from _record import record
from scipy.special import logit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.metrics import quadratic_weighted_kappa
from sk_fiqdr.metrics._refusal import SEVERE
from sk_fiqdr.model_selection import (
    ConformalGradesCV,
    FellowEyeClassifier,
    fuse_fellow_eyes,
    patient_ids,
)
from sk_fiqdr.model_selection._decisions._confidence import BY, confidence
from sk_fiqdr.model_selection._decisions._cut_points import (
    best_cut_points,
    grade_by_cut_points,
)
from sk_fiqdr.preprocessing import measure_quality

RESULTS = Path(__file__).parent / "results" / "decisions.csv"
N_DRAWS, N_PATIENTS, N_FOR_SETS = 20, 200, 800
GRADES = np.arange(5)
DEFECTS = {
    "blur": "out of focus",
    "haze": "hazy",
    "occlusion": "partly covered",
    "over-exposure": "too bright",
    "under-exposure": "too dark",
    "uneven illumination": "unevenly lit",
}


def columns(frame):
    """Return patient, eye, grade, and quality as probabilities, of each photograph."""
    eyes = frame.image.str.rsplit("_", n=1).str[1].to_numpy()
    quality = np.eye(2)[frame.quality]
    return patient_ids(frame.image), eyes, frame.level.to_numpy(), quality


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


def fellow_eyes(frame):
    """Yield kappas, what fusion adds in the mean and in the worst draw, and seconds."""
    groups, eyes, grade, quality = columns(frame)
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


class WithQuality(ClassifierMixin, BaseEstimator):
    """Grades by logistic regression on the score; the quality stands beside it."""

    def fit(self, X, y):
        """Fit on the score, the first column of X."""
        self.model_ = LogisticRegression(max_iter=2000).fit(X[:, :1], y[:, 0])
        self.classes_ = self.model_.classes_
        return self

    def predict_proba(self, X):
        """Return the probability of each grade."""
        return self.model_.predict_proba(X[:, :1])

    def predict_quality(self, X):
        """Return the quality, the second column of X."""
        return X[:, 1].astype(int)

    def predict_tasks(self, X):
        """Return the probabilities of both tasks."""
        return self.predict_proba(X), np.column_stack([1 - X[:, 1], X[:, 1]])


def sets(frame):
    """Yield coverage by grade and size of sets at 0.9, and seconds."""
    groups, eyes, grade, quality = columns(frame)
    score = logit(np.clip(frame.p_referable.to_numpy(), 1e-6, 1 - 1e-6))
    X, y = (
        np.column_stack([score, quality[:, 1]]),
        np.column_stack([grade, frame.quality]),
    )
    patients = np.unique(groups)
    for name, estimator, names, by_grade in (
        ("own eye, one threshold", WithQuality(), {}, False),
        ("own eye", WithQuality(), {}, True),
        ("fused", FellowEyeClassifier(WithQuality()), {"eyes": eyes}, True),
    ):
        rng, coverage, sizes, seconds = np.random.default_rng(0), [], [], []
        for _ in range(N_DRAWS):
            chosen = np.isin(groups, rng.choice(patients, N_FOR_SETS, replace=False))
            fitted = ConformalGradesCV(estimator, by_grade=by_grade)
            fitted.fit(
                X[chosen],
                y[chosen],
                groups=groups[chosen],
                **{name: values[chosen] for name, values in names.items()},
            )
            start = time.perf_counter()
            found = fitted.predict_set(X, groups, **names)
            seconds.append(time.perf_counter() - start)
            found, truth = found[~chosen], grade[~chosen]
            coverage.append([found[truth == k, k].mean() for k in GRADES])
            sizes.append(found.sum(axis=1).mean())
        mean, worst = np.mean(coverage, axis=0), np.min(coverage, axis=0)
        for k in GRADES:
            yield f"sets, {name}, coverage of grade {k}, mean", mean[k], None
        least = "at least 0.85" if by_grade else None
        yield f"sets, {name}, least coverage of a grade, worst draw", worst.min(), least
        most = "at most 2.1" if by_grade else None
        yield f"sets, {name}, mean size", np.mean(sizes), most
        yield f"sets, {name}, {len(X)} photographs, median, s", np.median(seconds), None


def gates(frame):
    """Yield kappa and severe eyes refused where each gate refuses 5 %, and seconds."""
    groups, eyes, grade, quality = columns(frame)
    rng, patients = np.random.default_rng(0), np.unique(groups)
    kappa, severe, seconds = {"none": []}, {}, []
    for _ in range(N_DRAWS):
        chosen = np.isin(groups, rng.choice(patients, N_PATIENTS, replace=False))
        proba = five_grades(frame.p_referable.to_numpy(), grade, chosen)
        expected, rest = proba @ GRADES, ~chosen
        cuts = best_cut_points(expected[chosen], grade[chosen], GRADES)
        answer = grade_by_cut_points(expected, cuts, GRADES)
        kappa["none"].append(quadratic_weighted_kappa(grade[rest], answer[rest]))
        for by in BY:
            start = time.perf_counter()
            sure = confidence(by, proba, quality, GRADES, groups, eyes)
            seconds.append(time.perf_counter() - start)
            # Qualities and eyes are tied: draw among equals.
            order = np.lexsort([rng.random(len(sure)), sure])
            order = order[rest[order]]
            refused, kept = np.split(order, [len(order) // 20])
            kappa.setdefault(by, []).append(
                quadratic_weighted_kappa(grade[kept], answer[kept])
            )
            share = (grade[refused] >= SEVERE).sum() / (grade[rest] >= SEVERE).sum()
            severe.setdefault(by, []).append(share)
    for by, values in kappa.items():
        least = "at least 0.817" if by == "doubt" else None
        yield f"5 % refused by {by}, kappa of the rest, mean", np.mean(values), least
    for by, values in severe.items():
        less = "less than by quality" if by == "doubt" else None
        yield f"5 % refused by {by}, share of severe eyes, mean", np.mean(values), less
    yield f"gate, {len(frame)} photographs, slowest, s", max(seconds), "below 1"


def subscores(_):
    """Yield how well sub-scores name painted defects and find real poor photographs."""
    painted = make_fundus(300, poor_fraction=1, random_state=7)
    reasons = measure_quality(painted.data)["reason"]
    right = reasons == painted.frame["defect"].map(DEFECTS)
    for defect, share in right.groupby(painted.frame["defect"]).mean().items():
        yield f"painted defects named right, {defect}", share, None
    yield "painted defects named right", right.mean(), "at least 0.95"
    good = make_fundus(100, poor_fraction=0, random_state=8).data
    given = measure_quality(good)["reason"].ne("").mean()
    yield "painted good photographs that are given a reason", given, None

    data = Path(os.environ["SK_FIQDR_DATA"])
    labels = pd.read_csv(data / "labels" / "quality_label_train.csv")
    files = {path.stem: path for path in (data / "eyepacs-256" / "images").rglob("*.*")}
    labels = labels[labels["image"].isin(files)]
    start = time.perf_counter()
    table = measure_quality([files[name] for name in labels["image"]])
    seconds = time.perf_counter() - start
    poor = labels["quality"].eq(0).to_numpy()
    X, groups = table.drop(columns="reason"), patient_ids(labels["image"])
    for name, model in (
        ("logistic regression", LogisticRegression(C=0.3, max_iter=2000)),
        ("extra trees", ExtraTreesClassifier(200, min_samples_leaf=4, random_state=0)),
    ):
        score = cross_val_predict(
            make_pipeline(StandardScaler(), model),
            X,
            poor,
            groups=groups,
            cv=GroupKFold(5),
            method="predict_proba",
        )[:, 1]
        auc = roc_auc_score(poor, score)
        yield f"real poor photographs, AUC out of fold, {name}", auc, "at least 0.90"
    for reason, n in (
        table.loc[poor, "reason"].replace("", "none").value_counts().items()
    ):
        yield f"real poor photographs, share of reason: {reason}", n / poor.sum(), None
    yield "measuring a photograph of 256 pixels, ms", 1000 * seconds / len(X), None


MEASURES = {
    "fellow_eyes": fellow_eyes,
    "gates": gates,
    "sets": sets,
    "subscores": subscores,
}

if __name__ == "__main__":
    names = asked(__doc__, MEASURES)
    folder = os.environ.get("SK_FIQDR_DATA")
    if not folder:
        raise SystemExit("Set SK_FIQDR_DATA to the folder of published scores.")
    scores = pd.read_csv(Path(folder) / "scores" / "eyepacs_test_scores.csv")
    for name in names:
        record(RESULTS, f"bench_decisions.py {name}", MEASURES[name](scores))
