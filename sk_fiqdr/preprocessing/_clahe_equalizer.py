"""Equalise the contrast locally."""

from ..utils._constraints import whole
from ._image_transformer import POSITIVE, ImageTransformer


class ClaheEqualizer(ImageTransformer):
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
