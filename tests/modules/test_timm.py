"""Backbones of timm, by name and by factory: the smallest ones, with random weights."""

import functools
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from sk_fiqdr import DeepFeatures, FIQDRClassifier
from sk_fiqdr.modules import MultiTaskNet

timm = pytest.importorskip("timm")
SETTINGS = {"image_size": 48, "max_epochs": 1, "random_state": 0, "amp": False}


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_a_backbone_of_timm_fits_travels_and_is_exported(name, fundus, tmp_path):
    X, y = fundus.data, fundus.target
    net = FIQDRClassifier(backbone=f"timm/{name}", **SETTINGS).fit(X, y)
    net.save_pretrained(tmp_path / "model")
    loaded = FIQDRClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    assert net.export(tmp_path / "model.pt2") < 1e-5


def test_a_factory_of_timm_is_the_same_network(fundus):
    X, y = fundus.data, fundus.target
    factory = functools.partial(timm.create_model, "test_resnet", num_classes=0)
    by_name = FIQDRClassifier(backbone="timm/test_resnet", **SETTINGS).fit(X, y)
    by_factory = FIQDRClassifier(backbone=factory, **SETTINGS).fit(X, y)
    np.testing.assert_array_equal(by_name.predict_proba(X), by_factory.predict_proba(X))


def test_the_net_gives_the_features_that_timm_gives(fundus):
    """The pixels are those that timm's own transform would make."""
    torch.manual_seed(0)
    net = MultiTaskNet("timm/test_vit", image_size=48).eval()
    config = timm.data.resolve_data_config(model=net.backbone)
    assert config["mean"] == (0.5, 0.5, 0.5)
    pixels = torch.from_numpy(fundus.data[:4]).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(config[it]).view(3, 1, 1) for it in ("mean", "std"))
    with torch.no_grad():
        expected = net.backbone((pixels - mean) / std)
        came = net.backbone_features(torch.from_numpy(fundus.data[:4]))
    torch.testing.assert_close(came, expected)


def test_statistics_of_the_users_own_come_first():
    net = MultiTaskNet("timm/test_vit", image_size=48, mean=(0.1, 0.2, 0.3))
    torch.testing.assert_close(net.mean.flatten() / 255, torch.tensor([0.1, 0.2, 0.3]))
    torch.testing.assert_close(net.std.flatten() / 255, torch.full((3,), 0.5))


def test_features_of_a_frozen_backbone_of_timm_are_kept(fundus_paths, tmp_path):
    features = DeepFeatures("timm/test_resnet", image_size=48, memory=tmp_path)
    first = features.fit_transform(fundus_paths)
    again = DeepFeatures("timm/test_resnet", image_size=48, memory=tmp_path)
    np.testing.assert_array_equal(again.fit_transform(fundus_paths), first)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_a_local_file_of_timms_own_weights_is_loaded(name, tmp_path):
    source = timm.create_model(name, **({"img_size": 48} if "vit" in name else {}))
    save_file(source.state_dict(), tmp_path / "weights.safetensors")
    net = MultiTaskNet(f"timm/{name}", tmp_path / "weights.safetensors", image_size=48)
    own = net.backbone.state_dict()
    assert own
    assert all(torch.equal(source.state_dict()[key], own[key]) for key in own)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("test_resnt", "Did you mean 'timm/test_resnet'"),
        ("hf-hub:timm/test_resnet.r160_in1k", r"list_models\(\) names them"),
        ("local-dir:/tmp", r"list_models\(\) names them"),
        ("", r"list_models\(\) names them"),
    ],
)
def test_only_names_that_timm_has_itself_are_built(name, message):
    with pytest.raises(ValueError, match=f"is not a timm model.*{message}"):
        MultiTaskNet(f"timm/{name}", image_size=48)


def test_a_size_that_does_not_suit_is_told():
    with pytest.raises(ValueError, match=r"image_size=50.*divisible by patch size"):
        MultiTaskNet("timm/test_vit", image_size=50)


def test_weights_that_cannot_be_fetched_are_named(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(OSError, match=r"weights of 'test_resnet' once.*local state"):
        MultiTaskNet("timm/test_resnet", "DEFAULT", image_size=48)


def test_without_timm_the_user_hears_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ImportError, match="pip install timm"):
        MultiTaskNet("timm/test_resnet", image_size=48)
