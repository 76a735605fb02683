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
    from .utils._show_versions import show_versions

__all__ = [
    "DRGrader",
    "DeepFeatures",
    "FIQDRClassifier",
    "QualityClassifier",
    "__version__",
    "show_versions",
]

_HOMES = {
    "DRGrader": "estimators._dr_grader",
    "DeepFeatures": "estimators._deep_features._deep_features",
    "FIQDRClassifier": "estimators._fiqdr_classifier",
    "QualityClassifier": "estimators._quality_classifier",
    "show_versions": "utils._show_versions",
}
_MODULES = (
    *("baselines", "callbacks", "datasets", "distributed", "exceptions", "inspection"),
    *("losses", "metrics", "model_selection", "modules", "preprocessing"),
)


def __getattr__(name):
    # The estimators bring torch along, which those who prepare images never need.
    if name in _HOMES:
        module = importlib.import_module(f".{_HOMES[name]}", __name__)
        return getattr(module, name)
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return [*__all__, *_MODULES]
