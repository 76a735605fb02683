"""A gate keeps its goal on what it was chosen on, and tells its price everywhere."""

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.metrics import (
    fiqdr_scoring,
    grading_report,
    kappa_scorer,
    quadratic_weighted_kappa,
    refusal_report,
)
from sk_fiqdr.model_selection import (
    PatientLeakageError,
    PatientStratifiedKFold,
    QualityGate,
    TunedGradeThresholdsCV,
)

HEADS = {"backbone": None, "lr": 0.1, "max_epochs": 8, "random_state": 0}


class Told(ClassifierMixin, BaseEstimator):
    """Reads the grade and the probability of good quality off X."""

    def fit(self, X, y):
        self.classes_ = np.arange(5)
        return self

    def predict_tasks(self, X):
        X = np.asarray(X)
        grade = np.eye(5)[np.nan_to_num(X[:, 0]).astype(int)]
        grade[np.isnan(X[:, 0])] = np.nan
        return grade, np.column_stack([1 - X[:, 1], X[:, 1]])

    def predict_proba(self, X):
        return self.predict_tasks(X)[0]

    def predict_quality_proba(self, X):
        return self.predict_tasks(X)[1]

    def predict_quality(self, X):
        return self.predict_quality_proba(X).argmax(axis=1)


@pytest.fixture
def told():
    """Answers, truth of grade and quality: the poorer an image, the wronger."""
    rng = np.random.default_rng(3)
    grade = rng.choice(5, 300, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    good = rng.random(300).round(2)  # with ties
    answer = np.where(
        rng.random(300) < 0.3 + 0.7 * good, grade, rng.integers(0, 5, 300)
    )
    return np.column_stack([answer, good]), np.column_stack([grade, good > 0.2])


def gate(**goal):
    return QualityGate(Told().fit(None, None), cv="prefit", **goal)


def all_thresholds(good):
    """Every way to refuse some of the images but not all, the fewest first."""
    for value in np.unique(good):
        yield good >= value


def test_without_a_goal_nothing_is_refused(eyes):
    X, y, groups = eyes
    off = QualityGate(FIQDRClassifier(**HEADS)).fit(X, y, groups=groups)
    plain = FIQDRClassifier(**HEADS).fit(X, y)
    np.testing.assert_array_equal(off.predict(X), plain.predict(X))
    assert off.is_gradable(X).all()
    assert off.threshold_ == 0
    assert off.report_ is None
    assert fiqdr_scoring(off, X, y) == {**fiqdr_scoring(plain, X, y), "refused": 0.0}
    assert not (QualityGate(plain, cv="prefit").fit(X, y).predict(X) == -1).any()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.05, 0.2, 0.5])
def test_as_many_are_refused_as_are_allowed(told, share):
    X, y = told
    fitted = gate(max_refused=share).fit(X, y)
    allowed = [~kept for kept in all_thresholds(X[:, 1]) if (~kept).mean() <= share]
    np.testing.assert_array_equal(fitted.predict(X) == -1, allowed[-1])
    assert fitted.report_.loc["all", "refused"] == allowed[-1].sum()


@pytest.mark.parametrize("wanted", [0.55, 0.6, 0.65])
def test_as_few_are_refused_as_bring_kappa_to_the_goal(told, wanted):
    X, y = told
    fitted = gate(min_kappa=wanted).fit(X, y)
    kept = next(
        kept
        for kept in all_thresholds(X[:, 1])
        if quadratic_weighted_kappa(y[kept, 0], X[kept, 0].astype(int)) >= wanted
    )
    assert 0 < (~kept).sum() < 250
    np.testing.assert_array_equal(fitted.is_gradable(X), kept)
    assert kappa_scorer(fitted, X, y) == fitted.report_.loc["all", "kappa_graded"]
    assert fitted.report_.loc["all", "kappa"] < wanted <= kappa_scorer(fitted, X, y)


@pytest.mark.parametrize("wanted", [0.8, 0.95, 1.0])
def test_as_many_are_refused_as_keep_the_severe(told, wanted):
    X, y = told
    fitted = gate(min_severe_kept=wanted).fit(X, y)
    severe = y[:, 0] >= 3
    kept = [k for k in all_thresholds(X[:, 1]) if k[severe].mean() >= wanted][-1]
    np.testing.assert_array_equal(fitted.is_gradable(X), kept)
    assert 1 - fitted.report_.loc["severe", "share"] >= wanted


def test_a_share_that_is_a_whole_number_of_images_is_reached():
    X = np.column_stack([np.zeros(20), np.linspace(0.1, 0.9, 20)])
    y = np.column_stack([np.full(20, 4), np.ones(20)]).astype(int)
    refused = gate(min_severe_kept=0.95).fit(X, y).report_.loc["severe", "refused"]
    assert refused == 1
    assert gate(max_refused=0.15).fit(X, y).report_.loc["all", "refused"] == 3


