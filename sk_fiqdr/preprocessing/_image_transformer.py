"""What transformers of single images share."""

import numpy as np

from ..utils._check_images import IMAGES, check_images
from ..utils._constraints import real
from ._stateless import StatelessTransformer

POSITIVE = real(0, closed="neither")


class ImageTransformer(StatelessTransformer):
    """Base of transformers that change each image by itself."""

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
