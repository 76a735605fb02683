"""Heads by ridge and logistic regression, against scikit-learn's."""

import numpy as np
import pytest
import torch
from helpers.networks import TinyBackbone
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import Pipeline

from sk_fiqdr import DeepFeatures, FIQDRClassifier
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.estimators._deep_features._frozen_backbone import FrozenBackbone
from sk_fiqdr.estimators._training._closed_form import PENALTIES, _ridges
from sk_fiqdr.metrics import mean_acc, quadratic_weighted_kappa
from sk_fiqdr.model_selection import PatientStratifiedKFold


def draw(n=400, d=12, seed=0):
    """Ordered grades and a quality in correlated features of unequal scale."""
    rng = np.random.default_rng(seed)
    patients = np.arange(n) // 2
    grade = rng.choice(5, n // 2, p=[0.5, 0.1, 0.2, 0.1, 0.1])[patients]
    quality = (rng.uniform(size=n) > 0.15).astype(int)
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) / 3
    X[:, 0] += grade
    X[:, 1] += 3 * quality
    return (
        (X * 10.0 ** rng.integers(-2, 3, d)).astype(np.float32),
        np.c_[grade, quality],
        patients,
    )


def ridge(**parameters):
    return FIQDRClassifier(backbone=None, solver="ridge", random_state=0, **parameters)


@pytest.fixture(scope="module")
def data():
    return draw()


@pytest.fixture(scope="module")
def net(data):
    X, y, patients = data
    return ridge().fit(X, y, groups=patients)


def test_the_grade_grows_with_a_ridge_regression_of_scikit_learn(net, data):
    X, y, _ = data
    features = (X - X.mean(axis=0)) / X.std(axis=0)
    expected = net.predict_expected_grade(X)
    alike = [
        np.corrcoef(
            np.argsort(np.argsort(expected)),
            np.argsort(
                np.argsort(Ridge(alpha).fit(features, y[:, 0]).predict(features))
            ),
        )[0, 1]
        for alpha in PENALTIES * X.shape[1]
    ]
    assert max(alike) > 1 - 1e-6


@pytest.mark.parametrize("weighted", [False, True])
def test_each_ridge_is_that_of_scikit_learn(data, weighted):
    X, y, _ = data
    X = X.astype(np.float64)
    weight = np.random.default_rng(0).uniform(0.5, 2, len(X)) if weighted else None
    ones = np.ones(len(X)) if weight is None else weight / weight.mean()
    for (coef, offset), alpha in zip(
        _ridges(X, y[:, 0], ones), PENALTIES * X.shape[1], strict=True
    ):
        theirs = Ridge(alpha).fit(X, y[:, 0], sample_weight=ones)
        np.testing.assert_allclose(coef, theirs.coef_, rtol=1e-6, atol=1e-9)
        assert offset == pytest.approx(theirs.intercept_, rel=1e-6)


def test_the_quality_is_a_logistic_regression_with_the_weight_of_poor(net, data):
    X, y, _ = data
    features = (X - X.mean(axis=0)) / X.std(axis=0)
    alike = []
    for C in (3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2):
        weight = np.where(y[:, 1] == 0, 27, 1)
        model = LogisticRegression(C=C * len(X) / weight.sum(), max_iter=1000)
        model.fit(features, y[:, 1], sample_weight=weight)
        difference = model.predict_proba(features) - net.predict_quality_proba(X)
        alike.append(np.abs(difference).max())
    assert min(alike) < 1e-3


