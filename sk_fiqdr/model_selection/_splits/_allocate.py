"""Deal whole patients to the parts of a split, with strata as even as they can be."""

import numpy as np
import pandas as pd

MAX_KINDS = 300


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
    columns = y[:, None] if y.ndim == 1 else y
    codes = [pd.factorize(column)[0] for column in columns.T]
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
