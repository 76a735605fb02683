"""Subtract the local average of light."""

import numpy as np
from PIL import Image, ImageFilter

from ._image_transformer import POSITIVE, ImageTransformer

GREY = 128


class GrahamNormalizer(ImageTransformer):
    """Subtract the local average of light, as the Kaggle winner did.

    What the camera, the pupil and the pigment do to light and colour changes slowly
    across the retina, lesions do not. With R the radius of the circle, half of the
    image's longer side::

        out = gain * (image - image blurred by blur * R) + 128

    and everything farther than ``keep * R`` from the centre is grey, for the average
    there knows the dark border.

    Parameters
    ----------
    blur : float, default=1/30
        Standard deviation of the Gaussian, in radii.
    gain : float, default=4.0
        By what the difference is multiplied.
    keep : float, default=0.9
        How far from the centre pixels are kept, in radii.

    Notes
    -----
    The Gaussian is that of Pillow, three box filters, which differs from the exact one
    by a few per cent of its height.

    References
    ----------
    .. [1] B. Graham, "Kaggle Diabetic Retinopathy Detection competition report",
       University of Warwick, 2015.

    Examples
    --------
    >>> from sk_fiqdr.datasets import make_fundus
    >>> from sk_fiqdr.preprocessing import GrahamNormalizer
    >>> eyes = make_fundus(1, image_size=128, random_state=0)
    >>> GrahamNormalizer().fit_transform(eyes.data)[0, 0, 0]
    array([128, 128, 128], dtype=uint8)
    """

    _parameter_constraints = {  # noqa: RUF012
        name: [POSITIVE] for name in ("blur", "gain", "keep")
    }

    def __init__(self, *, blur=1 / 30, gain=4.0, keep=0.9):
        self.blur = blur
        self.gain = gain
        self.keep = keep

    def _transform_image(self, image):
        height, width = image.shape[:2]
        radius = max(height, width) / 2
        gaussian = ImageFilter.GaussianBlur(self.blur * radius)
        average = np.asarray(Image.fromarray(image).filter(gaussian), dtype=np.float32)
        out = self.gain * (image - average) + GREY
        y, x = np.ogrid[:height, :width]
        distance = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2)
        out[distance > self.keep * radius] = GREY
        return out.clip(0, 255).round().astype(np.uint8)
