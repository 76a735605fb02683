"""The life of a fitted net: more rows, more epochs, other parameters."""

import numpy as np
import pytest
from helpers.fits import make_features
from torch import nn

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier

HEADS = {"backbone": None, "max_epochs": 5, "lr": 0.05, "random_state": 0}


@pytest.fixture(scope="module")
def data():
    return make_features(200)


def in_words(y):
    return np.array(["mild", "no DR", "severe", "moderate", "worst"])[y]


@pytest.mark.parametrize("words", [False, True])
def test_batches_of_some_classes_are_learned_as_those_of_all(words, data):
    X, y = data[0], data[1][:, 0]
    labels = in_words(y) if words else y
    net = DRGrader(**HEADS | {"max_epochs": 20})
    for batch in ([0, 1], [2, 3, 4]):
        rows = np.isin(y, batch)
        net.partial_fit(X[rows], labels[rows], classes=np.unique(labels))
        assert (net.predict(X[rows]) == labels[rows]).mean() > 0.7
    assert net.classes_.tolist() == np.unique(labels).tolist()
    assert net.predict_proba(X).shape == (200, 5)


def test_later_calls_keep_the_classes_of_the_first(data):
    X, y = data[0], data[1][:, 0]
    net = DRGrader(**HEADS).partial_fit(X, y)
    rows = y == 3
    net.partial_fit(X[rows], y[rows])  # of one class
    assert net.classes_.tolist() == [0, 1, 2, 3, 4]
    net.partial_fit(X, y, classes=[4, 3, 2, 1, 0, -1])


@pytest.mark.parametrize(
    ("estimator", "classes", "message"),
    [
        (DRGrader, [0, 1], r"y holds \[2, 3, 4\], and the classes .* \[0, 1\]\. .*as"),
        (DRGrader, [0, 1, 2, 3, 4, 5], r"are 6, expected 2 to 5 of grade"),
        (DRGrader, [3], r"classes=\[3\] are 1, expected 2 to 5"),
        (QualityClassifier, [0, 1, 2], r"are 3, expected 2 to 2 of quality"),
        (FIQDRClassifier, [0, 5, 7], r"classes holds \[5, 7\], and .* grades 0 to 4"),
    ],
)
def test_classes_that_it_cannot_have_are_refused(estimator, classes, message, data):
    X, y = data
    y = {DRGrader: y[:, 0], QualityClassifier: y[:, 1]}.get(estimator, y)
    with pytest.raises(ValueError, match=message):
        estimator(**HEADS).partial_fit(X, y, classes=classes)


def test_classes_of_a_later_call_must_be_those_of_the_first(data):
    X, y = data[0], data[1][:, 0]
    few = y < 3
    net = DRGrader(**HEADS).partial_fit(X[few], y[few])
    with pytest.raises(ValueError, match=r"not those of the first call, \[0, 1, 2\]"):
        net.partial_fit(X, y, classes=range(5))
    with pytest.raises(ValueError, match=r"y holds \[3, 4\]"):
        net.partial_fit(X, y)
    with pytest.raises(ValueError, match=r"y holds \[3, 4\]"):
        net.set_params(warm_start=True).fit(X, y)
    assert net.set_params(warm_start=False).fit(X, y).classes_.tolist() == [*range(5)]


def test_grades_and_qualities_may_be_passed_as_classes_of_both_tasks(data):
    X, y = data
    net = FIQDRClassifier(**HEADS)
    net.partial_fit(X, y, classes=[np.arange(5), np.arange(2)])
    net.partial_fit(X, y, classes=np.unique(y))
    assert len(net.history) == 10


@pytest.mark.parametrize("estimator", [FIQDRClassifier, DRGrader, QualityClassifier])
def test_epochs_are_those_of_the_call(estimator, data):
    X, y = data
    y = {DRGrader: y[:, 0], QualityClassifier: y[:, 1]}.get(estimator, y)
    net = estimator(**HEADS).partial_fit(X, y, epochs=2).partial_fit(X, y, epochs=1)
    assert len(net.history) == 3
    # The schedule of the learning rate is that of two epochs, then of one.
    other = estimator(**HEADS | {"max_epochs": 2}).partial_fit(X, y)
    other.set_params(max_epochs=1).partial_fit(X, y)
    assert net.history[:, "train_loss"] == other.history[:, "train_loss"]


