"""Splits with patients whole and the rare grades and qualities spread evenly."""

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator
from sklearn.model_selection._split import GroupsConsumerMixin
from sklearn.utils import _safe_indexing, check_random_state, indexable

from ._patients import check_patients_apart, patients_of

MAX_KINDS = 300


class PatientStratifiedKFold(GroupsConsumerMixin, BaseCrossValidator):
    """K folds with patients whole, stratified by grade and quality jointly.

    A fold that has no poor image of grade 4 cannot tell what a net does with it. The
    patients with the rarest combinations are therefore dealt out first, each to the
    fold that lacks their images most.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    shuffle : bool, default=False
        Deal patients in random order rather than in order of appearance.
    random_state : int, RandomState or None, default=None
        Makes the shuffle repeat; without `shuffle` it has no effect.

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
            Data of any kind; only its length counts, and its names if it holds paths.
        y : array-like of shape (n, 2) or (n,)
            Labels whose combinations are the strata; -1 is one of them.
        groups : array-like of shape (n,), default=None
            Patient of each row; read from X by default, if X holds paths.

        Yields
        ------
        train, test : ndarray of int
            Row numbers.

        Raises
        ------
        ValueError
            If patients are unknown, or fewer than folds.
        PatientLeakageError
            If `groups` contradicts the file names.
        """
        yield from super().split(X, y, groups)

    def _iter_test_masks(self, X=None, y=None, groups=None):
        folds = self._deal(X, y, groups)
        for fold in range(self.n_splits):
            yield folds == fold

    def _deal(self, X, y, groups):
        if not isinstance(self.n_splits, int | np.integer) or self.n_splits < 2:
            raise ValueError(
                f"n_splits must be a whole number of at least 2, got {self.n_splits!r}."
            )
        groups = patients_of(X, groups)
        rng = check_random_state(self.random_state) if self.shuffle else None
        shares = np.full(self.n_splits, 1 / self.n_splits)
        return deal_patients(y, groups, shares, rng)


def strata_of(y, n):
    """Give each combination of labels that occurs a number.

    Parameters
    ----------
    y : array-like of shape (n, 2) or (n,), or None
        Labels.
    n : int
        Number of rows.

    Returns
    -------
    codes : ndarray of shape (n,)
        Stratum of each row.
    n_strata : int
        How many there are.
    """
    if y is None:
        return np.zeros(n, dtype=int), 1
    y = np.asarray(y)
    if y.ndim not in (1, 2) or len(y) != n:
        raise ValueError(
            f"y must have shape ({n},) or ({n}, 2), as X has {n} rows, got {y.shape!r}."
        )
    codes = [pd.factorize(column)[0] for column in y.reshape(n, -1).T]
    if np.min(codes, initial=0) < 0 or (y.dtype.kind == "f" and (y % 1 != 0).any()):
        raise ValueError(
            "y must hold classes to stratify by, got missing or broken numbers. Mark "
            "unknown labels with -1."
        )
    values, strata = np.unique(np.transpose(codes), axis=0, return_inverse=True)
    return strata.ravel(), len(values)


def deal_patients(y, groups, shares, rng=None):
    """Deal whole patients to parts of the given shares, strata as even as they can be.

    Parameters
    ----------
    y : array-like of shape (n, 2) or (n,), or None
        Labels.
    groups : ndarray of shape (n,)
        Patient of each row.
    shares : ndarray of shape (n_parts,)
        Share of the rows that each part is to hold.
    rng : RandomState, default=None
        Order of patients; that of appearance by default.

    Returns
    -------
    part : ndarray of shape (n,)
        Part of each row.

    Raises
    ------
    ValueError
        If there are fewer patients than parts.
    """
    strata, n_strata = strata_of(y, len(groups))
    patient, patients = pd.factorize(groups)  # in order of appearance
    n_patients, n_parts = len(patients), len(shares)
    if n_patients < n_parts:
        raise ValueError(
            f"Too few patients, {n_patients}, for {n_parts} parts: every part needs "
            "one. Lower n_splits, or bring more patients."
        )
    counts = np.zeros((n_patients, n_strata))
    np.add.at(counts, (patient, strata), 1)
    totals = counts.sum(axis=0)
    # The rarest stratum of a patient decides when it is its turn; many images first.
    order = np.arange(n_patients) if rng is None else rng.permutation(n_patients)
    rarest = np.where(counts > 0, totals, np.inf).min(axis=1)
    size = counts.sum(axis=1)
    order = order[np.lexsort((-size[order], rarest[order]))]

    wanted = np.outer(shares, totals)
    wanted_size = shares * len(groups)
    dealt, dealt_size = np.zeros_like(wanted), np.zeros(n_parts)
    weight = 1 / totals
    part_of = np.empty(n_patients, dtype=int)
    empty = n_parts
    for turn, i in enumerate(order):
        own = counts[i]
        touched = np.flatnonzero(own)
        # How far each part would be from its due, before and after, squared: the
        # difference is linear in what the part still lacks.
        lack = wanted[:, touched] - dealt[:, touched]
        gain = (weight[touched] * own[touched] * (2 * lack - own[touched])).sum(axis=1)
        gain = gain / shares  # a lack of one image weighs more in a small part
        lack_size = (wanted_size - dealt_size) / wanted_size
        best = np.flatnonzero(gain >= gain.max() - 1e-9)
        choice = best[np.argmax(lack_size[best])]
        if empty and n_patients - turn <= empty:  # the last patients fill what is empty
            choice = np.flatnonzero(dealt_size == 0)[0]
        empty -= dealt_size[choice] == 0
        part_of[i] = choice
        dealt[choice] += own
        dealt_size[choice] += size[i]
    _exchange(part_of, counts, wanted)
    return part_of[patient]


