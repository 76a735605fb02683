"""Out-of-fold probabilities of both tasks, in the order of the rows."""

import numpy as np
import pytest
from helpers.networks import TinyBackbone
from PIL import Image
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_fiqdr import DRGrader, FIQDRClassifier
from sk_fiqdr.metrics import fiqdr_scoring
from sk_fiqdr.model_selection import (
    CalibratedTasksCV,
    PatientLeakageError,
    PatientStratifiedKFold,
    QualityGate,
    cross_val_predict_tasks,
)

HEADS = {"backbone": None, "lr": 0.1, "max_epochs": 3, "random_state": 0}


class Rote(ClassifierMixin, BaseEstimator):
    """Gives 1 to the rows it was fitted on, and 0 to all others: a memory."""

    def fit(self, X, y, sample_weight=None):
        self.classes_, self.rows_ = np.arange(5), set(X[:, 0])
        self.weight_ = 0 if sample_weight is None else np.sum(sample_weight)
        return self

    def predict_tasks(self, X):
        known = np.array([row in self.rows_ for row in X[:, 0]], dtype=float)
        return known[:, None] + np.zeros(5), np.column_stack([X[:, 0], known])

    def predict_quality(self, X):
        return np.ones(len(X), dtype=int)


def by_hand(estimator, X, y, splits):
    grade, quality = np.full((len(y), 5), np.nan), np.full((len(y), 2), np.nan)
    for train, test in splits:
        fitted = clone(estimator).fit(X[train], y[train])
        grade[test] = fitted.predict_proba(X[test])
        quality[test] = fitted.predict_quality_proba(X[test])
    return grade, quality


def test_each_row_is_predicted_by_the_fold_that_lacks_its_patient(eyes):
    X, y, groups = eyes
    net, cv = FIQDRClassifier(**HEADS), PatientStratifiedKFold(3)
    found = cross_val_predict_tasks(net, X, y, groups, cv=cv)
    grade, quality = by_hand(net, X, y, cv.split(X, y, groups))
    np.testing.assert_array_equal(found.grade_proba, grade)
    np.testing.assert_array_equal(found.quality_proba, quality)
    assert not hasattr(net, "module_")


def test_rows_stay_in_order_and_no_row_is_known(eyes):
    y = eyes[1]
    X, groups = np.arange(600.0)[:, None], np.random.default_rng(0).permutation(600)
    grade, quality = cross_val_predict_tasks(Rote(), X, y, groups // 2, random_state=3)
    np.testing.assert_array_equal(quality[:, 0], X[:, 0])
    assert not grade.any()
    assert not quality[:, 1].any()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda net: make_pipeline(StandardScaler(), net),
        lambda net: GridSearchCV(
            net, {"beta": [1.0, 9.0]}, cv=2, scoring=fiqdr_scoring, refit="kappa"
        ),
    ],
    ids=["pipeline", "search"],
)
def test_what_wraps_a_net_predicts_both_tasks_too(eyes, wrap):
    X, y, groups = eyes
    net = FIQDRClassifier(**HEADS)
    grade, quality = cross_val_predict_tasks(wrap(net), X, y, groups, cv=2)
    assert (grade.shape, quality.shape) == ((600, 5), (600, 2))
    np.testing.assert_allclose(grade.sum(axis=1), 1)


@pytest.mark.filterwarnings("ignore:Patients are unknown")
@pytest.mark.parametrize(
    "meta",
    [
        CalibratedTasksCV(FIQDRClassifier(**HEADS), cv=2),
        QualityGate(FIQDRClassifier(**HEADS), max_refused=0.2, cv=2),
    ],
    ids=lambda it: type(it).__name__,
)
def test_meta_estimators_are_predicted_out_of_fold(eyes, meta):
    X, y, groups = eyes
    grade, _ = cross_val_predict_tasks(meta, X, y, groups, cv=2)
    np.testing.assert_allclose(grade.sum(axis=1), 1)


