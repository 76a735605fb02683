"""Which rows an epoch draws, where classes are to come equally often."""

import numpy as np
import torch
from torch.utils.data import WeightedRandomSampler


def balanced_sampler(labels):
    """Draw rows with replacement so that each known class is equally likely.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        Integer classes, -1 where unknown. A row of unknown class keeps the probability
        1 / n that it has without balancing.

    Returns
    -------
    sampler : WeightedRandomSampler
        n draws, from torch's global generator.
    """
    labels = np.asarray(labels)
    known = labels >= 0
    weights = np.ones(len(labels))
    if known.any():
        counts = np.bincount(labels[known])
        each = known.sum() / np.count_nonzero(counts)
        weights[known] = each / counts[labels[known]]
    return WeightedRandomSampler(torch.from_numpy(weights), len(labels))
