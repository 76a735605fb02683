"""Painting synthetic fundus photographs: an eye, its disease, the camera before it.

Lengths are shares of the camera circle's radius and positions lie in the unit disc (x
to the right, y downwards), so that an eye looks the same at every image size. Pictures
are float32 colour planes (3, height, width) until the camera hands them out.
"""

from ._camera import DEFECTS
from ._photograph import Look, Painting, paint_fundus

__all__ = ["DEFECTS", "Look", "Painting", "paint_fundus"]
