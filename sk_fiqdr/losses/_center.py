"""Weighted softmax with centre loss (Eqs. 4 to 6): a function, and the Module.

Imports torch only.
"""

import torch
from torch import nn

from ._cross_entropy import (
    at_least_float32,
    class_weights,
    divide,
    weighted_cross_entropy_sums,
)

# Up to here a matrix product sums over classes faster than adding row by row, and a
# copy of the centres costs nothing beside the features.
FEW_CLASSES = 16


def weighted_center_loss(
    logits,
    features,
    labels,
    centers,
    *,
    beta=27.0,
    lambd=0.1,
    sample_weight=None,
    all_reduce=None,
):
    r"""Weighted softmax with centre loss, L_q of Eq. 6.

    Time and memory are O(n_samples x n_features): each feature is compared with the
    centre of its own class only.

    Parameters
    ----------
    logits : Tensor of shape (n_samples, n_classes)
        Quality scores before softmax.
    features : Tensor of shape (n_samples, n_features)
        Deep features f_i.
    labels : Tensor of shape (n_samples,)
        Integer classes, 0 poor and 1 good in the paper; -1 marks an unknown label,
        whose row is ignored.
    centers : Tensor of shape (n_classes, n_features)
        Centre of each class in feature space.
    beta : float, "balanced" or array-like of shape (n_classes,), default=27.0
        Weight of the poor class, see :func:`class_weights`. "balanced" counts `labels`.
    lambd : float, default=0.1
        Weight of the centre term.
    sample_weight : Tensor of shape (n_samples,), default=None
        Weight of each row: a row of weight 2 counts as two rows, in every sum.
    all_reduce : callable, default=None
        Sums a tensor over processes that share a batch, each of which passes its own
        rows. The result is then this process's share of the loss: the shares add up to
        the loss of the whole batch. None where the batch is not shared.

    Returns
    -------
    loss : Tensor of shape ()
        The loss, float32 or wider; 0 where no row counts.

    Raises
    ------
    ValueError
        If shapes do not fit together, or `beta` is not valid.

    Notes
    -----
    .. math::
        L_q = \frac{\sum_i w_i \mathrm{CE}_i
              + \lambda \tfrac12 \sum_i \lVert f_i - c_{q_i} \rVert^2}{\sum_i w_i}

    As printed, Eqs. 4 and 6 subtract the centre term; it is a penalty, and is added.
    ``beta=1`` and ``lambd=0`` give plain cross-entropy (L_q0), ``lambd=0`` L_q1,
    ``beta=1`` L_q2 and both together L_q3.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Eqs. 1-6.

    Examples
    --------
    >>> import torch
    >>> from sk_fiqdr.losses import weighted_center_loss
    >>> logits, labels = torch.zeros(2, 2), torch.tensor([0, 1])
    >>> features, centers = torch.ones(2, 3), torch.zeros(2, 3)
    >>> loss = weighted_center_loss(logits, features, labels, centers, beta=27)
    >>> round(loss.item(), 4)  # log 2 + 0.1 * (1.5 + 1.5) / 28
    0.7039
    """
    _check_shapes(logits, features, labels, centers)
    weights = class_weights(beta, logits.shape[1], labels, all_reduce=all_reduce)
    loss, _ = _weighted_center_loss(
        logits, features, labels, centers, weights, lambd, sample_weight, all_reduce
    )
    return loss


class _CenterTerm(torch.autograd.Function):
    """Half the weighted sum of squared distances to the own centre (Eq. 5).

    Written by hand, since the time depends on the number of tensors as large as the
    features. With few classes there is one, the difference, which becomes the gradient
    in place.
    """

    @staticmethod
    def forward(ctx, features, centers, labels, known, row_weight):
        difference = _from_centers(features, centers, labels, known)
        if len(centers) <= FEW_CLASSES:
            kept = features, centers.clone(), labels, known  # the centres will move
            ctx.spare = difference
        else:
            kept = (difference,)
        ctx.save_for_backward(row_weight, *kept)
        ctx.mark_non_differentiable(difference)
        ctx.set_materialize_grads(False)
        squared = torch.linalg.vector_norm(difference, dim=1).square()
        return 0.5 * (row_weight * squared).sum(), difference

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient, _):
        if gradient is None:
            return (None,) * 5
        row_weight, *kept = ctx.saved_tensors
        row_weight = (gradient * row_weight)[:, None]
        if len(kept) == 1:
            return kept[0] * row_weight, None, None, None, None
        difference, ctx.spare = ctx.spare, None
        if difference is None:  # a second backward pass through the same graph
            difference = _from_centers(*kept)
        return difference.mul_(row_weight), None, None, None, None


def _from_centers(features, centers, labels, known):
    """Return f_i - c_{q_i}, 0 in rows of unknown label."""
    difference = centers.to(features).index_select(0, labels)
    torch.sub(features, difference, out=difference)
    # On a GPU the test would wait for the device.
    if known.is_cuda or not known.all():
        difference.masked_fill_(~known[:, None], 0)
    return difference


def _weighted_center_loss(
    logits, features, labels, centers, weights, lambd, sample_weight, all_reduce
):
    """Return the loss, and what the step of the centres needs."""
    total, weight_sum, labels, known, row_weight = weighted_cross_entropy_sums(
        logits, labels, weights, sample_weight
    )
    features = at_least_float32(features)
    if lambd:
        term, difference = _CenterTerm.apply(
            features, centers, labels, known, row_weight.to(features)
        )
        total = total + lambd * term
    else:
        difference = _from_centers(features.detach(), centers, labels, known)
    loss = divide(total, weight_sum, all_reduce)
    return loss, (difference, labels, row_weight)


