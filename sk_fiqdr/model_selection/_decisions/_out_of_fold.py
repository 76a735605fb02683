"""Predictions for patients that the estimator was not fitted on."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import check_cv
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params

from ...utils._labels import UNKNOWN
from ...utils._quiet import quiet
from ...utils._unwrap import is_multi_task, last_step, unwrap
from .._patient_ids import check_patients_apart, holds_paths, patients_of, read_patients
from .._splits._allocate import allocate_patients, strata_of
from .._splits._patient_kfold import PatientStratifiedKFold

GRADE, QUALITY = 0, 1


def make_splits(cv, X, y, groups, random_state, *, stacklevel=5):
    """Split as `cv` says, grouped by patient.

    Parameters
    ----------
    cv : int, float, splitter, iterable or None
        Number of folds (None is 5), share to hold out, or what scikit-learn accepts.
    X, y : array-like
        Data and labels.
    groups : array-like of shape (n,) or None
        Patient of each row; read from X by default, if X holds paths.
    random_state : int, RandomState or None
        Assigns patients at random for an int or float `cv`, reproducibly.
    stacklevel : int, default=5
        Number of calls from here to the user's, for the warning.

    Returns
    -------
    splits : list of (train, test)
        Row numbers.

    Raises
    ------
    PatientLeakageError
        If a split, or `groups`, separates the images of a patient.
    """
    rows = np.arange(len(y))
    known = groups is not None or holds_paths(X)
    patients = patients_of(X, groups) if known else rows
    own_split = cv is None or isinstance(cv, Real)
    if own_split and not known:
        warnings.warn(
            "Patients are unknown, as X holds no paths and no groups were passed: each "
            "row counts as a patient of its own. If the eyes of a patient end up in "
            "different folds, the result is too good: pass groups=patient_ids(names).",
            UserWarning,
            stacklevel=stacklevel,
        )
    if isinstance(cv, Real) and not isinstance(cv, Integral):
        shares = np.array([1 - cv, cv])
        part = allocate_patients(y, patients, shares, check_random_state(random_state))
        return [(np.flatnonzero(part == 0), np.flatnonzero(part == 1))]
    if own_split:
        shuffle = random_state is not None
        cv = PatientStratifiedKFold(
            5 if cv is None else cv, shuffle=shuffle, random_state=random_state
        )
        return list(cv.split(rows, y, patients))
    with quiet(message="The groups parameter is ignored"):
        # scikit-learn's splitters accept neither images nor y of two columns.
        strata = strata_of(y, len(y))[0]
        splits = list(check_cv(cv).split(rows, strata, patients if known else None))
    for train, test in splits if known else ():
        check_patients_apart(patients[train], patients[test])
    return splits


def check_unseen(estimator, X):
    """Raise if an estimator was trained on patients of X, as far as names show.

    Parameters
    ----------
    estimator : estimator, Pipeline or search
        Fitted; a net that was trained on paths remembers its patients.
    X : array-like
        What it is to be evaluated on.

    Raises
    ------
    PatientLeakageError
        If they share a patient.
    """
    trained = getattr(last_step(estimator), "trained_patients_", None)
    if trained is not None and holds_paths(X):
        # A name without laterality may repeat: another clinic's 0001.png.
        named = [patient for patient, side in read_patients(X) if side]
        check_patients_apart(trained, named)


def fit_clone(estimator, task, X, y, params):
    """Fit a clone: on both columns of y, or on the rows whose label is known.

    Parameters
    ----------
    estimator : estimator
        Of both tasks (it has `predict_quality`), or of one.
    task : {0, 1}
        Column of the one task.
    X : array-like
        Data.
    y : ndarray of shape (n, 2)
        Grade and quality.
    params : dict
        For its `fit`.

    Returns
    -------
    estimator : estimator
        Fitted.
    """
    if not is_multi_task(estimator):
        rows = np.flatnonzero(y[:, task] != UNKNOWN)
        if len(rows) < len(y):
            params = _check_method_params(X, params, indices=rows)
            X, y = _safe_indexing(X, rows), y[rows]
        y = y[:, task]
    return clone(estimator).fit(X, y, **params)


def _fit_and_predict(estimators, outputs, X, y, train, test, params, names, keep):
    X_train, y_train = _safe_indexing(X, train), y[train]
    fitted = tuple(
        fit_clone(
            estimator,
            task,
            X_train,
            y_train,
            _check_method_params(X, own_params, indices=train),
        )
        for task, (estimator, own_params) in enumerate(
            zip(estimators, params, strict=True)
        )
    )
    names = _check_method_params(X, names, indices=test)
    return fitted if keep else None, outputs(fitted, _safe_indexing(X, test), **names)


def predict_out_of_fold(
    estimators, outputs, X, y, splits, params, names=None, *, n_jobs=None
):
    """Fit on the training rows of each split, and predict its test rows.

    Parameters
    ----------
    estimators : tuple of estimator
        A grader, and a quality classifier unless the grader predicts quality.
    outputs : callable
        ``outputs(fitted, X, **names) -> tuple of arrays`` with a value or row for each
        row of X.
    X : array-like
        Data.
    y : ndarray of shape (n, 2)
        Grade and quality.
    splits : list of (train, test)
        Row numbers.
    params : tuple of dict
        For the `fit` of each estimator.
    names : dict of str to array-like of shape (n,), default=None
        Arguments of `outputs` beside X.
    n_jobs : int, default=None
        Number of splits to fit in parallel.

    Returns
    -------
    fitted : tuple of estimator or None
        Those of the split, if there is only one.
    rows, fold : ndarray of shape (n_predicted,)
        Row of X and number of the split of each output.
    predicted : list of ndarray
        What `outputs` returned, one array for each of its values.
    """
    fitted, predicted = zip(
        *Parallel(n_jobs=n_jobs)(
            delayed(_fit_and_predict)(
                estimators,
                outputs,
                X,
                y,
                train,
                test,
                params,
                names or {},
                len(splits) == 1,
            )
            for train, test in splits
        ),
        strict=True,
    )
    rows = np.concatenate([np.arange(len(y))[test] for _, test in splits])
    fold = np.repeat(np.arange(len(splits)), [len(part[0]) for part in predicted])
    predicted = [np.concatenate(parts) for parts in zip(*predicted, strict=True)]
    return fitted[0], rows, fold, predicted


def predict_fitted_tasks(fitted, X, **names):
    """Return the probabilities of both tasks of one estimator or of a pair.

    Parameters
    ----------
    fitted : sequence of estimator
        One estimator of both tasks, or one of the grade and one of the quality.
    X : array-like
        Whatever the estimators accept.
    **names : dict
        Patients and eyes, where the first estimator predicts by them.

    Returns
    -------
    grade_proba : ndarray of shape (n, n_grades)
        Probability of each grade.
    quality_proba : ndarray of shape (n, 2)
        Probability of poor and of good.

    Raises
    ------
    ValueError
        If the classes of the quality classifier are not 0 and 1.
    """
    if len(fitted) == 1:
        inside, X = unwrap(fitted[GRADE], X)
        return inside.predict_tasks(X, **names)
    inside, X_inside = unwrap(fitted[GRADE], X)
    return inside.predict_proba(X_inside, **names), fitted_quality_proba(
        fitted[QUALITY], X
    )


def fitted_quality_proba(classifier, X):
    """Return the probability of poor and of good.

    Parameters
    ----------
    classifier : estimator
        A classifier of both tasks, or a binary one of the quality.
    X : array-like
        Whatever the estimator accepts.

    Returns
    -------
    proba : ndarray of shape (n, 2)
        Probability of poor and of good.

    Raises
    ------
    ValueError
        If the classes of a binary classifier are not 0 and 1.
    """
    inside, X_inside = unwrap(classifier, X)
    if hasattr(inside, "predict_quality_proba"):
        return inside.predict_quality_proba(X_inside)
    classes = np.asarray(classifier.classes_).tolist()
    if classes != [0, 1]:
        raise ValueError(
            "A quality classifier predicts 0 (poor) and 1 (good), got the classes "
            f"{classes!r}. Fit it on labels of these two only."
        )
    return np.asarray(classifier.predict_proba(X))
