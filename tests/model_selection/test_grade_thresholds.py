"""Cut-points are the best there are, tuned on patients not trained on."""

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ShuffleSplit,
    StratifiedGroupKFold,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sk_fiqdr import DRGrader, FIQDRClassifier
from sk_fiqdr.metrics import fiqdr_scoring, kappa_scorer, quadratic_weighted_kappa
from sk_fiqdr.model_selection import (
    PatientLeakageError,
    PatientStratifiedKFold,
    TunedGradeThresholdsCV,
)
from sk_fiqdr.model_selection._decisions._cut_points import (
    best_cut_points,
    grade_by_cut_points,
)

HEADS = {"backbone": None, "lr": 0.1, "max_epochs": 8, "random_state": 0}
ROUNDING = np.arange(4) + 0.5


class Told(ClassifierMixin, BaseEstimator):
    """Expects the grade that X holds, so that X is what is tuned on."""

    def __init__(self, n_grades=5):
        self.n_grades = n_grades

    def fit(self, X, y):
        self.classes_ = np.arange(self.n_grades)
        return self

    def predict_proba(self, X):
        expected = np.asarray(X, dtype=float)[:, 0]
        last = self.n_grades - 1
        low = np.minimum(np.floor(np.nan_to_num(expected)), last - 1).astype(int)
        proba = np.zeros((len(expected), self.n_grades))
        rows = np.arange(len(expected))
        proba[rows, low + 1] = expected - low
        proba[rows, low] = 1 - (expected - low)
        proba[np.isnan(expected)] = np.nan
        return proba


class Recorder(LogisticRegression):
    """Notes which rows, weights and patients each fit was given."""

    fits = []  # noqa: RUF012

    def fit(self, X, y, sample_weight=None, groups=None):
        self.fits.append((X[:, -1].astype(int), sample_weight, groups))
        return super().fit(X[:, :-1], y, sample_weight)

    def predict_proba(self, X):
        return super().predict_proba(X[:, :-1])


@pytest.fixture
def recorded():
    Recorder.fits.clear()
    return Recorder.fits


def tune(expected, truth, n_grades=5, **kwargs):
    tuned = TunedGradeThresholdsCV(
        Told(n_grades).fit(None, None), cv="prefit", **kwargs
    )
    return tuned.fit(np.reshape(expected, (-1, 1)), truth)


def brute_force(expected, truth, metric, answers):
    """Try every way to part the rows at distinct expected grades."""
    values = np.unique(expected)
    cuts = [-1, *((values[1:] + values[:-1]) / 2), 9]
    return max(
        metric(truth, answers[np.searchsorted(chosen, expected, side="right")])
        for chosen in itertools.combinations_with_replacement(cuts, len(answers) - 1)
    )


@pytest.mark.parametrize("seed", range(25))
def test_no_cut_points_have_a_larger_kappa(seed):
    rng = np.random.default_rng(seed)
    n = rng.integers(4, 13)
    expected = rng.uniform(0, 4, n).round(1 if seed % 2 else 3)  # with and without ties
    truth = rng.integers(0, 5, n)
    truth[:2] = [0, 4]
    tuned = tune(expected, truth)
    seen = np.unique(truth)
    best = brute_force(expected, truth, quadratic_weighted_kappa, seen)
    answer = tuned.predict(expected[:, None])
    assert tuned.best_score_ == pytest.approx(best, abs=1e-12)
    assert quadratic_weighted_kappa(truth, answer) == tuned.best_score_
    assert np.isin(answer, seen).all()


@pytest.mark.parametrize("seed", range(5))
def test_a_metric_of_ones_own_comes_close_to_the_best(seed):
    rng = np.random.default_rng(seed)
    truth = np.arange(12) % 3
    expected = np.clip(truth + rng.normal(size=12), 0, 2)
    tuned = tune(expected, truth, 3, metric=balanced_accuracy_score)
    best = brute_force(expected, truth, balanced_accuracy_score, np.arange(3))
    assert tuned.best_score_ == pytest.approx(best)


