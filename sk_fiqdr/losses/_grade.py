"""Losses of ordered grades over the rows whose grade is known.

Each takes five scores before softmax, so that every one of them leaves probabilities.
Imports torch only.
"""

import torch
from torch.nn import functional as F

from ._cross_entropy import at_least_float32, divide, masked_cross_entropy


def masked_squared_error(logits, labels, *, sample_weight=None, all_reduce=None):
    """Mean squared error of the expected grade over the rows of known grade.

    Parameters
    ----------
    logits : Tensor of shape (n_samples, n_classes)
        Scores before softmax; the expected grade is the mean of 0, 1, ... under it.
    labels : Tensor of shape (n_samples,)
        Integer grades; -1 marks an unknown one.
    sample_weight : Tensor of shape (n_samples,), default=None
        Weight of each row.
    all_reduce : callable, default=None
        As in :func:`masked_cross_entropy`.

    Returns
    -------
    loss : Tensor of shape ()
        Weighted mean; 0 where no row counts.

    Examples
    --------
    >>> import torch
    >>> from sk_fiqdr.losses import masked_squared_error
    >>> masked_squared_error(torch.zeros(2, 5), torch.tensor([4, -1])).item()
    4.0
    """
    proba, labels, weight = _known_rows(logits, labels, sample_weight)
    grades = torch.arange(proba.shape[1], device=proba.device, dtype=proba.dtype)
    errors = (proba @ grades - labels) ** 2
    return divide((weight * errors).sum(), weight.sum(), all_reduce)


def masked_distance_cross_entropy(
    logits, labels, *, power=5.0, sample_weight=None, all_reduce=None
):
    """Class-distance-weighted cross-entropy over the rows of known grade [1]_.

    The loss of a row is ``-sum_k |k - y|**power * log(1 - p_k)``: probability far from
    the true grade costs more than probability beside it.

    Parameters
    ----------
    logits : Tensor of shape (n_samples, n_classes)
        Scores before softmax.
    labels : Tensor of shape (n_samples,)
        Integer grades; -1 marks an unknown one.
    power : float, default=5.0
        How fast the cost grows with the distance; 5 is the value of the paper's
        experiments.
    sample_weight : Tensor of shape (n_samples,), default=None
        Weight of each row.
    all_reduce : callable, default=None
        As in :func:`masked_cross_entropy`.

    Returns
    -------
    loss : Tensor of shape ()
        Weighted mean; 0 where no row counts.

    References
    ----------
    .. [1] G. Polat et al., "Class Distance Weighted Cross-Entropy Loss for Ulcerative
       Colitis Severity Estimation", MIUA 2022.

    Examples
    --------
    >>> import torch
    >>> from sk_fiqdr.losses import masked_distance_cross_entropy
    >>> sure = 20.0 * torch.eye(5)[[2]]
    >>> masked_distance_cross_entropy(sure, torch.tensor([2])).item() < 1e-4
    True
    """
    proba, labels, weight = _known_rows(logits, labels, sample_weight)
    grades = torch.arange(proba.shape[1], device=proba.device)
    distance = (grades - labels[:, None]).abs().to(proba.dtype) ** power
    # log(1 - p_k), exact where p_k is almost 1: the log-sum of the others.
    scores = torch.where(weight[:, None] > 0, at_least_float32(logits), 0)
    others = scores[:, None, :].masked_fill(
        torch.eye(proba.shape[1], dtype=torch.bool, device=proba.device), -torch.inf
    )
    log_rest = others.logsumexp(dim=2) - scores.logsumexp(dim=1, keepdim=True)
    errors = -(distance * log_rest).sum(dim=1)
    return divide((weight * errors).sum(), weight.sum(), all_reduce)


