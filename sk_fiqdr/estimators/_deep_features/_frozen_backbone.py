"""The network of DeepFeatures, and what tells it from any other."""

from ...modules import MultiTaskNet
from ...utils._digest import digest
from ...utils._version import FEATURE_LIBRARIES, versions


class FrozenBackbone(MultiTaskNet):
    """The network without its heads."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.n_features = self.embedding.in_features

    def forward(self, images):
        """Return no logits, and what the backbone makes of the images."""
        deep = self.backbone_features(images)
        return deep[:, :0], deep[:, :0], deep


def build(net):
    with net._own_generator(start_afresh=True):
        return net.initialize()


def rebuild(net, key):
    if network_key(build(net)) != key:
        raise ValueError(
            f"weights={net.weights!r}, or a library, have changed since this "
            "DeepFeatures was fitted. Fit it and the steps after it again."
        )
    return net


def network_key(net):
    """Return what tells the features of one network from those of any other."""
    module = net.module_.eval()
    code = [
        [type(layer).forward, _settings(layer)]
        for layer in module.backbone.modules()
        if type(layer).__module__.partition(".")[0] not in ("torch", "torchvision")
    ]
    settings = [module.mean, module.std, net.image_size, net._uses_bfloat16()]
    if module.mirror:
        settings.append("mirror")
    return digest([module.backbone, code, settings, versions(FEATURE_LIBRARIES)])


def _settings(layer):
    return {name: value for name, value in vars(layer).items() if name[:1] != "_"}


def per_channel(statistic):
    return tuple((statistic.double().flatten() / 255).tolist())
