"""A network for tests, in a module of its own so that it can be pickled by name."""

import time

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


class CountingBackbone(TinyBackbone):
    """The same, and it notes in a file, for all processes, how many images it sees."""

    def __init__(self, log, seconds=0.0):
        super().__init__()
        self.log = str(log)
        self.seconds = seconds

    def forward(self, images):
        """Note the images but for the black one that tells the network's width."""
        if images.any():
            time.sleep(self.seconds)
            with open(self.log, "a") as file:
                file.write("." * len(images))
        return super().forward(images)
