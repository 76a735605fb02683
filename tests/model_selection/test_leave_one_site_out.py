"""Each site is tested once, by others' patients."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, cross_val_score

from sk_fiqdr.model_selection import LeaveOneSiteOut, TunedGradeThresholdsCV


def test_without_shared_patients_it_leaves_one_group_out():
    rng = np.random.default_rng(0)
    sites = rng.choice(["b", "a", "c"], 90)
    X = np.zeros((90, 2))
    own = list(LeaveOneSiteOut().split(X, groups=sites, patients=np.arange(90)))
    expected = list(LeaveOneGroupOut().split(X, groups=sites))
    assert len(own) == LeaveOneSiteOut().get_n_splits(groups=sites) == 3
    for (train, test), (other_train, other_test) in zip(own, expected, strict=True):
        np.testing.assert_array_equal(train, other_train)
        np.testing.assert_array_equal(test, other_test)


def test_patients_of_two_sites_are_never_on_both_sides():
    rng = np.random.default_rng(0)
    sites, patients = rng.integers(0, 4, 200), rng.integers(0, 150, 200)
    with pytest.warns(UserWarning, match="photographed at several sites"):
        splits = list(
            LeaveOneSiteOut().split(np.zeros(200), groups=sites, patients=patients)
        )
    for name, (train, test) in enumerate(splits):
        np.testing.assert_array_equal(test, np.flatnonzero(sites == name))
        there = set(patients[test])
        expected = [
            i for i in range(200) if sites[i] != name and patients[i] not in there
        ]
        assert train.tolist() == expected


def test_paths_tell_the_patients():
    paths = ["1_left.png", "1_right.png", "2_left.png", "3_left.png"]
    with pytest.warns(UserWarning, match="1 patients were .* their 2 images"):
        splits = list(LeaveOneSiteOut().split(paths, groups=["a", "b", "a", "b"]))
    assert [[part.tolist() for part in split] for split in splits] == [
        [[3], [0, 2]],
        [[2], [1, 3]],
    ]


def test_sites_of_one_patient_each_are_each_tested():
    splits = list(LeaveOneSiteOut().split(np.zeros(4), groups=[1, 1, 2, 3]))
    assert [test.tolist() for _, test in splits] == [[0, 1], [2], [3]]


def test_it_splits_for_scikit_learn_and_for_cut_points(eyes):
    X, y, groups = eyes
    sites = groups % 3
    scores = cross_val_score(
        LogisticRegression(), X, y[:, 0], groups=sites, cv=LeaveOneSiteOut()
    )
    assert scores.shape == (3,)
    splits = list(LeaveOneSiteOut().split(X, groups=sites, patients=groups))
    tuned = TunedGradeThresholdsCV(
        LogisticRegression(), cv=splits, store_cv_results=True
    )
    tuned.fit(X, y[:, 0], groups=groups)
    results = tuned.cv_results_
    np.testing.assert_array_equal(results["fold"], sites[results["row"]])


@pytest.mark.parametrize(
    ("groups", "patients", "message"),
    [
        (None, None, "Sites are unknown"),
        (["a", "a", "a"], None, r"at least two, got \['a'\]"),
        (["a", None, "b"], None, "no site in row 1"),
        (["a", "b"], None, r"each of the 3 rows of X, got shape \(2,\)"),
    ],
)
def test_what_cannot_be_split_is_named(groups, patients, message):
    with pytest.raises(ValueError, match=message):
        list(LeaveOneSiteOut().split(np.zeros(3), groups=groups, patients=patients))


def test_a_site_that_shares_all_patients_cannot_be_tested():
    with (
        pytest.warns(UserWarning, match="2 patients"),
        pytest.raises(
            ValueError, match="No rows are left to train on for the site 'a'"
        ),
    ):
        list(
            LeaveOneSiteOut().split(
                np.zeros(4), groups=["a", "a", "b", "b"], patients=[1, 2, 1, 2]
            )
        )
