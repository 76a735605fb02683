"""What tests of pictures share: drawn eyes, and a net that has seen features."""

from types import SimpleNamespace

import numpy as np
import pytest

from sk_fiqdr import FIQDRClassifier

N_PATIENTS = 120


@pytest.fixture(scope="session")
def eyes():
    """Two eyes of 120 patients: truth, probabilities, answers; a fifth are poor."""
    rng = np.random.default_rng(0)
    grade = rng.integers(0, 5, N_PATIENTS).repeat(2)
    quality = (rng.random(len(grade)) < 0.8).astype(int)
    score = np.eye(5)[grade] * np.where(quality, 3, 1)[:, None]
    score = np.exp(score + rng.normal(size=score.shape))
    good = 1 / (1 + np.exp(1 - 2 * quality + rng.normal(size=len(grade))))
    return SimpleNamespace(
        y=np.column_stack([grade, quality]),
        grade=grade,
        quality=quality,
        groups=np.arange(N_PATIENTS).repeat(2),
        grade_proba=score / score.sum(axis=1, keepdims=True),
        y_pred=score.argmax(axis=1),
        good=good,
        quality_proba=np.column_stack([1 - good, good]),
    )


@pytest.fixture(scope="session")
def fitted():
    """A net of both tasks on features, with the features and labels of others."""
    rng = np.random.default_rng(0)
    y = np.column_stack([rng.integers(0, 5, 240), rng.random(240) < 0.7]).astype(int)
    X = (rng.normal(size=(240, 8)) + 2 * np.eye(8)[y[:, 0]]).astype(np.float32)
    X[:, 6] += 3 * y[:, 1]
    net = FIQDRClassifier(backbone=None, beta=2, max_epochs=8, random_state=0)
    return net.fit(X[:120], y[:120]), X[120:], y[120:]
