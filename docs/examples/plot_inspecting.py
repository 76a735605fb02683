"""Inspecting a model
==================

This example trains a small network on synthetic photographs in half a minute, and draws
all Displays of `sk_fiqdr.inspection`.
"""

# %%
# A network
# ---------

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.model_selection import GridSearchCV
from torch import nn

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.inspection import (
    ActivationMapDisplay,
    ConfusionByQualityDisplay,
    CoverageDisplay,
    FeatureSpaceDisplay,
    MistakesDisplay,
    PoorPrecisionRecallDisplay,
    PoorRocDisplay,
    ReliabilityDisplay,
    SearchSurfaceDisplay,
)
from sk_fiqdr.metrics import fiqdr_scoring
from sk_fiqdr.model_selection import PatientStratifiedKFold, patient_train_test_split


def block(n_in, n_out):
    """Halve the size."""
    convolution = nn.Conv2d(n_in, n_out, 3, stride=2, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(n_out), nn.ReLU())


def small_backbone():
    """Return a network whose last maps are fine enough to locate lesions."""
    return nn.Sequential(block(3, 24), block(24, 48), block(48, 96))


eyes = make_fundus(
    700, image_size=96, poor_fraction=0.15, grade_fractions="balanced", random_state=0
)
rows = np.arange(len(eyes.data))
train, test, y_train, y_test = patient_train_test_split(
    rows, eyes.target, eyes.groups, test_size=0.4, random_state=0
)
X_train, X_test, patients = eyes.data[train], eyes.data[test], eyes.groups[test]
net = FIQDRClassifier(
    backbone=small_backbone,
    image_size=96,
    beta=3,
    quality_loss_weight=0.3,
    optimizer=torch.optim.AdamW,
    lr=0.005,
    max_epochs=16,
    amp=False,
    random_state=0,
).fit(X_train, y_train)

# %%
# A search over beta and lambd on the features of the network
# -----------------------------------------------------------

heads = FIQDRClassifier(backbone=None, lr=0.05, max_epochs=5, random_state=0)
search = GridSearchCV(
    heads,
    {"beta": [1, 3, 9, 27], "lambd": [0, 0.01, 0.1, 1]},
    scoring=fiqdr_scoring,
    refit="mean_acc",
    cv=PatientStratifiedKFold(3),
)
search.fit(net.transform(X_train), y_train, groups=eyes.groups[train])

# %%
# The quality of the predictions
# ------------------------------

figure = plt.figure(figsize=(14.5, 14), layout="constrained")
axes = figure.subplot_mosaic("AAAABB;CCDDEE;FFFFGG", height_ratios=[4.6, 6, 5.4])
ConfusionByQualityDisplay.from_estimator(net, X_test, y_test, ax=axes["A"])
SearchSurfaceDisplay.from_estimator(search, ax=axes["B"])
CoverageDisplay.from_estimator(net, X_test, y_test, groups=patients, ax=axes["C"])
PoorRocDisplay.from_estimator(net, X_test, y_test, ax=axes["D"])
PoorPrecisionRecallDisplay.from_estimator(net, X_test, y_test, ax=axes["E"])
ReliabilityDisplay.from_estimator(net, X_test, y_test, groups=patients, ax=axes["F"])
FeatureSpaceDisplay.from_estimator(net, X_test, y_test, ax=axes["G"])

# %%
# Activation maps and mistakes
# ----------------------------

good = y_test[:, 1] == 1
shown = [np.flatnonzero(good & (y_test[:, 0] == k))[0] for k in range(5)]
maps = ActivationMapDisplay.from_estimator(net, X_test[shown], y_test[shown])
mistakes = MistakesDisplay.from_estimator(net, X_test, y_test, n_images=8)
