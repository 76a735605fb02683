"""Weights of a backbone: prefixes of other libraries, enumerations, checkpoints."""

from collections import OrderedDict

import pytest
import torch
from helpers.networks import TinyBackbone
from safetensors.torch import save_file
from skorch.callbacks import Freezer
from torch import nn
from torchvision.models import ResNet18_Weights, mobilenet_v3_small

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.modules import MultiTaskNet

NAME = "mobilenet_v3_small"


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return mobilenet_v3_small(weights=None)


def save(state, folder, suffix=".pth"):
    path = folder / f"weights{suffix}"
    (torch.save if suffix == ".pth" else save_file)(state, path)
    return path


def assert_loaded(path, network):
    state = MultiTaskNet(NAME, path, image_size=32).backbone.state_dict()
    for name, tensor in network.state_dict().items():
        if not name.startswith("classifier."):
            assert torch.equal(state[name], tensor)


WRAPPERS = {
    "DataParallel": nn.DataParallel,
    "compiled": torch.compile,
    "compiled in DataParallel": lambda net: nn.DataParallel(torch.compile(net)),
    "Lightning": lambda net: nn.ModuleDict({"model": net}),
    "deeper": lambda net: nn.ModuleDict({"net": nn.ModuleDict({"encoder": net})}),
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_prefix_that_all_names_share_is_left_out(wrap, suffix, network, tmp_path):
    state = wrap(network).state_dict()
    assert state.keys() != network.state_dict().keys()
    assert_loaded(save(state, tmp_path, suffix), network)


def test_a_prefix_of_the_network_itself_stays(network, tmp_path):
    backbone = nn.Sequential(OrderedDict(features=network.features))
    path = save(backbone.state_dict(), tmp_path)
    loaded = MultiTaskNet(backbone, path, image_size=32).backbone.state_dict()
    assert loaded.keys() == backbone.state_dict().keys()


@pytest.mark.parametrize("key", ["state_dict", "model", "net"])
def test_the_one_state_dict_of_a_checkpoint_is_taken(key, network, tmp_path):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    checkpoint = {
        "epoch": 3,
        key: nn.DataParallel(network).state_dict(),
        "optimizer": optimizer.state_dict(),
        "best": {},
    }
    assert_loaded(save(checkpoint, tmp_path), network)


def test_two_state_dicts_of_a_checkpoint_are_named(network, tmp_path):
    state = network.state_dict()
    path = save({"model": state, "model_ema": state}, tmp_path)
    with pytest.raises(ValueError, match=r"holds 'model', 'model_ema'\. .*save"):
        MultiTaskNet(NAME, path, image_size=32)


def test_the_backbone_of_a_larger_network_is_named_with_its_prefix(network, tmp_path):
    whole = nn.ModuleDict({"backbone": network, "head": nn.Linear(3, 2)})
    path = save(whole.state_dict(), tmp_path)
    with pytest.raises(ValueError, match=r"behind the prefix 'backbone\.'") as raised:
        MultiTaskNet(NAME, path, image_size=32)
    line = str(raised.value).split(" as ")[-1].rstrip(".")
    assert line == (
        "{k.removeprefix('backbone.'): v for k, v in state.items() "
        "if k.startswith('backbone.')}"
    )
    part = {
        k.removeprefix("backbone."): v
        for k, v in whole.state_dict().items()
        if k.startswith("backbone.")
    }
    assert_loaded(save(part, tmp_path), network)


@pytest.mark.parametrize(
    ("weights", "way"),
    [
        (ResNet18_Weights.DEFAULT, r'Pass weights="DEFAULT", which stands for it'),
        (ResNet18_Weights.IMAGENET1K_V1, r'Pass weights="DEFAULT"'),
        (TinyBackbone().state_dict(), r"dict of \d+ entries.*torch\.save\(state, path"),
    ],
)
def test_members_of_enumerations_and_tensors_are_refused_at_once(weights, way, fundus):
    for read in (
        lambda: MultiTaskNet("resnet18", weights),
        lambda: FIQDRClassifier(backbone="resnet18", weights=weights).fit(
            fundus.data, fundus.target
        ),
    ):
        with pytest.raises(TypeError, match=way):
            read()


def frozen_in_part():
    backbone = TinyBackbone()
    next(backbone.parameters()).requires_grad_(False)
    return backbone


@pytest.mark.parametrize("freeze", [False, 1])
def test_layers_that_the_user_froze_stay_frozen(freeze, tiny, fundus):
    backbone = frozen_in_part()
    net = FIQDRClassifier(
        **{**tiny, "backbone": backbone, "lr": 0.1, "max_epochs": 3}, freeze=freeze
    ).fit(fundus.data, fundus.target)
    names = {
        name
        for name, parameter in net.module_.backbone.named_parameters()
        if torch.equal(parameter, backbone.get_parameter(name))
    }
    assert names == {next(iter(dict(backbone.named_parameters())))}


def test_layers_that_a_callback_froze_stay_frozen(tiny, fundus):
    settings = {**tiny, "lr": 0.1, "max_epochs": 3}
    start, net = (
        FIQDRClassifier(**settings | {"lr": lr}, callbacks=[Freezer("backbone.*")]).fit(
            fundus.data, fundus.target
        )
        for lr in (0.0, 0.1)
    )
    for (name, before), after in zip(
        start.module_.named_parameters(), net.module_.parameters(), strict=True
    ):
        assert torch.equal(before, after) == name.startswith("backbone."), name


def test_freeze_gives_back_what_it_froze():
    net = MultiTaskNet(frozen_in_part(), image_size=32)
    before = [parameter.requires_grad for parameter in net.parameters()]
    net.freeze().freeze()
    assert not any(parameter.requires_grad for parameter in net.backbone.parameters())
    net.freeze(False)
    assert [parameter.requires_grad for parameter in net.parameters()] == before
