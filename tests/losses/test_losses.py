"""The loss against slow loops, torch's own functions and hand-computed numbers."""

import copy

import numpy as np
import pytest
import torch
from helpers.shared_batches import in_two_threads
from torch.nn import functional as F

from sk_fiqdr.losses import (
    WeightedCenterLoss,
    class_weights,
    masked_cross_entropy,
    weighted_center_loss,
)


def make_batch(n=24, n_classes=2, n_features=7, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, n_classes, generator=generator, dtype=dtype)
    features = torch.randn(n, n_features, generator=generator, dtype=dtype)
    labels = torch.randint(-1, n_classes, (n,), generator=generator)
    centers = torch.randn(n_classes, n_features, generator=generator, dtype=dtype)
    weight = torch.rand(n, generator=generator, dtype=dtype) + 0.1
    return logits, features, labels, centers, weight


def loop_reference(logits, features, labels, centers, w_class, lambd, sample_weight):
    """Eq. 6 row by row in Python floats."""
    logits, features = logits.double().tolist(), features.double().tolist()
    centers = centers.double().tolist()
    total = weight_sum = 0.0
    for i, label in enumerate(labels.tolist()):
        if label == -1:
            continue
        s = 1.0 if sample_weight is None else float(sample_weight[i])
        log_sum = np.log(np.sum(np.exp(logits[i])))
        distance = sum(
            (f - c) ** 2 for f, c in zip(features[i], centers[label], strict=True)
        )
        total += s * w_class[label] * (log_sum - logits[i][label])
        total += s * lambd * 0.5 * distance
        weight_sum += s * w_class[label]
    return total / weight_sum


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("beta", "lambd"), [(1.0, 0.0), (27.0, 0.0), (1.0, 0.1), (27.0, 0.1)]
)
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_equals_per_sample_loop(dtype, beta, lambd, weighted):
    logits, features, labels, centers, weight = make_batch(dtype=dtype)
    weight = weight if weighted else None
    loss = weighted_center_loss(
        logits, features, labels, centers, beta=beta, lambd=lambd, sample_weight=weight
    )
    expected = loop_reference(
        logits, features, labels, centers, [beta, 1.0], lambd, weight
    )
    assert loss.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("n_classes", [2, 3, 5, 100])
def test_any_number_of_classes_takes_one_weight_each(n_classes):
    logits, features, labels, centers, _ = make_batch(n_classes=n_classes)
    beta = np.linspace(0.5, 3, n_classes)
    loss = weighted_center_loss(logits, features, labels, centers, beta=beta)
    expected = loop_reference(
        logits, features, labels, centers, beta.tolist(), 0.1, None
    )
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_beta_one_and_lambda_zero_is_cross_entropy_to_the_last_bit():
    for seed in range(20):
        logits, features, _, centers, _ = make_batch(n=33, seed=seed)
        labels = torch.randint(
            0, 2, (33,), generator=torch.Generator().manual_seed(seed)
        )
        loss = weighted_center_loss(logits, features, labels, centers, beta=1, lambd=0)
        expected = F.cross_entropy(logits, labels)
        assert abs(loss.item() - expected.item()) <= np.spacing(
            np.float32(expected.item())
        )


def test_weighted_softmax_is_torchs_weighted_cross_entropy():
    logits, features, labels, centers, _ = make_batch()
    loss = weighted_center_loss(logits, features, labels, centers, beta=27, lambd=0)
    expected = F.cross_entropy(
        logits, labels, weight=torch.tensor([27.0, 1.0]), ignore_index=-1
    )
    torch.testing.assert_close(loss, expected)


def test_hand_computed_value():
    logits = torch.tensor([[0.0, 0.0], [0.0, np.log(3.0)]])
    features = torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    loss = weighted_center_loss(
        logits, features, torch.tensor([0, 1]), torch.zeros(2, 2), beta=9, lambd=0.1
    )
    expected = (9 * np.log(2) + np.log(4 / 3) + 0.1 * 0.5 * (25 + 1)) / 10
    assert loss.item() == pytest.approx(expected, rel=1e-6)


