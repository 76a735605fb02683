"""From camera files to training data: find the circle, crop, even out the light.

Transformers for a Pipeline, and `prepare_images` for whole folders. Nothing here knows
a network, and originals are only ever read.
"""

from ..exceptions import NoFundusError
from ._circle import Circle, find_circle
from ._clahe_equalizer import ClaheEqualizer
from ._cropper import FundusCropper
from ._graham_normalizer import GrahamNormalizer
from ._measure_quality import measure_quality
from ._prepare._prepare_images import prepare_images

__all__ = [
    "Circle",
    "ClaheEqualizer",
    "FundusCropper",
    "GrahamNormalizer",
    "NoFundusError",
    "find_circle",
    "measure_quality",
    "prepare_images",
]