def test_a_metric_is_never_left_worse_than_by_rounding_or_for_kappa(eyes):
    X, y, _ = eyes
    expected = np.clip(X[:, :1], 0, 4)
    kappa = tune(expected, y[:, 0])
    tuned = tune(expected, y[:, 0], metric=balanced_accuracy_score)
    for cuts in (ROUNDING, kappa.best_thresholds_):
        other = np.searchsorted(cuts, expected[:, 0], side="right")
        assert tuned.best_score_ >= balanced_accuracy_score(y[:, 0], other)
    assert tuned.best_score_ > balanced_accuracy_score(y[:, 0], kappa.predict(expected))


def test_the_score_is_scikit_learns_kappa(eyes):
    X, y, _ = eyes
    tuned = tune(np.clip(X[:, :1], 0, 4), y[:, 0])
    answer = tuned.predict(np.clip(X[:, :1], 0, 4))
    expected = cohen_kappa_score(y[:, 0], answer, weights="quadratic")
    assert tuned.best_score_ == pytest.approx(expected)


def test_unseen_patients_are_graded_better_than_by_argmax_or_rounding(eyes):
    X, y, groups = eyes
    train, test = groups < 200, groups >= 200
    tuned = TunedGradeThresholdsCV(LogisticRegression())
    tuned.fit(X[train], y[train, 0], groups=groups[train])
    proba = tuned.predict_proba(X[test])
    rounded = np.searchsorted(ROUNDING, proba @ np.arange(5))
    for other in (proba.argmax(axis=1), rounded):
        other = quadratic_weighted_kappa(y[test, 0], other)
        assert tuned.score(X[test], y[test, 0]) > other + 0.02
    assert tuned.best_score_ > tuned.argmax_score_


def test_of_right_probabilities_the_cut_points_are_those_of_rounding_pulled_in():
    rng = np.random.default_rng(0)
    expected = 4 * rng.beta(0.6, 2, size=100_000)
    truth = rng.binomial(4, expected / 4)  # whose mean is the expected grade
    tuned = tune(expected, truth)
    kappa = tuned.best_score_
    pulled = kappa * ROUNDING + (1 - kappa) * truth.mean()
    np.testing.assert_allclose(tuned.best_thresholds_, pulled, atol=0.08)


def test_rows_of_one_grade_need_no_cut_point():
    grades = np.arange(5)
    cuts = best_cut_points(np.array([0.5, 1.2]), np.array([2, 2]), grades)
    answer = grade_by_cut_points(np.array([-1.0, 9.0]), cuts, grades)
    assert answer.tolist() == [2, 2]


def test_rows_in_any_order_give_the_same_cut_points(eyes):
    X, y, _ = eyes
    order = np.random.default_rng(1).permutation(len(X))
    expected = np.clip(X[:, 0], 0, 4).round(2)
    np.testing.assert_array_equal(
        tune(expected, y[:, 0]).best_thresholds_,
        tune(expected[order], y[order, 0]).best_thresholds_,
    )


