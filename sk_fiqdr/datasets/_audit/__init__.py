"""Check a data set: duplicates, labels, splits."""
