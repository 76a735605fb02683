"""The one-page HTML report."""
