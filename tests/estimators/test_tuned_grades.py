"""Cut-points of the grade that travel with a net."""

import json

import numpy as np
import pytest

from sk_fiqdr import DRGrader, FIQDRClassifier
from sk_fiqdr.metrics import fiqdr_scoring, quadratic_weighted_kappa
from sk_fiqdr.model_selection import TunedGradeThresholdsCV

HEADS = {"backbone": None, "max_epochs": 3, "lr": 0.05, "random_state": 0}


def overlapping(n, seed):
    rng = np.random.default_rng(seed)
    grade = rng.choice(5, n, p=[0.6, 0.1, 0.2, 0.05, 0.05])
    X = np.c_[grade, rng.normal(size=n)] + rng.normal(0, 1.5, (n, 2))
    return X.astype(np.float32), np.c_[grade, rng.integers(0, 2, n)]


@pytest.fixture(scope="module")
def data():
    return overlapping(400, 0), overlapping(300, 1), overlapping(400, 2)


@pytest.fixture
def net(data):
    (X, y), *_ = data
    return FIQDRClassifier(**HEADS).fit(X, y)


def test_cut_points_are_those_of_the_meta_estimator_and_raise_kappa(net, data):
    _, (X_tune, y_tune), (X, y) = data
    before = net.predict(X)
    outside = TunedGradeThresholdsCV(net, cv="prefit").fit(X_tune, y_tune)
    expected = outside.predict(X)
    net.tune_grades(X_tune, y_tune)
    np.testing.assert_array_equal(net.predict(X), expected)
    kappas = [quadratic_weighted_kappa(y[:, 0], p) for p in (before, net.predict(X))]
    assert kappas[1] > kappas[0] + 0.05


def test_probabilities_stay_as_they_are_and_scorers_use_the_cut_points(net, data):
    _, (X_tune, y_tune), (X, y) = data
    proba = net.predict_proba(X)
    net.tune_grades(X_tune, y_tune)
    np.testing.assert_array_equal(net.predict_proba(X), proba)
    kappa = quadratic_weighted_kappa(y[:, 0], net.predict(X))
    assert fiqdr_scoring(net, X, y)["kappa"] == pytest.approx(kappa)
    np.testing.assert_allclose(net.predict_expected_grade(X), proba @ np.arange(5))


@pytest.mark.parametrize("again", ["fit", "partial_fit", "warm"])
def test_the_next_fit_forgets_them(net, data, again):
    (X, y), tune, _ = data
    net.tune_grades(*tune)
    if again == "partial_fit":
        net.partial_fit(X, y)
    else:
        net.set_params(warm_start=again == "warm").fit(X, y)
    assert not hasattr(net, "grade_cut_points_")
    np.testing.assert_array_equal(net.predict(X), net.predict_proba(X).argmax(axis=1))


def test_they_are_saved_loaded_and_exported(net, data, tmp_path):
    _, tune, (X, _) = data
    net.tune_grades(*tune).save_pretrained(tmp_path / "model")
    loaded = FIQDRClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(loaded.grade_cut_points_, net.grade_cut_points_)
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    loaded.export(tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    facts = session.get_modelmeta().custom_metadata_map
    proba = session.run(["grade_probabilities"], {"features": X})[0]
    cuts = json.loads(facts["grade_cut_points"])
    graded = (proba @ np.arange(5) >= np.array(cuts)[:, None]).sum(axis=0)
    assert (graded == net.predict(X)).mean() > 0.99


def test_a_grade_that_was_not_seen_is_not_predicted_and_is_saved(net, data, tmp_path):
    _, (X_tune, y_tune), (X, _) = data
    seen = np.isin(y_tune[:, 0], [1, 2, 3])
    net.tune_grades(X_tune[seen], y_tune[seen])
    assert set(net.predict(X)) <= {1, 2, 3}
    net.save_pretrained(tmp_path / "model")
    loaded = FIQDRClassifier.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))


@pytest.mark.parametrize(
    "cuts", [[0.5, 1.5, 2.5], [2.5, 1.5, 0.5, 3.5], ["a", 1, 2, 3], 3.0]
)
def test_a_model_folder_with_other_cut_points_is_refused(net, data, tmp_path, cuts):
    from sk_fiqdr.estimators._saving._saved_format import checksum

    _, tune, _ = data
    net.tune_grades(*tune).save_pretrained(tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text())
    config["fitted"]["grade_cut_points_"] = cuts
    config.pop("sha256")
    config["sha256"] = checksum(config)
    path.write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"cut.points"):
        FIQDRClassifier.from_pretrained(tmp_path / "model")


def test_a_grader_of_some_grades_is_tuned_too(data):
    (X, y), (X_tune, y_tune), (X_test, _) = data
    some, some_tune = y[:, 0] != 3, y_tune[:, 0] != 3
    net = DRGrader(**HEADS).fit(X[some], y[some, 0])
    net.tune_grades(X_tune[some_tune], y_tune[some_tune, 0])
    assert len(net.grade_cut_points_) == 3
    assert set(net.predict(X_test)) <= {0, 1, 2, 4}


def test_one_grade_alone_cannot_be_tuned(net, data):
    _, (X, y), _ = data
    only = y[:, 0] == 0
    with pytest.raises(ValueError, match="at least two"):
        net.tune_grades(X[only], y[only])
    assert not hasattr(net, "grade_cut_points_")


def test_a_tuned_net_inside_another_tuner_is_refused(net, data):
    _, tune, _ = data
    net.tune_grades(*tune)
    with pytest.raises(ValueError, match="already decides"):
        TunedGradeThresholdsCV(net, cv="prefit").fit(*tune)
