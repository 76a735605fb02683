"""The multi-task network: one backbone, a grade head and a quality head.

Nothing here knows anything but torch and torchvision.
"""

import copy
from pathlib import Path

import torch
from torch import nn

__all__ = ["MultiTaskNet"]

# Statistics of ImageNet, which torchvision's weights expect (RGB, range 0 to 1).
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class MultiTaskNet(nn.Module):
    """Grade and quality from one shared backbone (Fig. 2 of the paper).

    Parameters
    ----------
    backbone : str, Module, callable or None, default="resnet18"
        Name of a torchvision classification model; or a Module, or a callable that
        returns one, which maps normalised images (n, 3, height, width) to features
        (n, d) or (n, d, height, width), the latter averaged over space. A Module is
        copied, so that two nets never share weights. None: the input is features.
    weights : str, Path or None, default=None
        "DEFAULT" for torchvision's own weights, fetched once into torch's cache; a path
        to a local ``.safetensors`` or ``.pth`` state dict of the backbone; None for
        random weights. Nothing is fetched unless "DEFAULT" is asked for.
    n_grades : int, default=5
        Number of grades.
    n_qualities : int, default=2
        Number of quality classes.
    embedding_size : int, default=128
        Width of the quality head's embedding, the f_i of the centre loss.
    dropout : float, default=0.0
        Dropout before the grade head.
    image_size : int, default=224
        Height and width of the images; transformers are built for it.
    n_inputs : int, default=None
        Number of input features; needed where `backbone` is None.
    mean, std : sequence of three floats
        Mean and standard deviation of the pixels, in 0 to 1, that the backbone expects;
        default to ImageNet's.

    Attributes
    ----------
    n_features : int
        Width of the features that `forward` returns, `embedding_size`.

    Raises
    ------
    ValueError
        If the backbone or its weights are not usable; the message says how to mend it.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Sect. 2.2.

    Examples
    --------
    >>> import torch
    >>> from sk_fiqdr.modules import MultiTaskNet
    >>> net = MultiTaskNet(backbone=None, n_inputs=16, embedding_size=8)
    >>> grade, quality, features = net(torch.zeros(3, 16))
    >>> grade.shape, quality.shape, features.shape
    (torch.Size([3, 5]), torch.Size([3, 2]), torch.Size([3, 8]))
    """

    def __init__(
        self,
        backbone="resnet18",
        weights=None,
        *,
        n_grades=5,
        n_qualities=2,
        embedding_size=128,
        dropout=0.0,
        image_size=224,
        n_inputs=None,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    ):
        super().__init__()
        if backbone is None:
            if n_inputs is None:
                raise ValueError(
                    "backbone=None takes features as input: say how many by n_inputs."
                )
            if weights is not None:
                raise ValueError(
                    f"weights={weights!r} has no backbone to go into: "
                    "choose a backbone, or leave weights=None."
                )
            self.backbone, n_deep = None, n_inputs
        else:
            self.backbone = _make_backbone(backbone, weights, image_size)
            n_deep = _count_features(self.backbone, image_size)
        self.n_features = embedding_size
        for name, statistic in {"mean": mean, "std": std}.items():
            statistic = torch.as_tensor(statistic, dtype=torch.float32)
            self.register_buffer(name, 255 * statistic.view(1, 3, 1, 1))
        self.grade_head = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(n_deep, n_grades)
        )
        self.embedding = nn.Linear(n_deep, embedding_size)
        self.quality_head = nn.Linear(embedding_size, n_qualities)
        self._frozen = False

    def forward(self, images):
        """Return grade logits, quality logits and deep features.

        Parameters
        ----------
        images : Tensor of shape (n, height, width, 3) or (n, 3, height, width)
            uint8 pixels, RGB. With ``backbone=None`` float features (n, n_inputs).

        Returns
        -------
        grade_logits : Tensor of shape (n, n_grades)
            Scores of the grades before softmax.
        quality_logits : Tensor of shape (n, n_qualities)
            Scores of poor and good before softmax.
        features : Tensor of shape (n, n_features)
            The quality head's embedding, which the centre loss pulls together.
        """
        deep = images if self.backbone is None else self.backbone_features(images)
        features = self.embedding(deep)
        return self.grade_head(deep), self.quality_head(features), features

    def backbone_features(self, images):
        """Return what both heads share.

        Parameters
        ----------
        images : Tensor of shape (n, height, width, 3) or (n, 3, height, width)
            uint8 pixels, RGB.

        Returns
        -------
        deep : Tensor of shape (n, d)
            The backbone's features.
        """
        return _pool(self.backbone(self.normalize(images)))

    def normalize(self, images):
        """Turn uint8 pixels into what the backbone expects.

        Parameters
        ----------
        images : Tensor of shape (n, height, width, 3) or (n, 3, height, width)
            uint8 pixels, RGB.

        Returns
        -------
        normalized : Tensor of shape (n, 3, height, width)
            Float pixels; channels last in memory if they came so.
        """
        if images.dtype != torch.uint8:
            raise TypeError(
                f"Images must be uint8 pixels from 0 to 255, got {images.dtype!r}. "
                "The network normalises by itself."
            )
        scale, shift = 1 / self.std, -self.mean / self.std
        if images.shape[1] == 3 or images.shape[-1] != 3:
            return torch.addcmul(shift, images.float(), scale)
        n_images, height, width, _ = images.shape
        # A whole row of pixels at a time: three numbers alone fill no vector register.
        rows = images.reshape(n_images * height, width * 3).float()
        scale, shift = (values.flatten().repeat(width) for values in (scale, shift))
        torch.addcmul(shift, rows, scale, out=rows)
        return rows.view(n_images, height, width, 3).permute(0, 3, 1, 2)

    def freeze(self, frozen=True):
        """Hold the backbone still, its batch statistics included.

        Parameters
        ----------
        frozen : bool, default=True
            False lets it learn again.

        Returns
        -------
        self : MultiTaskNet
            The network itself.
        """
        if self.backbone is not None:
            self._frozen = frozen
            self.backbone.requires_grad_(not frozen)
            self.train(self.training)
        return self

    def train(self, mode=True):
        """Set training mode; a frozen backbone stays in evaluation mode.

        Parameters
        ----------
        mode : bool, default=True
            Training or evaluation.

        Returns
        -------
        self : MultiTaskNet
            The network itself.
        """
        super().train(mode)
        if self._frozen:
            self.backbone.eval()
        return self


