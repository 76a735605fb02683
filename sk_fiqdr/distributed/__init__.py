"""The three classifiers trained by several processes, one for each GPU."""

from ._estimators import (
    DistributedDRGrader,
    DistributedFIQDRClassifier,
    DistributedQualityClassifier,
)

__all__ = [
    "DistributedDRGrader",
    "DistributedFIQDRClassifier",
    "DistributedQualityClassifier",
]
