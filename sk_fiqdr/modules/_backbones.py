"""Backbones: by name from torchvision or timm, or given; with weights or without.

Imports torch, torchvision and, on demand, timm.
"""

import copy
from difflib import get_close_matches

import torch
from torch import nn

from . import _efficientnet_lite as lite
from ._stages import StagePooling
from ._weights import load_weights, refuse_objects

# Statistics of ImageNet, which torchvision's weights expect (RGB, range 0 to 1).
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
TIMM = "timm/"  # prefix of the names of timm's backbones


def expected_pixels(backbone):
    """Return the statistics of the pixels that a backbone expects.

    Parameters
    ----------
    backbone : Module or None
        timm's models carry their own.

    Returns
    -------
    statistics : dict
        Mean and standard deviation, each a sequence of three, of pixels in 0 to 1.
    """
    known = getattr(backbone, "pretrained_cfg", None)
    imagenet = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    return imagenet | (
        {name: known[name] for name in imagenet if known.get(name)}
        if isinstance(known, dict)
        else {}
    )


def resolve(weights, backbone):
    """Return what ``weights="auto"`` stands for; any other `weights` as they are.

    Parameters
    ----------
    weights, backbone : object
        As `MultiTaskNet` has them.

    Returns
    -------
    weights : str, Path or None
        "DEFAULT" for an EfficientNet-Lite, whose weights a package has; else None.
    """
    if not isinstance(weights, str) or weights != "auto":
        return weights
    is_lite = isinstance(backbone, str) and backbone in lite.NAMES
    return "DEFAULT" if is_lite else None


def make_backbone(backbone, weights, image_size, pooling="mean"):
    """Return a network that maps normalised images to features.

    Parameters
    ----------
    backbone, weights, image_size, pooling : object
        As `MultiTaskNet` has them; `backbone` is not None.

    Returns
    -------
    network : Module
        With its weights; a Module that was given is copied.

    Raises
    ------
    ValueError, TypeError, ImportError, OSError
        If it cannot be built; the message says how to fix that.
    """
    refuse_objects(weights)
    weights = resolve(weights, backbone)
    if pooling == "stages":
        return StagePooling(make_backbone(backbone, weights, image_size), backbone)
    if pooling != "mean":
        raise ValueError(f"pooling must be 'mean' or 'stages', got {pooling!r}.")
    if isinstance(backbone, str):
        if backbone in lite.NAMES:
            return _lite_backbone(backbone, weights)
        if backbone.startswith(TIMM):
            return _timm_backbone(backbone, weights, image_size)
        return _torchvision_backbone(backbone, weights, image_size)
    if isinstance(backbone, nn.Module):
        module = copy.deepcopy(backbone)
    elif callable(backbone):
        module = backbone()
    else:
        module = backbone
    if not isinstance(module, nn.Module):
        raise TypeError(
            "backbone must be 'efficientnet_lite0' (1, 2), the name of a torchvision "
            "model, 'timm/' and the name of one of timm's, a torch Module, a callable "
            f"that returns one, or None, got {module!r}."
        )
    if isinstance(weights, str) and weights == "DEFAULT":
        raise ValueError(
            f'weights="DEFAULT" means torchvision\'s own, which {backbone!r} has none '
            "of. Load weights inside the factory, or pass the path of a file."
        )
    if weights is not None:
        load_weights(module, weights, ignore=())
    return module


def _lite_backbone(name, weights):
    default = isinstance(weights, str) and weights == "DEFAULT"
    network = lite.efficientnet_lite(name, pretrained=default)
    if weights is not None and not default:
        load_weights(network, weights, ignore=("classifier.", "_fc."))
    return network


