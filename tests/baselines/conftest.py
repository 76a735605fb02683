"""Painted photographs with a defect and without, of the same eye."""

import numpy as np
import pytest

from sk_fiqdr.baselines import EdgeIntensityClassifier, TemplateHistogramClassifier
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.datasets._synthetic import Appearance, paint_fundus

SIZE = 96


@pytest.fixture(params=[TemplateHistogramClassifier, EdgeIntensityClassifier])
def baseline(request):
    """Return a hand-crafted baseline that works at the size of what is painted."""
    return request.param(image_size=48)


@pytest.fixture(scope="session")
def eyes():
    """Return 120 painted photographs and their quality, a third of them poor."""
    X, y = make_fundus(
        120, image_size=SIZE, poor_fraction=0.33, random_state=0, return_X_y=True
    )
    return X, y[:, 1]


@pytest.fixture(scope="session")
def paint():
    """Return a function that photographs the same ten eyes with a defect."""

    def paint(defect):
        return np.stack(
            [
                paint_fundus(
                    np.random.default_rng(seed),
                    Appearance.draw(np.random.default_rng(seed)),
                    grade=0,
                    eye=("left", "right")[seed % 2],
                    defect=defect,
                    image_size=SIZE,
                ).image
                for seed in range(1000, 1010)
            ]
        )

    return paint
