"""Effect of the centre loss
=========================

If the embedding has two dimensions, the features of the quality head can be plotted.
The centre term (Eq. 5 of the paper) pulls the features of each class to its centre;
with ``lambd=0`` only the border between the classes matters.
"""

# %%
# Features of good and poor photographs
# -------------------------------------
#
# Twenty simulated features of each photograph. One in ten is poor, of two kinds.

import matplotlib.pyplot as plt
import numpy as np

from sk_fiqdr import QualityClassifier
from sk_fiqdr.metrics import mean_acc

rng = np.random.default_rng(0)
y = (rng.random(2000) > 0.1).astype(int)
kind = np.where(y == 1, 0, rng.integers(1, 3, len(y)))
X = rng.normal(size=(3, 20))[kind] + rng.normal(size=(len(y), 20))
X = X.astype(np.float32)
train, test = slice(0, 1000), slice(1000, None)

# %%
# Three weights of the centre term
# --------------------------------

figure, axes = plt.subplots(1, 3, figsize=(11, 3.9), layout="constrained")
for ax, lambd in zip(axes, (0.0, 0.01, 0.1), strict=True):
    net = QualityClassifier(
        backbone=None,
        module__embedding_size=2,
        beta="balanced",
        lambd=lambd,
        lr=0.05,
        max_epochs=40,
        random_state=0,
    )
    net.fit(X[train], y[train])
    features = net.transform(X[test])
    for label, name, color in ((1, "good", "C0"), (0, "poor", "C1")):
        ax.scatter(
            *features[y[test] == label].T, s=9, alpha=0.5, lw=0, color=color, label=name
        )
    for center, color in zip(net.criterion_.centers, ("C1", "C0"), strict=True):
        ax.plot(*center, "X", ms=13, mec="k", color=color)
    score = mean_acc(y[test], net.predict(X[test]))
    ax.set_aspect("equal", "datalim")
    ax.set_title(f"lambd = {lambd:g}: mean_acc {score:.2f}")
axes[0].legend(title="crosses: centres")
