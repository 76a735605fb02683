"""Folds grouped by patient, with rare grades and qualities spread evenly."""

import numpy as np
from sklearn.model_selection import BaseCrossValidator
from sklearn.model_selection._split import GroupsConsumerMixin
from sklearn.utils import check_random_state

from ...utils._constraints import check_parameters, whole
from .._patient_ids import patients_of
from ._allocate import allocate_patients

CONSTRAINTS = {
    "n_splits": [whole(2)],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
}


class PatientStratifiedKFold(GroupsConsumerMixin, BaseCrossValidator):
    """K folds grouped by patient and stratified by grade and quality jointly.

    A fold without a poor image of grade 4 cannot measure how a net grades such images.
    Therefore the patients with the rarest combinations are assigned first, each to the
    fold that lacks their images most.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Assign patients in random order instead of the order of appearance.
    random_state : int, RandomState or None, default=None
        Makes the shuffling reproducible; without `shuffle` it has no effect.

    Examples
    --------
    >>> from sk_fiqdr.model_selection import PatientStratifiedKFold
    >>> X = [f"{patient}_{eye}.jpeg" for patient in "abcd" for eye in "LR"]
    >>> y = [[0, 1], [0, 1], [2, 1], [2, 0], [0, 1], [0, 1], [2, 1], [2, 0]]
    >>> for train, test in PatientStratifiedKFold(2).split(X, y):
    ...     print(test)
    [0 1 2 3]
    [4 5 6 7]
    """

    def __init__(self, n_splits=5, *, shuffle=False, random_state=None):
        self.n_splits = n_splits
        self.shuffle = shuffle
        self.random_state = random_state

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of folds.

        Parameters
        ----------
        X, y, groups : object
            Not used.

        Returns
        -------
        n_splits : int
            The number of folds.
        """
        return self.n_splits

    def split(self, X, y=None, groups=None):
        """Yield the rows of training and test set, once for each fold.

        Parameters
        ----------
        X : array-like
            Data of any kind. Only its length is used, and file names if it holds paths.
        y : array-like of shape (n, 2) or (n,)
            Labels; each combination is a stratum, and -1 counts as a label.
        groups : array-like of shape (n,), default=None
            Patient of each row; read from X by default, if X holds paths.

        Yields
        ------
        train, test : ndarray of int
            Row numbers.

        Raises
        ------
        ValueError
            If patients are unknown, or there are fewer patients than folds.
        PatientLeakageError
            If `groups` contradicts the file names.
        """
        yield from super().split(X, y, groups)

    def _iter_test_masks(self, X=None, y=None, groups=None):
        folds = self._allocate(X, y, groups)
        for fold in range(self.n_splits):
            yield folds == fold

    def _allocate(self, X, y, groups):
        check_parameters(type(self).__name__, CONSTRAINTS, **vars(self))
        groups = patients_of(X, groups)
        rng = check_random_state(self.random_state) if self.shuffle else None
        shares = np.full(self.n_splits, 1 / self.n_splits)
        return allocate_patients(y, groups, shares, rng)
