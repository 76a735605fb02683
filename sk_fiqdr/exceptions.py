"""Errors that a user may want to catch."""

__all__ = ["NoFundusError", "PatientLeakageError", "UnreadableImageError"]


class NoFundusError(ValueError):
    """An image in which no retina was found."""


class PatientLeakageError(ValueError):
    """A split puts images of one patient into both of its sets."""


class UnreadableImageError(OSError):
    """A file exists but cannot be read as an image; the message names it and why."""
