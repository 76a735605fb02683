"""Pictures of what a model does: Displays as scikit-learn's, and activation maps.

A Display holds data, shown as a table by `frame` and as a picture by `plot`.
"""

from ._activation import ActivationMapDisplay, activation_map
from ._confusion import ConfusionByQualityDisplay
from ._coverage import CoverageDisplay
from ._feature_space import FeatureSpaceDisplay
from ._mistakes import MistakesDisplay
from ._poor_precision_recall import PoorPrecisionRecallDisplay
from ._poor_roc import PoorRocDisplay
from ._reliability import ReliabilityDisplay
from ._search_surface import SearchSurfaceDisplay

__all__ = [
    "ActivationMapDisplay",
    "ConfusionByQualityDisplay",
    "CoverageDisplay",
    "FeatureSpaceDisplay",
    "MistakesDisplay",
    "PoorPrecisionRecallDisplay",
    "PoorRocDisplay",
    "ReliabilityDisplay",
    "SearchSurfaceDisplay",
    "activation_map",
]
