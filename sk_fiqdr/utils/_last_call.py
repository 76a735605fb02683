"""Attributes that say how the last call went, apart for each thread."""

import threading
from weakref import WeakKeyDictionary


class LastCall:
    """An attribute of which each thread sees what its own last call has set.

    A thread that has made no call sees the newest. That one alone is pickled.

    Examples
    --------
    >>> import threading
    >>> from sk_fiqdr.utils._last_call import LastCall
    >>> class Reader:
    ...     unreadable_ = LastCall()
    >>> reader = Reader()
    >>> reader.unreadable_ = {"a.jpeg": "It is empty."}
    >>> thread = threading.Thread(target=lambda: setattr(reader, "unreadable_", {}))
    >>> thread.start(), thread.join()
    (None, None)
    >>> reader.unreadable_
    {'a.jpeg': 'It is empty.'}
    """

    def __init__(self):
        self._own = threading.local()

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        own = getattr(self._own, "values", {})
        if instance in own:
            return own[instance]
        try:
            return vars(instance)[self._name]
        except KeyError:
            raise AttributeError(
                f"{type(instance).__name__!r} has no attribute {self._name!r} yet"
            ) from None

    def __set__(self, instance, value):
        vars(instance)[self._name] = value  # where pickle finds it
        if not hasattr(self._own, "values"):
            self._own.values = WeakKeyDictionary()
        self._own.values[instance] = value
