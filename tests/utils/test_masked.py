"""Masked arrays of NumPy keep their mask, or are refused."""

import numpy as np
import pandas as pd
import pytest

from sk_fiqdr import DeepFeatures, DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.metrics import (
    grading_report,
    kappa_scorer,
    quadratic_weighted_kappa,
    quality_report,
)
from sk_fiqdr.model_selection import PatientStratifiedKFold, check_patients_apart

HEADS = {"backbone": None, "max_epochs": 1, "random_state": 0}
HIDDEN = np.arange(60) < 25


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    y = np.column_stack([rng.integers(0, 5, 60), rng.integers(0, 2, 60)])
    return rng.normal(size=(60, 6)).astype("float32"), y


def mask(values, where=HIDDEN):
    """Mask rows, under which lie the values of before, all valid."""
    masked = np.ma.array(values)
    masked[where] = np.ma.masked
    return masked


def n_unknown(net, task):
    return net.training_data_[0]["labels"][task]["n_unknown"]


@pytest.mark.parametrize("dtype", [int, np.int8, np.uint8, np.uint64, float, object])
def test_masked_labels_of_both_tasks_are_unknown(dtype, rows):
    X, y = rows
    masked = mask(y.astype(dtype))
    masked[30, 1] = np.ma.masked
    net = FIQDRClassifier(**HEADS).fit(X, masked)
    assert (n_unknown(net, "grade"), n_unknown(net, "quality")) == (25, 26)
    known = np.where(np.ma.getmaskarray(masked), -1, y)
    same = FIQDRClassifier(**HEADS).fit(X, known)
    assert np.array_equal(net.predict_proba(X), same.predict_proba(X))
    assert net.score(X, masked) == same.score(X, known)


@pytest.mark.parametrize(
    ("estimator", "column", "task"),
    [(DRGrader, 0, "grade"), (QualityClassifier, 1, "quality")],
)
@pytest.mark.parametrize("dtype", [int, np.uint8, float])
def test_masked_labels_of_one_task_are_unknown(estimator, column, task, dtype, rows):
    X, y = rows
    net = estimator(**HEADS).fit(X, mask(y[:, column].astype(dtype)))
    assert n_unknown(net, task) == 25
    predicted = net.predict(X)
    assert net.score(X, mask(y[:, column])) == pytest.approx(
        (predicted == y[:, column])[25:].mean()
    )


def test_masked_labels_do_not_count_in_metrics(rows):
    grade, quality = rows[1].T
    known = np.where(HIDDEN, -1, grade), np.where(HIDDEN, -1, quality)
    guess = grade[::-1]
    assert quadratic_weighted_kappa(mask(grade), guess) == quadratic_weighted_kappa(
        known[0], guess
    )
    for report, masked, plain, y_pred in (
        (grading_report, mask(rows[1]), np.column_stack(known), guess),
        (quality_report, mask(quality), known[1], quality[::-1]),
    ):
        pd.testing.assert_frame_equal(
            report(masked, y_pred, n_bootstraps=9, random_state=0),
            report(plain, y_pred, n_bootstraps=9, random_state=0),
        )


def test_a_masked_prediction_of_a_known_grade_is_named():
    with pytest.raises(ValueError, match=r"-1, without a prediction, in row 1"):
        quadratic_weighted_kappa([0, 1], np.ma.array([0, 1], mask=[False, True]))


def test_a_scorer_counts_no_masked_labels(rows):
    X, y = rows
    net = FIQDRClassifier(**HEADS).fit(X, y)
    known = y.copy()
    known[HIDDEN] = -1
    assert kappa_scorer(net, X, mask(y)) == kappa_scorer(net, X, known)


def test_splits_stratify_by_masked_labels_as_by_unknown_ones(rows):
    X, y = rows
    known = np.where(HIDDEN, -1, y[:, 0])
    cv, groups = PatientStratifiedKFold(3), np.arange(60)
    found = cv.split(X, mask(y[:, 0]), groups)
    for (_, one), (_, other) in zip(found, cv.split(X, known, groups), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("where", [(3, 2), (slice(None), 1), 7])
def test_masked_features_are_refused_by_row(where, rows):
    X, y = rows
    masked = mask(X, where)
    row = {7: 7, (3, 2): 3}.get(where if where != (slice(None), 1) else None, 0)
    with pytest.raises(ValueError, match=f"X is masked in row {row}"):
        FIQDRClassifier(**HEADS).fit(masked, y)
    net = FIQDRClassifier(**HEADS).fit(np.ma.array(X), y)  # nothing is masked
    with pytest.raises(ValueError, match=f"X is masked in row {row}"):
        net.predict(masked)


@pytest.mark.parametrize("estimator", [FIQDRClassifier, DeepFeatures])
def test_masked_pixels_and_paths_are_refused(estimator, fundus, fundus_paths):
    net = (
        estimator("mobilenet_v3_small", image_size=32)
        if estimator is DeepFeatures
        else estimator(backbone="mobilenet_v3_small", image_size=32)
    )
    for X in (fundus.data, np.array(fundus_paths)):
        with pytest.raises(ValueError, match="X is masked in row 2"):
            net.fit(mask(X, 2), fundus.target)


def test_masked_weights_and_patients_are_refused(rows):
    X, y = rows
    net = FIQDRClassifier(**HEADS)
    with pytest.raises(ValueError, match="sample_weight is masked in row 0"):
        net.fit(X, y, sample_weight=mask(np.ones(60)))
    with pytest.raises(ValueError, match="groups is masked in row 4"):
        net.fit(X, y, groups=mask(np.arange(60), 4))
    with pytest.raises(ValueError, match="groups is masked in row 4"):
        next(PatientStratifiedKFold(3).split(X, y, mask(np.arange(60), 4)))
    with pytest.raises(ValueError, match="test_groups is masked in row 0"):
        check_patients_apart([1], np.ma.array([2], mask=[True]))


def test_masked_text_has_no_unknown_label(rows):
    y = mask(np.where(rows[1][:, 1], "good", "poor"))
    with pytest.raises(ValueError, match="y is masked in row 0 and holds <U4"):
        QualityClassifier(**HEADS).fit(rows[0], y)