def test_gradient_is_right_in_double_precision():
    logits, features, labels, centers, weight = make_batch(n=6, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda a, b: weighted_center_loss(a, b, labels, centers, sample_weight=weight),
        (logits.requires_grad_(), features.requires_grad_()),
    )


@pytest.mark.parametrize("n_classes", [2, 50])
def test_a_graph_that_is_kept_gives_its_gradient_again(n_classes):
    """Also after the centres have moved, and whatever is done with the first."""
    logits, features, labels, _, weight = make_batch(n_classes=n_classes)
    features.requires_grad_()
    module = WeightedCenterLoss(n_features=7, n_classes=n_classes)
    loss = module(logits, features, labels, weight)
    (first,) = torch.autograd.grad(loss, features, retain_graph=True)
    expected = first.clone()
    first.fill_(torch.nan)
    (second,) = torch.autograd.grad(3 * loss, features)
    torch.testing.assert_close(second, 3 * expected)


@pytest.mark.parametrize("make_loss", ["function", "module"])
def test_all_masked_batch_has_zero_loss_and_zero_gradient(make_loss):
    logits, features, _, centers, _ = make_batch()
    labels = torch.full((24,), -1)
    logits.requires_grad_()
    if make_loss == "function":
        loss = weighted_center_loss(logits, features, labels, centers)
    else:
        loss = WeightedCenterLoss(n_features=7)(logits, features, labels)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_masked_rows_may_hold_anything_even_nan():
    logits, features, labels, centers, _ = make_batch()
    expected = weighted_center_loss(logits, features, labels, centers)
    spoiled_logits, spoiled_features = logits.clone(), features.clone()
    spoiled_logits[labels == -1] = torch.nan
    spoiled_features[labels == -1] = torch.nan
    loss = weighted_center_loss(spoiled_logits, spoiled_features, labels, centers)
    assert loss.item() == expected.item()
    module = WeightedCenterLoss(n_features=7)
    module(spoiled_logits, spoiled_features, labels)
    assert torch.isfinite(module.centers).all()


def test_sample_weight_two_equals_the_row_twice():
    logits, features, labels, _, _ = make_batch()
    weight = torch.ones(24)
    weight[3:7] = 2
    twice = torch.cat([torch.arange(24), torch.arange(3, 7)])
    weighted = WeightedCenterLoss(n_features=7)
    repeated = WeightedCenterLoss(n_features=7)
    torch.testing.assert_close(
        weighted(logits, features, labels, sample_weight=weight),
        repeated(logits[twice], features[twice], labels[twice]),
    )
    torch.testing.assert_close(weighted.centers, repeated.centers)


def test_zero_sample_weight_everywhere_is_zero_not_nan():
    logits, features, labels, centers, _ = make_batch()
    loss = weighted_center_loss(
        logits, features, labels, centers, sample_weight=torch.zeros(24)
    )
    assert loss.item() == 0


def loop_centers(centers, features, labels, alpha):
    """Wen's rule, a class and a row at a time."""
    moved = centers.clone()
    for k in range(len(centers)):
        rows = [i for i, label in enumerate(labels.tolist()) if label == k]
        delta = torch.zeros_like(centers[k])
        for i in rows:
            delta += centers[k] - features[i]
        moved[k] = centers[k] - alpha * delta / (1 + len(rows))
    return moved


@pytest.mark.parametrize("n_classes", [2, 4, 50])
def test_centers_follow_wens_rule_in_training(n_classes):
    logits, features, labels, centers, _ = make_batch(n_classes=n_classes)
    module = WeightedCenterLoss(n_features=7, n_classes=n_classes, alpha=0.3)
    module.centers.copy_(centers)
    module(logits, features, labels)
    torch.testing.assert_close(
        module.centers, loop_centers(centers, features, labels, alpha=0.3)
    )


