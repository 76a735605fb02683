"""Activation maps, and what they leave as it was."""

import copy
import sys

import numpy as np
import pytest
import torch
from helpers.networks import TinyBackbone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn
from torch.nn import functional as F

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.inspection import ActivationMapDisplay, activation_map
from sk_fiqdr.model_selection import PatientStratifiedKFold


@pytest.fixture(scope="module")
def net(fundus):
    return FIQDRClassifier(
        backbone=TinyBackbone, image_size=48, max_epochs=2, batch_size=8, random_state=0
    ).fit(fundus.data, fundus.target)


def by_hand(net, images, task, target):
    """Grad-CAM of the backbone's output, an image at a time."""
    module = copy.deepcopy(net.module_).eval()
    maps = []
    for image, label in zip(images, target, strict=True):
        deep = module.backbone(module.normalize(torch.from_numpy(image[None].copy())))
        deep = deep.detach().requires_grad_()
        pooled = deep.mean(dim=(2, 3))
        head = module.quality_head(module.embedding(pooled))
        score = (module.grade_head(pooled) if task == "grade" else head)[0, label]
        (gradient,) = torch.autograd.grad(score, deep)
        weight = gradient.mean(dim=(2, 3), keepdim=True)
        heat = F.relu((weight * deep).sum(dim=1, keepdim=True)).detach()
        heat = F.interpolate(heat, image.shape[:2], mode="bilinear")[0, 0]
        maps.append((heat / heat.max() if heat.max() > 0 else heat).numpy())
    return np.stack(maps)


@pytest.mark.parametrize("task", ["grade", "quality"])
@pytest.mark.parametrize("target", [None, 1, [0, 1, 1, 0, 0, 1, 0, 1, 0, 1]])
def test_maps_equal_grad_cam_by_hand(net, fundus, task, target):
    X = fundus.data[:10]
    maps = activation_map(net, X, task=task, target=target)
    answer = net.predict(X) if task == "grade" else net.predict_quality(X)
    wanted = answer if target is None else np.broadcast_to(target, 10)
    np.testing.assert_allclose(maps, by_hand(net, X, task, wanted), atol=1e-5)


def test_maps_have_the_networks_size_and_go_from_0_to_1(net, fundus, fundus_paths):
    larger = np.repeat(np.repeat(fundus.data[:6], 2, axis=1), 2, axis=2)
    with pytest.warns(UserWarning, match="now sees 96 x 96"):
        maps = activation_map(net, larger)
    assert maps.shape == (6, 48, 48)
    assert maps.dtype == np.float32
    largest = maps.max(axis=(1, 2))
    assert maps.min() >= 0
    assert np.isclose(largest[largest > 0], 1).all()
    assert (largest > 0).any()
    from_files = activation_map(net, fundus_paths[:6])
    np.testing.assert_allclose(
        from_files, activation_map(net, fundus.data[:6]), atol=1e-5
    )


def test_batches_do_not_matter(net, fundus):
    whole = activation_map(copy.deepcopy(net).set_params(batch_size=-1), fundus.data)
    parts = activation_map(copy.deepcopy(net).set_params(batch_size=5), fundus.data)
    np.testing.assert_allclose(whole, parts, atol=1e-5)


