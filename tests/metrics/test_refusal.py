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


def by_hand(truth, answer):
    """Return sensitivity and specificity of pairs of booleans."""
    diseased = [a for t, a in zip(truth, answer, strict=True) if t]
    healthy = [not a for t, a in zip(truth, answer, strict=True) if not t]
    return sum(diseased) / len(diseased), sum(healthy) / len(healthy)


def test_what_is_refused_counts_in_three_ways():
    rng = np.random.default_rng(0)
    y = np.column_stack([rng.integers(-1, 5, 400), rng.integers(0, 2, 400)])
    answer, refused = rng.integers(0, 5, 400), rng.random(400) < 0.2
    report = refusal_report(
        y, answer, refused, groups=np.arange(400) // 2, of="referable"
    )
    known = np.flatnonzero(y[:, 0] >= 0)
    truth = (y[:, 0] >= 2).tolist()
    kept = [i for i in known if not refused[i]]
    for way, rows, instead in (
        ("left out", kept, None),
        ("referred", known, True),
        ("passed as healthy", known, False),
    ):
        counted = [instead if refused[i] else answer[i] >= 2 for i in rows]
        expected = by_hand([truth[i] for i in rows], counted)
        found = report.loc[way, ["sensitivity", "specificity"]].tolist()
        assert found == pytest.approx(expected)
        assert report.loc[way, "n"] == len(rows)
        for name in ("sensitivity", "specificity"):
            lower, upper = report.loc[way, [f"{name}_lower", f"{name}_upper"]]
            assert lower < report.loc[way, name] < upper


def test_no_referable_eye_has_no_sensitivity():
    report = refusal_report([[0, 1], [1, 1]], [0, 2], [False, False], of="referable")
    assert report["sensitivity"].isna().all()
    assert (report["specificity"] == 0.5).all()


def test_imageability_counts_photographs_eyes_and_patients():
    groups = ["a", "a", "a", "b", "b", "c"]
    eyes = ["left", "left", "right", "left", "right", "left"]
    refused = np.array([1, 0, 1, 0, 0, 1], dtype=bool)
    report = refusal_report(
        [[0, 1]] * 6, [0] * 6, refused, groups=groups, eyes=eyes, of="imageability"
    )
    assert report[["n", "graded"]].to_numpy().tolist() == [
        [6, 3],
        [5, 3],
        [3, 2],
        [3, 1],
    ]
    np.testing.assert_allclose(report["share"], report["graded"] / report["n"])
    assert (report["lower"] <= report["share"]).all()
    assert (report["upper"] >= report["share"]).all()


def test_reasons_are_shares_of_all_images():
    reasons = np.where(np.arange(9) % 2, "poor quality", "eyes disagree")
    report = refusal_report(Y, ANSWER, REFUSED, reasons=reasons, n_bootstraps=100)
    plain = refusal_report(Y, ANSWER, REFUSED, n_bootstraps=100)
    assert report.loc[plain.index].equals(plain)
    assert report.loc["poor quality", ["n", "refused"]].tolist() == [9, 1]
    assert report.loc["eyes disagree", ["n", "refused"]].tolist() == [9, 3]
    assert report.loc["poor quality", "share"] == pytest.approx(1 / 9)


def test_other_reports_are_refused_by_name():
    with pytest.raises(ValueError, match="'imageability'"):
        refusal_report(Y, ANSWER, REFUSED, of="price")
    with pytest.raises(ValueError, match="a text for each of the 9 rows"):
        refusal_report(Y, ANSWER, REFUSED, reasons=["poor"])
