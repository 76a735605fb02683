"""Parameters: shown in signatures and representations, checked, and never doubled."""

import inspect
import pickle
import pydoc
import re

import numpy as np
import pytest
import torch
from helpers.fits import make_features
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier


@pytest.fixture
def features():
    return make_features()


@pytest.fixture
def heads():
    """Settings of an estimator of features."""
    return {"backbone": None, "max_epochs": 3, "lr": 0.1, "random_state": 0}


def same_state(one, two):
    one, two = (
        {**net.module_.state_dict(), **net.criterion_.state_dict()}
        for net in (one, two)
    )
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def test_an_unknown_parameter_is_named(features, heads):
    with pytest.raises(ValueError, match="betta"):
        FIQDRClassifier(**heads, betta=3).fit(*features)


@pytest.mark.parametrize("estimator", [FIQDRClassifier, QualityClassifier, DRGrader])
def test_representations_name_what_was_set_and_nothing_else(estimator):
    name = estimator.__name__
    assert repr(estimator()) == f"{name}()"
    assert 'class="user-set"' not in estimator()._repr_html_()
    net = estimator(
        backbone=None, max_epochs=3, optimizer__momentum=0.5, callbacks=[("a", None)]
    )
    text = re.sub(r"\s+", " ", repr(net))
    assert text == (
        f"{name}(backbone=None, callbacks=[('a', None)], max_epochs=3, "
        "optimizer__momentum=0.5)"
    )
    assert net._repr_html_().count('class="user-set"') == 4


def test_the_signature_shows_what_can_be_set_with_its_default():
    shown = inspect.signature(FIQDRClassifier).parameters
    expected = {
        name: value
        for name, value in FIQDRClassifier().get_params(deep=False).items()
        if name != "device"
    } | {"device": "auto"}
    assert {
        name: parameter.default
        for name, parameter in shown.items()
        if parameter.kind is not parameter.VAR_KEYWORD
    } == expected
    for name in ("max_epochs", "lr", "train_split", "callbacks", "warm_start"):
        assert f"{name}=" in pydoc.render_doc(FIQDRClassifier).split("\n\n")[1]


class Mine(FIQDRClassifier):
    """Of a user: a parameter of its own, and another default."""

    def __init__(self, *, mine=1, lr=0.2, **kwargs):
        super().__init__(lr=lr, **kwargs)
        self.mine = mine


def test_a_subclass_names_its_own_parameters_only(features, heads):
    shown = inspect.signature(Mine).parameters
    assert (shown["mine"].default, shown["lr"].default) == (1, 0.2)
    assert shown["beta"].default == 27.0
    assert repr(Mine()) == "Mine()"
    net = clone(Mine(mine=2, **heads | {"lr": 0.1})).fit(*features)
    assert net.mine == 2
    search = GridSearchCV(net, {"mine": [1, 2], "beta": [1, 9]}, cv=2)
    assert search.fit(*features).best_estimator_.get_params()["mine"] in (1, 2)
    assert pickle.loads(pickle.dumps(net)).mine == 2
    assert same_state(net, FIQDRClassifier(**heads).fit(*features))


CONTRADICTIONS = [
    ("criterion__beta", 3, "beta=27.0"),
    ("criterion__beta", "balanced", "beta=27.0"),
    ("criterion__lambd", 0.5, "lambd=0.1"),
    ("criterion__n_features", 3, "n_features=128"),
    ("module__backbone", "resnet34", "backbone=None"),
    ("module__weights", "DEFAULT", "weights='auto'"),
    ("module__image_size", 96, "image_size=224"),
    ("module__n_grades", 3, "n_grades=5"),
    ("module__n_qualities", 3, "n_qualities=2"),
    ("module__n_inputs", 3, "n_inputs=12"),
    ("optimizer__lr", 0.5, "lr=0.1"),
]


@pytest.mark.parametrize(("name", "value", "own"), CONTRADICTIONS)
def test_a_parameter_that_contradicts_the_nets_own_is_refused(
    name, value, own, features, heads
):
    given = re.escape(f"{name}={value!r} contradicts {own}")
    with pytest.raises(ValueError, match=given):
        FIQDRClassifier(**heads, **{name: value}).fit(*features)


@pytest.mark.parametrize(
    "equal",
    [
        {"criterion__beta": 9.0, "beta": 9},
        {"criterion__beta": np.array([2, 1]), "beta": [2.0, 1.0]},
        {"criterion__beta": "balanced", "beta": "balanced"},
        {"module__backbone": None, "module__n_grades": 5, "module__image_size": 224},
        {"optimizer__lr": 0.1},
    ],
)
def test_an_equal_value_changes_nothing(equal, features, heads):
    plain = {name: value for name, value in equal.items() if "__" not in name}
    one = FIQDRClassifier(**heads, **equal).fit(*features)
    assert same_state(one, FIQDRClassifier(**heads, **plain).fit(*features))


def test_a_contradiction_is_refused_after_the_fit_too(features, heads):
    net = FIQDRClassifier(**heads).fit(*features)
    with pytest.raises(ValueError, match=r"criterion__lambd=3 contradicts lambd=0\.1"):
        net.set_params(criterion__lambd=3)


@pytest.mark.parametrize(
    "name",
    [
        "amp",
        "augment",
        "batch_size",
        "freeze",
        "image_size",
        "lr",
        "lr_schedule",
        "max_epochs",
        "on_error",
        "quality_loss_weight",
    ],
)
def test_a_senseless_parameter_is_refused_at_fit(name, features, heads):
    net = FIQDRClassifier(**{**heads, name: "senseless"})
    with pytest.raises(
        ValueError, match=f"'{name}' parameter of FIQDRClassifier must.*'senseless'"
    ):
        net.fit(*features)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_epochs", 0),
        ("max_epochs", 1.5),
        ("batch_size", 0),
        ("lr", -0.1),
        ("lr", float("nan")),
        ("freeze", -1),
        ("quality_loss_weight", -1),
        ("lambd", -0.1),
        ("image_size", True),
        ("gradient_clip", float("inf")),
        ("weights", 3),
        ("checkpoint_dir", 3),
        ("random_state", -1),
    ],
)
def test_a_parameter_out_of_range_is_refused_at_fit(name, value, features, heads):
    net = FIQDRClassifier(**{**heads, name: value})
    with pytest.raises(
        ValueError, match=f"'{name}' parameter .* must be .* Got {value}"
    ):
        net.fit(*features)
