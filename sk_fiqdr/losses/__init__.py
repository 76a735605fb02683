"""Losses of the paper: weighted softmax with a centre term, and masked cross-entropy.

Equations 1 to 6 as pure functions and as torch Modules. Nothing but torch is imported.
"""

from ._center import (
    MaskedCrossEntropy,
    WeightedCenterLoss,
    class_weights,
    masked_cross_entropy,
    weighted_center_loss,
)

__all__ = [
    "MaskedCrossEntropy",
    "WeightedCenterLoss",
    "class_weights",
    "masked_cross_entropy",
    "weighted_center_loss",
]