def test_unknown_labels_and_weights_reach_the_fits(eyes):
    X, y, groups = eyes
    y = y.copy()
    y[::7, 0] = y[::5, 1] = -1
    weight = np.random.default_rng(0).random(600)
    cv = list(PatientStratifiedKFold(2).split(X, y, groups))
    net = FIQDRClassifier(**HEADS)
    found = cross_val_predict_tasks(
        net, X, y, groups, cv=cv, params={"sample_weight": weight}
    )
    with config_context(enable_metadata_routing=True):
        asking = clone(net).set_fit_request(sample_weight=True, groups=True)
        routed = cross_val_predict_tasks(
            asking, X, y, groups, cv=cv, params={"sample_weight": weight}
        )
    train, test = cv[0]
    expected = clone(net).fit(X[train], y[train], sample_weight=weight[train])
    expected = expected.predict_proba(X[test])
    np.testing.assert_array_equal(found.grade_proba[test], expected)
    np.testing.assert_array_equal(routed.grade_proba[test], expected)


def test_patients_are_read_from_paths_and_unreadable_rows_are_nan(tmp_path, fundus):
    paths = []
    for image, patient, eye in zip(
        fundus.data, fundus.groups, fundus.frame["eye"], strict=True
    ):
        paths.append(tmp_path / f"{patient}_{eye}.png")
        Image.fromarray(image).save(paths[-1])
    paths[4].write_bytes(b"not an image")
    net = FIQDRClassifier(
        backbone=TinyBackbone,
        image_size=32,
        max_epochs=1,
        on_error="skip",
        random_state=0,
    )
    grade, quality = cross_val_predict_tasks(net, paths, fundus.target, cv=2)
    assert np.flatnonzero(np.isnan(grade).any(axis=1)).tolist() == [4]
    assert np.flatnonzero(np.isnan(quality).any(axis=1)).tolist() == [4]


def test_a_splitter_that_separates_eyes_is_refused(eyes):
    X, y, groups = eyes
    with pytest.raises(PatientLeakageError):
        cross_val_predict_tasks(
            FIQDRClassifier(**HEADS), X, y, groups, cv=KFold(3, shuffle=True)
        )


def test_patients_that_are_unknown_are_warned_of_at_the_call(eyes):
    X, y, _ = eyes
    with pytest.warns(UserWarning, match="Patients are unknown") as caught:
        cross_val_predict_tasks(Rote(), X, y, cv=2)
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (0.25, "of 600 rows never and 0 more than once"),
        ([(np.arange(300), np.arange(300, 600))], "300 of 600 rows never"),
        (
            2 * [(np.arange(300), np.arange(300, 600))]
            + [(np.arange(300, 600), np.arange(300))],
            "300 more than once",
        ),
    ],
    ids=["share", "one split", "rows twice"],
)
def test_splits_that_do_not_predict_each_row_once_are_refused(eyes, cv, message):
    X, y, groups = eyes
    with pytest.raises(ValueError, match=message):
        cross_val_predict_tasks(Rote(), X, y, groups, cv=cv)


def test_one_task_and_one_column_name_the_way_out(eyes):
    X, y, groups = eyes
    with pytest.raises(TypeError, match=r"cross_val_predict\(estimator"):
        cross_val_predict_tasks(DRGrader(**HEADS), X, y, groups)
    with pytest.raises(ValueError, match="column_stack"):
        cross_val_predict_tasks(FIQDRClassifier(**HEADS), X, y[:, 0], groups)


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba"])
@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda net: net,
        lambda net: make_pipeline(StandardScaler(), net),
        lambda net: CalibratedTasksCV(net, cv=2),
    ],
    ids=["net", "pipeline", "meta-estimator"],
)
def test_cross_val_predict_names_the_function_for_both_tasks(
    eyes, wrap, n_jobs, method
):
    """It would pass -1 to the net as grade 0."""
    X, y, groups = eyes
    with pytest.raises(TypeError, match="cross_val_predict_tasks"):
        cross_val_predict(
            wrap(FIQDRClassifier(**HEADS)),
            X,
            y,
            groups=groups,
            cv=PatientStratifiedKFold(2),
            n_jobs=n_jobs,
            method=method,
        )


def test_cross_val_predict_still_predicts_grades_and_single_tasks(eyes):
    X, y, groups = eyes
    cv = PatientStratifiedKFold(2)
    grade = cross_val_predict(FIQDRClassifier(**HEADS), X, y, groups=groups, cv=cv)
    assert grade.shape == (600,)
    proba = cross_val_predict(
        DRGrader(**HEADS), X, y[:, 0], groups=groups, cv=cv, method="predict_proba"
    )
    np.testing.assert_allclose(proba.sum(axis=1), 1)
