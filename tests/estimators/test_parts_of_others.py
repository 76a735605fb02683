"""Parts that users bring: networks, criteria, scoring callbacks, skorch's arguments."""

import numpy as np
import pytest
import torch
from helpers.fits import make_features
from skorch.callbacks import EpochScoring
from skorch.dataset import Dataset
from torch import nn
from torch.nn import functional as F

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.callbacks import EarlyStopping
from sk_fiqdr.losses import MaskedCrossEntropy, masked_cross_entropy
from sk_fiqdr.metrics import kappa_scorer, mean_acc_scorer
from sk_fiqdr.model_selection import PatientValidSplit
from sk_fiqdr.modules import MultiTaskNet

HEADS = {"backbone": None, "max_epochs": 3, "lr": 0.05, "random_state": 0}


@pytest.fixture(scope="module")
def data():
    return make_features(200)


def built(width, **kwargs):
    torch.manual_seed(1)
    return MultiTaskNet(backbone=None, n_inputs=width, **kwargs)


def test_of_a_network_that_is_built_each_fit_trains_a_copy(data):
    X, y = data
    network = built(X.shape[1], embedding_size=16, dropout=0.1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    nets = [FIQDRClassifier(**HEADS, module=network).fit(X, y) for _ in range(2)]
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
        states = [net.module_.state_dict()[name] for net in nets]
        assert torch.equal(*states)
    assert not torch.equal(nets[0].module_.embedding.weight, network.embedding.weight)
    assert nets[0].transform(X).shape == (200, 16)
    assert nets[0].module is network


def test_a_network_of_images_may_be_built_too(tiny, fundus):
    settings = {**tiny, "max_epochs": 1}
    backbone = settings.pop("backbone")
    network = MultiTaskNet(backbone, image_size=48)
    net = FIQDRClassifier(**settings, module=network)
    assert net.fit(fundus.data, fundus.target).predict(fundus.data).shape == (24,)


@pytest.mark.parametrize(
    ("module", "settings", "message"),
    [
        (lambda n: built(n + 1), {}, "a MultiTaskNet, does not take float32 of shape"),
        (lambda n: built(n, n_grades=4), {}, r"widths \[4, 2, 128\], .*5 of grade"),
        (lambda n: nn.Sequential(nn.Linear(n, 5)), {}, "a Sequential, returns outputs"),
        (built, {"module__dropout": 0.5}, r"module__dropout would not reach it"),
        (built, {"weights": "w.pth"}, r"weights would not reach it"),
        (built, {"grade_loss": "ordinal"}, "Build it with ordinal=True"),
    ],
)
def test_networks_that_do_not_fit_are_refused(module, settings, message, data):
    X, y = data
    net = FIQDRClassifier(**HEADS, module=module(X.shape[1]), **settings)
    with pytest.raises(ValueError, match=message):
        net.fit(X, y)


def test_an_ordinal_network_that_is_built_is_trained_as_one(data):
    X, y = data
    network = built(X.shape[1], ordinal=True)
    net = FIQDRClassifier(**HEADS, module=network, grade_loss="ordinal").fit(X, y)
    np.testing.assert_allclose(net.predict_proba(X).sum(axis=1), 1)


@pytest.mark.parametrize("estimator", [FIQDRClassifier, DRGrader, QualityClassifier])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("predict_nonlinearity", torch.sigmoid),
        ("predict_nonlinearity", None),
        ("dataset", type("Own", (Dataset,), {})),
        ("dataset__length", 3),
    ],
)
def test_parameters_of_skorch_without_effect_are_refused(estimator, name, value, data):
    X, y = data
    with pytest.raises(ValueError, match=f"{name.split('__')[0]}=.* has no effect"):
        estimator(**HEADS, **{name: value}).fit(X, y)


def smoothed(logits, labels, weights, share):
    """Take the loss row by row, as the definition says."""
    total, weight_sum = 0.0, 0.0
    for row, label, weight in zip(logits, labels, weights, strict=True):
        if label >= 0:
            log = F.log_softmax(row, dim=0)
            total += weight * -((1 - share) * log[label] + share * log.mean())
            weight_sum += weight
    return total / weight_sum


