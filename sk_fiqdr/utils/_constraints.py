"""What a single parameter may be, for scikit-learn to check."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import (
    Interval,
    StrOptions,
    validate_parameter_constraints,
)


class _Number(Interval):
    """An interval without truth values, which Python counts among the integers."""

    def is_satisfied_by(self, val):
        return not isinstance(val, bool | np.bool_) and super().is_satisfied_by(val)


def whole(low, high=None):
    """Allow whole numbers, both bounds among them.

    Parameters
    ----------
    low, high : int or None
        The least and the largest one; None sets no bound.

    Returns
    -------
    constraint : Interval
        Of ints, without True and False.
    """
    closed = "left" if high is None else "right" if low is None else "both"
    return _Number(Integral, low, high, closed=closed)


def real(low, high=None, *, closed="left"):
    """Allow numbers.

    Parameters
    ----------
    low : float
        Lower bound.
    high : float, default=None
        Upper bound; None is any.
    closed : {"left", "right", "both", "neither"}, default="left"
        Which of the bounds are allowed themselves.

    Returns
    -------
    constraint : Interval
        Of floats and ints, without True and False.
    """
    return _Number(Real, low, high, closed=closed)


def one_of(*words):
    """Allow some words, which messages list in this order.

    Parameters
    ----------
    *words : str
        The words.

    Returns
    -------
    constraint : StrOptions
        Of these words.
    """
    # The keys of a dict are a set whose order, in messages, is that of writing.
    return StrOptions(dict.fromkeys(words).keys())


N_JOBS = [whole(1), whole(None, -1), None]  # as joblib counts


def check_parameters(caller, constraints, **params):
    """Check the parameters of a function; estimators have `_validate_params`.

    Parameters
    ----------
    caller : str
        Name of the function, for messages.
    constraints : dict of str to list
        What each may be, as `_parameter_constraints` of an estimator.
    **params : object
        The parameters.

    Raises
    ------
    InvalidParameterError
        A ValueError and a TypeError, with the name, what it must be, and what came.
    """
    validate_parameter_constraints(constraints, params, caller)
