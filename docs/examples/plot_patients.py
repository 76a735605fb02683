"""Why splits keep patients together
=================================

The two eyes of a patient look similar and mostly have the same grade. If a split puts
them into different sets, a model can recognise the patient, and its score says little
about new patients. The classifier of this example does exactly that: it copies the
grade of the most similar photograph. (Synthetic eyes of a patient share little but
their tint. On the labels of the Kaggle data, copying the grade of the fellow eye scores
a kappa of 0.855.)
"""

# %%
# Photographs without signs of disease
# ------------------------------------
#
# There are 300 patients. The pixels are those of healthy eyes, and the grades are
# random for each patient. Nothing can be learned, so the correct kappa is 0.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.metrics import quadratic_weighted_kappa
from sk_fiqdr.model_selection import PatientStratifiedKFold

eyes = make_fundus(
    600, image_size=64, poor_fraction=0, grade_fractions=[1, 0, 0, 0, 0], random_state=0
)
pixels = eyes.data.astype(float)
color = pixels / np.maximum(pixels.sum(axis=3, keepdims=True), 1)
mirrored = color[:, :, ::-1]  # a left eye is the mirror image of a right one
X = (color + mirrored)[:, ::8, ::8].reshape(600, -1)
patient = np.unique(eyes.groups, return_inverse=True)[1]
random_grades = [
    np.random.default_rng(seed).integers(0, 5, 300)[patient] for seed in range(20)
]

# %%
# Two ways to split
# -----------------

kappas = {}
for name, splitter in {
    "StratifiedKFold,\neyes apart": StratifiedKFold(5, shuffle=True, random_state=0),
    "PatientStratifiedKFold,\neyes together": PatientStratifiedKFold(5),
}.items():
    kappas[name] = []
    for y in random_grades:
        groups = eyes.groups if "Patient" in name else None
        splits = list(splitter.split(X, y, groups))
        grades = cross_val_predict(KNeighborsClassifier(1), X, y, cv=splits)
        kappas[name].append(quadratic_weighted_kappa(y, grades))

figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
means = [np.mean(values) for values in kappas.values()]
bars = ax.barh(list(kappas), means, color=["#b3261e", "#1a6b37"])
ax.bar_label(bars, fmt="%.2f", padding=4)
ax.axvline(0, color="k", lw=1)
ax.set(xlabel="kappa of random grades, mean of 20 draws", xlim=(-0.1, 0.2))
ax.invert_yaxis()
