"""Each site in turn as the test set, with no patient on both sides."""

import warnings

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator
from sklearn.utils import indexable
from sklearn.utils.validation import _num_samples

from .._patient_ids import holds_paths, patients_of


class LeaveOneSiteOut(BaseCrossValidator):
    """Test on each site in turn, after training on all others.

    A site is a clinic, a camera or a data set. Like scikit-learn's LeaveOneGroupOut,
    but patients are kept whole, too: images of a patient who was photographed at two
    sites are left out of the training set if the test set holds others of them.

    See Also
    --------
    sk_fiqdr.metrics.site_report : Scores of each site, with intervals.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr.model_selection import LeaveOneSiteOut
    >>> X, patient = np.zeros((6, 3)), [1, 1, 2, 3, 4, 4]
    >>> site = ["a", "a", "a", "b", "b", "c"]
    >>> splitter = LeaveOneSiteOut()
    >>> splitter.get_n_splits(groups=site)
    3
    >>> for train, test in splitter.split(X[:5], groups=site[:5]):
    ...     print(train, test)
    [3 4] [0 1 2]
    [0 1 2] [3 4]
    """

    def split(self, X, y=None, groups=None, *, patients=None):
        """Yield the rows of the training and test set of each site.

        Parameters
        ----------
        X : array-like
            Paths, images or features; only their number matters, and the names of
            paths.
        y : object, default=None
            Ignored.
        groups : array-like of shape (n,)
            Site of each row.
        patients : array-like of shape (n,), default=None
            Patient of each row; read from X by default, if it holds paths. Otherwise a
            patient is at one site only.

        Yields
        ------
        train, test : ndarray of int
            Rows. Sites are tested in sorted order.

        Raises
        ------
        ValueError
            If the sites are missing, or there are fewer than two; or if no training
            rows remain for a site.

        Warns
        -----
        UserWarning
            If patients were photographed at several sites: how many rows that costs.
        """
        X, y = indexable(X, y)
        site, names = _sites(groups, _num_samples(X))
        patient = None
        if patients is not None or holds_paths(X):
            patient = pd.factorize(patients_of(X, patients))[0]
            _warn_of_shared(site, patient)
        for place, name in enumerate(names):
            test = site == place
            train = ~test
            if patient is not None:
                train &= ~np.isin(patient, patient[test])
            if not train.any():
                raise ValueError(
                    f"No rows are left to train on for the site {name!r}: all other "
                    "rows are of its patients. Leave the site out, or merge it with "
                    "another."
                )
            yield np.flatnonzero(train), np.flatnonzero(test)

    def get_n_splits(self, X=None, y=None, groups=None):
        """Return the number of sites.

        Parameters
        ----------
        X, y : object, default=None
            Ignored.
        groups : array-like of shape (n,)
            Site of each row.

        Returns
        -------
        n_splits : int
            One for each site.
        """
        return len(_sites(groups, np.size(groups))[1])


def _sites(groups, n):
    """Return the number of the site of each row, and the names in sorted order."""
    if groups is None:
        raise ValueError(
            "Sites are unknown. Pass groups, the site of each row, such as the name of "
            "its clinic or camera."
        )
    groups = np.asarray(groups)
    if groups.shape != (n,):
        raise ValueError(
            f"groups must name the site of each of the {n} rows of X, got shape "
            f"{groups.shape!r}."
        )
    site, names = pd.factorize(groups)
    names = names.tolist()
    if (site < 0).any():
        raise ValueError(
            f"groups has no site in row {np.argmin(site)}. Give an unknown site a name "
            "of its own."
        )
    if len(names) < 2:
        raise ValueError(
            f"Leaving a site out needs at least two, got {names!r} only. Use "
            "PatientStratifiedKFold for a single site."
        )
    order = sorted(range(len(names)), key=lambda i: str(names[i]))
    return np.argsort(order)[site], [names[i] for i in order]


def _warn_of_shared(site, patient):
    shared = pd.Series(site).groupby(patient).transform("nunique").to_numpy() > 1
    if shared.any():
        warnings.warn(
            f"{len(np.unique(patient[shared]))} patients were photographed at several "
            f"sites: their {shared.sum()} images are left out of the training sets "
            "where they would be on both sides.",
            UserWarning,
            stacklevel=3,
        )
