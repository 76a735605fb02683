"""Rows of features that tell grade and quality, two for each patient."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def eyes():
    """Features X, labels y and patients of 600 photographs, mostly of grade 0."""
    rng = np.random.default_rng(0)
    groups = np.arange(600) // 2
    grade = rng.choice(5, size=300, p=[0.7, 0.08, 0.14, 0.05, 0.03])[groups]
    good = rng.random(600) > np.where(grade == 4, 0.3, 0.1)
    y = np.column_stack([grade, good]).astype(int)
    X = np.column_stack([grade, grade > 1, good]) + rng.normal(size=(600, 3))
    X[~good, :2] += 1.5 * rng.normal(size=((~good).sum(), 2))
    return X.astype(np.float32), y, groups
