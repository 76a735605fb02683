"""The inner split of a net, grouped by patient."""

import warnings

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from ...utils._constraints import real
from .._patient_ids import check_patients_apart, holds_paths, patients_of
from ._allocate import allocate_patients
from ._patient_kfold import PatientStratifiedKFold


class PatientValidSplit(BaseEstimator):
    """Hold out patients inside `fit`, for `train_split` of the estimators.

    Patients come from the `groups` of `fit`, or from the file names if X holds paths.
    Otherwise every row counts as a patient of its own, with a warning.

    Parameters
    ----------
    valid_fraction : float, default=0.2
        Share of the rows to validate on.
    random_state : int, RandomState or None, default=0
        Makes the split reproducible.

    Examples
    --------
    >>> from sk_fiqdr import FIQDRClassifier
    >>> from sk_fiqdr.model_selection import PatientValidSplit
    >>> net = FIQDRClassifier(train_split=PatientValidSplit(0.1))
    """

    _parameter_constraints = {  # noqa: RUF012
        "valid_fraction": [real(0, 1, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(self, valid_fraction=0.2, *, random_state=0):
        self.valid_fraction = valid_fraction
        self.random_state = random_state

    @property
    def cv(self):
        """The splitter whose metadata skorch asks for."""
        return PatientStratifiedKFold()

    def __call__(self, dataset, y=None, groups=None):
        """Split a dataset.

        Parameters
        ----------
        dataset : FundusDataset
            With X, y and groups.
        y : ndarray, default=None
            Labels; those of the dataset by default.
        groups : array-like, default=None
            Patients; those of the dataset by default.

        Returns
        -------
        train, valid : torch.utils.data.Subset
            The two parts.

        Raises
        ------
        ValueError
            If there are fewer than two patients, or the share is not between 0 and 1.
        """
        from torch.utils.data import Subset

        self._validate_params()
        y = dataset.y if y is None else y
        groups = getattr(dataset, "groups", None) if groups is None else groups
        if groups is None and not holds_paths(dataset.X):
            warnings.warn(
                "PatientValidSplit does not know the patients: each row counts as one, "
                "and the other eye of a patient may be trained on. Pass groups to fit; "
                "inside a search, which does not pass groups on, enable scikit-learn's "
                "metadata routing and call net.set_fit_request(groups=True).",
                UserWarning,
                stacklevel=2,
            )
            groups = np.arange(len(dataset))
        groups = patients_of(dataset.X, groups)
        shares = np.array([1 - self.valid_fraction, self.valid_fraction])
        part = allocate_patients(
            y, groups, shares, check_random_state(self.random_state)
        )
        train, valid = np.flatnonzero(part == 0), np.flatnonzero(part == 1)
        check_patients_apart(groups[train], groups[valid])
        return Subset(dataset, train), Subset(dataset, valid)
