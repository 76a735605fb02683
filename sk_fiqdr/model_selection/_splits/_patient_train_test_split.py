"""Training and test set grouped by patient."""

import numpy as np
from sklearn.utils import _safe_indexing, check_random_state, indexable

from ...utils._constraints import check_parameters, real, whole
from .._patient_ids import check_patients_apart, patients_of
from ._allocate import allocate_patients


def patient_train_test_split(X, y, groups=None, *, test_size=0.25, random_state=None):
    """Split into training and test set, grouped by patient and stratified.

    Patients are drawn at random; the rows of either side keep their order.

    Parameters
    ----------
    X : array-like
        Data of any kind.
    y : array-like of shape (n, 2) or (n,)
        Labels; each combination is a stratum.
    groups : array-like of shape (n,), default=None
        Patient of each row; read from X by default, if X holds paths.
    test_size : float or int, default=0.25
        Share or number of test rows, reached as closely as is possible without
        separating the images of a patient.
    random_state : int, RandomState or None, default=None
        Makes the split reproducible.

    Returns
    -------
    X_train, X_test, y_train, y_test : array-like
        Of the types that were passed, as from scikit-learn's train_test_split.

    Raises
    ------
    ValueError
        If `test_size` leaves one side empty, or patients are unknown.
    PatientLeakageError
        If `groups` contradicts the file names.

    Examples
    --------
    >>> from sk_fiqdr.model_selection import patient_train_test_split
    >>> X = ["1_left", "1_right", "2_left", "2_right", "3_left", "4_left"]
    >>> y = [0, 0, 1, 1, 0, 1]
    >>> X_train, X_test, y_train, y_test = patient_train_test_split(
    ...     X, y, test_size=2, random_state=0)
    >>> len(X_train), sorted(y_test)
    (4, [0, 1])
    """
    check_parameters(
        "patient_train_test_split",
        {
            "test_size": [real(0, 1, closed="neither"), whole(1)],
            "random_state": ["random_state"],
        },
        test_size=test_size,
        random_state=random_state,
    )
    X, y = indexable(X, y)
    groups = patients_of(X, groups)
    n = len(groups)
    if test_size >= n:
        raise ValueError(
            f"test_size must be a share between 0 and 1 or a number of rows below {n}, "
            f"got {test_size!r}."
        )
    share = test_size if test_size < 1 else test_size / n
    rng = check_random_state(random_state)
    part = allocate_patients(y, groups, np.array([1 - share, share]), rng)
    train, test = np.flatnonzero(part == 0), np.flatnonzero(part == 1)
    check_patients_apart(groups[train], groups[test])
    return tuple(
        _safe_indexing(container, rows)
        for container in (X, y)
        for rows in (train, test)
    )
