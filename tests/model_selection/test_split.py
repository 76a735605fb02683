"""Patients whole, rare cells even, any X."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold, cross_val_score
from skorch import NeuralNetClassifier

from sk_fiqdr.metrics import kappa_scorer
from sk_fiqdr.model_selection import (
    PatientLeakageError,
    PatientStratifiedKFold,
    PatientValidSplit,
    patient_ids,
    patient_train_test_split,
)


def contest_like(n_patients=400, seed=0):
    """Two eyes a patient, grades and poor shares of the contest, eyes mostly alike."""
    rng = np.random.default_rng(seed)
    grade = rng.choice(5, n_patients, p=[0.735, 0.07, 0.15, 0.025, 0.02]).repeat(2)
    other = rng.random(len(grade)) < 0.1
    grade[other] = rng.integers(0, 5, other.sum())
    poor = np.array([0.032, 0.025, 0.044, 0.053, 0.157])[grade]
    y = np.column_stack([grade, rng.random(len(grade)) >= poor]).astype(int)
    return y, np.arange(n_patients).repeat(2)


def cell_spread(folds, y, n_splits):
    """Largest minus smallest count of each cell over the folds, summed."""
    cells = np.unique(y, axis=0, return_inverse=True)[1].ravel()
    table = np.zeros((n_splits, cells.max() + 1))
    np.add.at(table, (folds, cells), 1)
    return np.ptp(table, axis=0).sum()


def folds_of(splitter, X, y, groups):
    folds = np.full(len(y), -1)
    for number, (_, test) in enumerate(splitter.split(X, y, groups)):
        assert (folds[test] == -1).all()
        folds[test] = number
    return folds


@pytest.mark.parametrize("seed", range(5))
def test_patients_stay_whole_and_every_row_is_tested_once(seed):
    y, groups = contest_like(seed=seed)
    folds = folds_of(PatientStratifiedKFold(5), np.zeros(len(y)), y, groups)
    assert (folds >= 0).all()
    assert (folds[::2] == folds[1::2]).all()


# scikit-learn's splitter says that the rarest cell has fewer rows than folds.
@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
@pytest.mark.parametrize("seed", range(5))
def test_rare_cells_are_spread_at_least_as_evenly_as_by_scikit_learn(seed):
    y, groups = contest_like(seed=seed)
    X = np.zeros(len(y))
    ours = folds_of(
        PatientStratifiedKFold(5, shuffle=True, random_state=seed), X, y, groups
    )
    theirs = folds_of(
        StratifiedGroupKFold(5, shuffle=True, random_state=seed),
        X,
        y[:, 0] * 2 + y[:, 1],
        groups,
    )
    assert cell_spread(ours, y, 5) <= cell_spread(theirs, y, 5)


def test_folds_are_of_equal_size_within_two_patients():
    y, groups = contest_like()
    folds = folds_of(PatientStratifiedKFold(5), y, y, groups)
    assert np.ptp(np.bincount(folds)) <= 4


def test_a_cell_with_one_patient_per_fold_reaches_every_fold():
    y = np.zeros((100, 2), int)
    y[:10] = [4, 0]
    groups = np.arange(50).repeat(2)
    folds = folds_of(PatientStratifiedKFold(5), y, y, groups)
    assert np.bincount(folds[:10], minlength=5).tolist() == [2] * 5


@pytest.mark.parametrize(
    "X",
    [
        np.zeros((8, 4, 4, 3), np.uint8),
        [[1.0]] * 8,
        pd.DataFrame({"a": range(8)}),
        sparse.eye(8).tocsr(),
    ],
)
def test_any_x_is_taken_as_it_is(X):
    y = np.tile([[0, 1], [1, 1]], (4, 1))
    splits = list(PatientStratifiedKFold(2).split(X, y, np.arange(8)))
    assert len(splits) == 2


def test_patients_are_read_from_paths():
    X = [f"ä folder/{i}_{eye}.jpeg" for i in range(6) for eye in ("left", "right")]
    y = np.ones((12, 2), int)
    for _, test in PatientStratifiedKFold(3).split(X, y):
        assert (test[1::2] - test[::2] == 1).all()


def test_unknown_patients_are_an_error_with_the_way_out():
    with pytest.raises(ValueError, match="Pass groups"):
        list(PatientStratifiedKFold(2).split(np.zeros((4, 3)), [0, 0, 1, 1]))


def test_groups_that_part_two_eyes_of_a_named_patient_raise():
    X = ["1_left", "1_right", "2_left", "2_right"]
    with pytest.raises(PatientLeakageError, match="'1'"):
        list(PatientStratifiedKFold(2).split(X, [0, 0, 1, 1], [0, 1, 2, 2]))


def test_names_without_laterality_may_repeat_in_other_folders():
    X = ["here/1.png", "there/1.png", "here/2.png", "there/2.png"]
    assert len(list(PatientStratifiedKFold(2).split(X, [0] * 4, [0, 1, 2, 3]))) == 2


def test_groups_may_join_what_names_part():
    X = ["1_left", "first visit 1_left", "2_left", "first visit 2_left"]
    for _, test in PatientStratifiedKFold(2).split(X, [0] * 4, ["a", "a", "b", "b"]):
        assert test.tolist() in ([0, 1], [2, 3])


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA])
def test_a_row_without_patient_is_refused(gap):
    groups = np.array(["a", "b", gap, "c"], dtype=object)
    with pytest.raises(ValueError, match="no patient in row 2"):
        list(PatientStratifiedKFold(2).split(np.zeros(4), [0, 1, 0, 1], groups))


@pytest.mark.parametrize("y", [[0.5, 0.1, 1, 0], [0, np.nan, 1, 0], [None, 1, 0, 1]])
def test_what_is_no_class_is_refused(y):
    with pytest.raises(ValueError, match="must hold classes"):
        list(PatientStratifiedKFold(2).split(np.zeros(4), y, range(4)))


def test_y_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"got \(4, 1, 1\)"):
        list(PatientStratifiedKFold(2).split(range(4), np.zeros((4, 1, 1)), range(4)))


def test_strata_may_be_words_and_groups_of_mixed_types():
    y = pd.DataFrame({"grade": ["mild", "none"] * 4, "quality": 1})
    groups = [1, 1, "1", "1", 2, 2, (3,), (3,)]
    groups = np.fromiter(groups, dtype=object, count=8)
    for _, test in PatientStratifiedKFold(2).split(np.zeros(8), y, groups):
        assert (test[1::2] - test[::2] == 1).all()


def test_more_than_two_images_of_a_patient_stay_together():
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(np.arange(60), rng.integers(1, 9, 60)))
    y = rng.integers(-1, 3, (len(groups), 2))
    folds = folds_of(PatientStratifiedKFold(5), y, y, groups)
    assert all(len(set(folds[groups == g])) == 1 for g in range(60))
    assert np.ptp(np.bincount(folds)) <= 2


@pytest.mark.parametrize("seed", range(5))
def test_a_cell_of_as_many_patients_as_folds_reaches_every_fold(seed):
    y, groups = contest_like(seed=seed)
    folds = folds_of(PatientStratifiedKFold(5), y, y, groups)
    cells = y[:, 0] * 2 + y[:, 1]
    for cell in np.unique(cells):
        if len(np.unique(groups[cells == cell])) >= 5:
            assert set(folds[cells == cell]) == set(range(5))


@pytest.mark.realdata
def test_the_contests_cells_differ_by_one_image_between_folds(real_data):
    """Its labels, of 35,126 images of 17,563 patients, fall into ten cells."""
    labels = real_data / "labels"
    frame = pd.read_csv(labels / "trainLabels.csv").merge(
        pd.read_csv(labels / "quality_label_train.csv"), on="image"
    )
    patients = patient_ids(frame["image"])
    assert (np.unique(patients, return_counts=True)[1] == 2).all()
    y = frame[["level", "quality"]].to_numpy()
    folds = folds_of(PatientStratifiedKFold(5), frame["image"], y, None)
    assert cell_spread(folds, y, 5) <= 10
    assert all(
        len(set(folds[i])) == 1 for i in frame.groupby(patients).indices.values()
    )


def test_fewer_patients_than_folds_is_an_error():
    with pytest.raises(ValueError, match="Too few patients, 1, for 2"):
        list(PatientStratifiedKFold(2).split([[0]] * 4, [0, 1, 0, 1], [7] * 4))
    with pytest.raises(ValueError, match="Too few patients, 0, for 2"):
        list(PatientStratifiedKFold(2).split([], [], []))


@pytest.mark.parametrize("n_splits", [1, 0, 2.5, "two"])
def test_a_senseless_number_of_folds_is_refused(n_splits):
    with pytest.raises(ValueError, match=f"'n_splits' .* must be.*Got {n_splits!r}"):
        list(PatientStratifiedKFold(n_splits).split([[0]] * 4, None, range(4)))


def test_no_fold_stays_empty_when_patients_are_as_many_as_folds():
    folds = folds_of(
        PatientStratifiedKFold(4), np.zeros(40), np.zeros(40), np.arange(4).repeat(10)
    )
    assert sorted(np.bincount(folds)) == [10] * 4


def test_all_masked_labels_still_split():
    y = np.full((10, 2), -1)
    assert len(list(PatientStratifiedKFold(5).split(y, y, np.arange(10)))) == 5


def test_shuffle_repeats_with_its_seed_and_changes_with_another():
    y, groups = contest_like()
    one, same, other = (
        folds_of(PatientStratifiedKFold(5, shuffle=True, random_state=s), y, y, groups)
        for s in (0, 0, 1)
    )
    assert (one == same).all()
    assert (one != other).any()


def test_it_can_be_cloned_and_shown():
    splitter = PatientStratifiedKFold(3, shuffle=True, random_state=1)
    assert repr(splitter) == (
        "PatientStratifiedKFold(n_splits=3, random_state=1, shuffle=True)"
    )
    assert clone(splitter, safe=False).n_splits == 3


class Majority(ClassifierMixin, BaseEstimator):
    def __init__(self, constant=0):
        self.constant = constant

    def fit(self, X, y):
        self.fitted_ = True
        return self

    def predict(self, X):
        return np.full(len(X), self.constant)

    def score(self, X, y):
        return float(np.mean(np.asarray(y)[:, 0] == self.constant))


def test_grid_search_takes_patients_as_groups():
    y, groups = contest_like()
    search = GridSearchCV(
        Majority(), {"constant": [0, 1]}, cv=PatientStratifiedKFold(4)
    ).fit(np.zeros((len(y), 1)), y, groups=groups)
    assert search.best_params_ == {"constant": 0}


def test_grid_search_reads_patients_from_paths_and_scores_kappa():
    y, groups = contest_like(60)
    X = np.array([f"{g}_{eye}.jpeg" for g, eye in zip(groups, "lr" * 60, strict=True)])
    search = GridSearchCV(
        Majority(),
        {"constant": [0, 4]},
        cv=PatientStratifiedKFold(3, shuffle=True, random_state=0),
        scoring=kappa_scorer,
        refit=False,
        error_score="raise",
    ).fit(X, y[:, 0])
    assert search.cv_results_["mean_test_score"].tolist() == [0, 0]


@pytest.mark.parametrize("routing", [False, True])
def test_searches_take_groups_with_and_without_routing(routing):
    y, groups = contest_like(60)
    with config_context(enable_metadata_routing=routing):
        search = GridSearchCV(
            Majority(), {"constant": [0, 1]}, cv=PatientStratifiedKFold(4)
        ).fit(np.zeros((len(y), 1)), y, groups=groups)
    assert search.n_splits_ == 4


def test_metadata_routing_brings_the_groups_by_itself():
    y, groups = contest_like()
    with config_context(enable_metadata_routing=True):
        scores = cross_val_score(
            Majority(),
            np.zeros((len(y), 1)),
            y,
            cv=PatientStratifiedKFold(4),
            params={"groups": groups},
        )
    assert len(scores) == 4


@pytest.mark.parametrize("seed", range(5))
def test_train_test_split_keeps_patients_whole_and_shares_alike(seed):
    y, groups = contest_like(seed=seed)
    rows = np.arange(len(y))
    train, test, y_train, y_test = patient_train_test_split(
        rows, y, groups, test_size=0.2, random_state=seed
    )
    assert not set(groups[train]) & set(groups[test])
    assert len(test) == pytest.approx(0.2 * len(y), abs=4)
    assert (y_test[:, 1] == 0).sum() == pytest.approx(
        0.2 * (y[:, 1] == 0).sum(), abs=2.5
    )
    assert np.array_equal(y[train], y_train)


@pytest.mark.parametrize("test_size", [0.01, 0.99])
def test_neither_side_is_empty_however_few_the_patients(test_size):
    X = ["1_left", "1_right", "2_left", "2_right"]
    train, test, *_ = patient_train_test_split(X, [0] * 4, test_size=test_size)
    assert (len(train), len(test)) == (2, 2)


@pytest.mark.parametrize("n_patients", [5, 6, 9])
def test_no_fold_is_empty_beside_a_patient_of_many_images(n_patients):
    groups = np.repeat(np.arange(n_patients), [30] + [1] * (n_patients - 1))
    y = np.arange(len(groups)) % 3
    folds = folds_of(PatientStratifiedKFold(5), y, y, groups)
    assert set(folds) == set(range(5))


def test_shares_hold_where_patients_are_too_unlike_to_exchange():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(600), rng.integers(1, 12, 600))
    y = np.column_stack(
        [
            rng.choice(5, len(groups), p=[0.7, 0.1, 0.1, 0.05, 0.05]),
            rng.random(len(groups)) < 0.9,
        ]
    )
    _, _, _, y_test = patient_train_test_split(
        groups, y, groups, test_size=0.2, random_state=0
    )
    for cell in np.unique(y, axis=0):
        share = (y_test == cell).all(axis=1).sum() / (y == cell).all(axis=1).sum()
        assert share == pytest.approx(0.2, abs=0.03)


def test_train_test_split_keeps_the_types_that_came():
    X = pd.Series([f"{i}_left.png" for i in range(8)], index=list("abcdefgh"))
    y = pd.DataFrame({"grade": [0, 1] * 4, "quality": 1})
    X_train, X_test, y_train, _ = patient_train_test_split(X, y, test_size=2)
    assert isinstance(X_test, pd.Series)
    assert isinstance(y_train, pd.DataFrame)
    assert (len(X_train), len(X_test)) == (6, 2)


@pytest.mark.parametrize("test_size", [0, 1.0, 4, -1, 1.5])
def test_a_test_size_that_leaves_a_side_empty_is_refused(test_size):
    with pytest.raises(ValueError, match=f"test_size.* must be.*(got|Got) {test_size}"):
        patient_train_test_split([[0]] * 4, [0, 1] * 2, range(4), test_size=test_size)


@pytest.mark.timeout(60)
def test_a_split_of_the_contests_size_ends():
    y, groups = contest_like(n_patients=17_563)
    folds = folds_of(PatientStratifiedKFold(5), y, y, groups)
    assert np.ptp(np.bincount(folds)) <= 4


class Rows:
    """As much of a dataset as the inner split looks at."""

    def __init__(self, X, y, groups=None):
        self.X, self.y, self.groups = X, y, groups

    def __len__(self):
        return len(self.X)


def test_inner_split_keeps_patients_whole():
    y, groups = contest_like()
    train, valid = PatientValidSplit(0.25)(Rows(np.zeros((len(y), 2)), y, groups))
    assert not set(groups[train.indices]) & set(groups[valid.indices])
    assert len(valid) == pytest.approx(0.25 * len(y), abs=4)


def test_inner_split_reads_patients_from_paths():
    X = np.array([f"{i}_{eye}.png" for i in range(10) for eye in ("left", "right")])
    _, valid = PatientValidSplit(0.2)(Rows(X, np.zeros((20, 2), int)))
    assert (np.asarray(valid.indices)[1::2] - np.asarray(valid.indices)[::2] == 1).all()


def test_inner_split_takes_rows_for_patients_where_it_knows_no_better_and_says_so():
    dataset = Rows(np.zeros((8, 3)), np.array([0, 1] * 4))
    with pytest.warns(UserWarning, match=r"does not know the pat.*Pass groups to fit"):
        train, valid = PatientValidSplit(0.25)(dataset)
    assert (len(train), len(valid)) == (6, 2)


def test_inner_split_prefers_groups_of_the_call():
    dataset = Rows(np.zeros((8, 3)), np.zeros(8, int), groups=np.arange(8))
    _, valid = PatientValidSplit(0.5)(dataset, groups=np.repeat([0, 1], 4))
    assert np.asarray(valid.indices).tolist() in ([0, 1, 2, 3], [4, 5, 6, 7])


def test_inner_split_repeats_with_its_seed_and_changes_with_another():
    y, groups = contest_like()
    dataset = Rows(np.zeros(len(y)), y, groups)
    one, same, other = (
        set(PatientValidSplit(0.2, random_state=seed)(dataset)[1].indices)
        for seed in (0, 0, 1)
    )
    assert one == same != other


def test_inner_split_serves_any_skorch_net():
    net = NeuralNetClassifier(
        torch.nn.Linear,
        module__in_features=2,
        module__out_features=2,
        criterion=torch.nn.CrossEntropyLoss,
        train_split=PatientValidSplit(0.5),
        max_epochs=1,
        batch_size=4,
        verbose=0,
    )
    net = clone(net).set_params(train_split=PatientValidSplit(0.2))
    with pytest.warns(UserWarning, match="does not know the patients"):
        net.fit(np.zeros((40, 2), np.float32), np.array([0, 1] * 20))
    assert net.history[0, "valid_batch_count"] == 2  # 8 rows
    assert isinstance(net.train_split.cv, PatientStratifiedKFold)


def test_inner_split_is_cloned_and_set_as_an_estimator_is():
    split = clone(PatientValidSplit(0.3, random_state=1)).set_params(valid_fraction=0.1)
    assert split.get_params() == {"valid_fraction": 0.1, "random_state": 1}


@pytest.mark.parametrize("fraction", [0, 1, -0.1])
def test_inner_split_refuses_a_senseless_share(fraction):
    with pytest.raises(ValueError, match=f"'valid_fraction' .*must be.*Got {fraction}"):
        PatientValidSplit(fraction)(Rows(np.zeros((4, 1)), np.zeros(4)))
