"""Synthetic photographs
=====================

`make_fundus` generates eyes with lesions by grade and with the defects that make a
photograph poor. The examples and tests use it: it needs neither a download nor data of
patients, and the true labels are known.
"""

import matplotlib.pyplot as plt
import numpy as np

from sk_fiqdr.datasets import make_fundus

eyes = make_fundus(
    400, image_size=160, poor_fraction=0.5, grade_fractions="balanced", random_state=4
)
grades, qualities = eyes.target.T
defects = eyes.frame["defect"].to_numpy()

# %%
# Five grades
# -----------
#
# None, mild, moderate, severe, proliferative: micro-aneurysms, haemorrhages,
# exudates, cotton-wool spots, new vessels and preretinal haemorrhages.

figure, axes = plt.subplots(2, 5, figsize=(11, 4.8), layout="constrained")
for grade in range(5):
    for ax, row in zip(
        axes[:, grade],
        np.flatnonzero((grades == grade) & (qualities == 1)),
        strict=False,
    ):
        ax.imshow(eyes.data[row])
        ax.axis("off")
    axes[0, grade].set_title(f"grade {grade}")

# %%
# What makes a photograph poor
# ----------------------------

kinds = sorted(set(defects[qualities == 0]))
figure, axes = plt.subplots(
    2, -(-len(kinds) // 2), figsize=(11, 5), layout="constrained"
)
for ax in axes.flat:
    ax.axis("off")
for ax, kind in zip(axes.flat, kinds, strict=False):
    ax.imshow(eyes.data[np.flatnonzero(defects == kind)[0]])
    ax.set_title(kind)
