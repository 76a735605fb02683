"""Parameters of a saved model: what a folder may set, and what not."""

import json

import numpy as np
import pytest
import torch
from helpers.fits import make_features

from sk_fiqdr import DRGrader, FIQDRClassifier
from sk_fiqdr.estimators._saving._saved_format import checksum
from sk_fiqdr.model_selection import PatientValidSplit

HEADS = {"backbone": None, "max_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def features():
    return make_features()


@pytest.fixture(scope="module")
def fitted(features):
    return FIQDRClassifier(**HEADS).fit(*features)


@pytest.fixture
def saved(fitted, tmp_path):
    fitted.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def change(folder, section="parameters", **values):
    config = json.loads((folder / "config.json").read_text())
    config[section] |= values
    config["sha256"] = checksum(config)  # as somebody does who knows of it
    (folder / "config.json").write_text(json.dumps(config))


def options(mark):
    """Options that end on the command line of a compiler, and run one there."""
    return {"cpp.march": f"native -wrapper sh,-c,'id > {mark}; exit 1'"}


@pytest.mark.parametrize("parameter", ["compile__options", "compile__backend"])
def test_a_folder_compiles_nothing(parameter, saved, fitted, features, tmp_path):
    mark = tmp_path / "ran"
    value = options(mark) if parameter == "compile__options" else "nobody's backend"
    change(saved, compile=True, **{parameter: value})
    loaded = FIQDRClassifier.from_pretrained(saved)
    assert loaded.compile is False
    assert parameter not in loaded.get_params()
    np.testing.assert_array_equal(
        loaded.predict_proba(features[0]), fitted.predict_proba(features[0])
    )
    assert not mark.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device", "meta"),
        ("device", "cuda:7"),
        ("iterator_valid__num_workers", 10_000),
        ("iterator_valid__drop_last", True),
        ("iterator_valid__batch_size", 1),
        ("iterator_valid__multiprocessing_context", "fork"),
        ("iterator_train__timeout", 1e9),
        ("callbacks", [["evil", "os.system"]]),
        ("callbacks__print_log", None),
        ("checkpoint_dir", "/tmp/elsewhere"),
        ("torch_load_kwargs", {"weights_only": False}),
        ("train_split", 5),
        ("dataset__length", 3),
        ("optimizer", "torch.optim.Adam"),
        ("optimizer__foreach", True),
        ("optimizer__capturable", True),
        ("use_caching", True),
        ("predict_nonlinearity", "os.system"),
        ("verbose", 10**9),
        ("weights", "/etc/passwd"),
        ("weights", "../../weights.pth"),
        ("module__weights", "DEFAULT"),
    ],
)
def test_a_folder_sets_nothing_of_the_machine(name, value, saved, fitted, features):
    change(saved, **{name: value})
    loaded = FIQDRClassifier.from_pretrained(saved)
    default = FIQDRClassifier().get_params(deep=False)
    assert loaded.get_params(deep=False).get(name) == default.get(name)
    np.testing.assert_array_equal(
        loaded.predict_proba(features[0]), fitted.predict_proba(features[0])
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("backbone", "../resnet18"),
        ("backbone", "timm/hf-hub:somebody/model"),
        ("backbone", ["resnet18"]),
        ("image_size", 10**9),
        ("image_size", 64.0),
        ("image_size", True),
        ("amp", 1),
        ("module__embedding_size", 10**12),
        ("module__dropout", "0.5"),
        ("module__mean", [0.5] * 4),
        ("module__mean", [1e300] * 3),
        ("module__std", [0.0] * 3),
        ("beta", [1.0] * 3),
        ("beta", float("nan")),
        ("lambd", -1),
        ("criterion__alpha", None),
        ("augment", "os.system"),
        ("freeze", -1),
        ("random_state", 2**32),
        ("random_state", {"seed": 1}),
        ("max_epochs", 10**9),
        ("batch_size", 0),
        ("batch_size", 10**12),
        ("lr", 1e300),
        ("lr", True),
        ("lr_schedule", "cosine"),
        ("early_stopping", "3"),
        ("on_error", None),
        ("warm_start", 1),
        ("optimizer__betas", [0.9, 0.9, 0.9]),
        ("optimizer__momentum", "0.9"),
    ],
)
def test_a_parameter_of_another_type_or_size_is_named(name, value, saved):
    change(saved, **{name: value})
    with pytest.raises(
        ValueError, match=rf"config\.json.*(parameters\.{name} is|it holds NaN)"
    ):
        FIQDRClassifier.from_pretrained(saved)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("module", "os.system"),
        ("criterion", "torch.nn.CrossEntropyLoss"),
        ("module__depth", 3),
        ("criterion__callback", "print"),
    ],
)
def test_a_class_and_its_arguments_have_to_be_passed_again(name, value, saved):
    change(saved, **{name: value})
    with pytest.raises(ValueError, match=rf"{name}=.*Pass it again"):
        FIQDRClassifier.from_pretrained(saved)


