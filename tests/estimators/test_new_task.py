"""Another head takes a task, an output of the network, and a method that predicts."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.modules import MultiTaskNet
from sk_fiqdr.utils._labels import most_probable
from sk_fiqdr.utils._tasks import TASKS, Task

SIDE = Task("side", column=2, output=2, classes=(0, 1))


class ThreeHeads(MultiTaskNet):
    """MultiTaskNet that also says which eye it sees."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.side_head = nn.LazyLinear(2)
        with torch.no_grad():
            self.side_head(torch.zeros(1, self.embedding.in_features))

    def forward(self, images):
        deep = images if self.backbone is None else self.backbone_features(images)
        features = self.embedding(deep)
        heads = self.grade_head(deep), self.quality_head(features), self.side_head(deep)
        return *heads, features


class SidedClassifier(FIQDRClassifier):
    """FIQDRClassifier of y with a third column: 0 a right eye, 1 a left one."""

    _tasks = (*TASKS, SIDE)

    def __init__(self, *, side_loss_weight=1.0, module=ThreeHeads, **kwargs):
        super().__init__(module=module, **kwargs)
        self.side_loss_weight = side_loss_weight

    def predict_side(self, X):
        return most_probable(self._probabilities(X, SIDE)[0])


def make_sided(n=240, seed=0):
    rng = np.random.default_rng(seed)
    y = np.column_stack(
        [rng.integers(0, 5, n), rng.random(n) < 0.8, rng.random(n) < 0.5]
    )
    y = y.astype(int)
    X = rng.normal(size=(n, 12)).astype(np.float32)
    X[:, :5] += 3 * np.eye(5)[y[:, 0]]
    X[:, 5:7] += 3 * y[:, 1:]
    return X, y


HEADS = {"backbone": None, "max_epochs": 20, "lr": 0.1, "beta": 1.0, "random_state": 0}


def test_a_third_task_is_learned_beside_the_two(tmp_path):
    X, y = make_sided()
    net = clone(SidedClassifier(**HEADS, balance="side")).fit(X, y)
    X, y = make_sided(seed=1)
    assert np.mean(net.predict_side(X) == y[:, 2]) > 0.9
    assert net.score(X, y) > 0.8
    assert np.mean(net.predict_quality(X) == y[:, 1]) > 0.9
    counts = net.training_data_[0]["labels"]["side"]["counts"]
    assert sum(counts.values()) == 240
    net.save_pretrained(tmp_path / "model")
    loaded = SidedClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_side(X), net.predict_side(X))


def test_its_labels_are_checked_and_may_be_unknown():
    X, y = make_sided(40)
    y[::2, 2] = -1
    SidedClassifier(**HEADS | {"max_epochs": 1}).fit(X, y)
    with pytest.raises(ValueError, match=r"\(n_samples, 3\).*\(grade, quality, side\)"):
        SidedClassifier(**HEADS).fit(X, y[:, :2])
    y[3, 2] = 2
    with pytest.raises(ValueError, match="side in y has 2 in row 3, expected 0 to 1"):
        SidedClassifier(**HEADS).fit(X, y)


@pytest.mark.parametrize("weight", [0.0, 3.0])
def test_the_loss_of_a_task_is_weighed_by_the_parameter_of_its_name(weight):
    X, y = make_sided(60)
    losses = {}
    for it in (0.0, 1.0, weight):
        net = SidedClassifier(**HEADS | {"max_epochs": 1, "batch_size": -1})
        net.set_params(side_loss_weight=it).fit(X, y)
        losses[it] = net.history[0, "train_loss"]
    of_side = losses[1.0] - losses[0.0]
    assert losses[weight] == pytest.approx(losses[0.0] + weight * of_side, rel=1e-5)
