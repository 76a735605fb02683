"""Weighted and masked cross-entropy (Eqs. 1 to 3): functions, and a Module.

Imports torch only.
"""

import numbers

import torch
from torch import nn
from torch.nn import functional as F


def class_weights(beta, n_classes, labels=None, *, all_reduce=None):
    """Weight of each class in the loss: the w of Eq. 3, for any number of classes.

    Parameters
    ----------
    beta : float, "balanced" or array-like of shape (n_classes,)
        A float is the weight of class 0 (poor), the others weigh 1. "balanced" weighs
        each class by ``n_last / n_k``, counted in `labels`: for two classes this is
        n_good / n_poor for the poor class. A sequence gives each class its weight.
    n_classes : int
        Number of classes.
    labels : Tensor of shape (n_samples,), default=None
        Integer labels to count for "balanced"; -1 (unknown) is not counted. A class
        that does not occur has weight 1.
    all_reduce : callable, default=None
        Sums a tensor over processes that share `labels`, each of which passes its own
        part; None if they are not shared.

    Returns
    -------
    weights : Tensor of shape (n_classes,)
        One float32 weight per class.

    Raises
    ------
    ValueError
        If `beta` is negative, not finite, of the wrong length or an unknown word.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Eq. 3.

    Examples
    --------
    >>> import torch
    >>> from sk_fiqdr.losses import class_weights
    >>> class_weights(27.0, 2).tolist()
    [27.0, 1.0]
    >>> class_weights("balanced", 2, torch.tensor([0, 1, 1, 1, -1])).tolist()
    [3.0, 1.0]
    """
    weights = torch.ones(n_classes)
    if isinstance(beta, str):
        if beta != "balanced" or labels is None:
            raise ValueError(
                f"beta must be a float, 'balanced' or one weight per class, "
                f"got {beta!r}"
                + (" without labels to balance." if labels is None else ".")
            )
        counts = torch.bincount(labels[labels >= 0], minlength=n_classes)
        if all_reduce is not None:
            counts = all_reduce(counts)
        counts = counts.cpu().float()
        occurs = (counts > 0) & (counts[-1] > 0)
        weights[occurs] = counts[-1] / counts[occurs]
    elif isinstance(beta, numbers.Real):
        weights[0] = float(beta)
    else:
        weights = torch.as_tensor(beta, dtype=torch.float32).detach().cpu()
        if weights.ndim == 0:
            weights = torch.cat([weights[None], torch.ones(n_classes - 1)])
        if weights.shape != (n_classes,):
            raise ValueError(
                f"beta has shape {tuple(weights.shape)!r}, expected one weight for "
                f"each of the {n_classes} classes. A float weighs class 0 alone."
            )
    if not bool(torch.isfinite(weights).all()) or bool((weights < 0).any()):
        raise ValueError(
            f"beta must be finite and not negative, got {beta!r}. "
            "1.0 weighs poor and good images alike, 27.0 is the paper's value."
        )
    return weights


def masked_cross_entropy(
    logits,
    labels,
    *,
    class_weight=None,
    sample_weight=None,
    label_smoothing=0.0,
    all_reduce=None,
):
    """Mean cross-entropy over the rows whose label is known (Eqs. 1 and 2; L_dr).

    Parameters
    ----------
    logits : Tensor of shape (n_samples, n_classes)
        Scores before softmax, of any float type; half precision is raised to float32.
    labels : Tensor of shape (n_samples,)
        Integer classes; -1 marks an unknown label.
    class_weight : Tensor of shape (n_classes,), default=None
        Weight of each class.
    sample_weight : Tensor of shape (n_samples,), default=None
        Weight of each row.
    label_smoothing : float, default=0.0
        Share of each label that is spread over all classes, as in torch.
    all_reduce : callable, default=None
        Sums a tensor over processes that share a batch, each of which passes its own
        rows. The result is then this process's share of the loss: the shares add up to
        the loss of the whole batch. None where the batch is not shared.

    Returns
    -------
    loss : Tensor of shape ()
        Weighted mean; 0 where no row counts.

    Examples
    --------
    >>> import torch
    >>> from sk_fiqdr.losses import masked_cross_entropy
    >>> logits = torch.tensor([[0.0, 0.0], [5.0, -5.0]])
    >>> round(masked_cross_entropy(logits, torch.tensor([1, -1])).item(), 4)
    0.6931
    """
    if class_weight is None:
        class_weight = logits.new_ones(logits.shape[1])
    total, weight_sum, *_ = weighted_cross_entropy_sums(
        logits, labels, class_weight, sample_weight, label_smoothing
    )
    return divide(total, weight_sum, all_reduce)


