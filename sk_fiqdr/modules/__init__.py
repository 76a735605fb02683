"""The network with two heads, and its backbones: torchvision, timm, your own."""

from ._multi_task_net import MultiTaskNet

__all__ = ["MultiTaskNet"]
