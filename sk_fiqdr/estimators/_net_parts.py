"""The parts of a net, built from its parameters: network, optimiser, callbacks."""

import copy
import inspect

import torch
from torch import nn

from ..callbacks import EarlyStopping
from ._check_network import check_network
from ._parameters import NetParameters
from ._training._optimizer import parameter_groups
from ._training._schedule import LearningRateSchedule


class NetParts(NetParameters):
    """A net that builds its parts as its parameters and tasks ask for."""

    def initialize(self):
        """Build network, criterion and optimiser afresh."""
        self._check_parameters()
        return super().initialize()

    def initialize_module(self):
        """Build the network for the data."""
        kwargs = {
            "backbone": self.backbone,
            "weights": self.weights,
            "image_size": int(self.image_size),
            **self._module_sizes(),
        }
        if self.backbone is None:
            if not hasattr(self, "n_features_in_"):
                raise ValueError(
                    "With backbone=None the width of the network depends on X: call "
                    "fit(X, y) instead of initialize()."
                )
            kwargs["n_inputs"] = self.n_features_in_
        self._built_from = self._structure()
        if isinstance(self.module, nn.Module):
            module = self._copy_of_module(kwargs)
        else:
            module = self._module_class()(**self._arguments_of("module", kwargs))
        self.module_ = module.to(memory_format=torch.channels_last)
        return self

    def _copy_of_module(self, kwargs):
        """Return a copy of a network that was passed as an instance."""
        given = [f"module__{name}" for name in self.get_params_for("module")]
        given += [] if self.weights in (None, "auto") else ["weights"]
        if given:
            raise ValueError(
                f"module is an instance, and {given[0]} would not reach it. Build it "
                "with what you want, or pass the class: module=MultiTaskNet."
            )
        module = copy.deepcopy(self.module)
        check_network(module, kwargs, self._tasks)
        return module

    def _structure(self):
        """Return what the network was built from, and cannot be changed after."""
        names = ("module", "backbone", "backbone_lr")
        built = {name: getattr(self, name) for name in names}
        return built | {"solver": self._module_class()} | self._module_sizes()

    def _module_class(self):
        return self.module

    def _check_partial_fit(self):
        """Raise if a fit cannot be continued."""

    def _after_training(self, dataset):
        """Fit what takes no gradient steps."""

    def _check_still_built(self):
        """Raise if the network, which is to be trained on, was built otherwise."""
        now = self._structure()
        before = getattr(self, "_built_from", now)
        for name in before | now:
            old, new = before.get(name), now.get(name)
            if new is not old and new != old:
                name = "grade_loss or solver" if name == "ordinal" else name
                raise ValueError(
                    f"{name} was set after the network was built, which keeps what it "
                    "was built from. Set it back, or build the network again: fit "
                    "with warm_start=False."
                )

    def _update_parts(self):
        """Let parts of a fitted net follow parameters that were set since."""
        if self.backbone_lr is None or "optimizer__param_groups" in self.get_params():
            return
        slow = {id(parameter) for parameter in self.module_.backbone.parameters()}
        for group in self.optimizer_.param_groups:  # skorch sets lr of all groups
            if id(group["params"][0]) in slow:
                group["lr"] = self.backbone_lr

    def torch_compile(self, module, name):
        """Compile the network in place: its state-dict keys stay as they are."""
        if self.compile and name == "module":
            module.compile(**self.get_params_for("compile"))
        return module

    def get_params_for_optimizer(self, prefix, named_parameters):
        """Return the arguments of the optimiser, with parameters in groups."""
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        known = inspect.signature(self.optimizer).parameters
        for name, default in self._optimizer_defaults.items():
            if name in known:
                kwargs.setdefault(name, default)
        if len(args[0]) > 1:
            return args, kwargs  # the user's own parameter groups stay as they are
        groups = parameter_groups(
            self.module_,
            args[0][0]["params"],
            weight_decay="weight_decay" in known,
            backbone_lr=self.backbone_lr,
        )
        return (groups,), kwargs

    # Passed to an optimiser that accepts them, as SGD does.
    _optimizer_defaults = {"momentum": 0.9, "weight_decay": 1e-4}  # noqa: RUF012

    @property
    def _default_callbacks(self):
        callbacks = [*super()._default_callbacks, ("schedule", LearningRateSchedule())]
        if self.early_stopping is not None:
            stop = EarlyStopping(patience=self.early_stopping)
            callbacks.append(("early_stopping", stop))
        return callbacks

    def _module_sizes(self):
        """Return the numbers of classes, as the network names them."""
        n_classes = {task.name: len(task.classes) for task in self._tasks}
        return {
            "n_grades": n_classes.get("grade", 1),
            "n_qualities": n_classes.get("quality", 1),
        }
