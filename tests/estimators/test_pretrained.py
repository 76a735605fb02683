"""Saved models: what travels, what does not, and what is refused on arrival."""

import copy
import hashlib
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from helpers.fits import make_features
from helpers.networks import TinyBackbone
from torch import nn

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.estimators._saving._saved_format import checksum
from sk_fiqdr.metrics import fiqdr_scoring
from sk_fiqdr.model_selection import patient_ids
from sk_fiqdr.utils import _files

DATA = Path(__file__).parents[1] / "data"
HEADS = {"backbone": None, "max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def features():
    return make_features()


@pytest.fixture(scope="module")
def fitted(features):
    return FIQDRClassifier(**HEADS).fit(*features)


@pytest.fixture
def saved(fitted, tmp_path):
    """A saved model whose files a test may spoil."""
    fitted.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def read(folder):
    return json.loads((folder / "config.json").read_text())


def change(folder, **fields):
    """Set fields of the JSON, named by their path with dots as two underscores."""
    config = read(folder)
    for path, value in fields.items():
        *parents, name = path.split("___")
        place = config
        for parent in parents:
            place = place[parent]
        place[name] = value
    write(folder, config)


def sha256(folder):
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def write(folder, config):
    """Write the JSON as somebody does who knows its checksum."""
    config["sha256"] = checksum(config)
    (folder / "config.json").write_text(json.dumps(config))


# What travels


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_model_of_every_format_loads_and_predicts_what_it_did(version):
    folder = DATA / f"format-{version}"
    assert read(folder / "both")["format"] == version
    expected = json.loads((folder / "expected.json").read_text())
    X = np.array(expected["features"], dtype=np.float32)
    both = FIQDRClassifier.from_pretrained(folder / "both")
    quality = QualityClassifier.from_pretrained(folder / "quality")
    for got, name in (
        (both.predict_proba(X), "grade_probabilities"),
        (both.predict_quality_proba(X), "both_quality_probabilities"),
        (quality.predict_proba(X), "quality_probabilities"),
    ):
        np.testing.assert_allclose(got, expected[name], rtol=0, atol=1e-6)
    assert quality.predict(X).tolist() == expected["qualities"]
    assert both.beta == "balanced"
    assert both.scores_ == {}


@pytest.mark.parametrize("version", [1, 2])
def test_a_model_of_an_older_format_is_saved_in_todays(version, tmp_path):
    folder = DATA / f"format-{version}" / "quality"
    QualityClassifier.from_pretrained(folder).save_pretrained(tmp_path / "model")
    assert read(tmp_path / "model")["format"] == 3
    again = QualityClassifier.from_pretrained(tmp_path / "model")
    assert again.classes_.tolist() == ["good", "poor"]


def test_numbers_of_numpy_are_parameters_like_any(tiny, fundus, tmp_path):
    """Searches over np.arange set them; an image size that is lost predicts nothing."""
    settings = tiny | {
        "backbone": "resnet18",
        "image_size": np.int64(40),
        "max_epochs": np.int64(1),
        "beta": np.array([9.0, 1.0], dtype=np.float32),
        "lambd": np.float32(0.25),
    }
    net = FIQDRClassifier(**settings).fit(fundus.data, fundus.target)
    net.save_pretrained(tmp_path / "model")
    loaded = FIQDRClassifier.from_pretrained(tmp_path / "model")
    assert loaded.image_size == 40
    assert loaded.beta == [9.0, 1.0]
    assert loaded.lambd == 0.25
    np.testing.assert_array_equal(
        loaded.predict_proba(fundus.data), net.predict_proba(fundus.data)
    )


@pytest.mark.parametrize(
    "classes",
    [
        np.array([False, True]),
        np.array([1.0, 2.0]),
        np.array([3, 7], dtype=np.int16),
        np.array(["gut", "schlecht ä"]),
        np.array(["gut", "schlecht ä"], dtype=object),
    ],
    ids=lambda classes: classes.dtype.str,
)
def test_classes_come_back_in_their_own_dtype(classes, features, tmp_path):
    X, y = features
    net = DRGrader(**HEADS).fit(X, classes[y[:, 1]])
    net.save_pretrained(tmp_path / "model")
    loaded = DRGrader.from_pretrained(tmp_path / "model")
    assert loaded.classes_.dtype == net.classes_.dtype
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))