def _exchange(part_of, counts, wanted):
    """Exchange patients between parts, in place, while it evens out the strata.

    Dealing one by one leaves a rest that only an exchange can mend. Patients with equal
    counts are the same to it, so that there are few kinds to try, "nobody" among them.
    """
    n_parts = len(wanted)
    columns = np.column_stack([counts, counts.sum(axis=1)])
    kinds, kind_of = np.unique(columns, axis=0, return_inverse=True)
    kind_of = kind_of.ravel()
    if len(kinds) > MAX_KINDS:
        return  # pairs of kinds would fill the memory; so many even out by themselves
    kinds = np.vstack([kinds, np.zeros(columns.shape[1])])
    change = kinds[None, :] - kinds[:, None]  # give kind u, take kind v
    change_squared = (change**2).sum(axis=2)
    excess = np.column_stack([-wanted, -wanted.sum(axis=1)])
    np.add.at(excess, part_of, columns)
    held = np.zeros((n_parts, len(kinds)), dtype=int)
    np.add.at(held, (part_of, kind_of), 1)
    improved = True
    while improved:
        improved = False
        for a in range(n_parts):
            for b in range(a + 1, n_parts):
                # |e_a + c|^2 + |e_b - c|^2 - |e_a|^2 - |e_b|^2
                cost = 2 * (change @ (excess[a] - excess[b]) + change_squared)
                can_give = np.append(held[a, :-1] > 0, held[a].sum() > 0)
                can_take = np.append(held[b, :-1] > 0, held[b].sum() > 0)
                # Whoever gives nobody in return must not end up empty.
                cost[~can_give] = cost[:, ~can_take] = np.inf
                if held[a].sum() == 1:
                    cost[:, -1] = np.inf
                if held[b].sum() == 1:
                    cost[-1] = np.inf
                u, v = np.unravel_index(np.argmin(cost), cost.shape)
                if cost[u, v] > -1e-9:
                    continue
                improved = True
                for kind, source, target in ((u, a, b), (v, b, a)):
                    if kind == len(kinds) - 1:
                        continue
                    mover = np.flatnonzero((part_of == source) & (kind_of == kind))[0]
                    part_of[mover] = target
                    held[source, kind] -= 1
                    held[target, kind] += 1
                excess[a] += change[u, v]
                excess[b] -= change[u, v]


def patient_train_test_split(X, y, groups=None, *, test_size=0.25, random_state=None):
    """Split into training and test set with patients whole and strata alike.

    Which patients are drawn is random; the rows of either side keep their order.

    Parameters
    ----------
    X : array-like
        Data of any kind.
    y : array-like of shape (n, 2) or (n,)
        Labels whose combinations are the strata.
    groups : array-like of shape (n,), default=None
        Patient of each row; read from X by default, if X holds paths.
    test_size : float or int, default=0.25
        Share or number of test rows, reached as nearly as whole patients allow.
    random_state : int, RandomState or None, default=None
        Makes the split repeat.

    Returns
    -------
    X_train, X_test, y_train, y_test : array-like
        Of the types that came, as from scikit-learn's train_test_split.

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
    X, y = indexable(X, y)
    groups = patients_of(X, groups)
    n = len(groups)
    share = test_size / n if isinstance(test_size, int | np.integer) else test_size
    if not 0 < share < 1:
        raise ValueError(
            f"test_size must be a share between 0 and 1 or a number of rows below {n}, "
            f"got {test_size!r}."
        )
    rng = check_random_state(random_state)
    part = deal_patients(y, groups, np.array([1 - share, share]), rng)
    train, test = np.flatnonzero(part == 0), np.flatnonzero(part == 1)
    check_patients_apart(groups[train], groups[test])
    return tuple(
        _safe_indexing(container, rows)
        for container in (X, y)
        for rows in (train, test)
    )
