"""Lee and Wang 1999: the intensity histogram, compared with good images."""

import numpy as np
from PIL import Image

from ..preprocessing._field_of_view import find_field
from ._reference import ReferenceClassifier

N_BINS = 64
WITHIN = 0.97  # of the radius: the rim is neither retina nor border


class TemplateHistogramClassifier(ReferenceClassifier):
    """Classify quality by the template intensity histogram of Lee and Wang.

    The template is the mean intensity histogram of good images, and the quality index
    Q of an image how well its own histogram matches it [1]_: 1 if both have the same
    shape, 0 if they have no intensity in common. Q is computed for red, green and
    blue, and a logistic regression, in which poor and good images have the same total
    weight, classifies by the three.

    Parameters
    ----------
    image_size : int, default=256
        Height and width in pixels to which images are resized.
    on_error : {"raise", "warn", "skip"}, default="raise"
        What to do with an unreadable file: raise an error, or skip it; its prediction
        is -1, and `unreadable_` lists it.
    n_jobs : int, default=None
        Number of processes, -1 for all cores; None uses
        ``joblib.parallel_config``.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels found in y, sorted: 0 poor and 1 good.
    template_ : ndarray of shape (3, 64)
        Mean histogram of the good images, for red, green and blue.
    decision_ : Pipeline
        The logistic regression of the measures.
    unreadable_ : dict
        Path and reason of each image that the last call, in the same thread, could not
        read.
    input_ : dict
        Kind and shape of the images in fit.

    See Also
    --------
    EdgeIntensityClassifier : Lalonde et al. 2001, with edges and local intensities.

    Notes
    -----
    For channel c with the histogram h of an image and the template t::

        Q_c = sum(h * t) / sqrt(sum(h ** 2) * sum(t ** 2))

    Only the summary of the source in [2]_ was available, "a quality index Q
    which is calculated by the convolution of a template intensity histogram". The
    following is our choice: the convolution is computed without a shift, since exposure
    matters, and normalised to 0..1; there are 64 bins, so that the gaps of contrast
    stretching have no effect; pixels outside the field of view are left out; a colour
    image has three histograms rather than one (with grey levels alone the accuracy was
    chance on the photographs of the user guide); and the decision is learned with
    balanced classes, where the source reports a number.

    Blur hardly changes a histogram, and equalised images have almost the same one.

    References
    ----------
    .. [1] S. C. Lee, Y. Wang, "Automatic retinal image quality assessment and
       enhancement", Medical Imaging 1999, SPIE 3661, pp. 1581-1590.
    .. [2] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018.

    Examples
    --------
    >>> from sk_fiqdr.baselines import TemplateHistogramClassifier
    >>> from sk_fiqdr.datasets import make_fundus
    >>> X, y = make_fundus(
    ...     20, image_size=64, poor_fraction=0.5, random_state=0, return_X_y=True
    ... )
    >>> quality = TemplateHistogramClassifier().fit(X, y[:, 1])
    >>> quality.predict(X).shape, quality.predict_proba(X).shape
    ((20,), (20, 2))
    >>> quality.get_feature_names_out().tolist()
    ['match_red', 'match_green', 'match_blue']
    """

    _measures = ("match_red", "match_green", "match_blue")

    @staticmethod
    def _describe_image(image):
        inside = find_field(image).squared_distance(len(image)) < WITHIN**2
        mask = Image.fromarray(inside.astype(np.uint8))
        counts = np.array(Image.fromarray(image).histogram(mask), dtype=np.float32)
        return (counts.reshape(3, N_BINS, -1).sum(axis=2) / inside.sum(),)

    def _fit_reference(self, histograms):
        self.template_ = histograms.mean(axis=0)

    def _measure(self, histograms):
        product = (histograms * self.template_).sum(axis=2)
        squares = (histograms**2).sum(axis=2) * (self.template_**2).sum(axis=1)
        return product / np.sqrt(squares)
