"""Plots of what a model does: Displays as in scikit-learn, maps, and a report.

A Display holds data, shown as a table by `frame` and as a plot by `plot`.
"""

from ._activation import ActivationMapDisplay, activation_map
from ._confusion import ConfusionByQualityDisplay
from ._coverage import CoverageDisplay
from ._feature_space import FeatureSpaceDisplay
from ._mistakes import MistakesDisplay
from ._poor_precision_recall import PoorPrecisionRecallDisplay
from ._poor_roc import PoorRocDisplay
from ._reliability import ReliabilityDisplay
from ._report._estimator_report import EstimatorReport, estimator_report
from ._search_surface import SearchSurfaceDisplay

__all__ = [
    "ActivationMapDisplay",
    "ConfusionByQualityDisplay",
    "CoverageDisplay",
    "EstimatorReport",
    "FeatureSpaceDisplay",
    "MistakesDisplay",
    "PoorPrecisionRecallDisplay",
    "PoorRocDisplay",
    "ReliabilityDisplay",
    "SearchSurfaceDisplay",
    "activation_map",
    "estimator_report",
]