def test_names_of_features_come_back(features, tmp_path):
    X, y = features
    frame = pd.DataFrame(X, columns=[f"feature {i}" for i in range(12)])
    net = FIQDRClassifier(**HEADS).fit(frame, y)
    net.save_pretrained(tmp_path / "model")
    loaded = FIQDRClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(frame), net.predict_proba(frame))
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame[frame.columns[::-1]])


def test_a_name_with_blanks_quotes_and_umlauts_is_a_name(fitted, features, tmp_path):
    folder = tmp_path / "Modell 'ä' | \"b\""
    fitted.save_pretrained(folder)
    loaded = FIQDRClassifier.from_pretrained(folder)
    np.testing.assert_array_equal(
        loaded.predict(features[0]), fitted.predict(features[0])
    )


def test_a_device_that_is_missing_here_is_replaced(saved, features):
    change(saved, parameters___device="cuda:99")
    loaded = FIQDRClassifier.from_pretrained(saved)
    assert loaded.predict(features[0]).shape == (200,)


# What is told of the training data


def test_the_model_tells_how_much_it_has_seen_of_what(tiny, fundus_paths, tmp_path):
    y = np.array([[0, 1]] * 10 + [[1, 1]] * 5 + [[4, -1]] * 8 + [[-1, 0]])
    net = FIQDRClassifier(**tiny).fit(fundus_paths, y)
    net.save_pretrained(tmp_path / "model")
    (told,) = read(tmp_path / "model")["training"]["data"]
    assert told["kind"] == "paths"
    assert told["n_samples"] == 24
    assert told["n_patients"] == len(set(patient_ids(fundus_paths)))
    assert told["labels"] == {
        "grade": {"counts": {"0": 10, "1": 5, "2": 0, "3": 0, "4": 8}, "n_unknown": 1},
        "quality": {"counts": {"0": 1, "1": 15}, "n_unknown": 8},
    }
    card = (tmp_path / "model" / "README.md").read_text()
    assert "24 images of 12 patients" in card
    assert "| grade 4 | 8 |" in card
    assert "| quality 0, poor | 1 |" in card
    assert "| quality unknown | 8 |" in card


def test_no_name_of_an_image_or_a_patient_travels(tiny, fundus, fundus_paths, tmp_path):
    net = FIQDRClassifier(**tiny)
    groups = np.array([f"Mrs {i // 2}" for i in range(23)] + [7], dtype=object)
    net.fit(fundus_paths, fundus.target, groups=groups)
    net.save_pretrained(tmp_path / "model")
    assert read(tmp_path / "model")["training"]["data"][0]["n_patients"] == 13
    content = b"".join(path.read_bytes() for path in (tmp_path / "model").iterdir())
    assert b"Mrs" not in content
    for path in fundus_paths:
        assert path.name.encode() not in content
        assert path.stem.encode() not in content


def hash_of(X, y, **fit_params):
    net = FIQDRClassifier(**HEADS | {"backbone": TinyBackbone, "image_size": 32})
    net.set_params(max_epochs=1).fit(X, y, **fit_params)
    return net.training_data_[0]["sha256"]


def test_the_same_photographs_have_the_same_hash_wherever_they_lie(
    fundus, fundus_paths, tmp_path
):
    y = fundus.target
    elsewhere = [tmp_path / path.name for path in fundus_paths]
    for old, new in zip(fundus_paths, elsewhere, strict=True):
        new.write_bytes(old.read_bytes())
    expected = hash_of(fundus_paths, y)
    order = np.random.default_rng(0).permutation(24)
    assert hash_of([elsewhere[i] for i in order], y[order]) == expected
    assert hash_of(fundus_paths[1:], y[1:]) != expected
    other = y.copy()
    other[3, 0] = (other[3, 0] + 1) % 5
    assert hash_of(fundus_paths, other) != expected


