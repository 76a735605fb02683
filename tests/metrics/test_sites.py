"""Scores of each stratum, against scikit-learn's on its rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score, recall_score, roc_auc_score

from sk_fiqdr.metrics import grading_report, site_report


@pytest.fixture
def graded():
    rng = np.random.default_rng(0)
    grade = rng.integers(-1, 5, 500)
    proba = rng.dirichlet([1] * 5, 500)
    proba[np.arange(500), grade] += 0.3
    proba = (proba / proba.sum(axis=1, keepdims=True)).round(1)  # with ties
    proba[:, 0] += 1 - proba.sum(axis=1)
    proba = np.maximum(proba, 0)
    proba /= proba.sum(axis=1, keepdims=True)
    y = np.column_stack([grade, rng.integers(-1, 2, 500)])
    site = rng.choice(["north", "south", "west"], 500)
    return y, proba, site, np.arange(500) // 2


def test_each_row_has_the_scores_of_its_images(graded):
    y, proba, site, groups = graded
    camera = np.where(np.arange(500) % 7, "A", None)
    report = site_report(y, proba, site, groups, by={"camera": camera}, n_bootstraps=50)
    strata = {("all", "all"): np.full(500, True)}
    strata |= {("site", name): site == name for name in ("north", "south", "west")}
    strata["camera", "A"] = np.arange(500) % 7 > 0
    strata["camera", "unknown"] = np.arange(500) % 7 == 0
    strata |= {("quality", "good"): y[:, 1] == 1, ("quality", "poor"): y[:, 1] == 0}
    strata["quality", "unknown"] = y[:, 1] == -1
    assert set(report.index) == set(strata)
    for name, rows in strata.items():
        rows = rows & (y[:, 0] >= 0)
        truth, best = y[rows, 0], proba[rows].argmax(axis=1)
        row = report.loc[name]
        assert row["n"] == rows.sum()
        assert row["patients"] == len(set(groups[rows]))
        assert row["kappa"] == pytest.approx(
            cohen_kappa_score(truth, best, labels=range(5), weights="quadratic")
        )
        score = proba[rows, 2:].sum(axis=1)
        assert row["auc"] == pytest.approx(roc_auc_score(truth >= 2, score))
        for measure, positive in (("sensitivity", True), ("specificity", False)):
            expected = recall_score(truth >= 2, best >= 2, pos_label=positive)
            assert row[measure] == pytest.approx(expected)
        for measure in ("kappa", "auc", "sensitivity", "specificity"):
            assert row[f"{measure}_lower"] < row[measure] < row[f"{measure}_upper"]


def test_intervals_are_those_of_patients_drawn_one_after_the_other(graded):
    y, proba, site, groups = graded
    known = y[:, 0] >= 0
    y, proba, groups = y[known, 0], proba[known], groups[known]
    report = site_report(y, proba, site[known], groups, n_bootstraps=800)
    rng = np.random.default_rng(1)
    rows_of = [np.flatnonzero(groups == name) for name in np.unique(groups)]
    draws = []
    for _ in range(800):
        rows = np.concatenate(
            [rows_of[i] for i in rng.integers(0, len(rows_of), len(rows_of))]
        )
        draws.append(roc_auc_score(y[rows] >= 2, proba[rows, 2:].sum(axis=1)))
    expected = np.quantile(draws, [0.025, 0.975])
    found = report.loc[("all", "all"), ["auc_lower", "auc_upper"]].to_numpy(float)
    np.testing.assert_allclose(found, expected, atol=0.01)
    kappa = report.loc[("all", "all"), ["kappa", "kappa_lower", "kappa_upper"]]
    table = grading_report(
        np.column_stack([y, np.full(len(y), -1)]),
        proba.argmax(axis=1),
        groups=groups,
        n_bootstraps=800,
    )
    np.testing.assert_allclose(kappa.to_numpy(float), table.loc["kappa"])


def test_sites_of_one_patient_each_have_scores_without_intervals():
    proba = np.eye(5)[[0, 3, 4, 0]]
    report = site_report([0, 3, 4, 1], proba, ["a", "a", "b", "b"], [1, 1, 2, 2])
    assert report.loc[("site", "a"), "auc"] == 1
    assert np.isnan(
        report.loc[("site", "a"), ["auc_lower", "kappa_lower"]].to_list()
    ).all()
    lone = site_report([0, 0], np.eye(5)[[0, 0]], ["a", "b"])
    assert lone.loc[("site", "a"), ["auc", "sensitivity"]].isna().all()
    assert lone.loc[("site", "a"), "specificity"] == 1


def test_unreadable_images_and_unknown_grades_do_not_count():
    proba = np.r_[np.eye(5)[[0, 3, 1]], np.full((1, 5), np.nan)]
    report = site_report([0, 3, -1, 4], proba, list("aaaa"))
    assert report.loc[("all", "all"), "n"] == 2


def test_predictions_by_cut_points_count_in_place_of_the_most_probable(graded):
    y, proba, site, groups = graded
    low = np.zeros(500, dtype=int)
    report = site_report(y, proba, site, groups, y_pred=low, n_bootstraps=0)
    assert (report["sensitivity"] == 0).all()
    assert (report["specificity"] == 1).all()
    frame = pd.DataFrame({"eye": ["left", "right"] * 250})
    other = site_report(y, proba, site, groups, by=frame, n_bootstraps=0)
    assert ("eye", "left") in other.index
    assert (other["auc"].loc["site"] == report["auc"].loc["site"]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"proba": np.full((2, 5), 0.3)}, "add up to 1 .* in row 0"),
        ({"proba": np.eye(5)[[0]]}, r"shape \(2, 5\).*\(1, 5\)"),
        ({"sites": ["a"]}, "'site' must have a value for each of the 2 rows"),
        ({"by": {"camera": ["A"] * 3}}, "'camera' must have a value"),
        ({"y_pred": [1]}, "2 rows and y_pred 1"),
        ({"groups": [1, None]}, "no patient in row 1"),
        ({"y_true": [0, 7]}, "7 in row 1"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    given = {"y_true": [0, 1], "proba": np.eye(5)[:2], "sites": ["a", "b"]}
    with pytest.raises(ValueError, match=message):
        site_report(**{**given, **change})
