"""Pooled stages of a backbone, and mirror images averaged in."""

import numpy as np
import pytest
import torch

from sk_fiqdr import DeepFeatures, FIQDRClassifier
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.modules import MultiTaskNet

timm = pytest.importorskip("timm")


def images(n=3, size=64):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, size, size, 3), generator=generator).byte()


@pytest.mark.parametrize("name", ["timm/tf_efficientnet_lite0", "timm/resnet18"])
def test_stages_are_mean_and_deviation_of_the_maps_at_strides_8_16_and_32(name):
    net = MultiTaskNet(name, image_size=64, pooling="stages").eval()
    plain = timm.create_model(name.removeprefix("timm/"), features_only=True).eval()
    state = plain.state_dict() | {
        key: value
        for key, value in net.backbone.network.state_dict().items()
        if key in plain.state_dict()
    }
    plain.load_state_dict(state)
    with torch.no_grad():
        maps = plain(net.normalize(images()))[-3:]
        features = net.backbone_features(images()).numpy()
    assert [64 // one.shape[-1] for one in maps] == [8, 16, 32]
    wanted = [
        measure(one.numpy(), axis=(2, 3))
        for one in maps
        for measure in (np.mean, np.std)
    ]
    np.testing.assert_allclose(features, np.concatenate(wanted, axis=1), atol=1e-5)


def test_no_parameter_is_left_without_a_gradient():
    net = MultiTaskNet("timm/tf_efficientnet_lite0", image_size=64, pooling="stages")
    grade, quality, _ = net(images(4))
    (grade.sum() + quality.sum()).backward()
    assert [name for name, it in net.named_parameters() if it.grad is None] == []


def test_a_backbone_without_stages_is_refused():
    with pytest.raises(ValueError, match=r"'resnet18' does not: .*efficientnet_lite0"):
        MultiTaskNet("resnet18", image_size=64, pooling="stages")


def test_an_unknown_pooling_is_refused():
    with pytest.raises(ValueError, match="'mean' or 'stages', got 'max'"):
        MultiTaskNet("resnet18", image_size=64, pooling="max")


def test_features_of_an_image_and_its_mirror_image_are_averaged():
    torch.manual_seed(0)
    plain = MultiTaskNet("resnet18", image_size=64).eval()
    mirror = MultiTaskNet("resnet18", image_size=64, mirror=True).eval()
    mirror.load_state_dict(plain.state_dict())
    X = images()
    with torch.no_grad():
        wanted = (plain.backbone_features(X) + plain.backbone_features(X.flip(2))) / 2
        torch.testing.assert_close(mirror.backbone_features(X), wanted)
        torch.testing.assert_close(
            mirror.backbone_features(X.flip(2)), mirror.backbone_features(X)
        )


def test_training_sees_each_image_once():
    net = MultiTaskNet("resnet18", image_size=64, mirror=True).train()
    seen = []
    net.backbone.register_forward_hook(lambda *args: seen.append(1))
    net.backbone_features(images())
    assert len(seen) == 1


def test_deep_features_with_other_stages_or_mirrors_are_not_mixed_up(tmp_path):
    X, _ = make_fundus(4, image_size=64, random_state=0, return_X_y=True)
    widths = {}
    for pooling in ("mean", "stages"):
        for mirror in (False, True):
            features = DeepFeatures(
                "timm/tf_efficientnet_lite0",
                image_size=64,
                pooling=pooling,
                mirror=mirror,
                memory=tmp_path,
            )
            again = features.fit_transform(X)
            np.testing.assert_array_equal(again, features.fit_transform(X))
            widths[pooling, mirror] = again
    assert widths["mean", False].shape == (4, 1280)
    assert widths["stages", True].shape == (4, 944)
    assert not np.allclose(widths["mean", False], widths["mean", True])


def test_a_saved_net_keeps_both(tmp_path):
    X, y = make_fundus(8, image_size=64, random_state=0, return_X_y=True)
    net = FIQDRClassifier(
        backbone="timm/tf_efficientnet_lite0",
        module__pooling="stages",
        module__mirror=True,
        image_size=64,
        max_epochs=1,
        batch_size=4,
        random_state=0,
    ).fit(X, y)
    net.save_pretrained(tmp_path / "model")
    loaded = FIQDRClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    assert loaded.module_.mirror


def test_an_exported_net_averages_mirror_images_too(tmp_path):
    pytest.importorskip("onnxscript")
    X, y = make_fundus(8, image_size=64, random_state=0, return_X_y=True)
    net = FIQDRClassifier(
        backbone="timm/tf_efficientnet_lite0",
        module__pooling="stages",
        module__mirror=True,
        image_size=64,
        max_epochs=1,
        batch_size=4,
        random_state=0,
    ).fit(X, y)
    assert net.export(tmp_path / "net.onnx") < 1e-4