def test_unseen_patients_are_graded_well_and_by_the_cut_points(net):
    X, y, _ = draw(seed=0)
    X_test, y_test = X[-100:], y[-100:]
    fitted = ridge(beta="balanced").fit(X[:-100], y[:-100], groups=np.arange(300) // 2)
    tuned = quadratic_weighted_kappa(y_test[:, 0], fitted.predict(X_test))
    argmax = fitted.predict_proba(X_test).argmax(axis=1)
    assert tuned > quadratic_weighted_kappa(y_test[:, 0], argmax)
    assert tuned > 0.5
    assert mean_acc(y_test[:, 1], fitted.predict_quality(X_test)) > 0.8


def test_probabilities_agree_with_the_shares_of_grades(net, data):
    X, y, _ = data
    shares = np.bincount(y[:, 0], minlength=5) / len(y)
    np.testing.assert_allclose(net.predict_proba(X).mean(axis=0), shares, atol=0.04)


def test_a_fit_is_repeated_bit_for_bit_and_a_saved_net_too(net, data, tmp_path):
    X, y, patients = data
    again = ridge().fit(X, y, groups=patients)
    np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))
    net.save_pretrained(tmp_path / "model")
    loaded = FIQDRClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(X), net.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))


def test_unknown_labels_and_rows_of_weight_zero_do_not_count(data):
    X, y, patients = data
    half = np.arange(len(X)) % 4 < 2
    weight = half.astype(float)
    y_half = np.where(half[:, None], y, -1)
    wanted = ridge().fit(X[half], y[half], groups=patients[half]).predict_proba(X)
    # Means and scales of the features are those of all rows that can be read.
    by_label = ridge().fit(X, y_half, groups=patients)
    by_weight = ridge().fit(X, y, groups=patients, sample_weight=weight)
    np.testing.assert_allclose(
        by_label.predict_proba(X), by_weight.predict_proba(X), atol=1e-5
    )
    assert np.abs(by_label.predict_proba(X) - wanted).mean() < 0.05


def test_rows_of_nan_are_left_out(data):
    X, y, patients = data
    spoilt = X.copy()
    spoilt[::5] = np.nan
    read = np.arange(len(X)) % 5 > 0
    net = ridge(on_error="skip").fit(spoilt, y, groups=patients)
    assert len(net.unreadable_) == 80
    wanted = ridge().fit(X[read], y[read], groups=patients[read])
    np.testing.assert_allclose(net.predict_proba(X), wanted.predict_proba(X), atol=1e-6)


def test_a_constant_feature_and_more_features_than_rows_do_no_harm(data):
    X, y, patients = data
    wide = np.c_[X, np.ones(len(X)), np.zeros(len(X)), np.tile(X, 40)][:120]
    net = ridge().fit(wide.astype(np.float32), y[:120], groups=patients[:120])
    assert np.isfinite(net.predict_proba(wide.astype(np.float32))).all()


def test_images_and_the_features_of_a_pipeline_give_the_same(tmp_path):
    X, y = make_fundus(40, image_size=64, random_state=0, return_X_y=True)
    groups = np.arange(40) // 2
    whole = FIQDRClassifier(
        freeze=True, solver="ridge", image_size=64, random_state=0, amp=False
    ).fit(X, y, groups=groups)
    features = DeepFeatures.from_estimator(whole)
    pipe = Pipeline([("features", features), ("heads", ridge())])
    pipe.fit(X, y, heads__groups=groups)
    np.testing.assert_allclose(pipe.predict_proba(X), whole.predict_proba(X), atol=1e-4)


def test_cross_validation_keeps_patients_apart_inside(data):
    X, y, patients = data
    grade = cross_val_predict(
        ridge(), X, y, groups=patients, cv=PatientStratifiedKFold(3)
    )
    assert quadratic_weighted_kappa(y[:, 0], grade) > 0.5


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"backbone": "resnet18"}, "set freeze=True"),
        ({"backbone": "resnet18", "freeze": 2}, "freeze=2 trains the backbone"),
        ({"balance": "grade"}, "balance='grade' is not used"),
        ({"grade_loss": "soft_kappa"}, "has a loss of its own"),
        ({"solver": "newton"}, "'solver' parameter"),
    ],
)
def test_settings_of_gradient_steps_are_refused(data, settings, message):
    X, y, _ = data
    net = FIQDRClassifier(**{"backbone": None, "solver": "ridge"} | settings)
    with pytest.raises(ValueError, match=message):
        net.fit(X, y)