def test_other_pixels_or_labels_have_another_hash(fundus):
    X, y = fundus.data, fundus.target
    expected = hash_of(X, y)
    assert hash_of(X.copy(), y.tolist()) == expected
    other = X.copy()
    other[-1, 0, 0, 0] ^= 1
    assert hash_of(other, y) != expected
    unknown = y.copy()
    unknown[0] = -1
    assert hash_of(X, unknown) != expected


def test_training_on_adds_what_is_new(features, tmp_path):
    X, y = features
    net = FIQDRClassifier(**HEADS).fit(X[:100], y[:100])
    net.partial_fit(X[:100], y[:100]).partial_fit(X[100:], y[100:])
    net.save_pretrained(tmp_path / "model")
    told = FIQDRClassifier.from_pretrained(tmp_path / "model").training_data_
    assert [it["n_samples"] for it in told] == [100, 100]
    assert told[0]["sha256"] != told[1]["sha256"]
    assert len(net.fit(X, y).training_data_) == 1


# Scores and the card


def test_scores_travel_until_the_net_is_trained_again(fitted, features, tmp_path):
    scores = fiqdr_scoring(fitted, *features) | {"nobody knows": np.nan}
    fitted.save_pretrained(tmp_path / "one", scores=scores)
    net = FIQDRClassifier.from_pretrained(tmp_path / "one")
    assert net.scores_.keys() == scores.keys()
    np.testing.assert_equal(net.scores_["kappa"], scores["kappa"])
    assert np.isnan(net.scores_["nobody knows"])
    net.save_pretrained(tmp_path / "two")
    assert read(tmp_path / "two")["scores"] == read(tmp_path / "one")["scores"]
    card = (tmp_path / "two" / "README.md").read_text()
    assert f"| kappa | {scores['kappa']:.4g} |" in card
    assert "| nobody knows | not defined |" in card
    net.partial_fit(*features).save_pretrained(tmp_path / "three")
    assert read(tmp_path / "three")["scores"] == {}


@pytest.mark.parametrize("scores", [0.8, ["kappa"], {"kappa": "high"}, {"kappa": None}])
def test_scores_are_numbers_with_names(scores, fitted, tmp_path):
    with pytest.raises(TypeError, match="scores"):
        fitted.save_pretrained(tmp_path / "model", scores=scores)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("estimator", [FIQDRClassifier, QualityClassifier, DRGrader])
def test_the_card_warns_and_its_code_loads_the_model(
    estimator, features, tmp_path, monkeypatch
):
    X, y = features
    y = {FIQDRClassifier: y, QualityClassifier: y[:, 1], DRGrader: y[:, 0]}[estimator]
    estimator(**HEADS).fit(X, y).save_pretrained(tmp_path / "my model")
    card = (tmp_path / "my model" / "README.md").read_text()
    assert "**Not a medical device.**" in card
    for section in ("Intended use", "Limits", "Training data", "Scores", "How to load"):
        assert f"\n## {section}" in card
    (code,) = re.findall("```python\n(.*?)```", card, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(code, {"X": X})


def test_hostile_names_stay_in_their_cell_of_the_card(features, tmp_path):
    X, y = features
    names = np.array(["bad | <b>\n# Headline", "good"])[y[:, 1]]
    net = QualityClassifier(**HEADS, poor_label=min(names)).fit(X, names)
    net.save_pretrained(tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text()
    assert "\n# Headline" not in card
    assert r"| quality bad \| &lt;b> # Headline |" in card


# What is refused


BAD_FIELDS = {
    "format": ["2", 0, -1, True, None, 3.0],
    "estimator": [None, 3, ["FIQDRClassifier"]],
    "versions": [None, {"torch": 2}],
    "parameters": [None, [], "lr"],
    "not_saved": [["backbone"], {"backbone": 3}],
    "weights_sha256": [None, "", 5, "0" * 63, "G" * 64],
    "scores": [{"kappa": "0.9"}, {"kappa": [1]}, {"kappa": True}, 1],
    "something_new": ["else"],
    "fitted": [None, []],
    "fitted___n_features_in_": [0, -1, "12", 12.0, True, [12]],
    "fitted___class_weights_": [[1], [1, 2, 3], ["1", "2"], [1, None], "ab"],
    "fitted___feature_names_in_": ["abc", [1, 2]],
    "fitted___input_": [{}, {"kind": "features", "image_size": 3}, {"kind": "paths"}],
    "fitted___module_": ["anything"],
    "fitted___predict": ["anything"],
    "training": [None, {}, {"data": None}, {"data": [1]}, {"data": [{}]}],
    "training___epochs": ["3", -1],
    "parameters____check_is_fitted": [True],
    "parameters___initialized_": [True],
    "parameters___unheard_of": [1],
}


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in BAD_FIELDS.items() for value in values],
)
def test_a_field_that_is_wrong_is_named(field, value, saved):
    change(saved, **{field: value})
    with pytest.raises(ValueError, match=r"config\.json.*" + field.split("___")[-1]):
        FIQDRClassifier.from_pretrained(saved)


