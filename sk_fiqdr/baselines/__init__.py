"""The rivals of the paper: quality classifiers that it compares itself with.

Two are hand-crafted and know no torch; two take a network, which is imported when one
is made.
"""

from ._cnn import make_cnn_svm, make_finetuned_cnn
from ._edges import EdgeIntensityClassifier
from ._histogram import TemplateHistogramClassifier

__all__ = [
    "EdgeIntensityClassifier",
    "TemplateHistogramClassifier",
    "make_cnn_svm",
    "make_finetuned_cnn",
]
