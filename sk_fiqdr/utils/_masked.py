"""NumPy's masked arrays, whose mask `np.asarray` drops."""

import numpy as np

UNKNOWN = -1


def label_array(y):
    """Return labels as an ndarray, -1 where they are masked.

    Parameters
    ----------
    y : array-like
        Labels.

    Returns
    -------
    y : ndarray
        The same values. Integers and truth values that were masked are int64.

    Raises
    ------
    ValueError
        If text is masked, for which there is no unknown label; the message names the
        row.
    """
    if not is_masked(y):
        return np.asarray(y)
    if y.dtype.kind in "SUTmM":
        raise ValueError(
            f"y is masked in row {_first(y)} and holds {y.dtype}, which has no value "
            "for an unknown label. Leave such rows out of X and y."
        )
    if y.dtype.kind in "biu":  # an unsigned type cannot hold -1
        wide = np.where(np.ma.getmaskarray(y), UNKNOWN, y.data.astype(object))
        return wide.astype(np.int64) if wide.max() < 2**63 else wide
    return y.filled(UNKNOWN)


def refuse_masked(name, values):
    """Raise if values are masked, where there is nothing that a mask could mean.

    Parameters
    ----------
    name : str
        What the values are called in messages.
    values : object
        Anything.

    Raises
    ------
    ValueError
        If one is; the message names the row.
    """
    if is_masked(values):
        raise ValueError(
            f"{name} is masked in row {_first(values)}, and its mask "
            f"would be lost. Leave such rows out: {name}[~np.ma.getmaskarray({name})]."
        )


def is_masked(values):
    """Return whether any value is masked, in an array of NumPy's.

    Parameters
    ----------
    values : object
        Anything.

    Returns
    -------
    is_masked : bool
        False for arrays of pandas, whose gaps `np.asarray` keeps as NA.
    """
    return isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values)


def _first(values):
    return int(np.argwhere(np.ma.getmaskarray(values))[0, 0]) if values.ndim else 0
