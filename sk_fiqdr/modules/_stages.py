"""Features of several stages of a backbone.

Imports torch only.
"""

import torch
from torch import nn

STRIDES = (8, 16, 32)  # pixels between two columns of a map


class StagePooling(nn.Module):
    """Mean and standard deviation over space of the last map at each stride.

    Parameters
    ----------
    network : Module
        One of timm's, which lists its stages.
    name : object
        What a message calls it.

    Raises
    ------
    ValueError
        If the network does not list its stages, or has none of these strides.
    """

    def __init__(self, network, name):
        super().__init__()
        stages = getattr(network, "feature_info", None)
        if not hasattr(network, "forward_intermediates") or not stages:
            raise ValueError(
                'pooling="stages" needs a backbone that lists its stages, and '
                f"{name!r} does not: choose 'efficientnet_lite0' or one of timm's "
                '("timm/..."), or pooling="mean".'
            )
        strides = [stage["reduction"] for stage in stages]
        self.indices = [i for i, stride in enumerate(strides) if stride in STRIDES]
        if not self.indices:
            raise ValueError(
                f"backbone={name!r} has stages with strides {strides!r}, none of "
                f'{STRIDES!r}: choose another one, or pooling="mean".'
            )
        self.pretrained_cfg = network.pretrained_cfg
        network.prune_intermediate_layers(self.indices, prune_head=True)
        self.network = network

    def forward(self, images):
        """Return the pooled maps.

        Parameters
        ----------
        images : Tensor of shape (n, 3, height, width)
            Normalised pixels.

        Returns
        -------
        features : Tensor of shape (n, d)
            Mean and standard deviation of each channel, stage after stage.
        """
        maps = self.network.forward_intermediates(
            images, indices=self.indices, intermediates_only=True
        )
        pooled = []
        for one in maps:
            variance, mean = torch.var_mean(one.float(), dim=(2, 3), correction=0)
            pooled += [mean, (variance + 1e-12).sqrt()]
        return torch.cat(pooled, dim=1)
