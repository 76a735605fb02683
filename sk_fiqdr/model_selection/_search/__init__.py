"""Searches that continue after their process was killed."""