class Spots(nn.Sequential):
    """A network whose last maps are still fine enough to point."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 8, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.ReLU(),
        )


def test_a_map_points_at_what_makes_the_grade():
    """A bright spot is grade 4, wherever it is; nothing else tells."""
    rng = np.random.default_rng(0)
    X = rng.integers(30, 50, (96, 32, 32, 3)).astype(np.uint8)
    place = rng.integers(0, 26, (96, 2))
    sick = np.arange(96) % 2 == 1
    for i in np.flatnonzero(sick):
        row, column = place[i]
        X[i, row : row + 6, column : column + 6] = 230
    y = np.where(sick, 4, 0)
    grader = DRGrader(
        backbone=Spots, image_size=32, max_epochs=15, lr=0.05, augment=None,
        batch_size=16, random_state=0,
    ).fit(X[:64], y[:64])  # fmt: skip
    test = np.flatnonzero(sick & (np.arange(96) >= 64))
    assert (grader.predict(X[test]) == 4).all()
    display = ActivationMapDisplay.from_estimator(grader, X[test], y[test], target=4)
    peak = display.frame()[["peak_row", "peak_column"]].to_numpy()
    off = np.abs(peak - (place[test] + 2.5)).max(axis=1)
    assert np.median(off) <= 4
    assert (off <= 6).mean() >= 0.9


@pytest.mark.parametrize(
    ("backbone", "shape"),
    [
        ("resnet18", (64, 4, 4)),
        ("mobilenet_v3_small", (64, 2, 2)),
        ("densenet121", (64, 2, 2)),
        ("vgg11", (64, 2, 2)),
        ("squeezenet1_1", (64, 3, 3)),
        ("swin_t", (64, 2, 2)),
        ("shufflenet_v2_x0_5", (64, 2, 2)),
    ],
)
def test_backbones_by_name_have_maps_and_a_last_layer(backbone, shape, fundus):
    from sk_fiqdr.inspection._grad_cam import _find_layer, _output_shapes
    from sk_fiqdr.modules import MultiTaskNet

    size = shape[0] * (2 if backbone == "resnet18" else 1)
    module = MultiTaskNet(backbone, image_size=size).eval()
    images = torch.zeros(1, size, size, 3, dtype=torch.uint8)
    found = _find_layer(module, images, None)
    last = next(s for m, s in _output_shapes(module, images)[::-1] if m is found)
    assert last[2:] == shape[1:]


def test_a_real_backbone_by_name_is_mapped_at_a_finer_layer_too(fundus):
    X, y = fundus.data[:8], fundus.target[:8]
    net = FIQDRClassifier(
        backbone="resnet18", image_size=64, max_epochs=1, batch_size=8, random_state=0
    ).fit(X, y)
    coarse, fine = activation_map(net, X), activation_map(net, X, layer="layer2")
    assert coarse.shape == fine.shape == (8, 64, 64)

    def roughness(maps):
        return np.abs(np.diff(maps, axis=2)).mean()

    assert roughness(fine) > roughness(coarse)
    same = activation_map(net, X, layer=net.module_.backbone.layer2)
    np.testing.assert_array_equal(fine, same)
    with pytest.raises(ValueError, match=r"layer='layer9'.*'layer4'"):
        activation_map(net, X, layer="layer9")
    with pytest.raises(ValueError, match=r"with output maps.*\(1, 512\)"):
        activation_map(net, X, layer="fc")
    with pytest.raises(ValueError, match=r"layer must .*got none of these"):
        activation_map(net, X, layer=torch.nn.Conv2d(3, 3, 1))


@pytest.mark.parametrize("training", [True, False])
def test_the_net_is_left_as_it_was(net, fundus, training):
    net = copy.deepcopy(net)
    net.module_.train(training)
    net.module_.backbone[1].eval()
    parameter = next(net.module_.parameters())
    parameter.grad = torch.ones_like(parameter)
    before = copy.deepcopy(net.module_.state_dict())
    modes = [layer.training for layer in net.module_.modules()]
    needs = [p.requires_grad for p in net.module_.parameters()]
    drawn = torch.get_rng_state()
    activation_map(net, fundus.data)
    assert [layer.training for layer in net.module_.modules()] == modes
    assert [p.requires_grad for p in net.module_.parameters()] == needs
    for name, value in net.module_.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert (parameter.grad == 1).all()
    assert all(p.grad is None for p in list(net.module_.parameters())[1:])
    assert not any(m._forward_hooks or m._backward_hooks for m in net.module_.modules())
    assert torch.equal(torch.get_rng_state(), drawn)


def test_the_net_is_left_as_it_was_by_an_error(net, fundus):
    net = copy.deepcopy(net)
    net.module_.train()
    with pytest.raises(ValueError, match="layer='nothing'"):
        activation_map(net, fundus.data, layer="nothing")
    assert net.module_.training
    assert net.module_.backbone.training


def test_a_frozen_net_is_mapped(fundus, tiny):
    net = FIQDRClassifier(**tiny, freeze=True).fit(fundus.data, fundus.target)
    assert activation_map(net, fundus.data[:4]).max() == pytest.approx(1)
    assert not any(p.requires_grad for p in net.module_.backbone.parameters())


def test_searches_and_pipelines_are_the_net_inside(fundus, tiny):
    search = GridSearchCV(
        FIQDRClassifier(**tiny), {"beta": [1, 9]}, cv=PatientStratifiedKFold(2)
    ).fit(fundus.data, fundus.target, groups=fundus.groups)
    pipe = make_pipeline(FunctionTransformer().fit(fundus.data), search)
    expected = activation_map(search.best_estimator_, fundus.data[:4])
    np.testing.assert_array_equal(activation_map(pipe, fundus.data[:4]), expected)


def test_nets_of_one_task(fundus, tiny):
    known = fundus.target[:, 0] != 3
    grader = DRGrader(**tiny).fit(fundus.data[known], fundus.target[known, 0])
    assert 3 not in grader.classes_
    frame = ActivationMapDisplay.from_estimator(grader, fundus.data).frame()
    assert frame["target"].tolist() == grader.predict(fundus.data).tolist()
    proba = grader.predict_proba(fundus.data).max(axis=1)
    np.testing.assert_allclose(frame["probability"], proba, atol=1e-5)
    with pytest.raises(ValueError, match=r"one of \[0, 1, 2, 4\], got 3"):
        activation_map(grader, fundus.data, target=3)
    with pytest.raises(ValueError, match="'quality', but DRGrader predicts grade only"):
        activation_map(grader, fundus.data, task="quality")
    judge = QualityClassifier(**tiny).fit(fundus.data, fundus.target[:, 1])
    assert activation_map(judge, fundus.data[:2], task="quality").shape == (2, 48, 48)
    with pytest.raises(ValueError, match="'grade', but QualityClassifier predicts"):
        activation_map(judge, fundus.data)


def test_an_unreadable_image_has_no_map(fundus, fundus_paths, tiny, tmp_path):
    net = FIQDRClassifier(**tiny, on_error="skip").fit(fundus_paths, fundus.target)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    X = [fundus_paths[0], broken, fundus_paths[1]]
    maps = activation_map(net, X)
    assert np.isnan(maps[1]).all()
    assert np.isfinite(maps[[0, 2]]).all()
    display = ActivationMapDisplay.from_estimator(net, X, fundus.target[[0, 0, 1]])
    assert display.frame()["target"][1] == -1
    assert display.frame()["peak_row"][1] == -1
    assert display.axes_[1, 1].texts[0].get_text() == "cannot be read"
    display.figure_.canvas.draw()


def test_nothing_that_speaks_for_a_class_is_a_map_of_zeros(net, fundus):
    silent = copy.deepcopy(net)
    with torch.no_grad():
        silent.module_.grade_head[1].weight.zero_()
    display = ActivationMapDisplay.from_estimator(silent, fundus.data[:2])
    assert (display.maps == 0).all()
    assert (display.frame()[["peak_row", "peak_column"]] == -1).all(axis=None)
    display.figure_.canvas.draw()


def test_captions_tell_truth_answer_and_file(net, fundus, fundus_paths):
    display = ActivationMapDisplay.from_estimator(
        net, fundus_paths[:8], fundus.target[:8], task="quality", target=0
    )
    proba = net.predict_quality_proba(fundus_paths[:1])[0, 0]
    true = "good" if fundus.target[0, 1] else "poor"
    assert display.axes_[0, 0].get_title() == (
        f"{fundus_paths[0].name}\nquality poor: {proba:.0%}\ntrue: {true}"
    )
    assert display.axes_.shape == (4, 6)
    with pytest.raises(ValueError, match="X has 2 images and y 3 rows"):
        ActivationMapDisplay.from_estimator(net, fundus.data[:2], fundus.target[:3])


def test_a_net_without_a_backbone_says_what_to_do(fitted):
    net, X, _ = fitted
    with pytest.raises(ValueError, match=r"backbone=None.*'resnet18'"):
        activation_map(net, X)


def test_tokens_are_no_maps(fundus):
    net = FIQDRClassifier(
        backbone="vit_b_32", image_size=32, freeze=True, max_epochs=1, random_state=0
    ).fit(fundus.data[:4], fundus.target[:4])
    with pytest.raises(ValueError, match="vision transformer"):
        activation_map(net, fundus.data[:1])


def test_other_estimators_and_unfitted_nets_are_refused(fundus, tiny):
    with pytest.raises(TypeError, match=r"got LogisticRegression.*estimator_"):
        activation_map(LogisticRegression(), fundus.data)
    with pytest.raises(Exception, match="not initialized"):
        activation_map(FIQDRClassifier(**tiny), fundus.data)


def test_bad_targets_are_refused(net, fundus):
    with pytest.raises(ValueError, match=r"target must be one of \[0, 1\], got 2"):
        activation_map(net, fundus.data, task="quality", target=2)
    with pytest.raises(ValueError, match=r"each of the 24 images, got shape \(2,\)"):
        activation_map(net, fundus.data, target=[0, 1])
    with pytest.raises(ValueError, match="'both'"):
        activation_map(net, fundus.data, task="both")


def test_without_captum_the_error_names_the_extra(net, fundus, monkeypatch):
    monkeypatch.delitem(sys.modules, "sk_fiqdr.inspection._grad_cam", raising=False)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(ImportError, match=r'pip install "sk-fiqdr\[inspection\]"'):
        activation_map(net, fundus.data)


@pytest.mark.realdata
def test_real_photographs_are_mapped_and_shown(real_data, tmp_path):
    paths = sorted((real_data / "originals").glob("*.jpeg"))[:6]
    y = np.column_stack([np.arange(6) % 5, np.arange(6) % 2])
    net = FIQDRClassifier(
        backbone="mobilenet_v3_small", image_size=96, max_epochs=1, random_state=0
    ).fit(paths, y)
    display = ActivationMapDisplay.from_estimator(net, paths, y)
    assert display.maps.shape == (6, 96, 96)
    display.figure_.savefig(tmp_path / "maps.png")
