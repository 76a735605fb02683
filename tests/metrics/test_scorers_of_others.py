"""Scorers where other libraries expect functions."""

import pickle

import matplotlib
import numpy as np
import pytest
from sklearn.model_selection import (
    LearningCurveDisplay,
    ValidationCurveDisplay,
    cross_validate,
)
from skorch.callbacks import EpochScoring

from sk_fiqdr import FIQDRClassifier
from sk_fiqdr.metrics import kappa_scorer, mean_acc_scorer
from sk_fiqdr.model_selection import PatientStratifiedKFold, PatientValidSplit

HEADS = {"backbone": None, "max_epochs": 2, "batch_size": 32, "random_state": 0}


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    y = np.column_stack([np.arange(120) % 5, rng.random(120) < 0.7]).astype(int)
    X = rng.normal(size=(120, 6)) + y @ rng.normal(size=(2, 6))
    return X, y, np.arange(120) // 2


@pytest.mark.parametrize("scorer", [kappa_scorer, mean_acc_scorer])
def test_a_scorer_has_the_name_by_which_it_is_imported(scorer):
    assert repr(scorer).endswith(scorer.__name__)
    assert pickle.loads(pickle.dumps(scorer)) is scorer


@pytest.mark.parametrize(
    ("display", "more"),
    [
        (LearningCurveDisplay, {"train_sizes": [0.5, 1.0]}),
        (
            ValidationCurveDisplay,
            {"param_name": "beta", "param_range": np.array([1.0, 27.0])},
        ),
    ],
)
def test_curves_of_scikit_learn_draw_the_scores(display, more, data):
    matplotlib.use("Agg")
    X, y, groups = data
    cv = PatientStratifiedKFold(2)
    curve = display.from_estimator(
        FIQDRClassifier(**HEADS),
        X,
        y,
        groups=groups,
        cv=cv,
        scoring=kappa_scorer,
        **more,
    )
    whole = cross_validate(
        FIQDRClassifier(**HEADS),
        *(X, y),
        cv=cv.split(X, y, groups),
        scoring=kappa_scorer,
    )
    np.testing.assert_allclose(curve.test_scores[-1], whole["test_score"])
    matplotlib.pyplot.close("all")


def test_epoch_scoring_records_the_kappa_of_the_held_out_part(data):
    X, y, groups = data
    scoring = EpochScoring(kappa_scorer, lower_is_better=False)
    net = FIQDRClassifier(
        **HEADS, train_split=PatientValidSplit(0.25), callbacks=[("kappa", scoring)]
    ).fit(X, y, groups=groups)
    recorded = net.history[:, "kappa_scorer"]
    assert len(recorded) == 2
    assert all(-1 <= value <= 1 for value in recorded)
