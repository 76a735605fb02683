"""Fits that continue after their process was killed."""
