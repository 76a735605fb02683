"""Synthetic fundus photographs: an eye, its disease, the camera in front of it.

Lengths are shares of the camera circle's radius and positions lie in the unit disc (x
to the right, y downwards), so that an eye looks the same at every image size. Pictures
are float32 colour planes (3, height, width) until the camera hands them out.
"""

from ._camera import DEFECTS
from ._photograph import Appearance, SyntheticPhotograph, paint_fundus

__all__ = ["DEFECTS", "Appearance", "SyntheticPhotograph", "paint_fundus"]