def _torchvision_backbone(name, weights, image_size):
    from torchvision import models

    if name not in models.list_models(module=models):
        known = [*lite.NAMES, *models.list_models(module=models)]
        close = get_close_matches(name, known, n=3)
        raise ValueError(
            f"backbone={name!r} is not a torchvision classification model. "
            f"{_did_you_mean(close)}"
            "torchvision.models.list_models(module=torchvision.models) names them."
        )
    default = isinstance(weights, str) and weights == "DEFAULT"
    kwargs = {"weights": "DEFAULT" if default else None}
    if not default and name in ("googlenet", "inception_v3"):
        # Auxiliary classifiers add outputs of their own, which are not trained
        # here; torchvision's truncated-normal initialisation takes a minute.
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
            "dict (.safetensors or .pth), or weights=None for random weights."
        ) from error
    if default and name in ("googlenet", "inception_v3"):
        network.aux_logits = False
        network.aux1 = network.aux2 = network.AuxLogits = None
    classifier = _classifier_name(network)
    if weights is not None and not default:
        load_weights(network, weights, ignore=(f"{classifier}.", "aux", "AuxLogits"))
    _replace(network, classifier, nn.Identity())
    return network


def _timm_backbone(backbone, weights, image_size):
    try:
        import timm
    except ImportError as error:
        raise ImportError(
            f"backbone={backbone!r} needs timm: pip install timm."
        ) from error
    name = backbone.removeprefix(TIMM)
    # "hf-hub:..." would fetch a description of the network, weights or no weights.
    if not timm.is_model(name):
        close = get_close_matches(name, timm.list_models(), n=3)
        raise ValueError(
            f"backbone={backbone!r} is not a timm model. {_did_you_mean(close, TIMM)}"
            "timm.list_models() names them."
        )
    default = isinstance(weights, str) and weights == "DEFAULT"
    fixed = timm.get_pretrained_cfg(name, allow_unregistered=True).fixed_input_size
    kwargs = {"img_size": image_size} if fixed else {}
    try:
        network = timm.create_model(name, pretrained=default, num_classes=0, **kwargs)
    except (AssertionError, TypeError, ValueError) as error:
        raise ValueError(
            f"backbone={backbone!r} cannot be built for image_size={image_size!r}: "
            f"{error}"
        ) from error
    except (OSError, RuntimeError) as error:  # no network, or no weights of this one
        if not default:
            raise
        raise OSError(
            f'weights="DEFAULT" fetches timm\'s weights of {name!r} once, and that '
            f"failed ({error}). Give the path of a local state dict (.safetensors or "
            ".pth), or weights=None for random weights."
        ) from error
    if weights is not None and not default:
        classifier = network.pretrained_cfg.get("classifier") or ()
        names = (classifier,) if isinstance(classifier, str) else classifier
        load_weights(network, weights, ignore=tuple(f"{it}." for it in names))
    return network


def _did_you_mean(close, prefix=""):
    names = " or ".join(repr(prefix + name) for name in close)
    return f"Did you mean {names}? " if close else ""


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


def count_features(backbone, image_size):
    """Return the width of the backbone's features, from one black image.

    Parameters
    ----------
    backbone : Module
        Maps images to features.
    image_size : int
        Height and width in pixels.

    Returns
    -------
    n_features : int
        The width, after pooling.

    Raises
    ------
    ValueError
        If it takes no images of this size, or returns something else.
    """
    was_training = backbone.training
    backbone.eval()
    try:
        with torch.no_grad():
            features = backbone(torch.zeros(1, 3, image_size, image_size))
    except (RuntimeError, AssertionError) as error:  # timm asserts its patch size
        raise ValueError(
            f"The backbone cannot take images of image_size={image_size!r}: {error} "
            "Most backbones need at least 64 pixels."
        ) from error
    backbone.train(was_training)
    if not isinstance(features, torch.Tensor) or features.ndim not in (2, 4):
        found = tuple(features.shape) if hasattr(features, "shape") else type(features)
        raise ValueError(
            "The backbone must map images (n, 3, height, width) to features (n, d) or "
            f"(n, d, height, width), got {found!r}."
        )
    return features.shape[1]
