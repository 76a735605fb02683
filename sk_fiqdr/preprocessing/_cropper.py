"""FundusCropper: photographs in, squares around the camera's circle out."""

import errno
import hashlib
import os
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from PIL import Image

from ..exceptions import NoFundusError
from ..utils._check_images import PATHS, check_images
from ..utils._constraints import N_JOBS, whole
from ..utils._files import written_whole
from ..utils._same_file import content_of
from ._circle import find_circle
from ._crop import crop_file, crop_to_circle
from ._stateless import StatelessTransformer

VERSION = 1  # to be raised whenever the same photograph comes to give other pixels


class FundusCropper(StatelessTransformer):
    """Crop photographs to the square around the camera's circle.

    The circle is found by `find_circle`, whatever its light, and whether or not the
    frame cuts it off. The square is brought to one size, and is black where it reaches
    beyond the photograph. Nothing is learned from data, so it may be used without
    `fit`, and fits into a Pipeline before a net.

    Parameters
    ----------
    image_size : int, default=512
        Height and width of the crops in pixels.
    cache_dir : str or Path, default=None
        Keep the crops as PNG files there and return their paths, so that a photograph
        is cropped only once. A file is identified by the content of the photograph and
        by `image_size`; it keeps the photograph's name, from which patients are read.
    n_jobs : int, default=None
        Number of processes, -1 for all cores; None leaves it to
        ``joblib.parallel_config``.

    See Also
    --------
    prepare_images : The same for a whole folder, past bad files and interruptions.

    Examples
    --------
    >>> from sk_fiqdr.datasets import make_fundus
    >>> from sk_fiqdr.preprocessing import FundusCropper
    >>> eyes = make_fundus(2, image_size=128, random_state=0)
    >>> FundusCropper(image_size=64).transform(eyes.data).shape
    (2, 64, 64, 3)
    """

    _parameter_constraints = {  # noqa: RUF012
        "image_size": [whole(1)],
        "cache_dir": [str, os.PathLike, None],
        "n_jobs": N_JOBS,
    }

    def __init__(self, image_size=512, *, cache_dir=None, n_jobs=None):
        self.image_size = image_size
        self.cache_dir = cache_dir
        self.n_jobs = n_jobs

    def transform(self, X):
        """Crop photographs.

        Parameters
        ----------
        X : array-like
            Image paths (str or Path), or uint8 images (n, height, width, 3).

        Returns
        -------
        crops : ndarray of shape (n, image_size, image_size, 3) or (n,)
            uint8 pixels; with `cache_dir` the paths of the crops.

        Raises
        ------
        TypeError, ValueError
            If X is neither paths nor images.
        FileNotFoundError, UnreadableImageError
            If a photograph cannot be read; the message names it.
        NoFundusError
            If one is of one colour throughout; the message names it, or its row.
        """
        self._validate_params()
        X, kind = check_images(X)
        crop = _crop_path if kind == PATHS else _crop_image
        cache_dir = None if self.cache_dir is None else os.fspath(self.cache_dir)
        crops = Parallel(n_jobs=self.n_jobs)(
            delayed(crop)(
                str(item) if kind == PATHS else item,
                row,
                int(self.image_size),
                cache_dir,
            )
            for row, item in enumerate(X)
        )
        return np.array(crops, dtype=str) if cache_dir is not None else np.stack(crops)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def _crop_path(path, row, image_size, cache_dir):
    path = str(path)
    if cache_dir is None:
        return crop_file(path, image_size)[0]
    try:
        content = bytes.fromhex(content_of(path))
    except OSError:
        crop_file(path, image_size)  # says what is wrong with it
        raise
    path = Path(os.path.abspath(path))  # no "..", which would lead out of the folder
    # The folder too, for it may name the patient: 265/left.jpg.
    name = os.path.join(path.parent.name, path.stem + ".png")
    return _cached(
        lambda: crop_file(path, image_size)[0], content, name, image_size, cache_dir
    )


def _crop_image(image, row, image_size, cache_dir):
    def crop():
        try:
            return crop_to_circle(image, find_circle(image), image_size)
        except NoFundusError as error:
            raise NoFundusError(f"Row {row} of X: {error}") from None

    if cache_dir is None:
        return crop()
    content = hashlib.sha256(repr(image.shape).encode())
    content.update(np.ascontiguousarray(image))
    return _cached(crop, content.digest(), f"{row}.png", image_size, cache_dir)


def _cached(crop, content, name, image_size, cache_dir):
    """Return the path of a crop, made now or earlier; it is there whole or not."""
    settings = f"crop {VERSION} {image_size}".encode()
    key = hashlib.sha256(settings + content).hexdigest()[:32]
    path = os.path.join(cache_dir, key, name)
    if not os.path.exists(path):
        folder = os.path.dirname(path)
        own = os.path.dirname(os.path.join(os.path.realpath(cache_dir), key, name))
        if os.path.realpath(folder) != own:
            raise OSError(errno.ELOOP, "A link leads out of cache_dir", folder)
        os.makedirs(folder, exist_ok=True)
        with written_whole(path) as draft:
            Image.fromarray(crop()).save(draft, "png", compress_level=1)
    return path
