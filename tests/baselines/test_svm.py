"""The support vector machine of the CNN's features: rare classes, gaps, checks."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from sk_fiqdr.baselines._svm import BalancedSVC
from sk_fiqdr.metrics import sensitivity, specificity


def features(n, seed, n_features=200):
    """Return many features, one row in twenty poor and a little aside."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 20 > 0).astype(int)
    X = rng.normal(size=(n, n_features))
    X[y == 0, :40] += 0.4
    return X, y


def test_rare_poor_images_are_found_where_the_bare_machine_gives_them_up():
    X, y = features(1000, seed=0)
    X_new, y_new = features(2000, seed=1)
    bare = SVC(class_weight="balanced").fit(X, y).predict(X_new)
    calibrated = CalibratedClassifierCV(SVC(), ensemble=False).fit(X, y).predict(X_new)
    balanced = BalancedSVC().fit(X, y).predict(X_new)
    assert specificity(y_new, bare) < 0.1
    assert specificity(y_new, calibrated) < 0.5
    assert specificity(y_new, balanced) > 0.7
    assert sensitivity(y_new, balanced) > 0.8


def test_the_larger_probability_is_predicted():
    X, y = features(200, seed=0)
    machine = BalancedSVC().fit(X, y)
    proba = machine.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(machine.predict(X), proba.argmax(axis=1))


def test_rows_of_unknown_label_or_nan_teach_nothing():
    X, y = features(200, seed=0)
    y_unknown, X_nan = y.copy(), X.copy()
    y_unknown[3::7], X_nan[5::11, 0] = -1, np.nan
    kept = (y_unknown >= 0) & ~np.isnan(X_nan[:, 0])
    machine = BalancedSVC().fit(X_nan, y_unknown)
    alone = BalancedSVC().fit(X[kept], y[kept])
    np.testing.assert_array_equal(machine.predict_proba(X), alone.predict_proba(X))


def test_a_row_with_nan_has_no_answer():
    X, y = features(200, seed=0)
    machine = BalancedSVC().fit(X, y)
    X[[4, 9], [0, 3]] = np.nan
    read = ~np.isnan(X).any(axis=1)
    assert machine.predict(X)[~read].tolist() == [-1, -1]
    assert np.isnan(machine.predict_proba(X)[~read]).all()
    assert machine.score(X, y) == machine.score(X[read], y[read])
    assert machine.predict(X[~read]).tolist() == [-1, -1]


def test_two_rows_of_a_class_are_enough_and_one_is_not():
    X, y = features(40, seed=0)
    assert set(BalancedSVC().fit(X, y).predict(X)) <= {0, 1}
    with pytest.raises(ValueError, match=r"needs two readable images of each .* got 1"):
        BalancedSVC().fit(X[1:], y[1:])


@parametrize_with_checks(
    [BalancedSVC()],
    expected_failed_checks=lambda estimator: {
        "check_classifiers_classes": (
            "one of its cases has the labels -1 and 1, and -1 marks an unknown label"
        ),
    },
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)
