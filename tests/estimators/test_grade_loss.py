"""The loss of the grade: chosen by word, or given."""

import numpy as np
import pytest
import torch

from sk_fiqdr import DRGrader, FIQDRClassifier
from sk_fiqdr.losses import MaskedCrossEntropy
from sk_fiqdr.metrics import quadratic_weighted_kappa

WORDS = [
    "cross_entropy_kappa",
    "cross_entropy",
    "ordinal",
    "squared_error",
    "distance_cross_entropy",
    "soft_kappa",
]
HEADS = {
    "backbone": None,
    "max_epochs": 40,
    "batch_size": 32,
    "lr": 0.05,
    "random_state": 0,
}


def on_a_line(n=250, seed=0):
    """Five ordered groups of features, each with a good and a poor half."""
    rng = np.random.default_rng(seed)
    grade = np.arange(n) % 5
    quality = rng.integers(0, 2, n)
    X = np.c_[2 * grade - 4, 4 * quality - 2] + rng.normal(0, 0.3, (n, 2))
    return X.astype(np.float32), np.c_[grade, quality]


@pytest.mark.parametrize("word", WORDS)
def test_each_loss_learns_ordered_grades_and_leaves_probabilities(word):
    X, y = on_a_line()
    extra = {"gradient_clip": 1.0, "quality_loss_weight": 0.1}
    net = FIQDRClassifier(grade_loss=word, **HEADS, **extra).fit(X, y)
    proba = net.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    expected = np.rint(proba @ np.arange(5))
    assert quadratic_weighted_kappa(y[:, 0], expected) > 0.9


def test_the_words_make_different_nets():
    X, y = on_a_line(60)
    nets = [
        FIQDRClassifier(grade_loss=word, **HEADS | {"max_epochs": 2}).fit(X, y)
        for word in WORDS
    ]
    first = [net.predict_proba(X)[0].tobytes() for net in nets]
    assert len(set(first)) == len(WORDS)


def test_a_loss_of_torch_with_known_rows_is_the_masked_one():
    X, y = on_a_line(60)
    y[::3, 0] = -1
    settings = HEADS | {"max_epochs": 3}
    ours = FIQDRClassifier(grade_loss="cross_entropy", **settings).fit(X, y)
    theirs = FIQDRClassifier(grade_loss=torch.nn.CrossEntropyLoss(), **settings)
    theirs.fit(X, y)
    np.testing.assert_allclose(
        theirs.predict_proba(X), ours.predict_proba(X), atol=1e-6
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"criterion": torch.nn.CrossEntropyLoss},
        {"criterion": torch.nn.CrossEntropyLoss, "criterion__ignore_index": -1},
        {"criterion": torch.nn.CrossEntropyLoss, "criterion__label_smoothing": 0.1},
        {"grade_loss": torch.nn.CrossEntropyLoss(label_smoothing=0.1)},
        {"grade_loss": torch.nn.MultiMarginLoss()},
    ],
)
def test_a_grader_takes_a_loss_of_torch(settings):
    X, y = on_a_line(100)
    y[::7, 0] = -1
    net = DRGrader(**HEADS, **settings).fit(X, y[:, 0])
    assert net.score(X, y[:, 0]) > 0.8


def test_a_loss_without_weights_refuses_sample_weight():
    X, y = on_a_line(60)
    net = DRGrader(criterion=torch.nn.CrossEntropyLoss, **HEADS)
    with pytest.raises(ValueError, match="does not take sample_weight"):
        net.fit(X, y[:, 0], sample_weight=np.ones(60))


def test_two_losses_of_the_grade_are_refused():
    X, y = on_a_line(60)
    net = DRGrader(
        criterion=torch.nn.CrossEntropyLoss, grade_loss="squared_error", **HEADS
    )
    with pytest.raises(ValueError, match="both losses of the grade: set one"):
        net.fit(X, y[:, 0])


def test_a_class_in_place_of_a_loss_is_refused():
    X, y = on_a_line(60)
    net = FIQDRClassifier(grade_loss=MaskedCrossEntropy, **HEADS)
    with pytest.raises(ValueError, match=r"an instance, .* MaskedCrossEntropy\(\)"):
        net.fit(X, y)


@pytest.mark.parametrize("grade_loss", ["kappa", 1.0, None])
def test_an_unknown_loss_is_refused_before_the_fit(grade_loss):
    X, y = on_a_line(60)
    with pytest.raises(ValueError, match=r"'grade_loss' parameter .* must be"):
        FIQDRClassifier(grade_loss=grade_loss, **HEADS).fit(X, y)


@pytest.mark.parametrize("word", ["ordinal", "squared_error"])
def test_a_saved_net_keeps_its_loss_and_its_predictions(word, tmp_path):
    X, y = on_a_line(60)
    net = FIQDRClassifier(grade_loss=word, **HEADS | {"max_epochs": 2}).fit(X, y)
    net.save_pretrained(tmp_path / "model")
    loaded = FIQDRClassifier.from_pretrained(tmp_path / "model")
    assert loaded.grade_loss == word
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