def test_a_threshold_of_ones_own_is_priced_alike(told):
    X, y = told
    fitted = gate(threshold=0.3).fit(X, y)
    assert fitted.threshold_ == 0.3
    np.testing.assert_array_equal(fitted.is_gradable(X), X[:, 1] >= 0.3)
    expected = refusal_report(y, X[:, 0].astype(int), X[:, 1] < 0.3)
    assert fitted.report_.equals(expected)
    assert fitted.report(X, y).equals(expected)


def test_a_goal_out_of_reach_says_what_is_within(told):
    X, y = told
    wrong = np.column_stack([(y[:, 0] + 1) % 5, X[:, 1]])
    kappas = [
        (quadratic_weighted_kappa(y[kept, 0], wrong[kept, 0].astype(int)), kept)
        for kept in all_thresholds(X[:, 1])
        if kept.mean() >= 0.5
    ]
    best, kept = max(kappas, key=lambda pair: pair[0])
    with pytest.raises(ValueError, match="cannot be reached") as caught:
        gate(min_kappa=0.99).fit(wrong, y)
    assert f"kappa is {kappas[0][0]:.3f} if all images are graded" in str(caught.value)
    share = f"refused ({100 * (~kept).mean():.1f} % refused)"
    assert f"at best {best:.3f} with up to half of them {share}" in str(caught.value)
    with pytest.raises(ValueError, match="y has none"):
        gate(min_severe_kept=0.9).fit(X, np.minimum(y, [2, 1]))
    with pytest.raises(ValueError, match="images of known grade"):
        gate(min_kappa=0.5).fit(X, np.full_like(y, -1))
    with pytest.raises(ValueError, match="None of the images could be read"):
        gate(max_refused=0.1).fit(np.full_like(X, np.nan), y)


def test_a_gate_that_loses_most_images_warns(told):
    X, y = told
    severe = y[:, 0] >= 3
    X = np.column_stack([X[:, 0], np.where(severe, 0.9, X[:, 1] / 2)])
    with pytest.warns(UserWarning, match=r"refuses \d\d.\d % of the images"):
        gate(min_severe_kept=0.9).fit(X, y)


def test_kappa_by_chance_in_a_handful_of_images_reaches_no_goal():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 5, 400), rng.random(400)])
    y = np.column_stack([rng.integers(0, 5, 400), np.ones(400)]).astype(int)
    last = X[:, 1] >= np.sort(X[:, 1])[-3]
    y[last, 0] = X[last, 0]
    assert quadratic_weighted_kappa(y[last, 0], X[last, 0].astype(int)) == 1
    with pytest.raises(ValueError, match="cannot be reached"):
        gate(min_kappa=0.5).fit(X, y)


def test_a_gate_without_labels_can_refuse_a_share(told):
    X, y = told
    fitted = gate(max_refused=0.1).fit(X, np.full(len(X), -1))
    assert fitted.report_.loc["all", "share"] <= 0.1
    assert fitted.report_.loc["grade 0":"poor", "n"].sum() == 0
    np.testing.assert_array_equal(
        fitted.predict(X), gate(max_refused=0.1).fit(X, y).predict(X)
    )


def test_equal_qualities_are_refused_together_or_not_at_all():
    X = np.column_stack([np.zeros(10), np.full(10, 0.5)])
    y = np.column_stack([np.arange(10) % 5, np.ones(10)]).astype(int)
    assert gate(max_refused=0.5).fit(X, y).is_gradable(X).all()


def test_unreadable_images_are_not_graded_and_choose_nothing(told):
    X, y = told
    plain = gate(max_refused=0.1).fit(X, y)
    X_more = np.vstack([X, [[np.nan, np.nan]] * 3])
    y_more = np.vstack([y, [[0, 0]] * 3])
    more = gate(max_refused=0.1).fit(X_more, y_more)
    assert more.threshold_ == plain.threshold_
    assert more.predict(X_more)[-3:].tolist() == [-1] * 3
    assert not more.is_gradable(X_more)[-3:].any()
    assert more.report_.loc["all", "refused"] == plain.report_.loc["all", "refused"] + 3