def masked_soft_kappa(logits, labels, *, sample_weight=None, all_reduce=None):
    """One minus the quadratic weighted kappa of the probabilities of a batch [1]_.

    Parameters
    ----------
    logits : Tensor of shape (n_samples, n_classes)
        Scores before softmax.
    labels : Tensor of shape (n_samples,)
        Integer grades; -1 marks an unknown one.
    sample_weight : Tensor of shape (n_samples,), default=None
        Weight of each row.
    all_reduce : callable, default=None
        As in :func:`masked_cross_entropy`.

    Returns
    -------
    loss : Tensor of shape ()
        From 0 (perfect) to 2; 0 where no row counts, or where chance agrees as well.

    References
    ----------
    .. [1] J. de la Torre et al., "Weighted kappa loss function for multi-class
       classification of ordinal data in deep learning", Pattern Recognition Letters
       105, 2018.

    Examples
    --------
    >>> import torch
    >>> from sk_fiqdr.losses import masked_soft_kappa
    >>> labels = torch.tensor([0, 4, 2, -1])
    >>> round(masked_soft_kappa(50 * torch.eye(5)[labels], labels).item(), 6)
    0.0
    """
    proba, labels, weight = _known_rows(logits, labels, sample_weight)
    grades = torch.arange(proba.shape[1], device=proba.device, dtype=proba.dtype)
    true = weight[:, None] * F.one_hot(labels, proba.shape[1]).to(proba)
    cost = (grades[:, None] - grades) ** 2
    observed = ((true @ cost) * proba).sum()
    true, total = true.sum(dim=0), weight.sum()
    if all_reduce is not None:
        true, total = all_reduce(true), all_reduce(total)
    by_chance = true @ cost @ (weight @ proba)
    if all_reduce is None:
        return divide(observed * total, by_chance, None)
    # A quotient of two sums over processes, of which only this one's part has a
    # gradient: the parts of its value, and of its gradient, add up to the whole.
    kappa = divide(all_reduce(observed), all_reduce(by_chance), None)
    moved = observed - kappa * (by_chance - by_chance.detach())
    return divide(total * moved, by_chance.detach(), all_reduce)


def masked_cross_entropy_kappa(logits, labels, *, sample_weight=None, all_reduce=None):
    """Sum of the cross-entropy and the soft kappa loss of a batch.

    The cross-entropy keeps the probabilities calibrated, and the kappa makes the most
    probable grade of a rare, severe disease the right one: cross-entropy alone
    predicts grade 0 too often where most photographs have it.

    Parameters
    ----------
    logits : Tensor of shape (n_samples, n_classes)
        Scores before softmax.
    labels : Tensor of shape (n_samples,)
        Integer grades; -1 marks an unknown one.
    sample_weight : Tensor of shape (n_samples,), default=None
        Weight of each row.
    all_reduce : callable, default=None
        As in :func:`masked_cross_entropy`.

    Returns
    -------
    loss : Tensor of shape ()
        :func:`masked_cross_entropy` plus :func:`masked_soft_kappa`.

    Examples
    --------
    >>> import torch
    >>> from sk_fiqdr.losses import masked_cross_entropy_kappa
    >>> labels = torch.tensor([0, 4, 2, -1])
    >>> round(masked_cross_entropy_kappa(50 * torch.eye(5)[labels], labels).item(), 6)
    0.0
    """
    # Cross-entropy has a gradient of nan where an unknown row holds nan.
    logits = torch.where((labels >= 0)[:, None], logits, 0)
    settings = {"sample_weight": sample_weight, "all_reduce": all_reduce}
    cross_entropy = masked_cross_entropy(logits, labels, **settings)
    return cross_entropy + masked_soft_kappa(logits, labels, **settings)


def _known_rows(logits, labels, sample_weight):
    """Return probabilities, labels and weights; an unknown row has weight 0."""
    known = labels >= 0
    labels = torch.where(known, labels, 0)
    # where, not a product: an unknown row may hold nan, and 0 * nan is nan.
    logits = torch.where(known[:, None], at_least_float32(logits), 0)
    weight = known.to(logits.dtype)
    if sample_weight is not None:
        weight = torch.where(known, sample_weight.to(logits), 0)
    return logits.softmax(dim=1), labels, weight


GRADE_LOSSES = {
    "cross_entropy": masked_cross_entropy,
    "cross_entropy_kappa": masked_cross_entropy_kappa,
    "ordinal": masked_cross_entropy,  # of the network's cumulative link
    "squared_error": masked_squared_error,
    "distance_cross_entropy": masked_distance_cross_entropy,
    "soft_kappa": masked_soft_kappa,
}
