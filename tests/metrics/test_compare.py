"""Models against each other, over the same draws of patients."""

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.metrics import (
    compare,
    grading_report,
    mean_acc,
    quadratic_weighted_kappa,
    quality_report,
    sensitivity,
    specificity,
)
from sk_fiqdr.model_selection import PatientLeakageError

N_PATIENTS = 80


@pytest.fixture(scope="module")
def eyes():
    """Truth, patients and the answers of a good and of a bad model, both two-headed."""
    rng = np.random.default_rng(0)
    n = 2 * N_PATIENTS
    grade = rng.integers(0, 5, N_PATIENTS).repeat(2)
    quality = (rng.random(n) < 0.7).astype(int)
    y = np.column_stack([grade, quality])

    def guess(share):
        right = rng.random((n, 2)) < share
        return np.where(right, y, np.column_stack([grade[::-1], 1 - quality]))

    return y, np.arange(N_PATIENTS).repeat(2), {"good": guess(0.8), "bad": guess(0.6)}


def test_values_are_those_of_the_measures(eyes):
    y, groups, models = eyes
    value = compare(models, y, groups=groups, n_bootstraps=0)["value"]
    for name, answer in models.items():
        poor = y[:, 1] == 0
        expected = {
            "kappa": quadratic_weighted_kappa(y[:, 0], answer[:, 0]),
            "kappa_good": quadratic_weighted_kappa(y[~poor, 0], answer[~poor, 0]),
            "kappa_poor": quadratic_weighted_kappa(y[poor, 0], answer[poor, 0]),
            "mean_acc": mean_acc(y[:, 1], answer[:, 1]),
            "specificity": specificity(y[:, 1], answer[:, 1]),
            "sensitivity": sensitivity(y[:, 1], answer[:, 1]),
        }
        assert value.xs(name, level="model").to_dict() == pytest.approx(expected)


def test_intervals_of_a_difference_equal_those_of_a_loop_over_drawn_patients(eyes):
    y, groups, models = eyes
    rng = np.random.default_rng(1)
    draws = []
    for _ in range(2000):
        patients = rng.integers(0, N_PATIENTS, N_PATIENTS)
        rows = np.concatenate([2 * patients, 2 * patients + 1])
        one, two = (
            quadratic_weighted_kappa(y[rows, 0], models[name][rows, 0])
            for name in ("bad", "good")
        )
        draws.append(one - two)
    row = compare(models, y, groups=groups, n_bootstraps=2000).loc[("kappa", "bad")]
    assert row[["difference_lower", "difference_upper"]].tolist() == pytest.approx(
        np.quantile(draws, [0.025, 0.975]).tolist(), abs=0.02
    )


def test_values_and_intervals_agree_with_the_reports_of_one_model(eyes):
    y, groups, models = eyes
    table = compare(models, y, groups=groups, n_bootstraps=4000)
    for name, answer in models.items():
        grading = grading_report(y, answer[:, 0], groups=groups, n_bootstraps=4000)
        quality = quality_report(
            y[:, 1], answer[:, 1], groups=groups, n_bootstraps=4000
        )
        for report, measures in (
            (grading, ["kappa", "kappa_good", "kappa_poor"]),
            (quality, ["mean_acc", "specificity", "sensitivity"]),
        ):
            rows = table.xs(name, level="model").loc[measures]
            np.testing.assert_allclose(
                rows[["value", "lower", "upper"]], report.loc[measures], atol=0.03
            )


def test_equal_models_differ_by_nothing_in_every_draw(eyes):
    y, groups, models = eyes
    table = compare({"a": models["bad"], "b": models["bad"]}, y, groups=groups)
    assert (table.filter(like="difference") == 0).all(axis=None)
    assert (table["upper"] > table["lower"]).all()


def test_pairing_narrows_what_two_intervals_leave_open(eyes):
    """A model that mends a tenth of another's errors is better in every draw."""
    y, groups, models = eyes
    mended = models["bad"].copy()
    wrong = np.flatnonzero(mended[:, 0] != y[:, 0])
    mended[wrong[::10]] = y[wrong[::10]]
    table = compare({"bad": models["bad"], "mended": mended}, y, groups=groups)
    kappa = table.loc["kappa"]
    assert kappa.loc["mended", "lower"] < kappa.loc["bad", "upper"]
    assert kappa.loc["mended", "difference_lower"] > 0