def test_one_net_with_two_heads_is_gated_out_of_fold(eyes):
    X, y, groups = eyes
    fitted = QualityGate(FIQDRClassifier(**HEADS), max_refused=0.05, cv=3)
    fitted.fit(X, y, groups=groups)
    grade, good = np.zeros(600, dtype=int), np.zeros(600)
    for train, test in PatientStratifiedKFold(3).split(X, y, groups):
        net = FIQDRClassifier(**HEADS).fit(X[train], y[train])
        grade[test], good[test] = (
            net.predict(X[test]),
            net.predict_quality_proba(X[test])[:, 1],
        )
    refused = good < fitted.threshold_
    assert refused.sum() == 30
    assert fitted.report_.equals(refusal_report(y, grade, refused, groups=groups))
    net = FIQDRClassifier(**HEADS).fit(X, y)
    gradable = net.predict_quality_proba(X)[:, 1] >= fitted.threshold_
    np.testing.assert_array_equal(
        fitted.predict(X), np.where(gradable, net.predict(X), -1)
    )
    np.testing.assert_array_equal(fitted.predict_quality(X), net.predict_quality(X))


def test_any_grader_goes_with_any_judge_of_quality(eyes):
    X, y, groups = eyes
    y = y.copy()
    y[::5, 0] = y[1::5, 1] = -1  # each learns from the rows that know its label
    judge = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced"))
    fitted = QualityGate(LogisticRegression(), judge, max_refused=0.1)
    fitted.fit(X, y, groups=groups)
    known, judged = y[:, 0] >= 0, y[:, 1] >= 0
    grader = LogisticRegression().fit(X[known], y[known, 0])
    judge = clone(judge).fit(X[judged], y[judged, 1])
    good = judge.predict_proba(X)[:, 1]
    np.testing.assert_allclose(fitted.predict_quality_proba(X)[:, 1], good)
    expected = np.where(good >= fitted.threshold_, grader.predict(X), -1)
    np.testing.assert_array_equal(fitted.predict(X), expected)
    assert kappa_scorer(fitted, X, y) == fiqdr_scoring(fitted, X, y)["kappa"]


def test_nets_of_one_task_and_calibrated_judges_make_a_pair(eyes):
    X, y, groups = eyes
    judge = CalibratedClassifierCV(
        QualityClassifier(**HEADS), method="temperature", ensemble=False, cv=2
    )
    fitted = QualityGate(DRGrader(**HEADS), judge, min_severe_kept=0.9, cv=2)
    fitted.fit(X, y, groups=groups)
    assert 0 < fitted.report_.loc["severe", "share"] <= 0.1
    two_heads = QualityGate(
        LogisticRegression(), FIQDRClassifier(**HEADS), max_refused=0.1, cv=2
    ).fit(X, y, groups=groups)
    assert 0 < (two_heads.predict(X) == -1).mean() < 0.2


def test_scores_of_a_gate_are_those_of_what_it_grades_and_name_the_price(eyes):
    X, y, groups = eyes
    fitted = QualityGate(FIQDRClassifier(**HEADS), max_refused=0.1, cv=2)
    fitted.fit(X, y, groups=groups)
    answer, scores = fitted.predict(X), fiqdr_scoring(fitted, X, y)
    graded = answer != -1
    kappa = quadratic_weighted_kappa(y[graded, 0], answer[graded])
    assert scores["kappa"] == kappa == kappa_scorer(fitted, X, y) == fitted.score(X, y)
    assert scores["refused"] == (~graded).mean() > 0
    # Quality is still judged on all.
    ungated = fiqdr_scoring(fitted.estimator_, X, y)
    for name in ("mean_acc", "specificity", "sensitivity", "precision"):
        assert scores[name] == ungated[name]
    report = grading_report(y[graded], answer[graded])
    assert report.loc["kappa", "value"] == kappa


def test_a_gate_around_tuned_cut_points_keeps_them(eyes):
    X, y, groups = eyes
    tuned = TunedGradeThresholdsCV(FIQDRClassifier(**HEADS), cv=2)
    fitted = QualityGate(tuned, max_refused=0.1, cv=2).fit(X, y, groups=groups)
    answer = fitted.predict(X)
    graded = answer != -1
    np.testing.assert_array_equal(answer[graded], fitted.estimator_.predict(X)[graded])
    assert (answer != np.where(graded, fitted.predict_proba(X).argmax(1), -1)).any()
    assert fiqdr_scoring(fitted, X, y)["kappa"] == kappa_scorer(fitted, X, y)
    pair = QualityGate(
        TunedGradeThresholdsCV(LogisticRegression(), cv=2),
        LogisticRegression(),
        max_refused=0.1,
        cv=2,
    ).fit(X, y, groups=groups)
    graded = pair.predict(X) != -1
    np.testing.assert_array_equal(
        pair.predict(X)[graded], pair.estimator_.predict(X)[graded]
    )


def test_a_grader_that_has_not_seen_every_grade_answers_those_it_has(eyes):
    X, y, groups = eyes
    rows = y[:, 0] != 1
    fitted = QualityGate(LogisticRegression(), LogisticRegression(), max_refused=0.1)
    fitted.fit(X[rows], y[rows], groups=groups[rows])
    assert set(fitted.predict(X)) <= {-1, 0, 2, 3, 4}
    assert 4 in fitted.predict(X)


