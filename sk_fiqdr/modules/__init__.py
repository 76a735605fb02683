"""The network with two heads, and its backbones: torchvision, timm, your own."""

from ._averaged_net import AveragedNet
from ._multi_task_net import MultiTaskNet

__all__ = ["AveragedNet", "MultiTaskNet"]
