"""Training with missing labels
============================

Most data sets have grades or quality labels, few have both. -1 marks an unknown label:
it does not train its head, but the photograph still trains the other one. The data are
simulated: thirty features for each photograph, as from a backbone.
"""

# %%
# Fewer and fewer quality labels
# ------------------------------

import matplotlib.pyplot as plt
import numpy as np

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.metrics import fiqdr_scoring

rng = np.random.default_rng(0)
grade = rng.choice(5, size=4000, p=[0.5, 0.1, 0.2, 0.1, 0.1])
good = (rng.random(4000) > 0.15).astype(int)
y = np.column_stack([grade, good])
X = rng.normal(size=(5, 30))[grade] + rng.normal(size=(2, 30))[good]
X = (X + rng.normal(scale=3, size=X.shape)).astype(np.float32)
train, test = slice(0, 2000), slice(2000, None)

shares, n_draws = [1.0, 0.3, 0.1, 0.03], 4
scores = {"kappa": [], "mean_acc": []}
for share in shares:
    for draw in range(n_draws):
        known = y[train].copy()
        known[np.random.default_rng(draw).random(2000) > share, 1] = -1
        net = FIQDRClassifier(
            backbone=None, beta="balanced", lambd=0, max_epochs=10, random_state=draw
        )
        result = fiqdr_scoring(net.fit(X[train], known), X[test], y[test])
        for score, values in scores.items():
            values.append(result[score])

# %%
# Grading does not degrade
# ------------------------
#
# Means of four draws; the bars extend from the lowest to the highest.

figure, ax = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
for score, values in scores.items():
    values = np.reshape(values, (len(shares), n_draws))
    mean = values.mean(axis=1)
    spread = [mean - values.min(axis=1), values.max(axis=1) - mean]
    percent = 100 * np.array(shares)
    ax.errorbar(percent, mean, yerr=spread, fmt="o-", capsize=3, label=score)
ax.set(xlabel="photographs with a quality label (%)", ylabel="score", ylim=(0, 1))
ax.set_xscale("log")
ax.set_xticks(percent, labels=[f"{value:g}" for value in percent])
ax.minorticks_off()
ax.invert_xaxis()
ax.legend(loc="lower left")
