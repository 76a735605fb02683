"""Readers of public data sets, one file for each."""
