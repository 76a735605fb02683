"""Saving, loading and exporting models."""
