"""The quality loss of Eq. 6 inside a net, for both estimators that learn quality."""

import torch

from ..losses import class_weights
from ..utils._constraints import real
from ..utils._tasks import QUALITY


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
        self.criterion_ = self.criterion(**self._arguments_of("criterion", kwargs))
        return self