def test_patients_are_kept_whole_and_leaks_are_errors(tiny, fundus, fundus_paths):
    net = FIQDRClassifier(**tiny | {"max_epochs": 1})
    with pytest.raises(PatientLeakageError):
        QualityGate(net, max_refused=0.1, cv=KFold(5)).fit(fundus_paths, fundus.target)
    fitted = QualityGate(net, max_refused=0.3, cv=0.3, refit=False)
    fitted.fit(fundus_paths, fundus.target)
    assert 0 < fitted.report_.loc["all", "n"] < 12
    trained = set(fitted.estimator_.trained_patients_)
    fellow = [
        path
        for path, patient in zip(fundus_paths, fundus.groups, strict=True)
        if patient in trained
        and f"{patient}/{path.name}" not in fitted.estimator_.trained_names_
    ]
    assert not fellow
    other = fundus_paths[0].with_name(f"{min(trained)}_od.png")
    for ask in (fitted.score, fitted.report):
        with pytest.raises(PatientLeakageError):
            ask([other], [[0, 1]])
    with pytest.raises(PatientLeakageError):
        QualityGate(fitted.estimator_, max_refused=0.1, cv="prefit").fit(
            fundus_paths, fundus.target
        )


def test_a_search_reaches_both_estimators(eyes):
    X, y, groups = eyes
    search = GridSearchCV(
        QualityGate(LogisticRegression(), LogisticRegression(), max_refused=0.1, cv=2),
        {"estimator__C": [1e-6, 1.0], "quality_estimator__C": [0.1]},
        scoring=fiqdr_scoring,
        refit="kappa",
        cv=PatientStratifiedKFold(2),
    )
    with config_context(enable_metadata_routing=True):
        search.fit(X, y, groups=groups)
    assert search.best_params_["estimator__C"] == 1.0
    assert search.best_estimator_.quality_estimator_.C == 0.1
    assert (search.cv_results_["mean_test_refused"] > 0).all()


def test_weights_reach_both_estimators(eyes):
    X, y, groups = eyes
    weight = np.linspace(0.1, 5, 600)
    pair = QualityGate(LogisticRegression(), LogisticRegression())
    pair.fit(X, y, groups=groups, sample_weight=weight)
    for estimator, task in ((pair.estimator_, 0), (pair.quality_estimator_, 1)):
        expected = LogisticRegression().fit(X, y[:, task], weight)
        np.testing.assert_allclose(estimator.coef_, expected.coef_)


def test_pickles_answer_alike(eyes):
    X, y, groups = eyes
    fitted = QualityGate(LogisticRegression(), LogisticRegression(), max_refused=0.1)
    fitted.fit(X, y, groups=groups)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(X), fitted.predict(X))


def test_what_cannot_be_gated_is_refused(eyes):
    X, y, groups = eyes
    net = FIQDRClassifier(**HEADS)
    for estimators, goal, labels, message in [
        ([net], {"max_refused": 0.1, "min_kappa": 0.5}, y, "has one goal.*max_refused"),
        ([LogisticRegression()], {"max_refused": 0.1}, y, "does not predict quality"),
        ([net], {"max_refused": 0.1}, y[:, 0], "learns both tasks"),
        ([net], {"max_refused": 0.1}, y * [1, 0] - [0, 1], r"got none, \[\]"),
        ([net], {"max_refused": 0.1}, y * [1, 0] + [0, 1], r"got one class, \[1\]"),
        ([LogisticRegression(), LogisticRegression()], {}, y[:, 0], r"got none, \[\]"),
        ([net], {"max_refused": 0.1}, np.add(y, [3, 0]), "grade in y has 5"),
        ([net], {"max_refused": 1.0}, y, "'max_refused' parameter"),
        ([net], {"threshold": 2}, y, "'threshold' parameter"),
        ([net], {"min_severe_kept": 0}, y, "'min_severe_kept' parameter"),
        ([net], {"min_kappa": 0.5, "cv": 3, "refit": False}, y, "refit=False"),
    ]:
        with pytest.raises(ValueError, match=message):
            QualityGate(*estimators, **goal).fit(X, labels, groups=groups)
    text = LogisticRegression().fit(X, np.where(y[:, 1] == 1, "good", "poor"))
    grader = LogisticRegression().fit(X, y[:, 0])
    with pytest.raises(ValueError, match="classes \\['good', 'poor'\\]"):
        QualityGate(
            FrozenEstimator(grader), FrozenEstimator(text), max_refused=0.1
        ).fit(X, y, groups=groups)