def test_one_class_alone_is_refused(data):
    X, y, _ = data
    y = np.c_[np.zeros(len(y), int), y[:, 1]]
    with pytest.raises(ValueError, match=r"two grades or more, got \[0\]"):
        ridge().fit(X, y)


@pytest.mark.filterwarnings("ignore:Every quality in y is -1")
@pytest.mark.parametrize(("label", "share"), [(1, 0.99), (0, 0.01), (-1, 0.5)])
def test_one_quality_or_none_is_what_is_predicted(data, label, share):
    X, y, patients = data
    y = np.c_[y[:, 0], np.full(len(y), label)]
    net = ridge(beta=1.0).fit(X, y, groups=patients)
    assert net.predict_quality_proba(X)[:, 1] == pytest.approx(share, abs=0.01)


def test_partial_fit_by_ridge_is_refused(net, data):
    X, y, _ = data
    with pytest.raises(ValueError, match="cannot be continued"):
        ridge().fit(X, y).partial_fit(X, y)


def test_the_last_features_are_found_again_in_the_checkpoint_folder(tmp_path):
    X, y = make_fundus(12, image_size=64, random_state=0, return_X_y=True)
    settings = {"freeze": True, "solver": "ridge", "image_size": 64, "random_state": 0}
    net = FIQDRClassifier(**settings, checkpoint_dir=tmp_path).fit(X, y)
    assert any((tmp_path / "features").rglob("*.safetensors"))
    plain = FIQDRClassifier(**settings).fit(X, y)
    np.testing.assert_array_equal(net.predict_proba(X), plain.predict_proba(X))


AVERAGE = {
    "solver": "average",
    "amp": False,
    "max_epochs": 2,
    "random_state": 0,
    "batch_size": 8,
}


@pytest.fixture(scope="module")
def averaged(fundus):
    net = FIQDRClassifier(backbone=TinyBackbone, image_size=48, **AVERAGE)
    return net.fit(fundus.data, fundus.target, groups=fundus.groups)


def test_an_average_is_the_mean_of_a_trained_net_and_of_one_by_ridge(averaged, fundus):
    trained = FIQDRClassifier(
        backbone=TinyBackbone, image_size=48, **{**AVERAGE, "solver": "gradient"}
    ).fit(fundus.data, fundus.target)
    with torch.no_grad():
        ridge = averaged.module_.frozen(torch.from_numpy(fundus.data))[:2]
    for found, own, other in zip(
        averaged.predict_tasks(fundus.data),
        trained.predict_tasks(fundus.data),
        ridge,
        strict=True,
    ):
        expected = (own + other.softmax(1).numpy()) / 2
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_average_is_saved_and_loaded_as_one_folder(averaged, fundus, tmp_path):
    averaged.save_pretrained(tmp_path / "model")
    again = FIQDRClassifier.from_pretrained(tmp_path / "model", backbone=TinyBackbone)
    np.testing.assert_array_equal(
        again.predict_proba(fundus.data), averaged.predict_proba(fundus.data)
    )


def test_an_average_resumes_and_repeats_from_its_checkpoint(averaged, fundus, tmp_path):
    net = clone(averaged).set_params(checkpoint_dir=tmp_path)
    for _ in range(2):
        net = clone(net).fit(fundus.data, fundus.target, groups=fundus.groups)
        np.testing.assert_array_equal(
            net.predict_proba(fundus.data), averaged.predict_proba(fundus.data)
        )


@pytest.mark.parametrize(
    "parameters", [{"backbone": None}, {"freeze": True}, {"module": FrozenBackbone}]
)
def test_an_average_needs_a_backbone_to_train(parameters, fundus):
    net = FIQDRClassifier(**{"backbone": TinyBackbone, **AVERAGE, **parameters})
    with pytest.raises(ValueError, match='solver="average"'):
        net.fit(fundus.data, fundus.target)


def test_an_average_cannot_be_continued(averaged, fundus):
    with pytest.raises(ValueError, match="cannot be continued"):
        averaged.partial_fit(fundus.data, fundus.target)
