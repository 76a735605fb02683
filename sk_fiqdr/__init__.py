"""Diabetic retinopathy grades and image quality from fundus photographs.

Three scikit-learn estimators, after Zhou et al. 2018: grade and quality together
(FIQDRClassifier), quality alone (QualityClassifier), grade alone (DRGrader).
"""

import importlib
from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from ._classifiers import DRGrader, FIQDRClassifier, QualityClassifier
    from ._deep_features import DeepFeatures

__all__ = [
    "DRGrader",
    "DeepFeatures",
    "FIQDRClassifier",
    "QualityClassifier",
    "__version__",
]


def __getattr__(name):
    # The estimators bring torch along, which those who prepare images never need.
    if name in __all__:
        module = "._deep_features" if name == "DeepFeatures" else "._classifiers"
        return getattr(importlib.import_module(module, __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
