"""Grade and quality from one network
==================================

This example generates photographs, trains a small network from random weights, and
shows its predictions for patients outside the training set.
"""

# %%
# Photographs of 150 patients
# ---------------------------
#
# Each patient has two eyes, which the split keeps together. ``y`` has two columns:
# grade and quality.

import matplotlib.pyplot as plt
import numpy as np
import torch

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.metrics import grading_report, quality_report
from sk_fiqdr.model_selection import patient_train_test_split

eyes = make_fundus(
    300,
    image_size=80,
    poor_fraction=0.2,
    grade_fractions="balanced",
    random_state=0,
)
train, test, y_train, y_test = patient_train_test_split(
    np.arange(300), eyes.target, eyes.groups, random_state=0
)
X_train, X_test, groups = eyes.data[train], eyes.data[test], eyes.groups[test]

# %%
# One fit for both tasks
# ----------------------

net = FIQDRClassifier(
    backbone="shufflenet_v2_x0_5",
    image_size=80,
    beta="balanced",
    quality_loss_weight=0.2,
    optimizer=torch.optim.AdamW,
    lr=0.004,
    batch_size=16,
    amp=False,
    max_epochs=14,
    random_state=0,
)
net.fit(X_train, y_train)
grades, qualities = net.predict(X_test), net.predict_quality(X_test)
grading_report(y_test, grades, groups=groups)

# %%

quality_report(y_test[:, 1], qualities, groups=groups)

# %%
# The predictions
# ---------------

good = net.predict_quality_proba(X_test)[:, 1]
figure, axes = plt.subplots(2, 6, figsize=(11, 4.4), layout="constrained")
for row, ax in enumerate(axes.flat):
    ax.imshow(X_test[row])
    ax.axis("off")
    right = grades[row] == y_test[row, 0]
    ax.set_title(
        f"grade {grades[row]} (truth {y_test[row, 0]})\ngood: {100 * good[row]:.0f} %",
        color="#1a6b37" if right else "#b3261e",
        fontsize="medium",
    )