@pytest.mark.parametrize(
    "classes",
    [
        ["good", "poor"],
        {"dtype": "<U4", "values": ["good"]},
        {"dtype": "<U4", "values": ["good", "good"]},
        {"dtype": "<U4", "values": ["good", 1]},
        {"dtype": "<U2", "values": ["good", "gone"]},
        {"dtype": "i3", "values": [1, 2]},
        {"dtype": "V8", "values": ["good", "poor"]},
        {"dtype": "<U4", "values": ["good", ["poor"]]},
        {"dtype": "<i8", "values": ["good", "poor"]},
    ],
)
def test_classes_that_are_none_are_refused(classes, features, tmp_path):
    X, y = features
    QualityClassifier(**HEADS).fit(X, y[:, 1]).save_pretrained(tmp_path / "model")
    change(tmp_path / "model", fitted___classes_=classes)
    with pytest.raises(ValueError, match=r"config\.json"):
        QualityClassifier.from_pretrained(tmp_path / "model")


def shifted(digit):
    return str((int(digit) + 2) % 10)


def variants(text):
    """Yield a text with each of its digits, then each of its letters, replaced."""
    for at, character in enumerate(text):
        if character.isdigit():
            yield text[:at] + shifted(character) + text[at + 1 :]
        elif character.isalpha():
            yield text[:at] + character.swapcase() + text[at + 1 :]


def test_not_a_single_digit_or_letter_may_change(features, tmp_path):
    X, y = features
    DRGrader(**HEADS).fit(X, y[:, 0]).save_pretrained(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    text = path.read_text()
    changed = list(variants(text))
    assert len(changed) > 600
    for other in changed:
        path.write_text(other)
        with pytest.raises(ValueError, match=r"config\.json"):
            DRGrader.from_pretrained(tmp_path / "model")
    path.write_text(text)
    DRGrader.from_pretrained(tmp_path / "model")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"lr": 0.01', '"lr": 0.1'),
        ('"lr": 0.01', '"lr": -0.01'),
        ('"amp": "auto"', '"amp": true'),
        ('"amp": "auto",', ""),
        ('"n_features_in_": 12', '"n_features_in_": 12.0'),
        ('"backbone": null', '"backbone": "resnet18"'),
        ('"scores": {}', '"scores": {"kappa": 0.99}'),
        ('"format": 3', '"format": 2'),
        ('"format": 3', '"format": 1'),
    ],
)
def test_what_was_changed_after_it_was_written_is_refused(old, new, saved):
    path = saved / "config.json"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=r"config\.json.*is damaged"):
        FIQDRClassifier.from_pretrained(saved)


@pytest.mark.parametrize("name", ["sha256", "weights_sha256"])
@pytest.mark.parametrize("value", [None, "", 0, "0" * 64, ["0" * 64], "missing"])
def test_a_checksum_that_is_none_is_refused(name, value, saved):
    config = read(saved)
    config[name] = value
    if value == "missing":
        del config[name]
    if name != "sha256":
        config["sha256"] = checksum(config)
    (saved / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="is damaged"):
        FIQDRClassifier.from_pretrained(saved)


@pytest.mark.parametrize("value", [None, "missing"])
def test_the_second_format_cannot_go_without_the_checksum_it_had(value, tmp_path):
    shutil.copytree(DATA / "format-2" / "both", tmp_path / "model")
    config = read(tmp_path / "model") | {"weights_sha256": value}
    if value == "missing":
        del config["weights_sha256"]
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="weights_sha256"):
        FIQDRClassifier.from_pretrained(tmp_path / "model")


