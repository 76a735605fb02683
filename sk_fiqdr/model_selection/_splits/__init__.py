"""Splits that keep each patient's images in one set."""
