"""Baselines from the paper: the quality classifiers that it compares its method with.

Two are hand-crafted and do not use torch. Two use a network; torch is imported when one
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