def test_blanks_and_the_order_of_fields_may_change(saved, fitted, features):
    """As where a tool formats JSON, or checks files out with other line ends."""
    config = dict(sorted(read(saved).items()))
    text = json.dumps(config, indent=1).replace("\n", "\r\n")
    (saved / "config.json").write_bytes(text.encode())
    np.testing.assert_array_equal(
        FIQDRClassifier.from_pretrained(saved).predict_proba(features[0]),
        fitted.predict_proba(features[0]),
    )


@pytest.mark.parametrize("field", ["parameters", "fitted", "training", "estimator"])
def test_a_field_that_is_missing_is_named(field, saved):
    config = read(saved)
    del config[field]
    write(saved, config)
    with pytest.raises(ValueError, match=f"no field {field}"):
        FIQDRClassifier.from_pretrained(saved)


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "null", "[" * 100_000, '"text"', "\udcff"]
)
def test_what_is_no_json_is_refused(text, saved):
    (saved / "config.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match=r"config\.json.*is damaged"):
        FIQDRClassifier.from_pretrained(saved)


def test_a_newer_format_asks_for_a_newer_version(saved):
    change(saved, format=4)
    with pytest.raises(ValueError, match=r"format 4.*reads up to 3.*newer sk-fiqdr"):
        FIQDRClassifier.from_pretrained(saved)


def test_weights_of_another_model_are_refused(saved, features, tmp_path):
    X, y = features
    other = FIQDRClassifier(**HEADS | {"random_state": 1}).fit(X, y)
    other.save_pretrained(tmp_path / "other")
    weights = (tmp_path / "other" / "model.safetensors").read_bytes()
    (saved / "model.safetensors").write_bytes(weights)
    with pytest.raises(ValueError, match=r"not the file that config\.json was written"):
        FIQDRClassifier.from_pretrained(saved)


@pytest.mark.parametrize("n_bytes", [0, 7, 100, -1])
def test_weights_that_were_cut_off_are_refused(n_bytes, saved):
    weights = (saved / "model.safetensors").read_bytes()
    (saved / "model.safetensors").write_bytes(weights[:n_bytes])
    with pytest.raises(ValueError, match=r"model\.safetensors.*is damaged"):
        FIQDRClassifier.from_pretrained(saved)
    change(saved, weights_sha256=sha256(saved))
    with pytest.raises(ValueError, match=r"model\.safetensors.*is damaged"):
        FIQDRClassifier.from_pretrained(saved)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tensors: tensors.pop("criterion.centers"),
        lambda tensors: tensors.update({"module.extra": torch.zeros(1)}),
        lambda tensors: tensors.update({"callbacks.extra": torch.zeros(1)}),
        lambda tensors: tensors.update({"criterion.centers": torch.zeros(2, 3)}),
        lambda tensors: tensors.update(
            {"criterion.centers": torch.zeros(2, 128, dtype=torch.float64)}
        ),
    ],
    ids=["missing", "unknown", "of no part", "shape", "dtype"],
)
def test_tensors_that_do_not_fit_are_refused(spoil, saved):
    tensors = safetensors.torch.load_file(saved / "model.safetensors")
    assert tensors["criterion.centers"].shape == (2, 128)
    spoil(tensors)
    safetensors.torch.save_file(tensors, saved / "model.safetensors")
    change(saved, weights_sha256=sha256(saved))
    with pytest.raises(ValueError, match=r"does not fit the network.*(center|extra)"):
        FIQDRClassifier.from_pretrained(saved)


def test_a_file_decides_neither_what_is_read_nor_what_is_written(
    tiny, fundus, tmp_path, monkeypatch
):
    def fetch(*args, **kwargs):
        raise AssertionError("something was fetched")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fetch)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", fetch)
    monkeypatch.setattr(torch, "load", fetch)
    settings = tiny | {"backbone": "resnet18", "max_epochs": 1}
    net = FIQDRClassifier(**settings).fit(fundus.data, fundus.target)
    net.save_pretrained(tmp_path / "model")
    change(
        tmp_path / "model",
        parameters___weights="DEFAULT",
        parameters___module__weights=str(tmp_path / "evil.pth"),
        parameters___checkpoint_dir=str(tmp_path / "elsewhere"),
        parameters___torch_load_kwargs={"weights_only": False},
    )
    loaded = FIQDRClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(
        loaded.predict_proba(fundus.data), net.predict_proba(fundus.data)
    )
    assert loaded.weights == "DEFAULT"
    assert loaded.checkpoint_dir is None
    assert loaded.torch_load_kwargs is None
    assert "module__weights" not in loaded.get_params()