@pytest.mark.parametrize("epochs", [0, -1, 2.5, "3", True])
def test_what_is_not_a_number_of_epochs_is_refused(epochs, data):
    with pytest.raises(ValueError, match="epochs must be a whole number of at least 1"):
        FIQDRClassifier(**HEADS).partial_fit(*data, epochs=epochs)


@pytest.mark.parametrize("name", ["sampel_weight", "max_epochs", "lr"])
def test_unknown_arguments_are_refused_by_name(name, data):
    with pytest.raises(TypeError, match=rf"\['{name}'\]. It takes X, y, classes"):
        FIQDRClassifier(**HEADS).partial_fit(*data, **{name: 1})


@pytest.mark.parametrize("again", ["partial_fit", "warm start"])
@pytest.mark.parametrize("estimator", [FIQDRClassifier, QualityClassifier])
def test_beta_and_lambd_that_are_set_later_reach_the_loss(estimator, again, data):
    X, y = data
    y = y if estimator is FIQDRClassifier else y[:, 1]
    net = estimator(**HEADS, beta=27.0, lambd=0.1).fit(X, y)
    centers = net.criterion_.centers.clone()
    net.set_params(beta=[3.0, 2.0], lambd=0.0, lr=0.0, criterion=type(net.criterion_))
    net.criterion_.centers.copy_(centers)
    if again == "partial_fit":
        net.partial_fit(X, y, epochs=1)
    else:
        net.set_params(warm_start=True).fit(X, y)
    assert net.class_weights_.tolist() == [3.0, 2.0]
    assert net.criterion_.weights.tolist() == [3.0, 2.0]
    assert net.criterion_.lambd == 0.0
    assert net.criterion_.centers.norm() > 0


def test_centres_continue_from_where_they_were(data):
    net = FIQDRClassifier(**HEADS | {"batch_size": -1}).fit(*data)
    before = net.criterion_.centers.clone()
    net.set_params(beta=1.0).partial_fit(*data, epochs=1)
    assert 0 < (net.criterion_.centers - before).norm() < 0.5 * before.norm()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("grade_loss", "ordinal", "grade_loss or solver"),
        ("module", nn.Linear, "module"),
        ("backbone_lr", 0.1, "backbone_lr"),
    ],
)
def test_what_the_network_was_built_from_is_not_changed_in_silence(
    name, value, said, tiny, fundus
):
    net = FIQDRClassifier(**tiny | {"max_epochs": 1})
    net.fit(fundus.data, fundus.target)
    vars(net)[name] = value
    with pytest.raises(ValueError, match=f"{said} was set after the network was built"):
        net.partial_fit(fundus.data, fundus.target)


def test_learning_rates_that_are_set_later_are_used(tiny, fundus):
    settings = tiny | {"max_epochs": 1, "lr_schedule": "constant"}
    net = FIQDRClassifier(**settings, backbone_lr=0.0)
    net.fit(fundus.data, fundus.target)
    net.set_params(lr=0.5).partial_fit(fundus.data, fundus.target)
    before = {id(p) for p in net.module_.backbone.parameters()}
    rates = {
        (id(group["params"][0]) in before): group["lr"]
        for group in net.optimizer_.param_groups
    }
    assert rates == {True: 0.0, False: 0.5}


def test_a_trimmed_net_predicts_and_says_that_it_cannot_train(data):
    net = FIQDRClassifier(**HEADS).fit(*data)
    expected = net.predict_proba(data[0])
    net.trim_for_prediction()
    np.testing.assert_array_equal(net.predict_proba(data[0]), expected)
    for train in (net.fit, net.partial_fit):
        with pytest.raises(ValueError, match="trim_for_prediction has left"):
            train(*data)
