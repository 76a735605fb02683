"""Damaged JPEGs in fit and predict: named, taken for unreadable, or not looked for."""

import io
import pickle

import numpy as np
import pytest
from helpers.image_files import damaged_jpegs
from PIL import Image

from sk_fiqdr import DeepFeatures, DRGrader, FIQDRClassifier
from sk_fiqdr.exceptions import UnreadableImageError
from sk_fiqdr.utils import _jpeg

KINDS = ["cut short", "bytes left out", "a part twice"]


@pytest.fixture(params=KINDS)
def paths(request, fundus, tmp_path):
    """Files of all photographs, the last of them a JPEG with wrong pixels."""
    files = []
    for i, image in enumerate(fundus.data):
        files.append(str(tmp_path / f"{i}_left.jpeg"))
        Image.fromarray(image).save(files[-1], quality=90, subsampling="4:4:4")
    data = damaged_jpegs(fundus.data[-1])[request.param]
    wrong = np.asarray(Image.open(io.BytesIO(data))).astype(int)
    assert np.abs(wrong - fundus.data[-1]).mean() > 8
    (tmp_path / f"{len(files) - 1}_left.jpeg").write_bytes(data)
    return files


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_damaged_photograph_is_named_and_used(paths, fundus, tiny, num_workers):
    net = FIQDRClassifier(
        **tiny,
        iterator_train__num_workers=num_workers,
        iterator_valid__num_workers=num_workers,
    )
    with pytest.warns(UserWarning, match=r"^1 of 24 images are damaged .*23_left"):
        net.fit(paths, fundus.target)
    assert list(net.damaged_) == [paths[-1]]
    assert net.unreadable_ == {}
    with pytest.warns(UserWarning, match="1 of 2 images are damaged and are used"):
        predicted = net.predict(paths[-2:])
    assert (predicted >= 0).all()
    assert "some of its pixels are wrong. Look at it" in net.damaged_[paths[-1]]
    assert (net.predict(paths[:2]) >= 0).all()
    assert net.damaged_ == {}


def test_a_damaged_photograph_may_be_taken_for_unreadable(paths, fundus, tiny):
    net = DRGrader(**tiny, on_damage="raise")
    with pytest.raises(UnreadableImageError, match=r"23_left.* is damaged .*Copy it"):
        net.fit(paths, fundus.target[:, 0])
    net.set_params(on_error="skip").fit(paths, fundus.target[:, 0])
    assert list(net.unreadable_) == [paths[-1]]
    assert "is damaged" in net.unreadable_[paths[-1]]
    assert net.damaged_ == {}
    # It teaches nothing: the fit is that on labels without its own.
    labels = fundus.target[:, 0].copy()
    labels[-1] = -1
    other = DRGrader(**tiny, on_damage="raise", on_error="skip").fit(paths, labels)
    proba = net.predict_proba(paths)
    np.testing.assert_array_equal(proba, other.predict_proba(paths))
    assert np.isnan(proba[-1]).all()
    assert net.predict(paths[-1:]) == -1


def test_damage_may_be_ignored(paths, fundus, tiny, monkeypatch):
    monkeypatch.delattr(_jpeg, "find_damage")  # whoever looks for it fails
    net = FIQDRClassifier(**tiny, on_damage="ignore").fit(paths, fundus.target)
    assert (net.predict(paths) >= 0).all()
    assert net.damaged_ == {}


def test_the_reason_is_that_of_an_unreadable_file_only_once(paths, fundus, tiny):
    """What the decoder cannot read is unreadable, and not damaged as well."""
    with open(paths[0], "r+b") as file:
        file.truncate(900)  # within the pixels, without an end
    net = FIQDRClassifier(**tiny, on_error="skip")
    with pytest.warns(UserWarning, match="1 of 24 images are damaged"):
        net.fit(paths, fundus.target)
    assert list(net.unreadable_) == [paths[0]]
    assert list(net.damaged_) == [paths[-1]]


def test_a_file_is_looked_at_again_once_it_has_changed(paths, fundus, tiny):
    net = FIQDRClassifier(**tiny)
    with pytest.warns(UserWarning, match="are damaged"):
        net.fit(paths, fundus.target)
    Image.fromarray(fundus.data[-1]).save(paths[-1])
    net.predict(paths)
    assert net.damaged_ == {}


@pytest.mark.parametrize("memory", [False, True])
def test_features_name_it_too_even_if_they_are_kept(paths, memory, tmp_path):
    settings = {
        "backbone": "shufflenet_v2_x0_5",
        "weights": None,
        "image_size": 48,
        "memory": tmp_path / "m" if memory else None,
    }
    for _ in range(2):  # computed, and taken from the memory
        features = DeepFeatures(**settings)
        with pytest.warns(UserWarning, match="1 of 24 images are damaged"):
            rows = features.fit_transform(paths)
        assert np.isfinite(rows).all()
        assert list(features.damaged_) == [paths[-1]]
    features = DeepFeatures(**settings, on_damage="raise", on_error="skip")
    strict = features.fit_transform(paths)
    assert np.isnan(strict[-1]).all()
    np.testing.assert_array_equal(strict[:-1], rows[:-1])
    assert list(features.unreadable_) == [paths[-1]]
    with pytest.raises(UnreadableImageError, match=r"23_left.* is damaged"):
        features.set_params(on_error="raise").fit_transform(paths)


def test_the_heads_of_a_frozen_network_say_it_once(paths, fundus):
    net = FIQDRClassifier(
        backbone="shufflenet_v2_x0_5",
        weights=None,
        image_size=48,
        freeze=True,
        solver="ridge",
        random_state=0,
    )
    with pytest.warns(UserWarning, match="1 of 24 images are damaged") as said:
        net.fit(paths, fundus.target)
    assert len(said) == 1
    net.set_params(on_damage="raise", on_error="skip").fit(paths, fundus.target)
    assert list(net.unreadable_) == [paths[-1]]


def test_a_saved_net_keeps_what_it_does_with_damage(paths, fundus, tmp_path):
    net = DRGrader(
        backbone="shufflenet_v2_x0_5",
        weights=None,
        image_size=48,
        max_epochs=1,
        on_damage="ignore",
    ).fit(paths, fundus.target[:, 0])
    net.save_pretrained(tmp_path / "model")
    for again in (
        DRGrader.from_pretrained(tmp_path / "model"),
        pickle.loads(pickle.dumps(net)),
    ):
        assert again.on_damage == "ignore"
        assert (again.predict(paths) >= 0).all()