class MaskedCrossEntropy(nn.Module):
    """Mean cross-entropy over known labels, L_dr of Eq. 7.

    Parameters
    ----------
    class_weight : array-like of shape (n_classes,), default=None
        Weight of each class.
    label_smoothing : float, default=0.0
        Share of each label that is spread over all classes, as in torch.

    Examples
    --------
    >>> import torch
    >>> from sk_fiqdr.losses import MaskedCrossEntropy
    >>> loss = MaskedCrossEntropy()(torch.zeros(2, 5), torch.tensor([3, -1]))
    >>> round(loss.item(), 4)  # log 5
    1.6094
    """

    def __init__(self, class_weight=None, label_smoothing=0.0):
        super().__init__()
        if not 0 <= label_smoothing <= 1:
            raise ValueError(
                f"label_smoothing must be from 0 to 1, got {label_smoothing!r}."
            )
        self.label_smoothing = label_smoothing
        if class_weight is not None:
            class_weight = torch.as_tensor(class_weight, dtype=torch.float32)
        self.register_buffer("class_weight", class_weight, persistent=False)

    def forward(self, logits, labels, sample_weight=None, all_reduce=None):
        """Take the loss.

        Parameters
        ----------
        logits : Tensor of shape (n_samples, n_classes)
            Scores before softmax.
        labels : Tensor of shape (n_samples,)
            Integer classes, -1 where unknown.
        sample_weight : Tensor of shape (n_samples,), default=None
            Weight of each row.
        all_reduce : callable, default=None
            As in :func:`masked_cross_entropy`.

        Returns
        -------
        loss : Tensor of shape ()
            Weighted mean; 0 where no row counts.
        """
        return masked_cross_entropy(
            logits,
            labels,
            class_weight=self.class_weight,
            sample_weight=sample_weight,
            label_smoothing=self.label_smoothing,
            all_reduce=all_reduce,
        )


def weighted_cross_entropy_sums(
    logits, labels, weights, sample_weight, label_smoothing=0.0
):
    """Return sum_i w_i CE_i, sum_i w_i and their parts."""
    logits = at_least_float32(logits)
    weights = weights.to(logits)
    known = labels >= 0
    if sample_weight is None:
        # torch's own sum, so that beta=1, lambd=0 is its cross-entropy to the last bit.
        total = F.cross_entropy(
            logits,
            labels,
            weight=weights,
            ignore_index=-1,
            reduction="sum",
            label_smoothing=label_smoothing,
        )
        labels, row_weight = torch.where(known, labels, 0), known.to(logits.dtype)
        return total, (row_weight * weights[labels]).sum(), labels, known, row_weight
    labels = torch.where(known, labels, 0)
    row_weight = known * sample_weight.to(logits)
    weight = row_weight * weights[labels]
    if label_smoothing:  # weighs each class by itself
        cross_entropy = row_weight * F.cross_entropy(
            logits, labels, weights, reduction="none", label_smoothing=label_smoothing
        )
    else:
        cross_entropy = weight * F.cross_entropy(logits, labels, reduction="none")
    # where, not a product: an unknown row may hold nan, and 0 * nan is nan.
    total = torch.where(known, cross_entropy, 0).sum()
    return total, weight.sum(), labels, known, row_weight


def at_least_float32(tensor):
    """Half precision is not enough for sums of squares: compute those in float32."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def divide(total, weight_sum, all_reduce):
    """Divide, and give 0 (with a gradient of 0) where nothing has weight."""
    if all_reduce is not None:
        weight_sum = all_reduce(weight_sum)
    return total / torch.where(weight_sum > 0, weight_sum, 1)
