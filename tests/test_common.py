"""scikit-learn's own checks on the three estimators, over features."""

from contextlib import contextmanager

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import (
    check_methods_sample_order_invariance,
    parametrize_with_checks,
)

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.model_selection import (
    ConformalGradesCV,
    QualityGate,
    TunedGradeThresholdsCV,
)
from sk_fiqdr.model_selection._decisions._check_tasks import check_tasks

NET = {
    "check_no_attributes_set_in_init": (
        "skorch sets history_, initialized_ and virtual_params_ in its constructor"
    ),
    "check_do_not_raise_errors_in_init_or_set_params": (
        "skorch builds the callbacks when it is asked for parameters, and callbacks=-1 "
        "are none"
    ),
    "check_sample_weight_equivalence_on_dense_data": (
        "mini-batches of weighted and of repeated rows differ; that one batch has the "
        "same loss and centres is tested in test_losses.py"
    ),
}
SINGLE_TASK = {
    **NET,
    "check_classifiers_classes": (
        "one of its cases has the labels -1 and 1, and -1 marks an unknown label here"
    ),
}
TWO_COLUMNS = (
    "the check passes y of one column; this estimator takes (grade, quality), and the "
    "same check runs on the adapter below, which adds the second column"
)


class OneColumnFIQDR(FIQDRClassifier):
    """FIQDRClassifier for checks that know one column: quality is whether grade > 0."""

    classes_ = None

    def _encode_targets(self, y):
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        encoder = LabelEncoder().fit(y)
        self.classes_ = np.resize(encoder.classes_, 5)
        grade = encoder.transform(y)
        return super()._encode_targets(np.column_stack([grade, grade > 0]).astype(int))

    def score(self, X, y):
        return float(np.mean(self.predict(X) == y))


ADAPTER = {
    **NET,
    **dict.fromkeys(
        [
            "check_classifiers_classes",
            "check_classifiers_regression_target",
            "check_classifier_multioutput",
            "check_classifiers_train",
            "check_supervised_y_no_nan",
        ],
        "about labels, which are the adapter's and not the estimator's",
    ),
}

# What runs on y of one column, and so cannot run on the estimator itself.
ONE_COLUMN_CHECKS = [
    "check_fit_score_takes_y",
    "check_estimators_overwrite_params",
    "check_dont_overwrite_parameters",
    "check_estimators_fit_returns_self",
    "check_readonly_memmap_input",
    "check_n_features_in_after_fitting",
    "check_positive_only_tag_during_fit",
    "check_estimators_dtypes",
    "check_sample_weights_pandas_series",
    "check_sample_weights_not_an_array",
    "check_sample_weights_list",
    "check_all_zero_sample_weights_error",
    "check_sample_weights_shape",
    "check_sample_weights_not_overwritten",
    "check_sample_weight_equivalence_on_dense_data",
    "check_dtype_object",
    "check_pipeline_consistency",
    "check_estimators_nan_inf",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_classifier_data_not_an_array",
    "check_classifiers_one_label",
    "check_classifiers_one_label_sample_weights",
    "check_classifiers_classes",
    "check_estimators_partial_fit_n_features",
    "check_classifier_multioutput",
    "check_classifiers_train",
    "check_classifiers_regression_target",
    "check_transformer_data_not_an_array",
    "check_transformer_general",
    "check_transformer_preserve_dtypes",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_fit2d_1sample",
    "check_fit2d_1feature",
    "check_dict_unchanged",
    "check_fit_idempotent",
    "check_fit_check_is_fitted",
    "check_n_features_in",
    "check_fit2d_predict1d",
]


class OneColumnGate(QualityGate):
    """QualityGate for checks that know one column: only the lowest grade is poor."""

    def fit(self, X, y, groups=None, **params):
        if y is not None:
            grade = check_tasks(y)[:, 0]
            y = np.column_stack([grade, grade > grade.min()]).astype(int)
        return super().fit(X, y, groups, **params)


GRADES = {
    "check_classifiers_classes": (
        "its labels are text, or -1 and 1; grades are whole numbers and -1 is unknown"
    ),
}
TUNED = {
    **GRADES,
    "check_classifiers_train": (
        "it compares the answer with the most probable class, which is not the answer"
    ),
    "check_classifiers_one_label_sample_weights": (
        "cut-points count each row once, weights belong to the fit of the estimator"
    ),
}
GATE = {
    **GRADES,
    "check_classifiers_train": (
        "it compares the answer with the most probable class, also of what is refused"
    ),
}
SETS = {
    **GRADES,
    "check_fit2d_1sample": "its message counts patients, and not samples",
}

# The checks pass unscaled features around 100, on which unclipped steps diverge.
SETTINGS = {
    "backbone": None,
    "max_epochs": 30,
    "lr": 0.1,
    "gradient_clip": 1.0,
    "random_state": 0,
}


def expected_failed_checks(estimator):
    """Every check that cannot hold, with its reason."""
    return {
        FIQDRClassifier: {**NET, **dict.fromkeys(ONE_COLUMN_CHECKS, TWO_COLUMNS)},
        OneColumnFIQDR: ADAPTER,
        TunedGradeThresholdsCV: TUNED,
        OneColumnGate: GATE,
        ConformalGradesCV: SETS,
    }.get(type(estimator), SINGLE_TASK)


@parametrize_with_checks(
    [
        QualityClassifier(**SETTINGS),
        DRGrader(**SETTINGS),
        FIQDRClassifier(**SETTINGS),
        OneColumnFIQDR(**SETTINGS),
        TunedGradeThresholdsCV(LogisticRegression(), cv=2),
        OneColumnGate(
            LogisticRegression(), LogisticRegression(), max_refused=0.1, cv=2
        ),
        ConformalGradesCV(LogisticRegression(), cv=2),
    ],
    expected_failed_checks=expected_failed_checks,
)
# The checks provoke warnings on purpose, and look at those that matter themselves.
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    if check.func is not check_methods_sample_order_invariance or not hasattr(
        estimator, "module"
    ):
        check(estimator)
        return
    # It wants rows in another order to agree to 1e-9. A net computes in float32, and
    # which rows of a batch go through which instructions depends on the processor.
    with tolerance(1e-6):
        check(estimator)


@contextmanager
def tolerance(atol):
    """Let scikit-learn's checks compare floats to this absolute tolerance."""
    compare = estimator_checks.assert_allclose_dense_sparse
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            estimator_checks,
            "assert_allclose_dense_sparse",
            lambda *args, **kwargs: compare(*args, **{**kwargs, "atol": atol}),
        )
        yield
