"""scikit-learn's own checks on the hand-crafted baselines, over painted features."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from sk_fiqdr.baselines import EdgeIntensityClassifier, TemplateHistogramClassifier

SIZE = 32
CLASSES = {
    "check_classifiers_classes": (
        "one of its cases has the labels -1 and 1, and -1 marks an unknown label here"
    ),
}
HISTOGRAM = {
    **CLASSES,
    "check_classifiers_train": (
        "its classes are the same two stripes in exchanged places: one histogram"
    ),
}


class _Painted:
    """The baselines take images; the checks have features: paint them as stripes."""

    def _paint(self, X, *, reset):
        X = validate_data(self, X, dtype=float, reset=reset)
        level = 50 + 170 * expit(X / 2)
        column = np.arange(SIZE) * X.shape[1] // SIZE
        shade = np.linspace(-30, 30, SIZE)[:, None]  # so that near levels have overlap
        grey = level[:, None, column] + shade
        return np.repeat(grey[..., None], 3, axis=3).astype(np.uint8)

    def fit(self, X, y):
        return super().fit(self._paint(X, reset=True), y)

    def transform(self, X):
        check_is_fitted(self)
        return super().transform(self._paint(X, reset=False))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.string = False
        return tags


class PaintedHistogram(_Painted, TemplateHistogramClassifier):
    pass


class PaintedEdges(_Painted, EdgeIntensityClassifier):
    pass


@parametrize_with_checks(
    [PaintedHistogram(image_size=SIZE), PaintedEdges(image_size=SIZE)],
    expected_failed_checks=lambda estimator: (
        HISTOGRAM if isinstance(estimator, PaintedHistogram) else CLASSES
    ),
)
# The checks provoke warnings on purpose, and look at those that matter themselves.
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)
