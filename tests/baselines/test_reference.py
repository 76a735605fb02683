"""What both hand-crafted baselines do with X, y, bad files and patients."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline

from sk_fiqdr.baselines import EdgeIntensityClassifier, TemplateHistogramClassifier
from sk_fiqdr.datasets import load_kaggle_dr
from sk_fiqdr.metrics import mean_acc, mean_acc_scorer, quality_report, specificity
from sk_fiqdr.model_selection import (
    PatientLeakageError,
    PatientStratifiedKFold,
    patient_ids,
)
from sk_fiqdr.preprocessing import FundusCropper


@pytest.fixture
def quality(fundus):
    return fundus.target[:, 1]


@pytest.fixture
def paths(fundus_paths):
    return [str(path) for path in fundus_paths]


@pytest.fixture
def broken(paths, tmp_path):
    """Return the paths with a text file in row 1 and a missing file in row 2."""
    damaged = tmp_path / "kein Bild ä.jpeg"
    damaged.write_text("<html>404</html>")
    return [paths[0], str(damaged), str(tmp_path / "missing.png"), *paths[3:]]


# Answers


def test_probabilities_add_up_and_the_larger_one_is_predicted(
    baseline, fundus, quality
):
    proba = baseline.fit(fundus.data, quality).predict_proba(fundus.data)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    answer = baseline.predict(fundus.data)
    np.testing.assert_array_equal(answer, proba.argmax(axis=1))
    assert baseline.score(fundus.data, quality) == (answer == quality).mean()


def test_new_painted_photographs_are_judged_well_above_chance(baseline, eyes, paint):
    baseline.set_params(image_size=96).fit(*eyes)
    X = np.concatenate(
        [paint(defect) for defect in ("", "haze", "under-exposure", "over-exposure")]
    )
    truth = np.repeat([1, 0, 0, 0], 10)
    assert mean_acc(truth, baseline.predict(X)) > 0.85


def test_rare_poor_images_are_not_given_up(baseline, eyes):
    X, y = eyes
    poor, good = np.flatnonzero(y == 0), np.flatnonzero(y == 1)
    rows = np.concatenate([poor[:8], *[good] * 2])  # 1 in 20
    assert 0.03 < (y[rows] == 0).mean() < 0.06
    baseline.set_params(image_size=96).fit(X[rows], y[rows])
    assert specificity(y[poor[8:]], baseline.predict(X[poor[8:]])) > 0.6


def test_paths_and_pixels_have_the_same_answers(baseline, fundus, paths, quality):
    by_path = baseline.fit(paths, quality).predict_proba(paths)
    by_pixel = clone(baseline).fit(fundus.data, quality).predict_proba(fundus.data)
    np.testing.assert_array_equal(by_path, by_pixel)


def test_one_photograph_has_the_answer_that_it_has_among_others(
    baseline, paths, quality
):
    proba = baseline.fit(paths, quality).predict_proba(paths)
    np.testing.assert_array_equal(baseline.predict_proba(paths[3:4]), proba[3:4])


def test_photographs_of_any_shape_are_measured(baseline, fundus, quality, tmp_path):
    baseline.fit(fundus.data, quality)
    tall = tmp_path / "tall.jpeg"
    Image.fromarray(np.tile(fundus.data[0], (3, 1, 1))).save(tall)
    assert np.isfinite(baseline.transform([tall])).all()
    with pytest.warns(UserWarning, match="48 x 48 pixels and now sees 48 x 30"):
        measures = baseline.transform(fundus.data[:, :, :30])
    assert np.isfinite(measures).all()


def test_a_black_photograph_is_poor(baseline, fundus, quality, tmp_path):
    black = tmp_path / "black.png"
    Image.new("RGB", (60, 40)).save(black)
    baseline.fit(fundus.data, quality)
    assert baseline.predict([black]).tolist() == [0]


def test_processes_change_nothing(baseline, paths, quality):
    alone = baseline.fit(paths, quality).transform(paths)
    baseline.set_params(n_jobs=2)
    np.testing.assert_array_equal(baseline.fit(paths, quality).transform(paths), alone)


# Labels


def test_rows_of_unknown_quality_teach_nothing(baseline, fundus, quality):
    unknown = np.where(np.arange(len(quality)) % 3 == 0, -1, quality)
    known = unknown >= 0
    with_them = baseline.fit(fundus.data, unknown).predict_proba(fundus.data)
    baseline.fit(fundus.data[known], quality[known])
    np.testing.assert_array_equal(with_them, baseline.predict_proba(fundus.data))
    right = (baseline.predict(fundus.data) == quality)[known].mean()
    assert baseline.score(fundus.data, unknown) == right


def test_files_of_unknown_quality_are_not_even_read(baseline, broken, quality):
    quality = quality.copy()
    quality[[1, 2]] = -1
    assert baseline.fit(broken, quality).unreadable_ == {}


@pytest.mark.parametrize("dtype", [bool, np.int8, float, str])
def test_labels_of_any_type_come_back_as_they_were(baseline, fundus, quality, dtype):
    y = quality.astype(dtype)
    baseline.fit(fundus.data, y)
    np.testing.assert_array_equal(baseline.classes_, np.unique(y))
    assert set(baseline.predict(fundus.data)) <= set(y)
    assert baseline.score(fundus.data, y) > 0.5


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1] * 24, r"needs at least two classes in y, got one class: \[1\]"),
        ([0] * 20 + [-1] * 4, r"got one class: \[0\]"),
        ([-1] * 24, "all labels are -1"),
        ([0, 1, 2] * 8, r"Only binary classification.*\[0, 1, 2\]"),
        ([0, 1], "24 rows of X and 2 of y"),
        ([[2, 1]] * 24, r"takes y of shape \(n_samples,\).*pass y\[:, 1\]"),
        ([0, np.nan] * 12, "NaN, first in row 1.*-1"),
        (None, "requires y to be passed"),
    ],
)
def test_labels_that_cannot_be_learned_are_refused(baseline, fundus, y, message):
    with pytest.raises(ValueError, match=message):
        baseline.fit(fundus.data, y)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        ("eye.png", TypeError, r"single path, 'eye\.png'"),
        ([], ValueError, "X is empty"),
        (np.zeros((4, 9)), ValueError, "looks like features"),
        (np.ones((4, 64, 64, 3)), ValueError, "must be uint8"),
    ],
)
def test_what_is_no_image_is_refused(baseline, X, error, message):
    with pytest.raises(error, match=message):
        baseline.fit(X, [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("name", "value"),
    [("image_size", 31), ("image_size", 64.0), ("image_size", True), ("on_error", "x")],
)
def test_parameters_out_of_range_are_refused(baseline, fundus, quality, name, value):
    with pytest.raises(ValueError, match=f"'{name}' .* must be .*Got {value!r}"):
        baseline.set_params(**{name: value}).fit(fundus.data, quality)


# Files that cannot be read


def test_an_unreadable_file_stops_by_name(baseline, paths, broken, quality):
    with pytest.raises(OSError, match=r"kein Bild ä\.jpeg' is not an image"):
        baseline.fit(broken, quality)
    baseline.fit(paths, quality)
    with pytest.raises(FileNotFoundError, match=r"missing\.png"):
        baseline.predict(broken[2:])


@pytest.mark.parametrize("on_error", ["warn", "skip"])
def test_unreadable_files_are_passed_over_and_named(
    baseline, paths, broken, quality, on_error, recwarn
):
    baseline.set_params(on_error=on_error).fit(broken, quality)
    assert len(recwarn) == (on_error == "warn")
    if on_error == "warn":
        assert "2 of 24 images could not be read" in str(recwarn.pop().message)
    assert list(baseline.unreadable_) == broken[1:3]
    assert "no file" in baseline.unreadable_[broken[2]]
    recwarn.clear()
    answer, proba = baseline.predict(broken), baseline.predict_proba(broken)
    assert len(recwarn) == 2 * (on_error == "warn")
    recwarn.clear()
    assert answer[1:3].tolist() == [-1, -1]
    assert np.isnan(proba[1:3]).all()
    rest = np.delete(np.arange(24), [1, 2])
    alone = clone(baseline).fit([paths[i] for i in rest], quality[rest])
    np.testing.assert_array_equal(
        alone.predict_proba([paths[i] for i in rest]), proba[rest]
    )
    assert baseline.score(broken, quality) == (answer == quality)[rest].mean()


def test_nothing_readable_answers_nothing(baseline, paths, broken, quality):
    baseline.set_params(on_error="skip").fit(paths, quality)
    assert baseline.predict(broken[1:3]).tolist() == [-1, -1]
    assert np.isnan(baseline.predict_proba(broken[1:3])).all()


@pytest.mark.parametrize(("y", "lost"), [([1, 0, 0], "poor"), ([0, 1, 1], "good")])
def test_a_class_without_a_readable_image_is_an_error(baseline, broken, y, lost):
    with pytest.raises(ValueError, match=f"No {lost} image could be read.*kein Bild"):
        baseline.set_params(on_error="skip").fit(broken[:3], y)


# Among scikit-learn's and our own tools


def test_the_measures_have_names(baseline, fundus, quality):
    frame = (
        baseline.fit(fundus.data, quality)
        .set_output(transform="pandas")
        .transform(fundus.data)
    )
    assert list(frame) == baseline.get_feature_names_out().tolist()
    assert frame.shape == (24, 3)


def test_a_pickled_classifier_answers_alike(baseline, paths, quality):
    baseline.fit(paths, quality)
    again = pickle.loads(pickle.dumps(baseline))
    np.testing.assert_array_equal(
        again.predict_proba(paths), baseline.predict_proba(paths)
    )


def test_another_size_than_at_fit_is_refused(baseline, fundus, quality):
    baseline.fit(fundus.data, quality).set_params(image_size=64)
    with pytest.raises(ValueError, match=r"fitted at image_size=48.*now has image_s"):
        baseline.predict(fundus.data)


def test_a_crop_goes_before_it_in_a_pipeline(baseline, fundus, quality):
    pipeline = make_pipeline(FundusCropper(image_size=48), baseline)
    search = GridSearchCV(
        pipeline,
        {f"{type(baseline).__name__.lower()}__image_size": [32, 48]},
        scoring=mean_acc_scorer,
        cv=PatientStratifiedKFold(2),
    )
    search.fit(fundus.data, quality, groups=fundus.groups)
    assert search.best_score_ > 0.5


def test_answers_out_of_fold_keep_patients_whole(baseline, paths, quality):
    answers = cross_val_predict(baseline, paths, quality, cv=PatientStratifiedKFold(3))
    assert set(answers) <= {0, 1}


def test_scoring_the_fellow_eye_of_a_trained_one_is_an_error(baseline, paths, quality):
    left = [i for i, path in enumerate(paths) if "left" in path]
    baseline.fit([paths[i] for i in left], quality[left])
    assert baseline.score([paths[i] for i in left], quality[left]) > 0.5
    for score in (baseline.score, lambda X, y: mean_acc_scorer(baseline, X, y)):
        with pytest.raises(PatientLeakageError, match="12 patients are scored"):
            score(paths, quality)


def test_hand_crafted_baselines_never_import_torch():
    code = (
        "import sys, numpy as np\n"
        "from sk_fiqdr.baselines import EdgeIntensityClassifier\n"
        "X = np.arange(2 * 32 * 32 * 3).reshape(2, 32, 32, 3).astype(np.uint8)\n"
        "EdgeIntensityClassifier().fit(X, [0, 1]).predict(X)\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.realdata
@pytest.mark.slow
@pytest.mark.parametrize(
    "baseline", [TemplateHistogramClassifier, EdgeIntensityClassifier]
)
def test_real_photographs_are_judged_above_chance(baseline, real_data):
    labels = real_data / "labels"
    data = load_kaggle_dr(
        real_data / "eyepacs-256" / "images",
        labels / "trainLabels.csv",
        labels / "quality_label_train.csv",
    )
    # All poor ones, and a quarter of the good: mean_acc asks for no more of these.
    quality = data.target[:, 1]
    rows = np.sort(
        np.concatenate(
            [np.flatnonzero(quality == 0), np.flatnonzero(quality == 1)[::4]]
        )
    )
    paths, quality = data.data[rows], quality[rows]
    answer = cross_val_predict(baseline(), paths, quality, cv=PatientStratifiedKFold(5))
    report = quality_report(quality, answer, groups=patient_ids(paths))
    assert report.loc["mean_acc", "lower"] > 0.5
