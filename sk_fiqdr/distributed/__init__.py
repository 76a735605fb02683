"""The three classifiers trained by several processes, one for each GPU."""

from ._distributed_dr_grader import DistributedDRGrader
from ._distributed_fiqdr_classifier import DistributedFIQDRClassifier
from ._distributed_quality_classifier import DistributedQualityClassifier

__all__ = [
    "DistributedDRGrader",
    "DistributedFIQDRClassifier",
    "DistributedQualityClassifier",
]
