"""Diabetic retinopathy grades and image quality from fundus photographs.

Three scikit-learn estimators, after Zhou et al. 2018: grade and quality together
(FIQDRClassifier), quality alone (QualityClassifier), grade alone (DRGrader).
"""

import importlib
from typing import TYPE_CHECKING

from .utils._version import __version__

if TYPE_CHECKING:
    from .estimators._deep_features._deep_features import DeepFeatures
    from .estimators._dr_grader import DRGrader
    from .estimators._fiqdr_classifier import FIQDRClassifier
    from .estimators._quality_classifier import QualityClassifier

__all__ = [
    "DRGrader",
    "DeepFeatures",
    "FIQDRClassifier",
    "QualityClassifier",
    "__version__",
]


_HOMES = {
    "DRGrader": "estimators._dr_grader",
    "DeepFeatures": "estimators._deep_features._deep_features",
    "FIQDRClassifier": "estimators._fiqdr_classifier",
    "QualityClassifier": "estimators._quality_classifier",
}


def __getattr__(name):
    # The estimators bring torch along, which those who prepare images never need.
    if name in _HOMES:
        module = importlib.import_module(f".{_HOMES[name]}", __name__)
        return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
