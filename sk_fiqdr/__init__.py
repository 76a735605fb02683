"""Diabetic retinopathy grades and image quality from fundus photographs.

Three scikit-learn estimators, after Zhou et al. 2018: grade and quality together
(FIQDRClassifier), quality alone (QualityClassifier), grade alone (DRGrader).
"""

from ._classifiers import DRGrader, FIQDRClassifier, QualityClassifier
from ._version import __version__

__all__ = ["DRGrader", "FIQDRClassifier", "QualityClassifier", "__version__"]
