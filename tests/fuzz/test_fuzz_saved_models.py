"""A saved model with any bytes changed predicts as before, or is refused by name."""

import hashlib
import json

import numpy as np
import pytest
from helpers.fits import HEADS, make_features
from helpers.fuzzing import JSON, check_message, damaged, fuzz
from hypothesis import given
from hypothesis import strategies as st

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.estimators._saving._saved_format import checksum

CONFIG, WEIGHTS = "config.json", "model.safetensors"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return a folder for the damaged, the files of the whole, rows, predictions."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    X, y = make_features()
    net = FIQDRClassifier(**HEADS | {"max_epochs": 1}).fit(X, y)
    net.save_pretrained(folder)
    files = {name: (folder / name).read_bytes() for name in (CONFIG, WEIGHTS)}
    return folder, files, X, net.predict_proba(X)


def _load(folder, files):
    for name, data in files.items():
        (folder / name).write_bytes(data)
    try:
        return FIQDRClassifier.from_pretrained(folder)
    except ValueError as error:
        check_message(error, str(folder))
        return None


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
@fuzz
@given(st.data())
def test_bytes_of_a_model(saved, name, data):
    folder, files, X, expected = saved
    net = _load(folder, files | {name: data.draw(damaged(files[name]))})
    if net is not None:
        np.testing.assert_array_equal(net.predict_proba(X), expected)


def _places(value, path=()):
    yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield from _places(inner, (*path, key))


@fuzz
@given(st.data())
def test_values_of_a_model_whose_checksum_is_right(saved, data):
    folder, files, X, _ = saved
    config = json.loads(files[CONFIG])
    places = [path for path in _places(config) if path]
    *parents, name = data.draw(st.sampled_from(places))
    inner = config
    for parent in parents:
        inner = inner[parent]
    inner[name] = data.draw(JSON)
    config["sha256"] = checksum(config)
    net = _load(folder, files | {CONFIG: json.dumps(config).encode()})
    if net is not None:
        assert len(net.predict(X)) == len(X)


@fuzz
@given(st.data())
def test_weights_of_a_model_whose_checksum_is_right(saved, data):
    folder, files, X, _ = saved
    weights = data.draw(damaged(files[WEIGHTS], 600))
    config = json.loads(files[CONFIG])
    config["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    config["sha256"] = checksum(config)
    changed = {CONFIG: json.dumps(config).encode(), WEIGHTS: weights}
    net = _load(folder, changed)
    if net is not None:
        assert len(net.predict(X)) == len(X)