def _check_shapes(logits, features, labels, centers):
    fits = (
        logits.ndim == 2
        and features.ndim == 2
        and len(logits) == len(features)
        and labels.shape == logits.shape[:1]
        and centers.shape == (logits.shape[1], features.shape[1])
    )
    if not fits:
        raise ValueError(
            "Expected logits (n, n_classes), features (n, n_features), labels (n,) and "
            f"centers (n_classes, n_features), got {tuple(logits.shape)!r}, "
            f"{tuple(features.shape)!r}, {tuple(labels.shape)!r} and "
            f"{tuple(centers.shape)!r}."
        )


class WeightedCenterLoss(nn.Module):
    """L_q of Eq. 6 with the centres that it needs.

    The centres follow Wen et al. [2]_: after the loss of a training batch is taken,
    ``c_k <- c_k - alpha * sum_i 1{q_i = k}(c_k - f_i) / (1 + n_k)``. In ``eval()``
    mode they do not move.

    Parameters
    ----------
    beta : float, "balanced" or array-like of shape (n_classes,), default=27.0
        Weight of the poor class, see :func:`class_weights`. "balanced" counts each
        batch; the estimators count the whole training set instead.
    lambd : float, default=0.1
        Weight of the centre term.
    n_features : int
        Width of the features.
    n_classes : int, default=2
        Number of classes.
    alpha : float, default=0.5
        Step of the centres.

    Attributes
    ----------
    centers : Tensor of shape (n_classes, n_features)
        Buffer, float32 even under autocast; zero before training.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Eqs. 1-6.
    .. [2] Y. Wen et al., "A discriminative feature learning approach for deep face
       recognition", ECCV 2016.

    Examples
    --------
    >>> import torch
    >>> from sk_fiqdr.losses import WeightedCenterLoss
    >>> criterion = WeightedCenterLoss(n_features=3)
    >>> logits, features = torch.zeros(4, 2), torch.ones(4, 3)
    >>> loss = criterion(logits, features, torch.tensor([0, 1, 1, -1]))
    >>> criterion.centers[:, 0].tolist()  # 0.5 * 1 / (1 + 1) and 0.5 * 2 / (1 + 2)
    [0.25, 0.3333333432674408]
    """

    def __init__(self, beta=27.0, lambd=0.1, *, n_features, n_classes=2, alpha=0.5):
        super().__init__()
        if not lambd >= 0:
            raise ValueError(
                f"lambd must be at least 0, got {lambd!r}. 0 leaves the centre term "
                "out, 0.1 is the paper's value."
            )
        if not 0 <= alpha <= 1:
            raise ValueError(
                f"alpha must be between 0 and 1, got {alpha!r}. It is the share of the "
                "way to its images that a centre moves in a step."
            )
        self.beta = beta
        self.lambd = lambd
        self.n_features = n_features
        self.n_classes = n_classes
        self.alpha = alpha
        self.register_buffer("centers", torch.zeros(n_classes, n_features))
        fixed = None if beta == "balanced" else class_weights(beta, n_classes)
        # Derived from beta, hence not part of what is saved.
        self.register_buffer("weights", fixed, persistent=False)

    def forward(self, logits, features, labels, sample_weight=None, all_reduce=None):
        """Take the loss and, in training, move the centres afterwards.

        Parameters
        ----------
        logits : Tensor of shape (n_samples, n_classes)
            Quality scores before softmax.
        features : Tensor of shape (n_samples, n_features)
            Deep features.
        labels : Tensor of shape (n_samples,)
            Integer classes, -1 where unknown.
        sample_weight : Tensor of shape (n_samples,), default=None
            Weight of each row, in the loss and in the centres.
        all_reduce : callable, default=None
            As in :func:`weighted_center_loss`. The centres move by the rows of all
            processes, and so stay the same in each.

        Returns
        -------
        loss : Tensor of shape ()
            The loss.
        """
        _check_shapes(logits, features, labels, self.centers)
        weights = self.weights
        if weights is None:
            weights = class_weights(
                self.beta, self.n_classes, labels, all_reduce=all_reduce
            )
        loss, step = _weighted_center_loss(
            logits,
            features,
            labels,
            self.centers,
            weights,
            self.lambd,
            sample_weight,
            all_reduce,
        )
        if self.training:
            self._move_centers(*step, all_reduce)
        return loss

    @torch.no_grad()
    def _move_centers(self, difference, labels, row_weight, all_reduce):
        shared = all_reduce is not None
        # In place where they can be, since there may be many classes.
        centers = torch.zeros_like(self.centers) if shared else self.centers
        row_weight = row_weight.to(centers)
        counts = centers.new_zeros(self.n_classes)
        counts.index_add_(0, labels, row_weight)
        if shared:
            counts = all_reduce(counts)
        step = self.alpha * row_weight / (1 + counts[labels])
        difference = difference.to(centers)
        if self.n_classes > FEW_CLASSES:
            centers.index_add_(0, labels, step[:, None] * difference)
        else:
            steps = step.new_zeros(self.n_classes, len(step))
            steps.scatter_(0, labels[None], step[None])
            with torch.autocast(centers.device.type, enabled=False):
                centers.addmm_(steps, difference)
        if shared:
            self.centers += all_reduce(centers)

    def extra_repr(self):
        """Return the settings for torch's repr."""
        return (
            f"beta={self.beta!r}, lambd={self.lambd!r}, n_features={self.n_features}, "
            f"n_classes={self.n_classes}, alpha={self.alpha}"
        )
