"""The quality loss of Eq. 6 inside a net, for both estimators that learn quality."""

import inspect

import torch
from torch.nn import Module

from ..losses import class_weights
from ..utils._constraints import real
from ..utils._tasks import QUALITY

_GRADE = " A loss of the grade is grade_loss, such as torch.nn.CrossEntropyLoss()."


class CentredQuality:
    """The criterion of Eq. 6 inside a net: beta over the fitted labels, centres."""

    _criterion_task = QUALITY.name
    _constraints = {"lambd": [real(0)]}  # noqa: RUF012

    def _fit_beta(self, quality):
        """Turn `beta` into one weight per class, "balanced" over all of `quality`."""
        self.class_weights_ = class_weights(self.beta, 2, torch.from_numpy(quality))

    def _update_parts(self):
        """Let the criterion follow `beta` and `lambd`; its centres stay."""
        super()._update_parts()
        before = self.criterion_
        self.initialize_criterion()
        self.criterion_.load_state_dict(before.state_dict())
        self.criterion_.to(self.device).train(before.training)

    def initialize_criterion(self):
        """Build the criterion with centres as wide as the features; skorch calls this.

        Returns
        -------
        self : FundusNet
            The net.
        """
        kwargs = {
            "beta": getattr(self, "class_weights_", self.beta),
            "lambd": self.lambd,
            "n_features": self.module_.n_features,
        }
        self._check_criterion(kwargs)
        self.criterion_ = self.criterion(**self._arguments_of("criterion", kwargs))
        return self

    def _check_criterion(self, kwargs):
        """Raise if the criterion is not a loss of quality with centres."""
        if not isinstance(self.criterion, type) and isinstance(self.criterion, Module):
            raise TypeError(
                f"criterion is an instance of {type(self.criterion).__name__}, but its "
                "beta and centres belong to one fit. Pass the class, and its arguments "
                f"as criterion__alpha etc.{_GRADE}"
            )
        known = inspect.signature(self.criterion).parameters
        if not any(it.kind is it.VAR_KEYWORD for it in known.values()):
            missing = sorted(kwargs.keys() - known.keys())
            if missing:
                name = getattr(self.criterion, "__name__", repr(self.criterion))
                raise TypeError(
                    f"criterion={name} does not take {', '.join(missing)}: it is the "
                    "loss of quality, L_q of Eq. 6, called with logits, features and "
                    f"labels.{_GRADE}"
                )
