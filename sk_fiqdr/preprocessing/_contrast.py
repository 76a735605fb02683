"""Even out light and contrast: local-average subtraction, and CLAHE."""

import numpy as np
from PIL import Image, ImageFilter

from ..utils._check_images import IMAGES, check_images
from ..utils._constraints import real, whole
from ._stateless import StatelessTransformer

GREY = 128
POSITIVE = real(0, closed="neither")


class _ImageTransformer(StatelessTransformer):
    """What is done to each image by itself."""

    def transform(self, X):
        """Normalise images.

        Parameters
        ----------
        X : array-like of shape (n, height, width, 3)
            uint8 images, cropped to the camera's circle as by `FundusCropper`.

        Returns
        -------
        images : ndarray of shape (n, height, width, 3)
            uint8 pixels.

        Raises
        ------
        TypeError, ValueError
            If X holds anything else; the message says what and the way out.
        """
        self._validate_params()
        X, kind = check_images(X)
        if kind != IMAGES:
            raise TypeError(
                f"{type(self).__name__} takes uint8 images (n, height, width, 3), got "
                f"paths such as {str(X[0])!r}. Read and crop them first: "
                "FundusCropper(image_size=512).transform(paths), without cache_dir."
            )
        return np.stack([self._transform_image(image) for image in X])


class GrahamNormalizer(_ImageTransformer):
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


class ClaheEqualizer(_ImageTransformer):
    """Equalise contrast locally, with a limit: CLAHE of the lightness.

    The histogram of lightness is evened out in each tile, as far as the limit allows;
    hue stays. It needs the extra ``clahe``, which installs OpenCV.

    Parameters
    ----------
    clip_limit : float, default=2.0
        How much a tile's contrast may be raised; 1 hardly changes anything.
    n_tiles : int, default=8
        Number of tiles along each side.

    Raises
    ------
    ImportError
        If OpenCV is not installed.

    References
    ----------
    .. [1] K. Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics
       Gems IV, 1994.

    Examples
    --------
    >>> from sk_fiqdr.datasets import make_fundus
    >>> from sk_fiqdr.preprocessing import ClaheEqualizer
    >>> eyes = make_fundus(1, image_size=128, random_state=0)
    >>> ClaheEqualizer().fit_transform(eyes.data).shape
    (1, 128, 128, 3)
    """

    _parameter_constraints = {  # noqa: RUF012
        "clip_limit": [POSITIVE],
        "n_tiles": [whole(1)],
    }

    def __init__(self, *, clip_limit=2.0, n_tiles=8):
        self.clip_limit = clip_limit
        self.n_tiles = n_tiles

    def _validate_params(self):
        super()._validate_params()
        _opencv()

    def _transform_image(self, image):
        cv2 = _opencv()
        clahe = cv2.createCLAHE(float(self.clip_limit), (self.n_tiles, self.n_tiles))
        lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
        lab[..., 0] = clahe.apply(lab[..., 0])
        return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def _opencv():
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            "ClaheEqualizer needs OpenCV: pip install 'sk-fiqdr[clahe]'."
        ) from error
    return cv2
