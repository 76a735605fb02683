"""Searching beta and lambd
========================

The features of a frozen backbone are the same for every beta, lambd and fold.
`DeepFeatures` computes them once, and the search trains only the two heads: 16
candidates in seconds.
"""

# %%
# A pipeline
# ----------

import tempfile

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_fiqdr import DeepFeatures, FIQDRClassifier
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.metrics import fiqdr_scoring
from sk_fiqdr.model_selection import PatientStratifiedKFold

eyes = make_fundus(
    300,
    image_size=64,
    poor_fraction=0.2,
    grade_fractions="balanced",
    random_state=0,
)
betas, lambds = [1, 3, 9, 27], [0, 0.01, 0.1, 1]
with tempfile.TemporaryDirectory() as memory:
    search = GridSearchCV(
        make_pipeline(
            DeepFeatures("shufflenet_v2_x0_5", image_size=64, memory=memory),
            StandardScaler(),
            FIQDRClassifier(backbone=None, lr=0.02, max_epochs=10, random_state=0),
        ),
        {"fiqdrclassifier__beta": betas, "fiqdrclassifier__lambd": lambds},
        scoring=fiqdr_scoring,
        refit="mean_acc",
        cv=PatientStratifiedKFold(2),
    ).fit(eyes.data, eyes.target, groups=eyes.groups)

# %%
# Effect of the weight of poor photographs
# ----------------------------------------
#
# Kappa is the same for all candidates: with a frozen backbone the two heads do not
# share trainable weights.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
titles = {"mean_acc": "mean_acc", "specificity": "poor ones recognised"}
for ax, (score, title) in zip(axes, titles.items(), strict=True):
    values = search.cv_results_[f"mean_test_{score}"].reshape(len(betas), len(lambds))
    image = ax.imshow(values, cmap="viridis")
    for (row, column), value in np.ndenumerate(values):
        dark = value < values.mean()
        ax.text(
            column,
            row,
            f"{value:.2f}",
            ha="center",
            va="center",
            color="w" if dark else "k",
        )
    ax.set(
        title=title,
        xlabel="lambd",
        ylabel="beta",
        xticks=range(len(lambds)),
        xticklabels=lambds,
        yticks=range(len(betas)),
        yticklabels=betas,
    )
    figure.colorbar(image, ax=ax, shrink=0.85)
