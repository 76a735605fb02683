"""Grad-CAM of a fitted net, by captum. The only file here that imports torch."""

from contextlib import contextmanager

import numpy as np
import torch
from captum.attr import LayerAttribution, LayerGradCam
from torch import nn

from ..utils._constraints import check_parameters, one_of
from ..utils._labels import UNKNOWN
from ..utils._report_unreadable import report_unreadable
from ..utils._unwrap import unwrap

POOLING = nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d


def grad_cam(estimator, X, *, task, target, layer):
    """Compute what `activation_map` returns, and what it is of.

    Parameters
    ----------
    estimator, X, task, target, layer : object
        As in :func:`~sk_fiqdr.inspection.activation_map`.

    Returns
    -------
    maps : ndarray of shape (n, image_size, image_size)
        From 0 to 1, nan for an image that cannot be read.
    photographs : ndarray of shape (n, image_size, image_size, 3)
        uint8 pixels, as the net sees them.
    targets : ndarray of shape (n,)
        Class that each map is of, -1 where there is none.
    proba : ndarray of shape (n,)
        Its probability.
    """
    net, X = unwrap(estimator, X)
    _check_net(net, task)
    dataset = net.get_dataset(X)
    classes = _classes(net, task)
    wanted = _targets(target, classes, len(dataset))
    module = net.module_
    parts = []
    with _evaluating(module):
        network = _HeadOfTask(module, task)
        images = net._on_device(dataset.__getitems__([0])[0])
        layer = _find_layer(module, images, layer)
        cam = LayerGradCam(network, layer)
        step = len(dataset) if net.batch_size == -1 else net.batch_size
        for start in range(0, len(dataset), step):
            rows = np.arange(start, min(start + step, len(dataset)))
            pixels = dataset.__getitems__(rows)[0]
            chosen = None if wanted is None else torch.from_numpy(wanted[rows])
            parts.append((*_maps(net, cam, pixels, chosen), pixels.numpy()))
    maps, codes, proba, photographs = map(np.concatenate, zip(*parts, strict=True))
    targets = classes[codes]
    if dataset.unreadable is not None and dataset.unreadable.any():
        unread = dataset.unreadable.numpy()
        maps[unread], proba[unread], targets[unread] = np.nan, np.nan, UNKNOWN
        report_unreadable(net, dataset)
    return maps, photographs, targets, proba


class _HeadOfTask(nn.Module):
    """The network of one task, from normalised pixels to logits."""

    def __init__(self, module, task):
        super().__init__()
        self.module, self.task = module, task

    def forward(self, normalized):
        deep = self.module.pool(self.module.backbone(normalized))
        if self.task == "grade":
            return self.module.grade_head(deep)
        return self.module.quality_head(self.module.embedding(deep))


def _maps(net, cam, pixels, target):
    """Return maps, the classes they are of, and the probabilities of these."""
    inputs = net.module_.normalize(net._on_device(pixels))
    with torch.no_grad(), net._autocast():  # as predict does
        logits = cam.forward_func(inputs).float()
    target = logits.argmax(dim=1) if target is None else target.to(logits.device)
    proba = logits.softmax(dim=1).gather(1, target[:, None])[:, 0]
    heat = cam.attribute(
        inputs.requires_grad_(), target, relu_attributions=True
    ).detach()
    heat = LayerAttribution.interpolate(heat, inputs.shape[2:], "bilinear")[:, 0]
    largest = heat.amax(dim=(1, 2), keepdim=True)
    heat = heat / torch.where(largest > 0, largest, 1)
    return heat.cpu().numpy(), target.cpu().numpy(), proba.cpu().numpy()


@contextmanager
def _evaluating(module):
    """Switch to evaluation, and leave every layer's mode as it was found."""
    modes = [(layer, layer.training) for layer in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for layer, training in modes:
            layer.training = training


def _check_net(net, task):
    tasks = [task.name for task in getattr(net, "_tasks", ())]
    if not tasks:
        raise TypeError(
            "Activation maps are of a FIQDRClassifier, QualityClassifier or DRGrader, "
            f"got {type(net).__name__}. If the net is wrapped in another estimator, "
            "pass the net itself, such as gate.estimator_."
        )
    net.check_is_fitted()
    words = [one_of("grade", "quality")]
    check_parameters("activation_map", {"task": words}, task=task)
    if task not in tasks:
        raise ValueError(
            f"task={task!r}, but {type(net).__name__} predicts "
            f"{' and '.join(tasks)} only."
        )
    if net.module_.backbone is None:
        raise ValueError(
            "The net was fitted with backbone=None, on features: there is no "
            "photograph to draw on. Fit one with a backbone, such as 'resnet18'; "
            "freeze=True trains its heads alone."
        )


def _classes(net, task):
    (classes,) = (it.classes for it in net._tasks if it.name == task)
    return np.asarray(classes)


def _targets(target, classes, n_samples):
    """Return the places of the wanted classes, None for those predicted."""
    if target is None:
        return None
    wanted = np.asarray(target)
    if wanted.shape not in ((), (n_samples,)):
        raise ValueError(
            f"target must be None, one class or a class for each of the {n_samples} "
            f"images, got shape {wanted.shape!r}."
        )
    unknown = ~np.isin(wanted, classes)
    if unknown.any():
        raise ValueError(
            f"target must be one of {classes.tolist()!r}, got "
            f"{np.atleast_1d(wanted)[np.atleast_1d(unknown)][0].item()!r}."
        )
    places = np.searchsorted(classes, wanted)
    return np.broadcast_to(places, n_samples).astype(np.int64)


def _find_layer(module, images, layer):
    """Return the layer that was asked for, or the last that outputs a map."""
    backbone = module.backbone
    if isinstance(layer, str):
        try:
            layer = backbone.get_submodule(layer)
        except AttributeError as error:
            names = [name for name, _ in backbone.named_children()]
            raise ValueError(
                f"layer={layer!r} is not a layer of the backbone, which has "
                f"{names!r} and their sublayers, such as 'layer4.0'."
            ) from error
    shapes = _output_shapes(module, images)
    if layer is not None:
        of_layer = [shape for each, shape in shapes if each is layer]
        if not of_layer or len(of_layer[-1]) != 4:
            found = f"output of shape {of_layer[-1]!r}" if of_layer else "none of these"
            raise ValueError(
                "layer must be a layer of the backbone with output maps (n, channels, "
                f"height, width), got {found}."
            )
        return layer
    for each, shape in reversed(shapes):
        if len(shape) == 3:
            raise ValueError(
                f"The backbone ends in tokens of shape {shape!r}, as a vision "
                "transformer does, and not in maps. Choose a convolutional one."
            )
        if len(shape) == 4 and max(shape[2:]) > 1 and not isinstance(each, POOLING):
            return each
    raise ValueError(
        "The backbone has no map larger than one pixel: make image_size larger, "
        "or name a layer."
    )


def _output_shapes(module, images):
    """Return each layer of the backbone with its output's shape, in order of ending."""
    shapes = []

    def note(layer, _, output):
        if isinstance(output, torch.Tensor):
            shapes.append((layer, tuple(output.shape)))

    layers = list(module.backbone.modules())
    hooks = [layer.register_forward_hook(note) for layer in layers]
    try:
        with torch.no_grad():
            module.backbone(module.normalize(images))
    finally:
        for hook in hooks:
            hook.remove()
    return shapes