def test_the_baseline_can_be_chosen_and_turns_the_sign(eyes):
    y, groups, models = eyes
    first = compare(models, y, groups=groups).loc["kappa"]
    second = compare(models, y, groups=groups, baseline="bad").loc["kappa"]
    assert first.loc["good", "difference"] == 0
    assert second.loc["good", "difference"] == -first.loc["bad", "difference"]
    assert second.loc["good", "difference_lower"] == pytest.approx(
        -first.loc["bad", "difference_upper"]
    )


def test_pairs_hold_each_two_models_once(eyes):
    y, groups, models = eyes
    three = {**models, "truth": y}
    pairs = compare(three, y, groups=groups, pairs=True)
    assert pairs.loc["kappa"].index.tolist() == [
        ("bad", "good"),
        ("truth", "good"),
        ("truth", "bad"),
    ]
    alone = compare(three, y, groups=groups, baseline="bad")
    assert pairs.loc[("kappa", "truth", "bad")].tolist() == pytest.approx(
        alone.filter(like="difference").loc[("kappa", "truth")].tolist()
    )


def test_tasks_that_a_model_does_not_do_are_nan_and_those_of_none_left_out(eyes):
    y, groups, models = eyes
    grades = models["bad"][:, 0]
    table = compare({"two": models["good"], "one": grades}, y, groups=groups)
    assert table.loc[("mean_acc", "one")].isna().all()
    assert table.loc[("kappa", "one")].notna().all()
    assert compare({"one": grades}, y).loc["kappa"].shape == (1, 6)
    assert "mean_acc" not in compare({"one": grades}, y).index.get_level_values(0)
    judge = np.column_stack([np.full(len(y), -1), models["bad"][:, 1]])
    assert "kappa" not in compare({"one": judge}, y).index.get_level_values(0)


def test_masked_rows_count_for_the_task_that_is_known(eyes):
    y, groups, models = eyes
    masked, hidden = y.copy(), y.copy()
    masked[::3, 1] = -1
    hidden[::3, 0] = -1
    table = compare(models, masked, groups=groups, n_bootstraps=0)["value"]
    every = compare(models, y, groups=groups, n_bootstraps=0)["value"]
    assert table[("kappa", "good")] == every[("kappa", "good")]
    assert table[("mean_acc", "good")] == mean_acc(masked[:, 1], models["good"][:, 1])
    table = compare(models, hidden, groups=groups, n_bootstraps=0)["value"]
    assert table[("mean_acc", "good")] == every[("mean_acc", "good")]
    more = np.vstack([y, [[-1, -1]] * 4])
    longer = {name: np.vstack([a, [[-1, -1]] * 4]) for name, a in models.items()}
    patients = np.append(groups, [991, 992, 993, 994])
    pd.testing.assert_frame_equal(
        compare(longer, more, groups=patients), compare(models, y, groups=groups)
    )


def test_what_is_undefined_is_nan(eyes):
    y, groups, models = eyes
    good = y.copy()
    good[:, 1] = 1
    table = compare(models, good, groups=groups)
    assert table.loc[["kappa_poor", "specificity", "mean_acc"]].isna().all(axis=None)
    assert table.loc["kappa"].notna().all(axis=None)
    unknown = compare(models, np.full_like(y, -1), groups=groups)
    assert unknown.isna().all(axis=None)
    alone = compare(models, y, groups=np.zeros(len(y)))
    assert alone[["value", "difference"]].notna().all(axis=None)
    assert alone[["lower", "upper", "difference_lower"]].isna().all(axis=None)
    single = compare({"one": [[2, 1]]}, [[2, 1]])
    assert single.loc[("kappa", "one"), "value"] == 0
    assert np.isnan(single.loc[("kappa_poor", "one"), "value"])


