"""The price of refusing, against a table counted by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from sk_fiqdr.metrics import refusal_report

Y = np.array([[0, 1], [0, 1], [0, 0], [1, 1], [2, -1], [3, 1], [4, 0], [4, 1], [-1, 0]])
ANSWER = np.array([0, 0, 2, 1, 2, 0, 0, 4, 1])
REFUSED = np.array([0, 0, 1, 0, 0, 1, 1, 0, 1], dtype=bool)


def test_the_report_is_the_table_counted_by_hand():
    report = refusal_report(Y, ANSWER, REFUSED, n_bootstraps=0)
    counted = pd.DataFrame(
        {"n": [9, 3, 1, 1, 1, 2, 3, 5, 3], "refused": [4, 1, 0, 0, 1, 1, 2, 1, 3]},
        index=[
            "all",
            *("grade 0", "grade 1", "grade 2", "grade 3", "grade 4"),
            *("severe", "good", "poor"),
        ],
    )
    pd.testing.assert_frame_equal(report[["n", "refused"]], counted, check_names=False)
    np.testing.assert_allclose(report["share"], counted["refused"] / counted["n"])
    assert report[["lower", "upper"]].isna().all(axis=None)


def test_kappa_is_that_of_the_rows_that_count():
    def kappa(rows):
        return cohen_kappa_score(
            Y[rows, 0], ANSWER[rows], labels=range(5), weights="quadratic"
        )

    report = refusal_report(Y, ANSWER, REFUSED, n_bootstraps=0)
    known, good = Y[:, 0] >= 0, Y[:, 1] == 1
    assert report.loc["all", "kappa"] == pytest.approx(kappa(known))
    assert report.loc["all", "kappa_graded"] == pytest.approx(kappa(known & ~REFUSED))
    assert report.loc["good", "kappa"] == pytest.approx(kappa(good))
    assert report.loc["good", "kappa_graded"] == pytest.approx(kappa(good & ~REFUSED))
    # All poor images are refused, and a kappa within one grade says nothing.
    assert np.isnan(report.loc["poor", "kappa_graded"])
    assert (
        report.loc["grade 0":"severe", ["kappa", "kappa_graded"]].isna().all(axis=None)
    )


def test_an_empty_stratum_has_no_share():
    report = refusal_report([[0, 1], [2, 1]], [0, 2], np.array([False, True]))
    assert report.loc["grade 4", ["n", "refused"]].tolist() == [0, 0]
    assert report.loc[["grade 4", "severe", "poor"], "share"].isna().all()
    assert report.loc["grade 2", "share"] == 1


def test_images_without_an_answer_do_not_count_for_kappa():
    answer = np.where(np.arange(9) == 7, -1, ANSWER)
    report = refusal_report(Y, answer, REFUSED, n_bootstraps=0)
    rows = (Y[:, 0] >= 0) & (answer >= 0)
    expected = cohen_kappa_score(
        Y[rows, 0], answer[rows], labels=range(5), weights="quadratic"
    )
    assert report.loc["all", "kappa"] == pytest.approx(expected)
    assert report.loc["all", "n"] == 9


def test_intervals_are_wider_where_patients_have_many_images():
    rng = np.random.default_rng(0)
    refused = np.repeat(rng.random(60) < 0.3, 10)
    y = np.column_stack([np.arange(600) % 5, np.arange(600) % 2])
    alone = refusal_report(y, y[:, 0], refused).loc["all"]
    patients = refusal_report(y, y[:, 0], refused, groups=np.arange(600) // 10)
    together = patients.loc["all"]
    assert alone["lower"] < alone["share"] < alone["upper"]
    # Ten copies of a patient tell as much as one: the interval is sqrt(10) as wide.
    ratio = (together.upper - together.lower) / (alone.upper - alone.lower)
    assert ratio == pytest.approx(np.sqrt(10), rel=0.15)


def test_what_does_not_fit_is_refused():
    for y, answer, refused, message in [
        (Y[:, 0], ANSWER, REFUSED, "columns"),
        (np.add(Y, [0, 1]), ANSWER, REFUSED, "quality in y_true has 2"),
        (np.add(Y, [1, 0]), ANSWER, REFUSED, "grade in y_true has 5"),
        (Y, ANSWER[1:], REFUSED, "9 rows and y_pred 8"),
        (Y, ANSWER, REFUSED.astype(int), "9 booleans"),
        (Y, ANSWER, REFUSED[1:], "9 booleans"),
    ]:
        with pytest.raises(ValueError, match=message):
            refusal_report(y, answer, refused)
    with pytest.raises(ValueError, match="groups must name"):
        refusal_report(Y, ANSWER, REFUSED, groups=[1])


def test_where_nothing_is_graded_its_kappa_is_nan_and_still_a_column():
    everything = refusal_report(Y, ANSWER, np.ones(len(Y), dtype=bool))
    assert everything["kappa_graded"].isna().all()
    assert everything["kappa"].notna().any()
    ungraded = np.column_stack([np.full(len(Y), -1), np.array(Y)[:, 1]])
    report = refusal_report(ungraded, ANSWER, REFUSED)
    assert report[["kappa", "kappa_graded"]].isna().all(axis=None)