@pytest.mark.parametrize("weighted", [False, True])
def test_labels_are_smoothed_as_by_definition(weighted):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20, 5, generator=generator, dtype=torch.float64)
    labels = torch.arange(20) % 6 - 1
    weights = torch.rand(20, generator=generator, dtype=torch.float64)
    given = weights if weighted else None
    loss = masked_cross_entropy(
        logits, labels, sample_weight=given, label_smoothing=0.2
    )
    weights = weights if weighted else torch.ones(20)
    torch.testing.assert_close(loss, smoothed(logits, labels, weights, 0.2))
    module = MaskedCrossEntropy(label_smoothing=0.2)
    assert torch.equal(module(logits, labels, sample_weight=given), loss)


def test_smoothing_of_the_estimators_criterion_is_that_of_torch(data):
    X, y = data[0], data[1][:, 0]
    settings = [
        {"criterion__label_smoothing": 0.1},
        {"criterion": nn.CrossEntropyLoss, "criterion__label_smoothing": 0.1},
        {"criterion": nn.CrossEntropyLoss(label_smoothing=0.1)},
        {"grade_loss": nn.CrossEntropyLoss(label_smoothing=0.1)},
    ]
    losses = [
        DRGrader(**HEADS, **each).fit(X, y).history_[:, "train_loss"]
        for each in settings
    ]
    for other in losses[1:]:
        np.testing.assert_allclose(losses[0], other, rtol=1e-5)
    plain = DRGrader(**HEADS).fit(X, y).history_[:, "train_loss"]
    assert plain[-1] < losses[0][-1]


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_more_than_all_of_a_label_cannot_be_spread(share):
    with pytest.raises(ValueError, match="label_smoothing must be from 0 to 1"):
        MaskedCrossEntropy(label_smoothing=share)


@pytest.mark.parametrize("estimator", [FIQDRClassifier, QualityClassifier])
@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        (nn.CrossEntropyLoss, r"CrossEntropyLoss does not take beta, lambd, n_feat"),
        (nn.CrossEntropyLoss(), r"instance of CrossEntropyLoss.*grade_loss, such as"),
    ],
)
def test_a_plain_loss_for_quality_names_where_one_of_the_grade_goes(
    estimator, criterion, message, data
):
    X, y = data
    y = y if estimator is FIQDRClassifier else y[:, 1]
    with pytest.raises(TypeError, match=message):
        estimator(**HEADS, criterion=criterion).fit(X, y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"criterion__label_smoothing": 0.1, "grade_loss": "soft_kappa"},
            "criterion__label_smoothing has no effect with grade_loss='soft_kappa'",
        ),
        (
            {"criterion": nn.CrossEntropyLoss(reduction="none")},
            r"returns shape \(\d+,\), expected the mean",
        ),
    ],
)
def test_a_loss_of_the_grade_is_used_as_it_was_meant_or_refused(
    settings, message, data
):
    with pytest.raises(ValueError, match=message):
        DRGrader(**HEADS, **settings).fit(data[0], data[1][:, 0])


@pytest.mark.parametrize("use_caching", [True, False])
@pytest.mark.parametrize("kind", ["paths", "images"])
@pytest.mark.parametrize(
    ("estimator", "scoring"),
    [
        (FIQDRClassifier, kappa_scorer),
        (DRGrader, kappa_scorer),
        (DRGrader, "accuracy"),
        (QualityClassifier, mean_acc_scorer),
    ],
)
def test_scores_of_epochs_stop_a_fit(
    estimator, scoring, kind, use_caching, tiny, fundus, fundus_paths
):
    X = np.array(fundus_paths, dtype=str) if kind == "paths" else fundus.data
    y = fundus.target
    y = {DRGrader: y[:, 0], QualityClassifier: y[:, 1]}.get(estimator, y)
    split = PatientValidSplit(0.25, random_state=0)
    name = {"name": "valid_score", "lower_is_better": False}
    net = estimator(
        **tiny | {"max_epochs": 4},
        train_split=split,
        callbacks=[
            EpochScoring(scoring, use_caching=use_caching, **name),
            EarlyStopping("valid_score", lower_is_better=False, patience=1),
        ],
    ).fit(X, y, groups=fundus.groups)
    scores = net.history[:, "valid_score"]
    assert 1 < len(scores) <= 4
    assert np.isfinite(scores).all()
    best = int(np.argmax(scores))
    _, held_out = split(net.get_dataset(X, None), y, groups=fundus.groups)
    rows = np.asarray(held_out.indices)
    expected = (
        net.score(X[rows], y[rows])
        if scoring == "accuracy"
        else scoring(net, X[rows], y[rows])
    )
    assert scores[best] == pytest.approx(expected)
