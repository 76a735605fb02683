"""Successive halving: many candidates for a few epochs, the best of them for all."""

import numpy as np
import pytest
from helpers.fits import HEADS, make_features
from helpers.networks import CountingBackbone
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    cross_val_score,
)
from sklearn.pipeline import Pipeline

from sk_fiqdr import DeepFeatures, DRGrader, FIQDRClassifier
from sk_fiqdr.metrics import kappa_scorer, mean_acc_scorer
from sk_fiqdr.model_selection import PatientStratifiedKFold, SearchCheckpoint

GRID = {"beta": [1, 27], "lambd": [0, 0.1]}
HALVING = {
    "resource": "max_epochs",
    "factor": 2,
    "max_resources": 8,
    "scoring": kappa_scorer,
    "error_score": "raise",
}


@pytest.fixture(scope="module")
def features():
    """Return features and labels of eyes of a hundred patients, and the patients."""
    X, y = make_features(200)
    return X, y, np.repeat(np.arange(100), 2).astype(str)


def test_halving_ends_where_a_loop_by_hand_ends(features):
    X, y, groups = features
    cv = PatientStratifiedKFold(3)
    net = FIQDRClassifier(**HEADS)
    search = HalvingGridSearchCV(net, GRID, cv=cv, **HALVING)
    search.fit(X, y, groups=groups)

    def score(candidate):
        one = clone(net).set_params(**candidate)
        return cross_val_score(
            one, X, y, scoring=kappa_scorer, cv=cv, groups=groups
        ).mean()

    left = [{"beta": b, "lambd": c} for b in GRID["beta"] for c in GRID["lambd"]]
    means = []
    for max_epochs in (2, 4, 8):
        left = [{**candidate, "max_epochs": max_epochs} for candidate in left]
        scores = [score(candidate) for candidate in left]
        means += scores
        if max_epochs < 8:  # the better half goes on
            best = np.argsort(scores, kind="stable")[len(left) // 2 :]
            left = [left[at] for at in best]
    assert search.n_resources_ == [2, 4, 8]
    assert search.n_candidates_ == [4, 2, 1]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], means)
    assert search.best_params_ == left[-1]
    assert len(search.best_estimator_.history) == 8
    assert search.best_score_ == means[-1]


def test_halving_works_on_images_and_keeps_patients_whole(tiny, fundus, fundus_paths):
    net = FIQDRClassifier(**tiny)
    search = HalvingGridSearchCV(
        net, {"beta": [1, 27]}, cv=PatientStratifiedKFold(2), **HALVING
    ).fit(fundus_paths, fundus.target)
    assert search.n_resources_ == [
        4,
        8,
    ]  # it starts so as to end at the largest
    assert search.best_params_["max_epochs"] == 8
    assert search.predict(fundus_paths).shape == (24,)


@pytest.mark.parametrize("scorer", [kappa_scorer, mean_acc_scorer])
def test_halving_on_features_sees_each_image_once_and_goes_on_after_a_kill(
    tmp_path, fundus, fundus_paths, scorer
):
    log = tmp_path / "log"
    pipe = Pipeline(
        [
            (
                "features",
                DeepFeatures(
                    CountingBackbone(log), image_size=48, memory=tmp_path / "memory"
                ),
            ),
            ("fiqdr", FIQDRClassifier(**HEADS)),
        ]
    )
    grid = {f"fiqdr__{name}": values for name, values in GRID.items()}
    settings = HALVING | {"resource": "fiqdr__max_epochs", "scoring": scorer}
    search = HalvingGridSearchCV(pipe, grid, cv=PatientStratifiedKFold(3), **settings)
    first = SearchCheckpoint(search, tmp_path / "results")
    first.fit(fundus_paths, fundus.target)
    assert len(log.read_text()) == 24
    for path in sorted((tmp_path / "results").glob("*/*.json"))[::2]:
        path.unlink()  # as if these had not been reached
    again = SearchCheckpoint(search, tmp_path / "results")
    again.fit(fundus_paths, fundus.target)
    assert 0 < again.n_reused_ < 21
    assert again.n_resources_ == first.n_resources_ == [2, 4, 8]
    for name in ("mean_test_score", "rank_test_score", "iter", "n_resources"):
        np.testing.assert_array_equal(again.cv_results_[name], first.cv_results_[name])
    assert again.best_params_ == first.best_params_


def test_random_halving_serves_the_single_tasks(features):
    X, y, groups = features
    search = HalvingRandomSearchCV(
        DRGrader(**HEADS),
        {"lr": [0.01, 0.05, 0.1], "batch_size": [16, 32]},
        n_candidates=4,
        cv=PatientStratifiedKFold(2),
        random_state=0,
        **HALVING,
    ).fit(X, y[:, 0], groups=groups)
    assert search.n_candidates_ == [4, 2, 1]
    assert search.best_score_ > 0.5