def test_models_themselves_give_the_comparison_of_their_answers():
    rng = np.random.default_rng(0)
    y = np.column_stack([rng.integers(0, 5, 120), rng.integers(0, 2, 120)])
    X = (rng.normal(size=(120, 7)) + 2 * np.eye(7)[y[:, 0]]).astype(np.float32)
    X[:, 6] += 2 * y[:, 1]
    settings = {"backbone": None, "max_epochs": 5, "random_state": 0}
    both = FIQDRClassifier(**settings).fit(X, y)
    judge = QualityClassifier(**settings).fit(X, y[:, 1])
    grader = DRGrader(**settings).fit(X, y[:, 0])
    pipe = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y[:, 0])
    nothing = np.full(120, -1)
    table = compare(
        {"both": both, "judge": judge, "grader": grader, "pipe": pipe}, y, X=X
    )
    answers = compare(
        {
            "both": np.column_stack([both.predict(X), both.predict_quality(X)]),
            "judge": np.column_stack([nothing, judge.predict(X)]),
            "grader": grader.predict(X),
            "pipe": pipe.predict(X),
        },
        y,
    )
    pd.testing.assert_frame_equal(table, answers)
    assert table["value"].notna().groupby("model").sum().to_dict() == {
        "both": 6,
        "judge": 3,
        "grader": 3,
        "pipe": 3,
    }


def test_a_model_that_was_trained_on_the_patients_is_refused(
    tiny, fundus, fundus_paths
):
    net = FIQDRClassifier(**tiny).fit(fundus_paths[::2], fundus.target[::2])
    with pytest.raises(PatientLeakageError):
        compare({"net": net}, fundus.target[1::2], X=fundus_paths[1::2])


def test_a_classifier_of_two_classes_is_not_taken_for_a_grader(eyes):
    y, _, _ = eyes
    judge = DummyClassifier().fit(np.zeros((len(y), 1)), y[:, 1])
    with pytest.raises(ValueError, match="may be grades or qualities"):
        compare({"judge": judge}, y, X=np.zeros((len(y), 1)))


def test_bad_arguments_are_refused(eyes):
    y, groups, models = eyes
    with pytest.raises(TypeError, match="dict that maps the name"):
        compare([models["good"]], y)
    with pytest.raises(ValueError, match="at least one model"):
        compare({}, y)
    with pytest.raises(ValueError, match="columns"):
        compare(models, y[:, 0])
    with pytest.raises(ValueError, match=r"predictions\['short'\].*\(160,\).*\(3,\)"):
        compare({"short": [0, 1, 2]}, y)
    with pytest.raises(ValueError, match=r"'proba'.*\(160, 5\)"):
        compare({"proba": np.zeros((160, 5))}, y)
    with pytest.raises(ValueError, match=r"grade in predictions\['wild'\] has 7 in"):
        compare({"wild": np.full(160, 7)}, y)
    with pytest.raises(ValueError, match="'worst'"):
        compare(models, y, baseline="worst")
    with pytest.raises(ValueError, match="'good' alone"):
        compare({"good": models["good"]}, y, pairs=True)
    with pytest.raises(TypeError, match="pass X="):
        compare({"model": DummyClassifier()}, y)
    with pytest.raises(ValueError, match="groups must name"):
        compare(models, y, groups=groups[:4])
    with pytest.raises(ValueError, match="n_bootstraps"):
        compare(models, y, n_bootstraps=1.5)


def test_a_row_without_an_answer_is_named_with_its_model(eyes):
    y, _, models = eyes
    gated = models["good"][:, 0].copy()
    gated[[5, 9]] = -1
    with pytest.raises(ValueError, match=r"'gated'\] is -1.* in 2 rows.* row 5\."):
        compare({"all": models["good"], "gated": gated}, y)
    unknown = y.copy()
    unknown[[5, 9], 0] = -1
    assert compare({"gated": gated}, unknown)["value"].notna().all()


def test_many_draws_equal_themselves_whatever_is_drawn_at_a_time(eyes, monkeypatch):
    y, groups, models = eyes
    whole = compare(models, y, groups=groups)
    monkeypatch.setattr("sk_fiqdr.metrics._bootstrap.MOST_DRAWN", 1000)
    pd.testing.assert_frame_equal(compare(models, y, groups=groups), whole)
