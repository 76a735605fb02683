"""The parameters of a net: how they are stored, asked for, set and checked."""

import os

import numpy as np
import torch
from sklearn.base import BaseEstimator

from ..modules import MultiTaskNet
from ._device import DeviceNet


class NetParameters(DeviceNet):
    """A net that reconciles skorch's parameters with scikit-learn's."""

    _tasks = ()  # that the net learns
    _criterion_task = None  # name of the one whose loss is the net's criterion

    def __init__(
        self,
        *,
        backbone="resnet18",
        weights=None,
        image_size=224,
        augment="default",
        freeze=False,
        amp="auto",
        checkpoint_dir=None,
        device="auto",
        random_state=None,
        max_epochs=10,
        batch_size=32,
        lr=0.01,
        lr_schedule="one_cycle",
        backbone_lr=None,
        optimizer=torch.optim.SGD,
        gradient_clip=None,
        balance=None,
        train_split=None,
        early_stopping=None,
        on_error="raise",
        verbose=0,
        module=MultiTaskNet,
        iterator_train__shuffle=True,
        **kwargs,
    ):
        super().__init__(
            module=module,
            optimizer=optimizer,
            lr=lr,
            max_epochs=max_epochs,
            batch_size=batch_size,
            train_split=train_split,
            verbose=verbose,
            device=device,
            iterator_train__shuffle=iterator_train__shuffle,
            **kwargs,
        )
        self.backbone = backbone
        self.weights = weights
        self.image_size = image_size
        self.augment = augment
        self.freeze = freeze
        self.amp = amp
        self.checkpoint_dir = checkpoint_dir
        self.random_state = random_state
        self.lr_schedule = lr_schedule
        self.backbone_lr = backbone_lr
        self.gradient_clip = gradient_clip
        self.balance = balance
        self.early_stopping = early_stopping
        self.on_error = on_error

    def __setattr__(self, name, value):
        """Store a Module given as a parameter; skorch would take it for its own."""
        if name in ("backbone", "augment"):
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    # scikit-learn's representation, which names what differs from the defaults.
    __repr__ = BaseEstimator.__repr__

    def _get_param_names(self):
        own = [name for name in super()._get_param_names() if not name.startswith("_")]
        return [*own, "device"]

    def get_params(self, deep=True, **kwargs):
        """Return the parameters, as scikit-learn does."""
        params = super().get_params(deep=deep, **kwargs)
        return {**params, "device": self._device}  # "auto" stays "auto" in a clone

    def set_params(self, **params):
        """Set parameters; those of `train_split` are passed on to it."""
        nested = {
            name.removeprefix("train_split__"): params.pop(name)
            for name in list(params)
            if name.startswith("train_split__")
        }
        super().set_params(**params)
        if nested:
            self.train_split.set_params(**nested)
        return self

    def _check_parameters(self):
        for name, allowed in {
            "on_error": ("raise", "warn", "skip"),
            "lr_schedule": ("one_cycle", "constant"),
        }.items():
            value = getattr(self, name)
            if value not in allowed:
                words = ", ".join(map(repr, allowed))
                raise ValueError(f"{name} must be one of {words}, got {value!r}.")
        if not isinstance(self.checkpoint_dir, str | os.PathLike | None):
            raise TypeError(
                "checkpoint_dir must be a folder (str or Path), or None to keep no "
                f"checkpoints, got {self.checkpoint_dir!r}."
            )
        if self.checkpoint_dir == "":
            raise ValueError(
                "checkpoint_dir is an empty string: name a folder ('.' for the current "
                "one), or say None to keep no checkpoints."
            )
        if self.amp not in (True, False, "auto"):
            raise ValueError(f"amp must be 'auto', True or False, got {self.amp!r}.")
        self._check_device_is_here()
        if self.augment not in ("default", None) and not callable(self.augment):
            raise ValueError(
                "augment must be 'default', None or a transform of one uint8 image "
                f"(3, height, width), got {self.augment!r}."
            )
        for name, what in {
            "image_size": "a positive whole number of pixels",
            "max_epochs": "a positive whole number",
            "batch_size": "a positive whole number, or -1 for all rows at once",
        }.items():
            value = getattr(self, name)
            if not _is_whole(value) or (
                value < 1 and not (name == "batch_size" and value == -1)
            ):
                raise ValueError(f"{name} must be {what}, got {value!r}.")
        if not isinstance(self.freeze, bool) and (
            not _is_whole(self.freeze) or self.freeze < 0
        ):
            raise ValueError(
                "freeze must be True, False or the whole number of epochs that the "
                f"backbone is held still, got {self.freeze!r}."
            )
        names = [task.name for task in self._tasks]
        if self.balance is not None and self.balance not in names:
            words = ", ".join(map(repr, names))
            raise ValueError(
                f"balance must be {words} or None for {type(self).__name__}, got "
                f"{self.balance!r}."
            )
        if self.early_stopping is not None:
            if not _is_whole(self.early_stopping) or self.early_stopping < 1:
                raise ValueError(
                    "early_stopping must be a number of epochs, 1 or more, or None, "
                    f"got {self.early_stopping!r}."
                )
            if self.train_split is None:
                raise ValueError(
                    f"early_stopping={self.early_stopping!r} watches the loss on "
                    "patients that are held out, and none are: set "
                    "train_split=PatientValidSplit(0.2), from "
                    "sk_fiqdr.model_selection."
                )
        if self.backbone_lr is not None and self.backbone is None:
            raise ValueError(
                f"backbone_lr={self.backbone_lr!r} has no backbone to train: leave it "
                "None with backbone=None."
            )
        if self.backbone_lr is not None and "optimizer__param_groups" in vars(self):
            raise ValueError(
                f"backbone_lr={self.backbone_lr!r} makes parameter groups, and so does "
                "optimizer__param_groups. Give the backbone's rate there, and leave "
                "backbone_lr None."
            )
        for name in ("lr", "backbone_lr", "gradient_clip", "quality_loss_weight"):
            value = getattr(self, name, None)  # the last is not every net's
            if value is None and name != "lr":
                continue
            if not _is_number(value) or value < 0:
                raise ValueError(
                    f"{name} must be a number of 0 or more, got {value!r}."
                )


def _is_number(value):
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return number and np.isfinite(value)


def _is_whole(value):
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
