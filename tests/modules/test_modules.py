"""The network: any backbone, uint8 in, two heads out."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sk_fiqdr.modules import MultiTaskNet
from sk_fiqdr.modules._backbones import IMAGENET_MEAN, IMAGENET_STD

BACKBONES = {
    "resnet18": 512,
    "resnet50": 2048,
    "mobilenet_v3_small": 1024,
    "efficientnet_b0": 1280,
    "densenet121": 1024,
    "vgg16": 4096,
    "alexnet": 4096,
    "googlenet": 1024,
    "convnext_tiny": 768,
    "vit_b_16": 768,
    "squeezenet1_1": 512,
}


def tiny_backbone():
    return nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.ReLU())


@pytest.mark.parametrize(("name", "n_deep"), BACKBONES.items())
def test_any_torchvision_model_serves_as_backbone(name, n_deep):
    net = MultiTaskNet(name, image_size=64, embedding_size=6).eval()
    images = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    with torch.no_grad():
        outputs = net(images)
    assert type(outputs) is tuple
    assert [tuple(output.shape) for output in outputs] == [(2, 5), (2, 2), (2, 6)]
    assert net.embedding.in_features == n_deep
    assert not any("aux" in key for key in net.state_dict())


def test_googlenet_trains_without_auxiliary_outputs():
    net = MultiTaskNet("googlenet", image_size=64).train()
    grade, _, _ = net(torch.zeros(2, 64, 64, 3, dtype=torch.uint8))
    assert grade.shape == (2, 5)


@pytest.mark.parametrize("backbone", [tiny_backbone, tiny_backbone()])
def test_factory_or_module_may_return_a_feature_map(backbone):
    net = MultiTaskNet(backbone, image_size=16)
    assert net.embedding.in_features == 4
    assert net(torch.zeros(2, 16, 16, 3, dtype=torch.uint8))[2].shape == (2, 128)


def test_a_module_is_copied_so_that_two_nets_never_share_weights():
    module = tiny_backbone()
    first, second = (MultiTaskNet(module, image_size=16) for _ in range(2))
    ids = [id(p) for net in (first, second) for p in net.backbone.parameters()]
    assert len(set(ids) | {id(p) for p in module.parameters()}) == 6


def test_channels_first_and_last_mean_the_same():
    net = MultiTaskNet(tiny_backbone, image_size=16).eval()
    images = torch.randint(0, 256, (2, 16, 16, 3), dtype=torch.uint8)
    for last, first in zip(net(images), net(images.permute(0, 3, 1, 2)), strict=True):
        torch.testing.assert_close(last, first)


def test_normalisation_is_that_of_torchvision():
    from torchvision.transforms import v2

    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8)
    expected = v2.Normalize(IMAGENET_MEAN, IMAGENET_STD)(images.float() / 255)
    net = MultiTaskNet(tiny_backbone, image_size=16)
    torch.testing.assert_close(net.normalize(images), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", [list, np.array, torch.tensor])
def test_pixels_stay_float32_whatever_holds_their_statistics(kind):
    images = torch.randint(0, 256, (2, 8, 8, 3), dtype=torch.uint8)
    usual = MultiTaskNet(tiny_backbone, image_size=16).normalize(images)
    net = MultiTaskNet(
        tiny_backbone, image_size=16, mean=kind(IMAGENET_MEAN), std=kind(IMAGENET_STD)
    )
    torch.testing.assert_close(net.normalize(images), usual, atol=0, rtol=0)


def test_float_images_are_refused_with_advice():
    net = MultiTaskNet(tiny_backbone, image_size=16)
    with pytest.raises(TypeError, match=r"uint8 pixels from 0 to 255, got torch.float"):
        net(torch.zeros(1, 3, 16, 16))


def test_a_frozen_backbone_neither_learns_nor_updates_its_statistics():
    net = MultiTaskNet("resnet18", image_size=32).freeze().train()
    before = {k: v.clone() for k, v in net.backbone.state_dict().items()}
    images = torch.randint(0, 256, (4, 32, 32, 3), dtype=torch.uint8)
    net(images)[0].sum().backward()
    assert all(p.grad is None for p in net.backbone.parameters())
    assert net.grade_head[1].weight.grad is not None
    after = net.backbone.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    net.freeze(False).train()
    assert net.backbone.training
    assert all(p.requires_grad for p in net.backbone.parameters())


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_weights_from_a_local_file_reach_the_backbone(suffix, tmp_path):
    from torchvision.models import resnet18

    network = resnet18(weights=None)
    path = tmp_path / f"räsnet 18{suffix}"
    if suffix == ".pth":
        torch.save(network.state_dict(), path)
    else:
        save_file(network.state_dict(), path)
    net = MultiTaskNet("resnet18", path, image_size=32)
    for key, value in network.state_dict().items():
        if not key.startswith("fc."):
            assert torch.equal(net.backbone.state_dict()[key], value)


def test_weights_of_another_network_are_refused_by_name(tmp_path):
    from torchvision.models import mobilenet_v3_small

    path = tmp_path / "other.safetensors"
    save_file(mobilenet_v3_small(weights=None).state_dict(), path)
    with pytest.raises(ValueError, match="holds the weights of another network"):
        MultiTaskNet("resnet18", path, image_size=32)


def test_a_weights_file_cannot_run_code(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (np.testing.assert_equal, (1, 2))

    path = tmp_path / "bomb.pth"
    torch.save({"weight": Bomb()}, path)
    with pytest.raises(Exception, match="Weights only load failed"):
        MultiTaskNet("resnet18", path, image_size=32)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_truncated_weights_file_is_named(suffix, tmp_path):
    path = tmp_path / f"half{suffix}"
    state = tiny_backbone().state_dict()
    if suffix == ".pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=rf"half\{suffix}' cannot be read .*truncated"):
        MultiTaskNet("resnet18", path, image_size=32)


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3, "state_dict": {}}])
def test_a_file_that_holds_no_state_dict_is_named(content, tmp_path):
    path = tmp_path / "run.pth"
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"run\.pth' does not hold a state dict"):
        MultiTaskNet("resnet18", path, image_size=32)


def test_bad_backbones_are_refused_with_the_way_out(tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'resnet18'"):
        MultiTaskNet("resnet_18")
    with pytest.raises(TypeError, match="got 3"):
        MultiTaskNet(3)
    with pytest.raises(ValueError, match="n_inputs"):
        MultiTaskNet(None)
    with pytest.raises(ValueError, match="needs a backbone to load into"):
        MultiTaskNet(None, "DEFAULT", n_inputs=3)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        MultiTaskNet("resnet18", tmp_path / "nowhere.pth")
    with pytest.raises(ValueError, match="Load weights inside the factory"):
        MultiTaskNet(tiny_backbone, "DEFAULT")
    with pytest.raises(ValueError, match=r"must map images .* got \(12288,\)"):
        MultiTaskNet(lambda: nn.Flatten(0), image_size=64)
    with pytest.raises(ValueError, match="image_size=50"):
        MultiTaskNet("vit_b_16", image_size=50)
    with pytest.raises(ValueError, match="at least 64 pixels"):
        MultiTaskNet("alexnet", image_size=16)


def test_weights_that_cannot_be_fetched_tell_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(OSError, match="weights=None for random weights"):
        MultiTaskNet("squeezenet1_1", "DEFAULT", image_size=64)
