"""Out-of-fold probabilities of both tasks."""

from typing import NamedTuple

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.utils import indexable

from ...utils._unwrap import last_step
from ._check_tasks import check_tasks
from ._out_of_fold import (
    check_unseen,
    make_splits,
    predict_fitted_tasks,
    predict_out_of_fold,
)
from ._routing import route, router_of


class TaskProbabilities(NamedTuple):
    """Probabilities of both tasks, a row for each row of X."""

    grade_proba: np.ndarray
    quality_proba: np.ndarray


def cross_val_predict_tasks(
    estimator,
    X,
    y,
    groups=None,
    *,
    cv=None,
    params=None,
    n_jobs=None,
    random_state=None,
):
    """Predict grade and quality of each image by a clone that has not seen its patient.

    These are the probabilities that label checks, stacking, conformal sets, cut-points
    and Displays start from. scikit-learn's ``cross_val_predict(...,
    method="predict_proba")`` relabels each column of y as 0, 1, ..., so that -1 becomes
    a class: estimators of both tasks refuse it. For estimators of one task use
    scikit-learn's function, without the rows of unknown label.

    Parameters
    ----------
    estimator : estimator
        Of both tasks, such as :class:`~sk_fiqdr.FIQDRClassifier`, a Pipeline or search
        around one, or a meta-estimator of this module. It is cloned.
    X : array-like
        Whatever the estimator accepts.
    y : array-like of shape (n, 2)
        Grade and quality; -1 where unknown.
    groups : array-like of shape (n,), default=None
        Patient of each row, so that splits keep the images of a patient together; read
        from X by default, if it holds paths.
    cv : int, splitter, iterable or None, default=None
        Number of folds (None is 5), grouped by patient, or what scikit-learn accepts as
        `cv`. Each row must be in the test part of exactly one split.
    params : dict, default=None
        For `fit` of the estimator, such as `sample_weight`; arrays of n values are
        split with the rows. With metadata routing enabled the estimator receives what
        it requests.
    n_jobs : int, default=None
        Number of splits to fit in parallel.
    random_state : int, RandomState or None, default=None
        Assigns patients at random to the folds of an int `cv`; None assigns them in
        order of appearance.

    Returns
    -------
    probabilities : TaskProbabilities
        A named tuple of `grade_proba`, of shape (n, n_grades), and `quality_proba`, of
        shape (n, 2). Rows are those of X, nan where an image could not be read.

    Raises
    ------
    TypeError
        If the estimator does not do both tasks.
    ValueError
        If y does not have two columns, or the splits do not predict each row once.
    PatientLeakageError
        If a split separates the images of a patient, as far as `groups` or file names
        show.

    See Also
    --------
    CalibratedTasksCV, TunedGradeThresholdsCV, QualityGate : Tune on such predictions.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr import FIQDRClassifier
    >>> from sk_fiqdr.model_selection import cross_val_predict_tasks
    >>> rng = np.random.default_rng(0)
    >>> y = np.column_stack([np.arange(100) % 5, rng.random(100) < 0.8]).astype(int)
    >>> X = rng.normal(size=(100, 12)) + np.repeat(y, 6, axis=1)
    >>> net = FIQDRClassifier(backbone=None, max_epochs=2, random_state=0)
    >>> patients = np.arange(100) // 2
    >>> grade_proba, quality_proba = cross_val_predict_tasks(net, X, y, patients, cv=3)
    >>> grade_proba.shape, quality_proba.shape
    ((100, 5), (100, 2))
    """
    inside = last_step(estimator)
    if not hasattr(inside, "predict_tasks"):
        raise TypeError(
            f"cross_val_predict_tasks needs an estimator of both tasks, got "
            f"{estimator!r}. For one task use scikit-learn's cross_val_predict("
            'estimator, X, y, groups=groups, cv=PatientStratifiedKFold(5), method="'
            'predict_proba").'
        )
    X, y = indexable(X, y)
    if np.shape(y)[1:] != (2,):
        raise ValueError(
            f"{type(inside).__name__} learns both tasks: y must have shape (n_samples, "
            f"2) with columns (grade, quality), got shape {np.shape(y)!r}. Use "
            "np.column_stack([grade, quality]); -1 marks an unknown label."
        )
    y = check_tasks(y)
    if isinstance(estimator, FrozenEstimator):
        check_unseen(estimator, X)
    inside = {"estimator": estimator}
    router = router_of("cross_val_predict_tasks", inside, cv)
    params, groups = route(router, inside, groups, params or {})
    splits = make_splits(cv, X, y, groups, random_state, stacklevel=3)
    _check_partition(splits, len(y))
    _, rows, _, parts = predict_out_of_fold(
        (estimator,), predict_fitted_tasks, X, y, splits, params, n_jobs=n_jobs
    )
    order = np.argsort(rows)
    return TaskProbabilities(*(part[order] for part in parts))


def _check_partition(splits, n_rows):
    tested = np.concatenate([np.arange(n_rows)[test] for _, test in splits])
    counts = np.bincount(tested, minlength=n_rows)
    if (counts != 1).any():
        raise ValueError(
            f"The splits of cv test {int((counts == 0).sum())} of {n_rows} rows never "
            f"and {int((counts > 1).sum())} more than once; each row needs exactly one "
            "prediction. Pass a number of folds, or PatientStratifiedKFold(5)."
        )
