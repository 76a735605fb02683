"""Baselines with a network: as a fixed feature extractor, and fine-tuned."""

from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from ._svm import BalancedSVC

FINE_TUNED = ("alexnet", "googlenet", "vgg16", "resnet50")


def make_cnn_svm(
    backbone="alexnet", *, weights=None, image_size=224, C=1.0, **deep_features
):
    """Make the quality classifier of Yu et al.: CNN features and an SVM.

    A network that was trained on other images is a fixed feature extractor, and a
    support vector machine classifies its features as poor or good [1]_.

    Parameters
    ----------
    backbone : str, Module or callable, default="alexnet"
        As in :class:`sk_fiqdr.DeepFeatures`.
    weights : str, Path or None, default=None
        "DEFAULT" for torchvision's weights, which are downloaded once, or the path of a
        local file. None leaves random weights, whose features are poor: the method
        needs weights that were trained on ImageNet.
    image_size : int, default=224
        Height and width in pixels to which images are resized.
    C : float, default=1.0
        Inverse strength of the regularisation of the support vector machine.
    **deep_features : dict
        Further parameters of :class:`sk_fiqdr.DeepFeatures`.

    Returns
    -------
    pipeline : Pipeline
        Steps ``features`` (DeepFeatures), ``scale`` (StandardScaler) and ``svm``, for
        X and y as :class:`sk_fiqdr.QualityClassifier` takes them. A search reaches
        ``svm__C``, ``svm__kernel`` and ``svm__gamma``.

    Notes
    -----
    From the source's abstract: the features of a CNN and of a saliency map are fed to
    an SVM. The saliency map is left out: its details were not available, and Zhou et
    al. [2]_ describe the method by the CNN alone. Their paper does not name the network
    and the kernel; AlexNet and a radial basis function were common at the time. The
    source trained on as many poor as good images; here both classes have the same total
    weight, in the support vector machine and in the sigmoid that maps its distances to
    probabilities.

    References
    ----------
    .. [1] F. Yu et al., "Image quality classification for DR screening using deep
       learning", EMBC 2017, pp. 664-667.
    .. [2] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018.

    Examples
    --------
    >>> from sk_fiqdr.baselines import make_cnn_svm
    >>> baseline = make_cnn_svm("resnet18", weights="DEFAULT")  # doctest: +SKIP
    >>> baseline.fit(paths, quality).predict(others)  # doctest: +SKIP
    """
    from .. import DeepFeatures

    features = DeepFeatures(
        backbone=backbone, weights=weights, image_size=image_size, **deep_features
    )
    return Pipeline(
        [("features", features), ("scale", StandardScaler()), ("svm", BalancedSVC(C))]
    )


def make_finetuned_cnn(backbone="resnet50", **parameters):
    """Make the quality classifier of Sun et al.: a fine-tuned CNN.

    A :class:`sk_fiqdr.QualityClassifier` with plain cross-entropy, L_q0 of the paper
    (``beta=1, lambd=0``). During training poor and good images are equally frequent
    (``balance="quality"``), as in the source [1]_.

    Parameters
    ----------
    backbone : {"alexnet", "googlenet", "vgg16", "resnet50"}, default="resnet50"
        One of the source's four networks.
    **parameters : dict
        Parameters of :class:`sk_fiqdr.QualityClassifier`. Fine-tuning needs
        ``weights``: "DEFAULT" for torchvision's, which are downloaded once, or the
        path of a local file. Without them the network starts from random weights.

    Returns
    -------
    classifier : QualityClassifier
        Not fitted; its ``lr`` is 0.001 by default.

    Raises
    ------
    ValueError
        If `backbone` is not one of the four.

    Notes
    -----
    The source also fine-tunes its two best networks jointly, with the sum of their
    losses; this is left out, since Zhou et al. [2]_ name the four networks only. The
    learning rate is theirs. Between backbone and classes there is the linear embedding
    of our quality head, which without a centre loss only changes the optimisation.

    References
    ----------
    .. [1] J. Sun, C. Wan, J. Cheng, F. Yu, J. Liu, "Retinal image quality
       classification using fine-tuned CNN", OMIA 2017, LNCS 10554, pp. 126-133.
    .. [2] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018.

    Examples
    --------
    >>> from sk_fiqdr.baselines import make_finetuned_cnn
    >>> make_finetuned_cnn("googlenet", max_epochs=5)
    QualityClassifier(...backbone='googlenet', ...)
    """
    if backbone not in FINE_TUNED:
        raise ValueError(
            f"backbone must be one of {', '.join(map(repr, FINE_TUNED))}, got "
            f"{backbone!r}. For another one use QualityClassifier("
            f"backbone={backbone!r}, beta=1, lambd=0, balance='quality')."
        )
    from .. import QualityClassifier

    defaults = {"beta": 1.0, "lambd": 0.0, "balance": "quality", "lr": 0.001}
    return QualityClassifier(backbone=backbone, **defaults | parameters)
