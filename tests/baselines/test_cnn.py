"""The baselines with a network: what the factories hand out."""

import numpy as np
import pytest

import sk_fiqdr
from sk_fiqdr import QualityClassifier
from sk_fiqdr.baselines import make_cnn_svm, make_finetuned_cnn
from sk_fiqdr.metrics import mean_acc_scorer

BACKBONES = ["alexnet", "googlenet", "vgg16", "resnet50"]


@pytest.mark.parametrize("backbone", BACKBONES)
def test_fine_tuning_is_plain_cross_entropy_on_both_qualities_equally_often(backbone):
    net = make_finetuned_cnn(backbone)
    assert isinstance(net, QualityClassifier)
    assert net.backbone == backbone
    assert (net.beta, net.lambd, net.balance) == (1.0, 0.0, "quality")


def test_parameters_reach_the_classifier():
    net = make_finetuned_cnn("alexnet", balance=None, lr=0.1, optimizer__momentum=0.5)
    assert (net.balance, net.lr, net.optimizer__momentum) == (None, 0.1, 0.5)


def test_another_backbone_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"'alexnet', .*got 'resnet18'.*QualityClass"):
        make_finetuned_cnn("resnet18")


@pytest.mark.slow
@pytest.mark.parametrize("backbone", BACKBONES)
def test_each_network_fits_and_answers(backbone, fundus):
    quality = fundus.target[:, 1]
    net = make_finetuned_cnn(
        backbone, image_size=64, max_epochs=1, batch_size=6, random_state=0
    )
    net.fit(fundus.data[:6], [0, 1] * 3)
    assert net.predict_proba(fundus.data[:6]).shape == (6, 2)
    assert 0 <= mean_acc_scorer(net, fundus.data[:6], quality[:6]) <= 1


@pytest.mark.skipif(
    not hasattr(sk_fiqdr, "DeepFeatures"), reason="sk_fiqdr.DeepFeatures is to come"
)
def test_cnn_features_and_an_svm_are_a_pipeline(fundus):
    quality = fundus.target[:, 1].copy()
    baseline = make_cnn_svm("resnet18", image_size=64, C=0.5)
    assert baseline.get_params()["svm__C"] == 0.5
    quality[0] = -1
    baseline.fit(fundus.data, quality)
    proba = baseline.predict_proba(fundus.data)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(baseline.predict(fundus.data), proba.argmax(axis=1))
    assert mean_acc_scorer(baseline, fundus.data, quality) > 0.5
