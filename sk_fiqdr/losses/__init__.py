"""Losses of the paper: weighted softmax with a centre term, and masked cross-entropy.

Equations 1 to 6 as pure functions and as torch Modules, and losses of ordered grades.
They import torch only.
"""

from ._center import WeightedCenterLoss, weighted_center_loss
from ._cross_entropy import MaskedCrossEntropy, class_weights, masked_cross_entropy
from ._grade import (
    masked_cross_entropy_kappa,
    masked_distance_cross_entropy,
    masked_soft_kappa,
    masked_squared_error,
)

__all__ = [
    "MaskedCrossEntropy",
    "WeightedCenterLoss",
    "class_weights",
    "masked_cross_entropy",
    "masked_cross_entropy_kappa",
    "masked_distance_cross_entropy",
    "masked_soft_kappa",
    "masked_squared_error",
    "weighted_center_loss",
]
