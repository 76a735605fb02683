"""The three classifiers trained by several processes, one for each GPU."""

from ._data_parallel import (
    DistributedDRGrader,
    DistributedFIQDRClassifier,
    DistributedQualityClassifier,
)

__all__ = [
    "DistributedDRGrader",
    "DistributedFIQDRClassifier",
    "DistributedQualityClassifier",
]
