"""Allocate patients to the parts of a split, with strata as even as possible."""

import numpy as np
import pandas as pd

from ...utils._masked import label_array

MAX_KINDS = 300


def strata_of(y, n):
    """Return the number of the combination of labels of each row.

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
        Number of strata.
    """
    if y is None:
        return np.zeros(n, dtype=int), 1
    y = label_array(y)
    if y.ndim not in (1, 2) or len(y) != n:
        raise ValueError(
            f"y must have shape ({n},) or ({n}, 2), as X has {n} rows, got {y.shape!r}."
        )
    columns = y[:, None] if y.ndim == 1 else y
    codes = [pd.factorize(column)[0] for column in columns.T]
    if np.min(codes, initial=0) < 0 or (y.dtype.kind == "f" and (y % 1 != 0).any()):
        raise ValueError(
            "y must hold classes to stratify by, got missing values or fractions. Mark "
            "unknown labels with -1."
        )
    values, strata = np.unique(np.transpose(codes), axis=0, return_inverse=True)
    return strata.ravel(), len(values)


def allocate_patients(y, groups, shares, rng=None):
    """Allocate patients to parts of the given shares, with strata as even as possible.

    Parameters
    ----------
    y : array-like of shape (n, 2) or (n,), or None
        Labels.
    groups : ndarray of shape (n,)
        Patient of each row.
    shares : ndarray of shape (n_parts,)
        Share of the rows for each part.
    rng : RandomState, default=None
        Shuffles the patients; by default they stay in order of appearance.

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
            "one. Lower n_splits, or add patients."
        )
    counts = np.zeros((n_patients, n_strata))
    np.add.at(counts, (patient, strata), 1)
    totals = counts.sum(axis=0)
    # Patients with the rarest strata come first, then those with many images.
    order = np.arange(n_patients) if rng is None else rng.permutation(n_patients)
    rarest = np.where(counts > 0, totals, np.inf).min(axis=1)
    size = counts.sum(axis=1)
    order = order[np.lexsort((-size[order], rarest[order]))]

    target = np.outer(shares, totals)
    target_size = shares * len(groups)
    allocated, allocated_size = np.zeros_like(target), np.zeros(n_parts)
    weight = 1 / totals
    part_of = np.empty(n_patients, dtype=int)
    empty = n_parts
    for turn, i in enumerate(order):
        own = counts[i]
        touched = np.flatnonzero(own)
        # Squared distance of each part from its target, before minus after: linear in
        # what the part still lacks.
        lack = target[:, touched] - allocated[:, touched]
        gain = (weight[touched] * own[touched] * (2 * lack - own[touched])).sum(axis=1)
        gain = gain / shares  # one missing image weighs more in a small part
        lack_size = (target_size - allocated_size) / target_size
        best = np.flatnonzero(gain >= gain.max() - 1e-9)
        choice = best[np.argmax(lack_size[best])]
        if empty and n_patients - turn <= empty:  # the last patients fill what is empty
            choice = np.flatnonzero(allocated_size == 0)[0]
        empty -= allocated_size[choice] == 0
        part_of[i] = choice
        allocated[choice] += own
        allocated_size[choice] += size[i]
    _exchange(part_of, counts, target)
    return part_of[patient]


def _exchange(part_of, counts, target):
    """Exchange patients between parts, in place, while this evens out the strata.

    Allocating one by one leaves an imbalance that only exchanges reduce. Patients with
    equal counts are interchangeable, so there are few kinds to try. The last kind is
    empty: a patient is moved, and none comes back.
    """
    n_parts = len(target)
    columns = np.column_stack([counts, counts.sum(axis=1)])
    kinds, kind_of = np.unique(columns, axis=0, return_inverse=True)
    kind_of = kind_of.ravel()
    if len(kinds) > MAX_KINDS:
        return  # pairs would fill the memory; so many kinds are even without it
    kinds = np.vstack([kinds, np.zeros(columns.shape[1])])
    change = kinds[None, :] - kinds[:, None]  # give kind u, receive kind v
    change_squared = (change**2).sum(axis=2)
    excess = np.column_stack([-target, -target.sum(axis=1)])
    np.add.at(excess, part_of, columns)
    n_of_kind = np.zeros((n_parts, len(kinds)), dtype=int)
    np.add.at(n_of_kind, (part_of, kind_of), 1)
    improved = True
    while improved:
        improved = False
        for a in range(n_parts):
            for b in range(a + 1, n_parts):
                # |e_a + c|^2 + |e_b - c|^2 - |e_a|^2 - |e_b|^2
                cost = 2 * (change @ (excess[a] - excess[b]) + change_squared)
                can_give = np.append(n_of_kind[a, :-1] > 0, n_of_kind[a].any())
                can_take = np.append(n_of_kind[b, :-1] > 0, n_of_kind[b].any())
                # A part must not give away its last patient.
                cost[~can_give] = cost[:, ~can_take] = np.inf
                if n_of_kind[a].sum() == 1:
                    cost[:, -1] = np.inf
                if n_of_kind[b].sum() == 1:
                    cost[-1] = np.inf
                u, v = np.unravel_index(np.argmin(cost), cost.shape)
                if cost[u, v] > -1e-9:
                    continue
                improved = True
                for kind, giver, taker in ((u, a, b), (v, b, a)):
                    if kind == len(kinds) - 1:
                        continue
                    mover = np.flatnonzero((part_of == giver) & (kind_of == kind))[0]
                    part_of[mover] = taker
                    n_of_kind[giver, kind] -= 1
                    n_of_kind[taker, kind] += 1
                excess[a] += change[u, v]
                excess[b] -= change[u, v]
