"""Rows of probabilities, checked."""

import numpy as np

_TOLERANCE = 1e-2  # rows of half precision add up to 1 within this


def check_proba(argument, proba):
    """Return probabilities as floats.

    Parameters
    ----------
    argument : str
        What they are called in messages.
    proba : array-like of shape (n, n_classes)
        Probabilities; nan in a whole row where a photograph could not be read.

    Returns
    -------
    proba : ndarray of shape (n, n_classes)
        The same, as floats.

    Raises
    ------
    ValueError
        If a row holds anything else; the message names it.
    """
    proba = np.asarray(proba)
    if proba.ndim != 2 or proba.dtype.kind not in "biuf":
        raise ValueError(
            f"{argument} must be numbers of shape (n_samples, n_classes), got shape "
            f"{proba.shape!r} and dtype {str(proba.dtype)!r}. Pass what predict_proba "
            "returns."
        )
    if proba.dtype.kind != "f":
        proba = proba.astype(float)
    unread = np.isnan(proba).all(axis=1)
    right = (proba >= 0).all(axis=1) & (
        abs(proba.sum(axis=1, dtype=float) - 1) <= _TOLERANCE
    )
    if not (right | unread).all():
        row = np.argmin(right | unread)
        raise ValueError(
            f"{argument} must hold probabilities that add up to 1 in each row, got "
            f"{proba[row].tolist()!r} in row {row}. Pass what predict_proba returns."
        )
    return proba