@pytest.mark.parametrize("n_features", [10**6, 10**12, 2**63])
def test_no_layer_is_larger_than_the_weights(n_features, saved):
    change(saved, "fitted", n_features_in_=n_features)
    with pytest.raises(ValueError, match=r"config\.json.*n_features_in_"):
        FIQDRClassifier.from_pretrained(saved)


def test_every_parameter_of_the_net_comes_back(features, tmp_path):
    X, y = features
    settings = {
        **HEADS,
        "module__embedding_size": np.int64(16),
        "module__dropout": 0.25,
        "criterion__alpha": 0.75,
        "beta": (9.0, 1.0),
        "lambd": np.float32(0.5),
        "quality_loss_weight": 2,
        "optimizer__momentum": 0.5,
        "optimizer__weight_decay": 0.0,
        "optimizer__nesterov": True,
        "batch_size": -1,
        "freeze": 2,
        "balance": "grade",
        "lr": 1e-3,
        "lr_schedule": "constant",
        "gradient_clip": 3.0,
        "on_error": "skip",
        "amp": False,
        "augment": None,
    }
    net = FIQDRClassifier(**settings).fit(X, y)
    net.save_pretrained(tmp_path / "model")
    loaded = FIQDRClassifier.from_pretrained(tmp_path / "model").get_params(deep=False)
    expected = settings | {"beta": [9.0, 1.0]}
    assert {name: loaded[name] for name in expected} == expected


@pytest.mark.parametrize(
    "settings",
    [
        {"train_split": PatientValidSplit(0.2), "early_stopping": 2},
        {"optimizer": torch.optim.Adam, "optimizer__betas": (0.8, 0.9)},
        {"optimizer": torch.optim.RMSprop, "optimizer__alpha": 0.5},
    ],
    ids=["early stopping", "Adam", "RMSprop"],
)
def test_a_training_of_ones_own_does_not_keep_a_model_from_loading(
    settings, features, tmp_path
):
    X, y = features
    net = DRGrader(**HEADS, **settings).fit(X, y[:, 0], groups=np.arange(len(y)))
    net.save_pretrained(tmp_path / "model")
    loaded = DRGrader.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    again = DRGrader.from_pretrained(
        tmp_path / "model", **{k: v for k, v in settings.items() if "__" not in k}
    )
    for name in settings.keys() - {"train_split", "optimizer"}:
        assert np.array_equal(again.get_params()[name], settings[name])


class Wider(DRGrader):
    """A grader of the user's own, with a parameter that predictions depend on."""

    def __init__(self, *, times=1, **kwargs):
        super().__init__(**kwargs)
        self.times = times


def test_a_parameter_of_a_class_of_ones_own_is_passed_again(features, tmp_path):
    X, y = features
    Wider(**HEADS, times=3).fit(X, y[:, 0]).save_pretrained(tmp_path / "model")
    with pytest.raises(ValueError, match=r"times='3'.*Pass it again"):
        Wider.from_pretrained(tmp_path / "model")
    assert Wider.from_pretrained(tmp_path / "model", times=3).times == 3
