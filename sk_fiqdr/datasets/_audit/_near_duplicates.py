"""Which of many images are copies of each other, by hash and detail."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

BLOCK = 1 << 22  # comparisons of hashes at a time; 100 MB
PAIRS = 1 << 13  # comparisons of detail at a time; 100 MB


def near_groups(hashes, details, max_distance, min_correlation):
    """Group images whose hashes differ in few bits and whose details correlate.

    The hashes of every pair are compared, in blocks of NumPy's bitwise operations:
    exact, and some seconds for 35,000 images. Where hashes are equal nothing else
    counts. A copy of a copy belongs to the group.

    Parameters
    ----------
    hashes : list of bytes
        All of one length, a multiple of 8. Empty ones belong to no group.
    details : ndarray of shape (n, m)
        int8, mean about 0.
    max_distance : int
        Largest number of bits in which neighbours differ.
    min_correlation : float
        Least correlation of their details.

    Returns
    -------
    group : ndarray of shape (n,)
        Number of the group, from 0 in the order of its first member; -1 for none.
    distance : ndarray of shape (n,)
        Bits to the nearest other member; -1 for none.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr.datasets._audit._near_duplicates import near_groups
    >>> details = np.array([[5, -5], [5, -5], [4, -4]], dtype=np.int8)
    >>> hashes = [b"aaaaaaaa", b"zzzzzzzz", b"aaaaaaac"]
    >>> group, distance = near_groups(hashes, details, 3, 0.9)
    >>> group.tolist(), distance.tolist()
    ([0, -1, 0], [1, -1, 1])
    """
    group = np.full(len(hashes), -1)
    distance = np.full(len(hashes), -1)
    rows = np.flatnonzero([len(value) > 0 for value in hashes])
    if len(rows) < 2:
        return group, distance
    words = np.array([np.frombuffer(hashes[row], np.uint64) for row in rows])
    # Equal hashes are one node: a thousand black images are not a million pairs.
    words, example, node, count = np.unique(
        words, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    node = node.ravel()
    alike = _Alike(details[rows[example]], min_correlation)
    component, nearest = _join(words, max_distance, alike)
    nearest[count > 1] = 0
    found = nearest >= 0
    distance[rows] = nearest[node]
    _, first = np.unique(component[node], return_index=True)
    rank = np.argsort(np.argsort(first))
    members = found[node]
    group[rows[members]] = rank[component[node]][members]
    _, numbers = np.unique(group[group >= 0], return_inverse=True)
    group[group >= 0] = numbers
    return group, distance


class _Alike:
    """Tells which pairs of rows correlate enough."""

    def __init__(self, details, least):
        self.details, self.least = details, least

    def __call__(self, one, other):
        parts = [np.empty(0, dtype=bool)]
        for start in range(0, len(one), PAIRS):
            a = self.details[one[start : start + PAIRS]].astype(np.float32)
            b = self.details[other[start : start + PAIRS]].astype(np.float32)
            norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
            product = (a * b).sum(axis=1)
            parts.append(product >= self.least * np.maximum(norm, 1e-6))
        return np.concatenate(parts)


def _join(words, max_distance, alike):
    """Return the component of each node, and the distance to its nearest neighbour."""
    n = len(words)
    nearest = np.full(n, np.iinfo(np.int64).max)
    edges = np.empty((2, 0), dtype=np.int64)
    component = np.arange(n)
    step = max(1, BLOCK // n)
    for start in range(0, n, step):
        block = words[start : start + step]
        bits = np.zeros((len(block), n - start), dtype=np.uint16)
        for word in range(words.shape[1]):
            bits += np.bitwise_count(block[:, word, None] ^ words[None, start:, word])
        one, other = np.nonzero(bits <= max_distance)
        later = other > one  # each pair once, none with itself
        one, other = one[later], other[later]
        true = alike(start + one, start + other)
        one, other = one[true], other[true]
        for end in (one, other):
            np.minimum.at(nearest, start + end, bits[one, other])
        edges = np.hstack([edges, [start + one, start + other]])
        if edges.shape[1] > 4 * n or start + step >= n:
            graph = coo_array((np.ones(edges.shape[1]), edges), shape=(n, n))
            component = connected_components(graph, directed=False)[1]
            _, root = np.unique(component, return_index=True)
            edges = np.vstack([np.arange(n), root[component]])  # as much, in n edges
    nearest[nearest > max_distance] = -1
    return component, nearest