def test_centers_move_after_the_loss_is_taken():
    logits, features, labels, centers, _ = make_batch()
    module = WeightedCenterLoss(n_features=7)
    module.centers.copy_(centers)
    expected = weighted_center_loss(logits, features, labels, centers)
    assert module(logits, features, labels).item() == expected.item()


def test_centers_do_not_move_in_eval_mode():
    logits, features, labels, centers, _ = make_batch()
    module = WeightedCenterLoss(n_features=7).eval()
    module.centers.copy_(centers)
    module(logits, features, labels)
    assert torch.equal(module.centers, centers)


def test_the_centre_of_an_absent_class_stands_still():
    logits, features, _, centers, _ = make_batch()
    module = WeightedCenterLoss(n_features=7)
    module.centers.copy_(centers)
    module(logits, features, torch.ones(24, dtype=torch.long))
    assert torch.equal(module.centers[0], centers[0])
    assert not torch.equal(module.centers[1], centers[1])


def test_backward_works_although_the_centers_moved():
    logits, features, labels, centers, _ = make_batch()
    module = WeightedCenterLoss(n_features=7, lambd=0.1)
    module.centers.copy_(centers)
    features.requires_grad_()
    module(logits, features, labels).backward()
    reference = features.detach().clone().requires_grad_()
    weighted_center_loss(logits, reference, labels, centers).backward()
    torch.testing.assert_close(features.grad, reference.grad)


def test_centers_are_a_buffer_that_survives_the_state_dict():
    logits, features, labels, _, _ = make_batch()
    module = WeightedCenterLoss(n_features=7)
    module(logits, features, labels)
    other = WeightedCenterLoss(n_features=7)
    other.load_state_dict(copy.deepcopy(module.state_dict()))
    assert list(module.state_dict()) == ["centers"]
    assert torch.equal(other.centers, module.centers)
    assert list(module.parameters()) == []


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype):
    logits, features, labels, _, _ = make_batch()
    module, reference = (
        WeightedCenterLoss(n_features=7),
        WeightedCenterLoss(n_features=7),
    )
    logits, features = logits.to(dtype), 40 * features.to(dtype)
    loss = module(logits, features, labels)
    expected = reference(logits.float(), features.float(), labels)
    assert loss.dtype == module.centers.dtype == torch.float32
    torch.testing.assert_close(loss, expected)


def test_autocast_changes_nothing_but_the_inputs_precision():
    logits, features, labels, _, _ = make_batch()
    module = WeightedCenterLoss(n_features=7)
    expected = WeightedCenterLoss(n_features=7)(logits, features, labels)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = module(logits, features, labels)
    torch.testing.assert_close(loss, expected)
    assert module.centers.dtype == torch.float32


def test_balanced_is_good_over_poor():
    labels = torch.tensor([0] * 3 + [1] * 81 + [-1] * 5)
    assert class_weights("balanced", 2, labels).tolist() == [27.0, 1.0]


def test_balanced_with_a_class_missing_weighs_one():
    assert class_weights("balanced", 2, torch.tensor([1, 1])).tolist() == [1.0, 1.0]
    assert class_weights("balanced", 2, torch.tensor([0, 0])).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "beta", [-1.0, float("nan"), float("inf"), "heavy", [1, 2, 3], [1, -2]]
)
def test_a_senseless_beta_is_refused_with_its_value(beta):
    with pytest.raises(ValueError, match="beta"):
        WeightedCenterLoss(beta, n_features=3)


def test_a_negative_lambd_is_refused():
    with pytest.raises(ValueError, match=r"lambd must be at least 0, got -1"):
        WeightedCenterLoss(lambd=-1, n_features=3)


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"got \(4, 2\), \(3, 5\)"):
        weighted_center_loss(
            torch.zeros(4, 2),
            torch.zeros(3, 5),
            torch.zeros(4, dtype=torch.long),
            torch.zeros(2, 5),
        )


