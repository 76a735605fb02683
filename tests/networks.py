"""A network for tests, in a module of its own so that it can be pickled by name."""

from torch import nn


class TinyBackbone(nn.Sequential):
    """A network that learns in a second, and has batch statistics."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 8, 5, stride=4),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2),
            nn.ReLU(),
        )
