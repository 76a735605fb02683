"""The cumulative link model against its definition and another library."""

import pytest
import torch
from scipy.special import expit

from sk_fiqdr.modules import MultiTaskNet
from sk_fiqdr.modules._cumulative_link import CumulativeLink


def model(n_classes=5):
    torch.manual_seed(0)
    link = CumulativeLink(n_classes)
    with torch.no_grad():
        link.gaps.normal_()
    return link


def test_probabilities_are_differences_of_the_logistic_function():
    link, latent = model(), torch.linspace(-8, 8, 33)[:, None]
    proba = link(latent).exp().detach().numpy()
    cuts = link.cut_points.detach().numpy()
    below = expit(cuts - latent.numpy())
    for k in range(5):
        upper = below[:, k] if k < 4 else 1
        lower = below[:, k - 1] if k > 0 else 0
        assert proba[:, k] == pytest.approx(upper - lower, abs=1e-6)


@pytest.mark.parametrize("latent", [-1e4, -40.0, 0.0, 40.0, 1e4])
def test_extreme_numbers_leave_finite_logarithms_and_gradients(latent):
    link, latent = model(), torch.tensor([[latent]], requires_grad=True)
    log_proba = link(latent)
    log_proba[0, 2].backward()
    assert torch.isfinite(log_proba).all()
    assert torch.isfinite(latent.grad).all()
    assert log_proba.exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_a_larger_number_never_makes_a_higher_grade_less_likely():
    proba = model()(torch.linspace(-9, 9, 200)[:, None]).exp()
    at_least = proba.flip(1).cumsum(1).flip(1)
    assert (at_least.diff(dim=0) >= -1e-6).all()


def test_cut_points_grow_whatever_the_optimiser_does():
    link = model()
    with torch.no_grad():
        link.gaps.fill_(-50.0)
    assert (link.cut_points.diff() > 0).all()


def test_probabilities_are_those_of_dlordinal():
    clm = pytest.importorskip("dlordinal.output_layers").CLM
    theirs = clm(num_classes=5, link_function="logit", min_distance=0.0)
    link = CumulativeLink(5)
    with torch.no_grad():
        cuts = link.cut_points
        theirs.thresholds_b_.copy_(cuts[:1])
        theirs.thresholds_a_.copy_(cuts.diff().sqrt())
        latent = torch.linspace(-4, 4, 9)[:, None]
        torch.testing.assert_close(link(latent).exp(), theirs(latent))


def test_the_head_of_an_ordinal_network_has_one_number_and_the_cut_points():
    net = MultiTaskNet(None, n_inputs=7, ordinal=True)
    grade, *_ = net(torch.zeros(3, 7))
    assert grade.shape == (3, 5)
    assert sum(it.numel() for it in net.grade_head.parameters()) == 7 + 1 + 4
