"""Warnings of other libraries kept quiet, in any number of threads."""

import re
import threading
import warnings
from contextlib import contextmanager

_lock = threading.Lock()


@contextmanager
def quiet(category=Warning, *, module="", message=""):
    """Ignore some warnings, and leave every other filter as it was found.

    `warnings.catch_warnings` puts a whole list of filters back: where two threads
    overlap, the later one brings back what the earlier one had changed, for good.

    Parameters
    ----------
    category : type, default=Warning
        Which to ignore; in all threads, for as long as one of them asks for it.
    module, message : str, default=""
        Regular expressions for the beginnings of the module that warns, and of what it
        says.

    Examples
    --------
    >>> import warnings
    >>> from sk_fiqdr.utils._quiet import quiet
    >>> with quiet(DeprecationWarning, message="old"):
    ...     warnings.warn("old thing", DeprecationWarning)
    """
    said = re.compile(message, re.IGNORECASE) if message else None
    place = re.compile(module) if module else None
    ours = ("ignore", said, category, place, 0)
    with _lock:
        filters = warnings.filters
        filters.insert(0, ours)
    try:
        yield
    finally:
        with _lock:
            # Another thread may have set this list aside, to bring it back later.
            for these in (filters, warnings.filters):
                these[:] = [one for one in these if one is not ours]