class Sober(nn.Module):
    """A network of the user's own in place of MultiTaskNet."""

    def __init__(self, n_inputs, n_grades, n_qualities, **kwargs):
        super().__init__()
        self.n_features = n_inputs
        self.grade = nn.Linear(n_inputs, n_grades)
        self.quality = nn.Linear(n_inputs, n_qualities)

    def freeze(self, frozen):
        return self

    def forward(self, rows):
        return self.grade(rows), self.quality(rows), rows


def test_a_module_of_ones_own_must_be_named_again(features, tmp_path):
    X, y = features
    net = FIQDRClassifier(**HEADS, module=Sober).fit(X, y)
    net.save_pretrained(tmp_path / "model")
    with pytest.raises(ValueError, match=r"module='Sober'.*from_pretrained"):
        FIQDRClassifier.from_pretrained(tmp_path / "model")
    loaded = FIQDRClassifier.from_pretrained(tmp_path / "model", module=Sober)
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))


# What is in the way


def test_overwriting_deletes_nothing_but_a_model(fitted, saved):
    fitted.save_pretrained(saved, overwrite=True)
    (saved / "results.csv").write_text("precious")
    with pytest.raises(FileExistsError, match=r"such as 'results\.csv'"):
        fitted.save_pretrained(saved, overwrite=True)
    assert (saved / "results.csv").read_text() == "precious"
    (saved.parent / "file").write_text("precious")
    with pytest.raises(FileExistsError, match="'file'"):
        fitted.save_pretrained(saved.parent / "file", overwrite=True)
    assert sorted(path.name for path in saved.parent.iterdir()) == ["file", "model"]


def test_a_full_disk_leaves_the_model_that_was_there(
    fitted, features, saved, monkeypatch
):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        FIQDRClassifier(**HEADS).fit(*features).save_pretrained(saved, overwrite=True)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_a_folder_that_cannot_be_put_in_place_leaves_the_model_that_was_there(
    fitted, saved, monkeypatch
):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    def refuse(*paths):
        raise OSError(13, "Permission denied")

    monkeypatch.setattr(_files, "_exchange", refuse)
    with pytest.raises(OSError, match="Permission denied"):
        fitted.save_pretrained(saved, overwrite=True, scores={"kappa": 1.0})
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("part", ["grade", "quality", "center"])
def test_nan_in_saved_weights_is_refused_by_the_tensors_name(saved, part):
    tensors = safetensors.torch.load_file(saved / "model.safetensors")
    name = next(name for name in tensors if part in name)
    tensors[name].view(-1)[-1] = torch.nan
    safetensors.torch.save_file(tensors, saved / "model.safetensors")
    change(saved, weights_sha256=sha256(saved))
    with pytest.raises(ValueError, match=f"holds nan in '{name}'"):
        FIQDRClassifier.from_pretrained(saved)


@pytest.mark.parametrize("part", ["grade_head", "quality_head", "center"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_net_that_holds_nan_is_not_saved(part, overwrite, fitted, saved, tmp_path):
    net = copy.deepcopy(fitted)
    tensors = {**dict(net.module_.named_parameters()), **net.criterion_.state_dict()}
    name = next(name for name in tensors if part in name)
    with torch.no_grad():
        tensors[name].view(-1)[-1] = torch.nan
    folder = saved if overwrite else tmp_path / "new"
    before = sorted(path.read_bytes() for path in saved.iterdir())
    with pytest.raises(ValueError, match=rf"holds nan in '\w+\.{name}'.*not saved"):
        net.save_pretrained(folder, overwrite=overwrite)
    assert sorted(path.read_bytes() for path in saved.iterdir()) == before
    assert overwrite or not folder.exists()
