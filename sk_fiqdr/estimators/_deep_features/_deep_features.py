"""Features of a frozen backbone, computed once for all candidates and folds."""

import copy

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch.utils.data import Subset

from ...model_selection._fitted_images import check_patients, remember_images
from ...utils._check_images import PATHS
from ...utils._digest import digest
from ...utils._jpeg import describe_all_damage
from ...utils._last_call import LastCall
from ...utils._progress import counting, progress_bar
from ...utils._report_unreadable import report_unreadable
from ...utils._same_file import place_and_times
from ...utils._tasks import DEEP
from .._check_input import check_X
from .._device_and_precision import taking_turns
from .._dr_grader import DRGrader
from .._net import FundusNet
from .._training._image_dataset import FundusDataset
from ._feature_cache import FeatureCache, image_keys, memory_folder
from ._frozen_backbone import FrozenBackbone, build, network_key, per_channel, rebuild

SHARE = 1024  # images between two steps of the progress bar, without memory

# Of named networks, so that a search builds each of them once in a process.
_known_networks = {}


class DeepFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Turn images into the features of a frozen backbone.

    In a Pipeline before an estimator with ``backbone=None``, and with `memory`, each
    image is read and put through the backbone once, whatever the number of candidates
    and folds of a search. Processes that search in parallel share the work.

    Parameters
    ----------
    backbone : str, Module or callable, default="efficientnet_lite0"
        As in :class:`FIQDRClassifier`. For the backbone of a fitted net see
        `from_estimator`.
    weights : str, Path or None, default="auto"
        As in :class:`FIQDRClassifier`. Random weights are not trained here.
    image_size : int, default=224
        Height and width in pixels to which images are resized.
    mean, std : sequence of three floats, default=None
        Mean and standard deviation of the pixels, in 0 to 1, that the backbone expects;
        by default those that a model of timm names, and ImageNet's for any other.
    pooling : {"mean", "stages"}, default="mean"
        What is kept of the feature maps: the mean of the last one; or mean and standard
        deviation of the maps at a stride of 8, 16 and 32 pixels, which see smaller
        lesions. "stages" needs an EfficientNet-Lite or another backbone of timm.
    mirror : bool, default=False
        Whether to average the features of each image with those of its mirror image,
        which takes twice the time.
    memory : str, Path, joblib.Memory or None, default=None
        Folder where the features of each image are kept. They are reused by other
        folds, processes and days, as long as neither file nor network has changed. None
        computes them at each call.
    device : str, default="auto"
        "auto" is CUDA if available, else the CPU.
    amp : "auto" or bool, default="auto"
        bfloat16 arithmetic; "auto" uses it if the device has the instructions.
    batch_size : int, default=32
        Number of images that go through the backbone together.
    num_workers : int, default=0
        Number of processes that read images.
    on_error : {"raise", "warn", "skip"}, default="raise"
        What to do with an unreadable image. With "warn" and "skip" its row is nan, and
        `unreadable_` lists it; the next estimator needs the same setting, to ignore
        such rows.
    on_damage : {"warn", "raise", "ignore"}, default="warn"
        What to do with a damaged JPEG, as in :class:`FIQDRClassifier`.
    random_state : int, RandomState or None, default=0
        Seeds random weights. With None each fit draws new ones, and `memory` has no
        effect.
    progress : bool, default=False
        Show a progress bar on a terminal.

    Attributes
    ----------
    network_ : str
        Identifies the network: a hash of its weights, code and settings, and of the
        versions of the libraries.
    seed_ : int
        Seed of random weights.
    input_ : dict
        Kind and size of the images in fit.
    unreadable_ : dict
        Path and reason of each image that the last call, in the same thread, could not
        read.
    damaged_ : dict
        Path and reason of each damaged image of the last call, with
        ``on_damage="warn"``.

    Notes
    -----
    Files are identified by their path, size, and times of last change; pixels in memory
    by their values. scikit-learn's ``Pipeline(memory=...)`` would keep the features of
    whole training sets, and so compute each image again for each fold.

    The `memory` may be deleted at any time. If a file in it is damaged, a warning names
    it, and its features are computed again.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.pipeline import Pipeline
    >>> from sk_fiqdr import DeepFeatures, FIQDRClassifier
    >>> from sk_fiqdr.datasets import make_fundus
    >>> X, y = make_fundus(8, image_size=64, random_state=0, return_X_y=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     pipe = Pipeline(
    ...         [
    ...             ("features", DeepFeatures(image_size=64, memory=folder)),
    ...             ("fiqdr", FIQDRClassifier(backbone=None, random_state=0)),
    ...         ]
    ...     )
    ...     pipe.fit(X, y).predict(X).shape
    (8,)
    """

    check_patients = check_patients
    unreadable_ = LastCall()
    damaged_ = LastCall()

    def __init__(
        self,
        backbone="efficientnet_lite0",
        *,
        weights="auto",
        image_size=224,
        mean=None,
        std=None,
        pooling="mean",
        mirror=False,
        memory=None,
        device="auto",
        amp="auto",
        batch_size=32,
        num_workers=0,
        on_error="raise",
        on_damage="warn",
        random_state=0,
        progress=False,
    ):
        self.backbone = backbone
        self.weights = weights
        self.image_size = image_size
        self.mean = mean
        self.std = std
        self.pooling = pooling
        self.mirror = mirror
        self.memory = memory
        self.device = device
        self.amp = amp
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.on_error = on_error
        self.on_damage = on_damage
        self.random_state = random_state
        self.progress = progress

    @classmethod
    def from_estimator(cls, estimator, **parameters):
        """Take the backbone of a fitted net, as it is now.

        Parameters
        ----------
        estimator : FIQDRClassifier, QualityClassifier or DRGrader
            Fitted on images. Its `image_size`, `amp`, `device` and normalisation are
            taken over.
        **parameters : dict
            Other parameters, such as `memory`.

        Returns
        -------
        features : DeepFeatures
            Not fitted yet.

        Examples
        --------
        >>> from sk_fiqdr import DeepFeatures, FIQDRClassifier
        >>> from sk_fiqdr.datasets import make_fundus
        >>> X, y = make_fundus(8, image_size=64, random_state=0, return_X_y=True)
        >>> net = FIQDRClassifier(image_size=64, max_epochs=1, random_state=0)
        >>> DeepFeatures.from_estimator(net.fit(X, y)).fit_transform(X).shape
        (8, 1280)
        """
        if not isinstance(estimator, FundusNet) or estimator.backbone is None:
            raise TypeError(
                "from_estimator takes a net that was fitted on images, such as "
                f"FIQDRClassifier(backbone='resnet18'), got {estimator!r}."
            )
        check_is_fitted(estimator)
        module = estimator.module_
        taken = {
            "backbone": copy.deepcopy(module.backbone).cpu(),
            "image_size": estimator.image_size,
            "mean": per_channel(module.mean),
            "std": per_channel(module.std),
            "device": estimator.get_params(deep=False)["device"],
            "amp": estimator.amp,
            "mirror": module.mirror,
        }
        return cls(**{**taken, **parameters})

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __getstate__(self):
        if hasattr(self, "network_"):
            self._net()  # weights in another file are not pickled
        return super().__getstate__()

    def fit(self, X, y=None):
        """Check the images and remember whose they are; nothing is trained.

        Parameters
        ----------
        X : array-like
            Image paths (str or Path); or uint8 images (n, height, width, 3).
        y : array-like, default=None
            Not used.

        Returns
        -------
        self : DeepFeatures
            The same.

        Raises
        ------
        ValueError, TypeError
            If X or a parameter is not what is described here.
        """
        memory_folder(self.memory)
        vars(self).pop("net_", None)
        self.seed_ = check_random_state(self.random_state).randint(
            np.iinfo(np.int32).max
        )
        net = self._make_net()
        net._check_parameters(type(self).__name__)
        X, kind = check_X(self, X, reset=True)
        remember_images(self, X, kind)
        name = self._name()
        if name in _known_networks:
            self.network_, self._n_features_out = _known_networks[name]
            return self
        self.net_ = build(net)
        self.network_ = network_key(self.net_)
        self._n_features_out = self.net_.module_.n_features
        if name is not None:
            _known_networks[name] = self.network_, self._n_features_out
        return self

    def transform(self, X):
        """Return the features of each image.

        Parameters
        ----------
        X : array-like
            Image paths (str or Path); or uint8 images (n, height, width, 3).

        Returns
        -------
        features : ndarray of shape (n, d)
            float32; a row of nan where an image could not be read.

        Raises
        ------
        FileNotFoundError, UnreadableImageError
            If an image cannot be read and ``on_error="raise"``.
        OSError
            If `memory` cannot be written to.
        """
        check_is_fitted(self)
        X, kind = check_X(self, X, reset=False)
        dataset = FundusDataset(
            X,
            kind=kind,
            image_size=int(self.image_size),
            on_error=self.on_error,
            on_damage=self.on_damage,
        )
        features = np.empty((len(X), self._n_features_out), np.float32)
        with progress_bar("features", len(X), shown=self.progress) as show:
            self._fill(features, dataset, counting(show))
        report_unreadable(self, dataset)
        return features

    def _fill(self, features, dataset, show):
        def compute(rows):
            return self._compute(dataset, rows)

        folder, left = memory_folder(self.memory), range(len(features))
        if folder is not None:
            keys = image_keys(dataset.X, dataset.kind)
            if self.on_damage == "raise" and dataset.kind == PATHS:
                damage = describe_all_damage(dataset.X)
                keys = [
                    None if text else key
                    for key, text in zip(keys, damage, strict=True)
                ]
            cache = FeatureCache(folder / self.network_[:20], keys, features)
            missing = cache.read()
            left = [row for row, key in enumerate(keys) if key is None]
            show(len(keys) - len(left) - sum(map(len, missing.values())))
            if missing:
                cache.complete(missing, compute, show)
                cache.describe(
                    backbone=self.backbone if isinstance(self.backbone, str) else "own",
                    weights=None if self.weights is None else str(self.weights),
                    image_size=int(self.image_size),
                    n_features=self._n_features_out,
                    network=self.network_,
                )
        for start in range(0, len(left), SHARE):
            rows = left[start : start + SHARE]
            features[rows] = compute(rows)
            show(len(rows))

    def _compute(self, dataset, rows):
        """Put images through the backbone; nan for those that cannot be read."""
        features = self._net()._outputs(Subset(dataset, rows), DEEP)[0]
        if not np.isfinite(features).all():
            raise FloatingPointError(
                "The backbone produced features that are not finite, e.g. for image "
                f"{dataset.X[rows[np.isfinite(features).all(axis=1).argmin()]]!r}. "
                "Look for nan in its weights; amp=False rules out bfloat16."
            )
        if dataset.unreadable is not None:
            features[dataset.unreadable[rows].numpy()] = np.nan
        return features

    def _net(self):
        """Return the network, built when it is needed first."""
        if not hasattr(self, "net_"):
            with taking_turns():
                if not hasattr(self, "net_"):
                    self.net_ = rebuild(self._make_net(), self.network_)
        return self.net_

    def _make_net(self):
        if self.backbone is None or isinstance(self.backbone, FundusNet):
            raise TypeError(
                "backbone must be the name of a torchvision model, a torch Module, or "
                f"a callable that returns one, got {self.backbone!r}. For the backbone "
                "of a fitted net use DeepFeatures.from_estimator(net)."
            )
        return DRGrader(
            module=FrozenBackbone,
            backbone=self.backbone,
            weights=self.weights,
            image_size=self.image_size,
            module__mean=self.mean,
            module__std=self.std,
            module__pooling=self.pooling,
            module__mirror=self.mirror,
            device=self.device,
            amp=self.amp,
            batch_size=self.batch_size,
            iterator_valid__num_workers=self.num_workers,
            on_error=self.on_error,
            on_damage=self.on_damage,
            random_state=self.seed_,
        )

    def _name(self):
        """Return what names the network without building it, if anything does."""
        if not isinstance(self.backbone, str):
            return None
        weights = self.weights
        if weights not in (None, "auto", "DEFAULT"):
            weights = place_and_times(weights)
            if weights is None:
                return None
        settings = (
            *(self.image_size, self.mean, self.std, self.pooling, self.mirror),
            *(self.device, self.amp),
        )
        return digest([self.backbone, weights, settings, self.seed_])
