"""Measures against scikit-learn, slow loops and hand-computed tables."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import (
    balanced_accuracy_score,
    cohen_kappa_score,
    precision_score,
    recall_score,
)

from sk_fiqdr.metrics import (
    mean_acc,
    precision,
    quadratic_weighted_kappa,
    sensitivity,
    specificity,
)


def labels(n_classes, n=200, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n)
    return truth, np.where(rng.random(n) < 0.6, truth, rng.integers(0, n_classes, n))


def kappa_loop(y_true, y_pred, n_grades):
    """Eq. 8 as it stands."""
    n = len(y_true)
    observed, expected = np.zeros((n_grades,) * 2), np.zeros((n_grades,) * 2)
    for i in range(n_grades):
        for j in range(n_grades):
            w = (i - j) ** 2 / (n_grades - 1) ** 2
            observed[i, j] = w * sum(
                t == i and p == j for t, p in zip(y_true, y_pred, strict=True)
            )
            expected[i, j] = (
                w * sum(t == i for t in y_true) * sum(p == j for p in y_pred)
            )
    return 1 - observed.sum() / (expected.sum() / n)


@pytest.mark.parametrize("seed", range(3))
def test_kappa_equals_scikit_learns_with_fixed_labels(seed):
    truth, guess = labels(5, seed=seed)
    assert quadratic_weighted_kappa(truth, guess) == pytest.approx(
        cohen_kappa_score(truth, guess, labels=range(5), weights="quadratic")
    )


def test_kappa_equals_the_loop_of_equation_8():
    truth, guess = labels(4, n=60)
    assert quadratic_weighted_kappa(truth, guess, n_grades=4) == pytest.approx(
        kappa_loop(truth, guess, 4)
    )


def test_a_fold_that_lacks_grades_2_and_3_keeps_their_distance():
    """Squared errors 1 + 9 + 9, of 194 / 6 by chance; the union alone has 3 of 7."""
    truth, guess = [0, 1, 1, 1, 4, 4], [0, 0, 1, 4, 1, 4]
    fixed = quadratic_weighted_kappa(truth, guess)
    loose = cohen_kappa_score(truth, guess, weights="quadratic")
    assert fixed == pytest.approx(kappa_loop(truth, guess, 5))
    assert round(fixed, 3) == 0.412
    assert round(loose, 3) == 0.571


def test_kappa_by_hand():
    assert quadratic_weighted_kappa([0, 4], [0, 4]) == 1
    assert quadratic_weighted_kappa([0, 4], [4, 0]) == -1
    assert quadratic_weighted_kappa([0, 0, 4, 4], [0, 4, 0, 4]) == 0


@pytest.mark.parametrize("constant", range(5))
def test_a_constant_answer_scores_zero_whatever_the_truth(constant):
    for truth in ([0, 1, 2, 3, 4], [constant] * 5):
        assert quadratic_weighted_kappa(truth, [constant] * 5) == 0


def test_kappa_sees_neither_the_order_of_rows_nor_which_side_is_truth():
    truth, guess = labels(5)
    order = np.random.default_rng(1).permutation(len(truth))
    kappa = quadratic_weighted_kappa(truth, guess)
    assert quadratic_weighted_kappa(truth[order], guess[order]) == kappa
    assert quadratic_weighted_kappa(guess, truth) == pytest.approx(kappa)


@pytest.mark.parametrize("container", [list, pd.Series, pd.array, np.float32, np.int8])
def test_labels_come_in_any_container(container):
    truth, guess = labels(2)
    assert mean_acc(container(truth), container(guess)) == mean_acc(truth, guess)


def test_unknown_rows_are_skipped_everywhere():
    truth, guess = labels(2)
    masked = np.append(truth, [-1] * 50)
    more = np.append(guess, np.zeros(50, int))
    for measure in (mean_acc, sensitivity, specificity, precision):
        assert measure(masked, more) == measure(truth, guess)
    assert quadratic_weighted_kappa(masked, more) == quadratic_weighted_kappa(
        truth, guess
    )


def test_quality_measures_equal_scikit_learns():
    truth, guess = labels(2)
    assert mean_acc(truth, guess) == pytest.approx(
        balanced_accuracy_score(truth, guess)
    )
    assert sensitivity(truth, guess) == pytest.approx(recall_score(truth, guess))
    assert specificity(truth, guess) == pytest.approx(
        recall_score(truth, guess, pos_label=0)
    )
    assert precision(truth, guess) == pytest.approx(precision_score(truth, guess))


def test_always_good_has_mean_acc_one_half():
    assert mean_acc([1] * 97 + [0] * 3, [1] * 100) == 0.5


def test_mean_acc_of_one_class_is_the_accuracy_on_it():
    assert mean_acc([1, 1, 1, 1], [1, 1, 1, 0]) == 0.75
    assert mean_acc([0, 0], [1, 0]) == 0.5


@pytest.mark.parametrize(
    ("measure", "truth", "guess"),
    [
        (specificity, [1, 1], [1, 0]),
        (sensitivity, [0, 0], [1, 0]),
        (precision, [0, 1], [0, 0]),
        (mean_acc, [-1, -1], [0, 1]),
        (quadratic_weighted_kappa, [-1, -1], [0, 1]),
        (quadratic_weighted_kappa, [], []),
    ],
)
def test_what_is_undefined_is_zero_and_says_so(measure, truth, guess):
    with pytest.warns(UndefinedMetricWarning, match="undefined and set to 0"):
        assert measure(truth, guess) == 0


@pytest.mark.parametrize(
    ("truth", "guess", "message"),
    [
        ([0, 1], [0], "2 rows and y_pred 1"),
        ([[0, 1]], [0], r"shape \(1, 2\)"),
        ([0, 1], [0, 5], "y_pred has 5 in row 1"),
        ([0, -2], [0, 1], "y_true has -2 in row 1"),
        ([0, 1], [0, 0.5], "0.5 in row 1"),
        ([0, np.nan], [0, 1], "holds NaN, first in row 1"),
        ([0, 1], [0, np.inf], "inf in row 1"),
        ([0, 1], ["0", "1"], "'0' in row 0"),
        ([0, None], [0, 1], "None in row 1"),
        (pd.array([0, pd.NA]), [0, 1], "holds NaN, first in row 1"),
        ([0, 1], [0, -1], r"-1, without a prediction, in row 1"),
    ],
)
def test_bad_labels_are_refused_by_row(truth, guess, message):
    with pytest.raises(ValueError, match=message):
        quadratic_weighted_kappa(truth, guess)


@pytest.mark.parametrize("n_grades", [1, 0, 2.5])
def test_a_senseless_number_of_grades_is_refused(n_grades):
    with pytest.raises(
        ValueError, match=rf"'n_grades' .* an int in the range \[2.*Got {n_grades}"
    ):
        quadratic_weighted_kappa([0, 1], [0, 1], n_grades=n_grades)


def test_a_missing_class_equals_scikit_learns_zero_division():
    with pytest.warns(UndefinedMetricWarning):
        theirs = recall_score([1, 1], [1, 0], pos_label=0)
    with pytest.warns(UndefinedMetricWarning):
        assert specificity([1, 1], [1, 0]) == theirs == 0
    one_class = [1, 1, 1], [1, 0, 1]
    with pytest.warns(UserWarning, match="classes not in y_true"):
        assert mean_acc(*one_class) == balanced_accuracy_score(*one_class)
