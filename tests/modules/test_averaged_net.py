import numpy as np
import pytest
import torch
from helpers.networks import TinyBackbone

from sk_fiqdr.modules import AveragedNet, MultiTaskNet


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (4, 48, 48, 3), dtype=np.uint8))


@pytest.fixture
def net():
    torch.manual_seed(0)
    return AveragedNet(TinyBackbone, image_size=48).eval()


def alone(net, images):
    return [logits.softmax(1) for logits in MultiTaskNet.forward(net, images)[:2]]


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_probabilities_are_the_weighted_mean(net, images, share):
    net.share.fill_(share)
    both = zip(alone(net, images), net.frozen(images)[:2], strict=True)
    for found, (own, other) in zip(net(images), both, strict=False):
        expected = (1 - share) * own + share * other.softmax(1)
        torch.testing.assert_close(found.softmax(1), expected)


def test_before_the_heads_of_the_frozen_net_are_fitted_it_has_no_say(net, images):
    for found, own in zip(net(images), alone(net, images), strict=False):
        torch.testing.assert_close(found.softmax(1), own)


def test_training_mode_leaves_the_frozen_net_alone(net, images):
    net.share.fill_(0.5)
    before = {name: value.clone() for name, value in net.frozen.state_dict().items()}
    net.train()
    assert not any(module.training for module in net.frozen.modules())
    grade, quality, features = net(images)
    (grade.sum() + quality.sum() + features.sum()).backward()
    assert all(parameter.grad is None for parameter in net.frozen.parameters())
    for name, value in net.frozen.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_both_start_from_the_same_backbone():
    net = AveragedNet(image_size=64)
    assert torch.equal(
        net.backbone.conv_stem.weight, net.frozen.backbone.network.conv_stem.weight
    )


def test_features_have_no_backbone_to_average():
    with pytest.raises(ValueError, match="needs a backbone"):
        AveragedNet(None, n_inputs=8)