def test_masked_cross_entropy_ignores_unknown_rows():
    logits, _, labels, _, _ = make_batch(n_classes=5)
    torch.testing.assert_close(
        masked_cross_entropy(logits, labels),
        F.cross_entropy(logits, labels, ignore_index=-1),
    )


def test_no_distance_matrix_is_built():
    """With 20,000 classes a (batch x classes x features) block would need 10 GB."""
    n, n_classes, n_features = 64, 20_000, 2_048
    features = torch.randn(n, n_features, requires_grad=True)
    labels = torch.randint(0, n_classes, (n,))
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: saved.append(tensor.numel()) or tensor, lambda tensor: tensor
    ):
        weighted_center_loss(
            torch.zeros(n, n_classes),
            features,
            labels,
            torch.zeros(n_classes, n_features),
        )
    assert max(saved) <= n * max(n_features, n_classes)


@pytest.mark.parametrize("cut", [0, 1, 12, 17])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("beta", [27.0, "balanced"])
def test_shares_of_a_batch_add_up_to_its_loss_and_gradient(cut, weighted, beta):
    logits, features, labels, centers, weight = make_batch(dtype=torch.float64)
    labels[:cut] = -1 if cut == 12 else labels[:cut]  # all of one part is unknown
    weight = weight if weighted else None
    whole = weighted_center_loss(
        logits.requires_grad_(),
        features.requires_grad_(),
        labels,
        centers,
        beta=beta,
        sample_weight=weight,
    )
    expected = torch.autograd.grad(whole, [logits, features])

    def share(rank, all_reduce):
        rows = slice(None, cut) if rank == 0 else slice(cut, None)
        loss = weighted_center_loss(
            logits[rows],
            features[rows],
            labels[rows],
            centers,
            beta=beta,
            sample_weight=None if weight is None else weight[rows],
            all_reduce=all_reduce,
        )
        return loss, torch.autograd.grad(loss, [logits, features])

    (loss, gradients), (other, other_gradients) = in_two_threads(share)
    torch.testing.assert_close(loss + other, whole)
    for one, two, both in zip(gradients, other_gradients, expected, strict=True):
        torch.testing.assert_close(one + two, both)


def test_shares_of_the_grade_loss_add_up():
    logits, _, labels, _, weight = make_batch(n_classes=5, dtype=torch.float64)

    def share(rank, all_reduce):
        rows = slice(None, 5) if rank == 0 else slice(5, None)
        return masked_cross_entropy(
            logits[rows],
            labels[rows],
            sample_weight=weight[rows],
            all_reduce=all_reduce,
        )

    whole = masked_cross_entropy(logits, labels, sample_weight=weight)
    torch.testing.assert_close(sum(in_two_threads(share)), whole)


@pytest.mark.parametrize("n_classes", [2, 40])
def test_centers_of_two_processes_stay_the_same_and_follow_all_rows(n_classes):
    logits, features, labels, _, weight = make_batch(n_classes=n_classes)
    criteria = [
        WeightedCenterLoss(n_features=features.shape[1], n_classes=n_classes)
        for _ in range(3)
    ]

    def share(rank, all_reduce):
        rows = slice(None, 5) if rank == 0 else slice(5, None)
        for _ in range(3):
            criteria[rank](
                logits[rows],
                features[rows],
                labels[rows],
                sample_weight=weight[rows],
                all_reduce=all_reduce,
            )

    in_two_threads(share)
    for _ in range(3):
        criteria[2](logits, features, labels, sample_weight=weight)
    assert (criteria[0].centers == criteria[1].centers).all()
    assert criteria[0].centers.abs().sum() > 0
    torch.testing.assert_close(criteria[0].centers, criteria[2].centers)
