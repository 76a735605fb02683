"""The parameters of a net: stored, shown, set and checked."""

import inspect
import os
from numbers import Integral

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Options, validate_parameter_constraints
from skorch.dataset import Dataset

from ..modules import MultiTaskNet
from ..modules._weights import refuse_objects
from ..utils._constraints import one_of, real, whole
from ._device_and_precision import DeviceNet
from ._training._augmentation import NAMES as AUGMENTATIONS
from ._training._inner_split import check_train_split

CONSTRAINTS = {
    "weights": [str, os.PathLike, None],
    "image_size": [whole(1)],
    "augment": [one_of(*AUGMENTATIONS), callable, None],
    "freeze": ["boolean", whole(0)],
    "amp": [one_of("auto"), "boolean"],
    "checkpoint_dir": [str, os.PathLike, None],
    "random_state": ["random_state"],
    "max_epochs": [whole(1)],
    "batch_size": [whole(1), Options(Integral, {-1})],
    "lr": [real(0)],
    "lr_schedule": [one_of("one_cycle", "constant")],
    "backbone_lr": [real(0), None],
    "gradient_clip": [real(0, closed="neither"), None],
    "early_stopping": [whole(1), None],
    "on_error": [one_of("raise", "warn", "skip")],
    "on_damage": [one_of("warn", "raise", "ignore")],
}


class NetParameters(DeviceNet):
    """A net that reconciles skorch's parameters with scikit-learn's."""

    _tasks = ()  # that the net learns
    _criterion_task = None  # name of the one whose loss is the net's criterion
    _constraints = {}  # noqa: RUF012 of a subclass's own parameters

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        show_parameters(cls)

    def __init__(
        self,
        *,
        backbone="efficientnet_lite0",
        weights="auto",
        image_size=224,
        augment="flips",
        freeze=False,
        amp="auto",
        checkpoint_dir=None,
        device="auto",
        random_state=None,
        max_epochs=8,
        batch_size=16,
        lr=0.01,
        lr_schedule="one_cycle",
        backbone_lr=None,
        optimizer=torch.optim.SGD,
        gradient_clip=None,
        balance=None,
        train_split=None,
        early_stopping=None,
        on_error="raise",
        on_damage="warn",
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
        self.on_damage = on_damage

    def __setattr__(self, name, value):
        """Store a Module given as a parameter; skorch would register it as a part."""
        if name in ("backbone", "augment", "grade_loss"):
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    # scikit-learn's representation, which names what differs from the defaults.
    __repr__ = BaseEstimator.__repr__

    def _get_params_html(self, deep=True, *args, **kwargs):
        # Without those of skorch's default callbacks, which no user has set.
        return super()._get_params_html(False, *args, **kwargs)

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

    def _check_parameters(self, caller=None):
        params = self.get_params(deep=False)
        tasks = [task.name for task in self._tasks]
        constraints = {
            **CONSTRAINTS,
            **self._constraints,
            "balance": [one_of(*tasks), None],
        }
        caller = type(self).__name__ if caller is None else caller
        refuse_objects(self.weights)
        validate_parameter_constraints(constraints, params, caller)
        if self.checkpoint_dir == "":
            raise ValueError(
                "checkpoint_dir is an empty string: name a folder ('.' for the current "
                "one), or None to write no checkpoints."
            )
        self._refuse_unused()
        self._check_device_is_here()
        check_train_split(self.train_split)
        if self.early_stopping is not None and self.train_split is None:
            raise ValueError(
                f"early_stopping={self.early_stopping!r} monitors the loss on "
                "held-out patients, and none are held out: set train_split="
                "PatientValidSplit(0.2), from sk_fiqdr.model_selection."
            )
        if self.backbone_lr is not None and self.backbone is None:
            raise ValueError(
                f"backbone_lr={self.backbone_lr!r} needs a backbone to train: leave it "
                "None with backbone=None."
            )
        if self.backbone_lr is not None and "optimizer__param_groups" in params:
            raise ValueError(
                f"backbone_lr={self.backbone_lr!r} and optimizer__param_groups both "
                "define parameter groups. Set the backbone's rate in "
                "optimizer__param_groups, and leave backbone_lr None."
            )
        if "optimizer__lr" in params:
            self._refuse_contradiction("optimizer", "lr", params["optimizer__lr"])

    def _refuse_unused(self):
        """Raise if a parameter of skorch's was set that has no effect here."""
        if self.predict_nonlinearity != "auto":
            raise ValueError(
                f"predict_nonlinearity={self.predict_nonlinearity!r} has no effect "
                "here: predict_proba is the softmax of the logits. Leave it 'auto'; "
                "net.forward(X) returns the logits, to apply another function to."
            )
        if self.dataset is not Dataset or self.get_params_for("dataset"):
            raise ValueError(
                f"dataset={self.dataset!r} has no effect here: files are read and "
                "checked by the net's own. Leave it out; augment takes transforms."
            )

    def _refuse_contradiction(self, prefix, name, given, own=None):
        """Raise if ``prefix__name`` differs from the net's own value."""
        own = getattr(self, name, own)
        if given is own or np.array_equal(given, own):
            return
        way = (
            f"Set {name}, and leave {prefix}__{name} out."
            if hasattr(self, name)
            else "Leave it out: it follows from the data and the other parameters."
        )
        raise ValueError(
            f"{prefix}__{name}={given!r} contradicts {name}={own!r} of this "
            f"{type(self).__name__}. {way}"
        )

    def _arguments_of(self, prefix, own):
        """Return the arguments of a part: the net's own, and those of the user."""
        given = self.get_params_for(prefix)
        for name in given.keys() & own.keys():
            self._refuse_contradiction(prefix, name, given[name], own[name])
        return {**given, **own}


def show_parameters(cls):
    """Show in the signature of a constructor what its ``**kwargs`` may be.

    Parameters
    ----------
    cls : type
        A net. A constructor without ``**kwargs`` is left as it is.
    """
    init = vars(cls).get("__init__")
    own = dict(inspect.signature(init).parameters) if init is not None else {}
    rest = [name for name, it in own.items() if it.kind is it.VAR_KEYWORD]
    if not rest:
        return
    passed_on = own.pop(rest[0])
    inherited = inspect.signature(super(cls, cls).__init__).parameters
    shown = own | {
        name: parameter.replace(kind=parameter.KEYWORD_ONLY)
        for name, parameter in inherited.items()
        if name not in own and parameter.kind is not parameter.VAR_KEYWORD
    }
    init.__signature__ = inspect.Signature([*shown.values(), passed_on])


show_parameters(NetParameters)
