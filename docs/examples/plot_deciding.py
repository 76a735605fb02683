"""Cut-points and refusals
=======================

This example compares cut-points on the expected grade with the most probable grade, and
shows the cost of refusing poor photographs. The data are simulated: grades as frequent
as in screening, and four features of each photograph that depend on grade and quality.
The features of poor photographs are less informative.
"""

# %%
# Photographs of 3,000 patients
# -----------------------------

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression

from sk_fiqdr.metrics import quadratic_weighted_kappa
from sk_fiqdr.model_selection import QualityGate, TunedGradeThresholdsCV

rng = np.random.default_rng(0)
patient = np.arange(6000) // 2
grade = rng.choice(5, size=3000, p=[0.72, 0.08, 0.16, 0.025, 0.015])[patient]
good = (rng.random(6000) > np.where(grade == 4, 0.16, 0.05)).astype(int)
y = np.column_stack([grade, good])
noise = rng.normal(size=(6000, 4)) * np.where(good, 1.3, 4)[:, None]
X = np.column_stack([grade, grade > 0, grade > 2, 1.5 * good]) + noise * [1, 1, 1, 0.2]
train, test = slice(0, 3000), slice(3000, None)

# %%
# Cut-points
# ----------

grader = TunedGradeThresholdsCV(LogisticRegression())
grader.fit(X[train], grade[train], groups=patient[train])
proba = grader.predict_proba(X[test])
expected = proba @ grader.classes_
predictions = {
    "most probable": proba.argmax(axis=1),
    "expected, rounded": expected.round().astype(int),
    "tuned cut-points": grader.predict(X[test]),
}
kappas = {
    name: quadratic_weighted_kappa(grade[test], predicted)
    for name, predicted in predictions.items()
}
for name, kappa in kappas.items():
    print(f"{name}: {kappa:.3f}")

# %%
# The cost of a gate
# ------------------

shares = [0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2]
reports = []
for share in shares:
    gate = QualityGate(LogisticRegression(), LogisticRegression(), max_refused=share)
    gate.fit(X[train], y[train], groups=patient[train])
    reports.append(gate.report(X[test], y[test], groups=patient[test]))

# %%
# Both in one figure
# ------------------

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for k in grader.classes_:
    of_grade = expected[grade[test] == k]
    height = k + rng.uniform(-0.33, 0.33, len(of_grade))
    size, alpha = (5, 0.3) if k == 0 else (12, 0.6)
    left.scatter(of_grade, height, s=size, alpha=alpha, lw=0, color=f"C{k}")
for k, cut in enumerate(grader.best_thresholds_):
    left.axvline(k + 0.5, color="0.6", ls="--", lw=1, label="rounding" * (k == 0))
    left.axvline(cut, color="k", lw=1.4, label="tuned" * (k == 0))
left.set(xlabel="expected grade", ylabel="true grade", yticks=range(5), xlim=(0, 4))
left.set_title(
    "\n".join(f"kappa {kappa:.2f}: {name}" for name, kappa in kappas.items()),
    fontsize="medium",
    loc="left",
)
left.legend(loc="lower right")

for stratum, color in (("grade 0", "C0"), ("grade 4", "C4"), ("poor", "0.5")):
    refused = [100 * report.loc[stratum, "share"] for report in reports]
    right.plot(
        [100 * report.loc["all", "share"] for report in reports],
        refused,
        "o-",
        color=color,
        label=f"{stratum} refused",
    )
right.set(xlabel="images refused (%)", ylabel="refused of these (%)", ylim=(0, 100))
right.legend(loc="center right")
first, last = reports[0].loc["all"], reports[-1].loc["all"]
right.set_title(
    f"kappa of graded images: {first.kappa:.2f} without a gate,\n"
    f"{last.kappa_graded:.2f} with {100 * last.share:.0f} % refused",
    fontsize="medium",
    loc="left",
)