def _pool(features):
    """Average a feature map over space; leave vectors as they are."""
    return features.mean(dim=(2, 3)) if features.ndim == 4 else features


def _make_backbone(backbone, weights, image_size):
    if isinstance(backbone, str):
        return _torchvision_backbone(backbone, weights, image_size)
    if isinstance(backbone, nn.Module):
        module = copy.deepcopy(backbone)
    elif callable(backbone):
        module = backbone()
    else:
        module = backbone
    if not isinstance(module, nn.Module):
        raise TypeError(
            "backbone must be the name of a torchvision model, a torch Module, a "
            f"callable that returns one, or None, got {module!r}."
        )
    if isinstance(weights, str) and weights == "DEFAULT":
        raise ValueError(
            f'weights="DEFAULT" means torchvision\'s own, which {backbone!r} has none '
            "of. Load weights inside the factory, or pass the path of a file."
        )
    if weights is not None:
        _load_weights(module, weights, ignore=())
    return module


def _torchvision_backbone(name, weights, image_size):
    from torchvision import models

    if name not in models.list_models(module=models):
        from difflib import get_close_matches

        close = get_close_matches(name, models.list_models(module=models), n=3)
        raise ValueError(
            f"backbone={name!r} is not a torchvision classification model. "
            + (f"Did you mean {' or '.join(map(repr, close))}? " if close else "")
            + "torchvision.models.list_models(module=torchvision.models) names them."
        )
    default = isinstance(weights, str) and weights == "DEFAULT"
    kwargs = {"weights": "DEFAULT" if default else None}
    if not default and name in ("googlenet", "inception_v3"):
        # Auxiliary classifiers add outputs of their own, which nobody here trains;
        # torchvision's slow truncated-normal start is not worth a minute either.
        kwargs |= {"aux_logits": False, "init_weights": False}
    if name.startswith("vit_"):
        kwargs["image_size"] = image_size
    if name.startswith("maxvit_"):
        kwargs["input_size"] = (image_size, image_size)
    try:
        network = models.get_model(name, **kwargs)
    except (AssertionError, ValueError) as error:  # torch asserts its patch size
        raise ValueError(
            f"backbone={name!r} cannot be built for image_size={image_size!r}: {error}"
        ) from error
    except OSError as error:  # no network, no proxy, no room
        raise OSError(
            f'weights="DEFAULT" fetches torchvision\'s weights of {name!r} once, and '
            f"that failed ({error}). Without a network give the path of a local state "
            "dict (.safetensors or .pth), or weights=None to start from nothing."
        ) from error
    if default and name in ("googlenet", "inception_v3"):
        network.aux_logits = False
        network.aux1 = network.aux2 = network.AuxLogits = None
    classifier = _classifier_name(network)
    if weights is not None and not default:
        _load_weights(network, weights, ignore=(f"{classifier}.", "aux", "AuxLogits"))
    _replace(network, classifier, nn.Identity())
    return network


def _classifier_name(network):
    """Return the name of the layer that makes torchvision's 1,000 class scores."""
    scores = [
        name
        for name, layer in network.named_modules()
        if getattr(layer, "out_features", getattr(layer, "out_channels", 0)) == 1000
    ]
    return scores[-1]


def _replace(network, name, layer):
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, layer)


def _count_features(backbone, image_size):
    """Return the width of the backbone's features, from one black image."""
    was_training = backbone.training
    backbone.eval()
    try:
        with torch.no_grad():
            features = backbone(torch.zeros(1, 3, image_size, image_size))
    except RuntimeError as error:
        raise ValueError(
            f"The backbone cannot take images of image_size={image_size!r}: {error} "
            "Most backbones need at least 64 pixels."
        ) from error
    backbone.train(was_training)
    if not isinstance(features, torch.Tensor) or features.ndim not in (2, 4):
        came = tuple(features.shape) if hasattr(features, "shape") else type(features)
        raise ValueError(
            "The backbone must map images (n, 3, height, width) to features (n, d) or "
            f"(n, d, height, width), got {came!r}."
        )
    return _pool(features).shape[1]


def _load_weights(network, path, ignore):
    """Load a local state dict; it never runs code from the file."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"weights={str(path)!r} is not a file. Give the path of a local state dict "
            '(.safetensors or .pth), "DEFAULT" to fetch torchvision\'s, or None.'
        )
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    state = {k: v for k, v in state.items() if not k.startswith(ignore)}
    own = {k: v for k, v in network.state_dict().items() if not k.startswith(ignore)}
    wrong = sorted(
        {k for k in own.keys() & state.keys() if own[k].shape != state[k].shape}
        | (own.keys() ^ state.keys())
    )
    # Old files were written before batch norm counted its batches.
    wrong = [k for k in wrong if not k.endswith("num_batches_tracked")]
    if wrong:
        raise ValueError(
            f"{str(path)!r} holds the weights of another network: {len(wrong)} of "
            f"{len(own)} tensors are missing, unknown or of another shape, the first "
            f"{wrong[0]!r}. Choose the backbone that the file was written from."
        )
    network.load_state_dict(state, strict=False)