def test_cut_points_lie_halfway_and_what_equals_one_lies_above():
    tuned = tune([0.0, 1.0, 2.0, 3.0, 4.0], [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(tuned.best_thresholds_, ROUNDING)
    assert tuned.best_score_ == 1
    assert tuned.predict(ROUNDING[:, None]).tolist() == [1, 2, 3, 4]


def test_neighbouring_numbers_without_one_between_them_are_told_apart():
    below, above = 1.0, np.nextafter(1.0, 2)
    tuned = tune([below, above, 0.0], [0, 1, 0], 2)
    assert tuned.predict([[below], [above]]).tolist() == [0, 1]


def test_a_grade_that_no_row_has_is_never_answered():
    expected, truth = [0.1, 0.9, 1.1, 3.2, 3.3], [1, 1, 1, 3, 3]
    tuned = tune(expected, truth)
    np.testing.assert_allclose(tuned.best_thresholds_, [-np.inf, 2.15, 2.15, np.inf])
    assert set(tuned.predict(np.linspace(0, 4, 99)[:, None])) == {1, 3}


def test_fewer_expected_grades_than_cut_points_will_do():
    expected, truth = np.array([0.5, 0.5, 3.0, 3.0]), np.array([0, 1, 3, 4])
    tuned = tune(expected, truth)
    best = brute_force(expected, truth, quadratic_weighted_kappa, np.unique(truth))
    assert tuned.best_score_ == pytest.approx(best)
    assert (np.diff(tuned.best_thresholds_) >= 0).all()


def test_unknown_grades_and_unreadable_images_do_not_count(eyes):
    X, y, _ = eyes
    expected, truth = np.clip(X[:, 0], 0, 4), y[:, 0]
    plain = tune(expected, truth)
    more = tune(
        np.concatenate([expected, [0.0, 4.0, np.nan]]),
        np.concatenate([truth, [-1, -1, 3]]),
    )
    np.testing.assert_array_equal(plain.best_thresholds_, more.best_thresholds_)
    assert more.predict([[np.nan], [0.0]]).tolist() == [-1, 0]


def test_true_grades_that_a_prefit_estimator_does_not_know_still_count():
    expected = np.array([0, 0.3, 0.6, 0.8, 1.2, 1.5, 1.9])
    truth = np.array([0, 0, 1, 0, 1, 4, 4])
    tuned = tune(expected, truth, 3)
    best = brute_force(expected, truth, quadratic_weighted_kappa, np.arange(2))
    assert tuned.best_score_ == pytest.approx(best)
    assert set(tuned.predict(expected[:, None])) == {0, 1}


def test_rows_of_unknown_grade_are_kept_from_a_plain_classifier(eyes):
    X, y, groups = eyes
    unknown = y[:, 0].copy()
    unknown[::7] = -1
    known = unknown >= 0
    tuned = TunedGradeThresholdsCV(LogisticRegression(), store_cv_results=True)
    tuned.fit(X, unknown, groups=groups)
    assert tuned.classes_.tolist() == [0, 1, 2, 3, 4]
    plain = LogisticRegression().fit(X[known], unknown[known])
    np.testing.assert_allclose(tuned.estimator_.coef_, plain.coef_)
    assert set(tuned.cv_results_["row"]) == set(np.flatnonzero(known))


def test_what_was_tuned_on_is_kept_on_demand(eyes):
    X, y, groups = eyes
    tuned = TunedGradeThresholdsCV(LogisticRegression(), store_cv_results=True)
    frame = pd.DataFrame(tuned.fit(X, y[:, 0], groups=groups).cv_results_)
    assert frame["row"].is_unique
    assert len(frame) == 600
    assert (frame["grade"] == y[frame["row"], 0]).all()
    assert set(frame["fold"]) == set(range(5))
    for _, rows in frame.groupby("fold"):
        rest = ~np.isin(np.arange(600), rows["row"])
        proba = LogisticRegression().fit(X[rest], y[rest, 0]).predict_proba(X[rows.row])
        np.testing.assert_allclose(rows["expected_grade"], proba @ np.arange(5))
    tuned.set_params(store_cv_results=False)
    assert not hasattr(clone(tuned).fit(X, y[:, 0], groups=groups), "cv_results_")


def test_patients_stay_whole_by_groups_and_by_names(eyes, recorded):
    X, y, groups = eyes
    X = np.column_stack([X, np.arange(600)])
    TunedGradeThresholdsCV(Recorder(), cv=3).fit(X, y[:, 0], groups=groups)
    assert len(recorded) == 4
    for rows, _, passed_on in recorded:
        assert not set(groups[rows]) & set(np.delete(groups, rows))
        np.testing.assert_array_equal(passed_on, groups[rows])

    names = [f"{patient}_{eye}.png" for patient in range(300) for eye in ("left", "OD")]
    table = dict(zip(names, X, strict=True))
    look_up = FunctionTransformer(lambda names: np.array([table[n] for n in names]))
    recorded.clear()
    TunedGradeThresholdsCV(make_pipeline(look_up, Recorder()), cv=3).fit(names, y[:, 0])
    assert len(recorded) == 4
    for rows, *_ in recorded:
        assert not set(groups[rows]) & set(np.delete(groups, rows))


def test_a_split_that_tears_patients_apart_is_an_error(eyes):
    X, y, groups = eyes
    for cv in (KFold(3), ShuffleSplit(2, random_state=0)):
        tuned = TunedGradeThresholdsCV(LogisticRegression(), cv=cv)
        with pytest.raises(PatientLeakageError):
            tuned.fit(X[1:], y[1:, 0], groups=groups[1:])


def test_unknown_patients_are_said_to_be_unknown(eyes):
    X, y, _ = eyes
    with pytest.warns(UserWarning, match="Patients are unknown.*pass groups"):
        TunedGradeThresholdsCV(LogisticRegression()).fit(X, y[:, 0])
    # Whoever splits by themselves is told nothing.
    TunedGradeThresholdsCV(LogisticRegression(), cv=KFold(2)).fit(X, y[:, 0])


def test_a_random_state_deals_patients_anew_and_repeats(eyes):
    X, y, groups = eyes

    def thresholds(random_state):
        tuned = TunedGradeThresholdsCV(LogisticRegression(), random_state=random_state)
        return tuned.fit(X, y[:, 0], groups=groups).best_thresholds_.tolist()

    assert thresholds(0) == thresholds(0) != thresholds(1)


def test_a_share_is_held_out_and_its_estimator_kept(eyes, recorded):
    X, y, groups = eyes
    X = np.column_stack([X, np.arange(600)])
    tuned = TunedGradeThresholdsCV(
        Recorder(), cv=0.25, refit=False, random_state=0, store_cv_results=True
    ).fit(X, y[:, 0], groups=groups)
    ((rows, *_),) = recorded
    assert set(rows) | set(tuned.cv_results_["row"]) == set(range(600))
    assert len(rows) == pytest.approx(450, abs=4)
    with pytest.raises(ValueError, match=r"refit=False keeps.*cv=3 makes 3"):
        tuned.set_params(cv=3).fit(X, y[:, 0], groups=groups)


def test_a_prefit_estimator_is_taken_as_it_is(eyes, recorded):
    X, y, groups = eyes
    fitted = LogisticRegression().fit(X[:300], y[:300, 0])
    coefficients = fitted.coef_.copy()
    tuned = TunedGradeThresholdsCV(fitted, cv="prefit").fit(X[300:], y[300:, 0])
    assert tuned.estimator_ is fitted
    np.testing.assert_array_equal(fitted.coef_, coefficients)
    frozen = TunedGradeThresholdsCV(FrozenEstimator(fitted))
    frozen.fit(X[300:], y[300:, 0], groups=groups[300:])
    np.testing.assert_array_equal(frozen.best_thresholds_, tuned.best_thresholds_)


def test_a_prefit_net_must_not_have_seen_the_patients(tiny, fundus, fundus_paths):
    first, fellow = np.flatnonzero(fundus.groups == fundus.groups[-1])[:2]
    rest = fundus.groups != fundus.groups[-1]
    train = np.append(np.flatnonzero(rest)[:10], first)
    paths = np.array(fundus_paths)
    net = FIQDRClassifier(**tiny | {"max_epochs": 1})
    net.fit(paths[train], fundus.target[train])
    tuned = TunedGradeThresholdsCV(net, cv="prefit")
    frozen = TunedGradeThresholdsCV(FrozenEstimator(net))
    for same in (tuned, frozen):
        with pytest.raises(PatientLeakageError):
            same.fit(paths[rest], fundus.target[rest])
    other = ~np.isin(fundus.groups, fundus.groups[train])
    tuned.fit(paths[other], fundus.target[other])
    assert fiqdr_scoring(tuned, paths[other], fundus.target[other])["kappa"] > 0
    with pytest.raises(PatientLeakageError):
        fiqdr_scoring(tuned, paths[[fellow]], fundus.target[[fellow]])


def test_weights_are_split_with_the_rows(eyes, recorded):
    X, y, groups = eyes
    X = np.column_stack([X, np.arange(600)])
    weight = np.arange(600) + 1.0
    TunedGradeThresholdsCV(Recorder(), cv=2).fit(
        X, y[:, 0], groups=groups, sample_weight=weight
    )
    for rows, passed_on, _ in recorded:
        np.testing.assert_array_equal(passed_on, weight[rows])


def test_metadata_is_routed_on_request(eyes, recorded):
    X, y, groups = eyes
    X = np.column_stack([X, np.arange(600)])
    with config_context(enable_metadata_routing=True):
        inside = Recorder().set_fit_request(sample_weight=True, groups=False)
        tuned = TunedGradeThresholdsCV(inside, cv=2)
        search = GridSearchCV(
            tuned, {"estimator__C": [1.0]}, cv=PatientStratifiedKFold(2)
        )
        search.fit(X, y[:, 0], groups=groups, sample_weight=np.ones(600))
    assert len(recorded) == 2 * 3 + 3
    for rows, weight, passed_on in recorded:
        assert passed_on is None
        assert len(weight) == len(rows)
        assert not set(groups[rows]) & set(np.delete(groups, rows))


def test_a_search_reaches_what_is_inside(eyes):
    X, y, _ = eyes
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    tuned = TunedGradeThresholdsCV(pipeline, cv=KFold(2))
    names = [f"{group}_{eye}" for group in range(300) for eye in ("l", "r")]
    table = dict(zip(names, X, strict=True))
    look_up = FunctionTransformer(lambda names: np.array([table[n] for n in names]))
    grid = {"tuned__estimator__logisticregression__C": [1e-6, 1.0]}
    search = GridSearchCV(
        Pipeline([("look_up", look_up), ("tuned", tuned)]),
        grid,
        scoring=kappa_scorer,
        cv=PatientStratifiedKFold(2),
    ).fit(names, y[:, 0])
    assert search.best_params_ == {"tuned__estimator__logisticregression__C": 1.0}
    assert kappa_scorer(search, names, y[:, 0]) == search.best_estimator_.score(
        names, y[:, 0]
    )


def test_jobs_change_nothing_and_pickles_answer_alike(eyes):
    X, y, groups = eyes
    one = TunedGradeThresholdsCV(LogisticRegression(), cv=2)
    two = clone(one).set_params(n_jobs=2)
    one.fit(X, y[:, 0], groups=groups)
    two.fit(X, y[:, 0], groups=groups)
    np.testing.assert_array_equal(one.best_thresholds_, two.best_thresholds_)
    again = pickle.loads(pickle.dumps(one))
    np.testing.assert_array_equal(again.predict(X), two.predict(X))


def test_data_frames_keep_their_names(eyes):
    X, y, groups = eyes
    X = pd.DataFrame(X, columns=["a", "b", "c"], index=np.arange(600) + 7)
    y = pd.DataFrame(y, columns=["grade", "quality"], index=X.index)
    tuned = TunedGradeThresholdsCV(LogisticRegression(), cv=GroupKFold(2))
    tuned.fit(X, y["grade"], groups=pd.Series(groups, index=X.index))
    assert tuned.feature_names_in_.tolist() == ["a", "b", "c"]
    assert tuned.n_features_in_ == 3
    both = clone(tuned).fit(X, y, groups=groups)  # of which the grade is learned
    np.testing.assert_array_equal(both.best_thresholds_, tuned.best_thresholds_)


def test_scikit_learns_stratified_splitters_serve_both_tasks(eyes):
    X, y, groups = eyes
    cv = StratifiedGroupKFold(2)
    tuned = TunedGradeThresholdsCV(FIQDRClassifier(**HEADS), cv=cv)
    tuned.fit(X, y, groups=groups)
    one = TunedGradeThresholdsCV(LogisticRegression(), cv=cv, store_cv_results=True)
    one.fit(X, y[:, 0], groups=groups)
    splits = list(cv.split(X, y[:, 0], groups))
    tested = one.cv_results_["row"][one.cv_results_["fold"] == 0]
    np.testing.assert_array_equal(tested, splits[0][1])


def test_images_are_split_by_any_splitter(tiny, fundus):
    net = FIQDRClassifier(**tiny | {"max_epochs": 1})
    for cv in (2, GroupKFold(2)):
        tuned = TunedGradeThresholdsCV(net, cv=cv)
        tuned.fit(fundus.data, fundus.target, groups=fundus.groups)
        assert set(tuned.predict(fundus.data)) <= set(range(5))


@pytest.mark.parametrize("wrapped", [False, True])
def test_both_tasks_of_a_net_are_passed_on(eyes, wrapped):
    X, y, groups = eyes
    net = FIQDRClassifier(**HEADS)
    inside = make_pipeline(StandardScaler(), net) if wrapped else net
    tuned = TunedGradeThresholdsCV(inside, cv=2).fit(X, y, groups=groups)
    reached = tuned.estimator_[0].transform(X) if wrapped else X
    net = tuned.estimator_[-1] if wrapped else tuned.estimator_
    expected = net.predict_proba(reached) @ np.arange(5)
    answer = np.searchsorted(tuned.best_thresholds_, expected, side="right")
    np.testing.assert_array_equal(tuned.predict(X), answer)
    np.testing.assert_array_equal(
        tuned.predict_quality(X), net.predict_quality(reached)
    )
    np.testing.assert_array_equal(
        tuned.predict_quality_proba(X), net.predict_quality_proba(reached)
    )
    scores = fiqdr_scoring(tuned, X, y)
    assert scores["kappa"] == kappa_scorer(tuned, X, y) == tuned.score(X, y)
    assert scores["kappa"] == quadratic_weighted_kappa(y[:, 0], answer)
    assert scores["specificity"] == fiqdr_scoring(net, reached, y)["specificity"]
    assert scores["kappa"] != fiqdr_scoring(net, reached, y)["kappa"]


def test_a_search_over_beta_is_scored_by_the_tuned_grades(eyes):
    X, y, groups = eyes
    search = GridSearchCV(
        TunedGradeThresholdsCV(FIQDRClassifier(**HEADS), cv=2),
        {"estimator__beta": [1.0, 9.0]},
        scoring=fiqdr_scoring,
        refit="kappa",
        cv=PatientStratifiedKFold(2),
    )
    with config_context(enable_metadata_routing=True):
        search.estimator.estimator.set_fit_request(groups=False)
        search.fit(X, y, groups=groups)
    assert search.best_estimator_.estimator_.beta in (1.0, 9.0)
    assert fiqdr_scoring(search, X, y)["kappa"] == kappa_scorer(search, X, y)


def test_a_net_of_the_grade_alone_has_no_quality(eyes):
    X, y, groups = eyes
    tuned = TunedGradeThresholdsCV(DRGrader(**HEADS), cv=2)
    tuned.fit(X, y[:, 0], groups=groups)
    assert not hasattr(tuned, "predict_quality")
    assert not hasattr(tuned, "predict_tasks")
    assert tuned.score(X, y[:, 0]) == kappa_scorer(tuned, X, y[:, 0])


def test_probabilities_from_elsewhere_are_decided_alike(eyes):
    X, y, groups = eyes
    tuned = TunedGradeThresholdsCV(LogisticRegression()).fit(X, y[:, 0], groups=groups)
    proba = tuned.predict_proba(X)
    np.testing.assert_array_equal(tuned.decide(proba), tuned.predict(X))
    with pytest.raises(ValueError, match=r"\(n_samples, 5\).*got \(600, 4\)"):
        tuned.decide(proba[:, 1:])


def test_what_cannot_be_tuned_is_refused(eyes):
    X, y, groups = eyes
    tuned = TunedGradeThresholdsCV(LogisticRegression())
    for labels, message in [
        (np.zeros(600, dtype=int), r"at least two .*one class: \[0\]"),
        (np.full(600, -1), r"at least two .*got none"),
        (np.repeat("mild", 600), "'mild' in row 0"),
        (np.column_stack([y[:, 0] + 0.5, y[:, 1]]), "grade in y must hold integers"),
        (np.column_stack([y[:, 0], y[:, 1] + 1]), "quality in y has 2"),
        (y[:, 0] - 2, "grade in y has -2"),
        (None, "requires y to be passed"),
    ]:
        with pytest.raises(ValueError, match=message):
            tuned.fit(X, labels, groups=groups)
    with pytest.raises(ValueError, match="same expected grade"):
        tune(np.full(10, 2.0), np.arange(10) % 5)
    with pytest.raises(ValueError, match="same expected grade"):  # but for rounding
        tune(np.nextafter(np.full(10, 2.0), np.arange(10) % 3), np.arange(10) % 5)
    with pytest.raises(ValueError, match="FIQDRClassifier learns both tasks"):
        TunedGradeThresholdsCV(FIQDRClassifier(**HEADS)).fit(X, y[:, :1], groups=groups)
    with pytest.raises(ValueError, match="already decides"):
        TunedGradeThresholdsCV(tuned).fit(X, y[:, 0], groups=groups)
    with pytest.raises(ValueError, match="classes \\['a', 'b'\\]"):
        TunedGradeThresholdsCV(
            DummyClassifier().fit(X, np.resize(["a", "b"], 600)), cv="prefit"
        ).fit(X, y[:, 0])
    with pytest.raises(ValueError, match="'cv' parameter"):
        tuned.set_params(cv=1.5).fit(X, y[:, 0])
