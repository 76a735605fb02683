"""The network of a net, shared by several processes while it learns."""

from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel


@contextmanager
def shared_network(net, processes):
    """Wrap the network, again in every epoch since layers may be unfrozen.

    Parameters
    ----------
    net : FundusNet
        The net.
    processes : Processes
        Those that share it.
    """
    device = torch.device(net.device)
    if device.type == "cuda":
        net.module_ = nn.SyncBatchNorm.convert_sync_batchnorm(net.module_)
    net._noise = processes.draw_apart(device)
    # DistributedDataParallel waits for the gradient of every trainable parameter.
    unused = _parameters_without_gradient(net)
    for parameter in unused:
        parameter.requires_grad_(False)
    net.module_ = DistributedDataParallel(
        net.module_,
        device_ids=[torch.cuda.current_device()] if device.type == "cuda" else None,
    )
    net.module_.train()  # sets the wrapper's flag, too
    try:
        yield
    finally:
        net.module_ = net.module_.module
        for parameter in unused:
            parameter.requires_grad_(True)
    processes.copy_from_main(net.module_.buffers())


def _parameters_without_gradient(net):
    """Return the parameters that the loss does not depend on, by a blank image."""
    if net.backbone is None:
        blank = torch.zeros(1, net.n_features_in_)
    else:
        size = int(net.image_size)
        blank = torch.zeros(1, size, size, 3, dtype=torch.uint8)
    outputs = net.module_.eval().forward(blank.to(net.device))  # not compiled
    parameters = [it for it in net.module_.parameters() if it.requires_grad]
    total = sum(outputs[task.output].sum() for task in net._tasks)
    gradients = torch.autograd.grad(total, parameters, allow_unused=True)
    return [
        parameter
        for parameter, gradient in zip(parameters, gradients, strict=True)
        if gradient is None
    ]
