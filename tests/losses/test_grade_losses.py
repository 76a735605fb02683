"""Losses of ordered grades against loops over rows, and against another library."""

import math

import numpy as np
import pytest
import torch
from helpers.shared_batches import in_two_threads
from sklearn.metrics import cohen_kappa_score

from sk_fiqdr.losses import (
    masked_cross_entropy_kappa,
    masked_distance_cross_entropy,
    masked_soft_kappa,
    masked_squared_error,
)

LOSSES = {
    "squared_error": masked_squared_error,
    "distance": masked_distance_cross_entropy,
    "soft_kappa": masked_soft_kappa,
    "cross_entropy_kappa": masked_cross_entropy_kappa,
}


def draw(n=40, seed=0):
    rng = np.random.default_rng(seed)
    logits = torch.tensor(rng.normal(0, 2, (n, 5)), dtype=torch.float64)
    labels = torch.tensor(rng.integers(-1, 5, n))
    weight = torch.tensor(rng.uniform(0, 3, n))
    return logits, labels, weight


def softmax(row):
    scores = [math.exp(value) for value in row]
    return [score / sum(scores) for score in scores]


def loop(name, logits, labels, weight):
    """The definitions, a row at a time."""
    rows = [
        (softmax(row), y, w)
        for row, y, w in zip(
            logits.tolist(), labels.tolist(), weight.tolist(), strict=True
        )
        if y >= 0
    ]
    total = sum(w for _, _, w in rows)
    if name == "squared_error":
        return (
            sum(w * (sum(k * p[k] for k in range(5)) - y) ** 2 for p, y, w in rows)
            / total
        )
    if name == "distance":
        return (
            sum(
                -w * sum(abs(k - y) ** 5 * math.log(1 - p[k]) for k in range(5))
                for p, y, w in rows
            )
            / total
        )
    if name == "cross_entropy_kappa":
        cross_entropy = -sum(w * math.log(p[y]) for p, y, w in rows) / total
        return cross_entropy + loop("soft_kappa", logits, labels, weight)
    observed = sum(w * p[k] * (k - y) ** 2 for p, y, w in rows for k in range(5))
    true = [sum(w for _, y, w in rows if y == k) for k in range(5)]
    given = [sum(w * p[k] for p, _, w in rows) for k in range(5)]
    expected = sum(
        true[i] * given[j] * (i - j) ** 2 / total for i in range(5) for j in range(5)
    )
    return observed / expected


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_equals_its_definition_row_by_row(name, weighted):
    logits, labels, weight = draw()
    sample_weight = weight if weighted else None
    loss = LOSSES[name](logits, labels, sample_weight=sample_weight)
    ones = torch.ones_like(weight)
    wanted = loop(name, logits, labels, weight if weighted else ones)
    assert loss.item() == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_a_row_of_unknown_grade_changes_neither_loss_nor_gradient(name):
    logits, labels, _ = draw()
    known = labels >= 0
    spoilt = torch.where(known[:, None], logits, torch.nan).requires_grad_()
    loss = LOSSES[name](spoilt, labels)
    alone = logits[known].clone().requires_grad_()
    wanted = LOSSES[name](alone, labels[known])
    loss.backward()
    wanted.backward()
    torch.testing.assert_close(loss, wanted)
    torch.testing.assert_close(spoilt.grad[known], alone.grad)
    assert (spoilt.grad[~known] == 0).all()


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_no_known_grade_is_zero_with_a_gradient_of_zero(name):
    logits = torch.zeros(3, 5, requires_grad=True)
    loss = LOSSES[name](logits, torch.full((3,), -1))
    loss.backward()
    assert loss.item() == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_is_that_of_finite_differences(name):
    logits, labels, weight = draw(6)
    assert torch.autograd.gradcheck(
        lambda it: LOSSES[name](it, labels, sample_weight=weight),
        logits.requires_grad_(),
    )


@pytest.mark.parametrize("name", LOSSES)
def test_extreme_scores_give_finite_losses_and_gradients(name):
    logits = (1000 * torch.eye(5)[[0, 4, 2]]).requires_grad_()
    loss = LOSSES[name](logits, torch.tensor([4, 4, 0]))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


def test_the_soft_kappa_of_certain_predictions_is_scikit_learns():
    rng = np.random.default_rng(1)
    y_true, y_pred = rng.integers(0, 5, (2, 60))
    logits = 100 * torch.eye(5)[torch.tensor(y_pred)]
    loss = masked_soft_kappa(logits, torch.tensor(y_true)).item()
    kappa = cohen_kappa_score(y_true, y_pred, weights="quadratic")
    assert 1 - loss == pytest.approx(kappa, abs=1e-6)


@pytest.mark.parametrize("power", [1.0, 5.0])
def test_the_distance_weighted_loss_is_dlordinals(power):
    dlordinal = pytest.importorskip("dlordinal.losses")
    logits, labels, _ = draw()
    logits, labels = logits[labels >= 0].float(), labels[labels >= 0]
    theirs = dlordinal.CDWCELoss(num_classes=5, alpha=power)(logits, labels)
    ours = masked_distance_cross_entropy(logits, labels, power=power)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cut", [0, 7, 25])
@pytest.mark.parametrize("name", LOSSES)
def test_shares_of_a_batch_add_up_to_its_loss_and_gradient(name, cut):
    logits, labels, weight = draw()
    labels[:7] = -1  # all that one process has of some batches
    whole = LOSSES[name](logits.requires_grad_(), labels, sample_weight=weight)
    (wanted,) = torch.autograd.grad(whole, logits)

    def share(rank, all_reduce):
        rows = slice(None, cut) if rank == 0 else slice(cut, None)
        loss = LOSSES[name](
            logits[rows],
            labels[rows],
            sample_weight=weight[rows],
            all_reduce=lambda tensor: all_reduce(tensor.detach()),
        )
        return loss, torch.autograd.grad(loss, logits)[0]

    (loss, gradient), (other, other_gradient) = in_two_threads(share)
    torch.testing.assert_close(loss + other, whole)
    torch.testing.assert_close(gradient + other_gradient, wanted)
