"""The cumulative link model: ordered classes from one number.

Imports torch only.
"""

import torch
from torch import nn
from torch.nn import functional as F


class CumulativeLink(nn.Module):
    """Log-probabilities of ordered classes from one number and growing cut-points.

    P(y <= k) is the logistic function of ``cut_points[k] - latent`` [1]_. Cross-entropy
    of the result is the loss of the model.

    Parameters
    ----------
    n_classes : int
        Number of classes.

    References
    ----------
    .. [1] P. McCullagh, "Regression Models for Ordinal Data", JRSS B 42, 1980.

    Examples
    --------
    >>> import torch
    >>> from sk_fiqdr.modules._cumulative_link import CumulativeLink
    >>> proba = CumulativeLink(5)(torch.tensor([[-9.0], [9.0]])).exp()
    >>> proba.argmax(dim=1).tolist()
    [0, 4]
    """

    def __init__(self, n_classes):
        super().__init__()
        self.first = nn.Parameter(torch.tensor(1 - n_classes / 2))
        self.gaps = nn.Parameter(torch.full((n_classes - 2,), 0.5413))  # softplus: 1

    @property
    def cut_points(self):
        """The cut-points, growing, of shape (n_classes - 1,)."""
        gaps = F.softplus(self.gaps.float()) + 1e-4
        return self.first.float() + torch.cat([gaps.new_zeros(1), gaps.cumsum(0)])

    def forward(self, latent):
        """Return the log-probability of each class.

        Parameters
        ----------
        latent : Tensor of shape (n, 1)
            The number, larger for higher classes.

        Returns
        -------
        log_proba : Tensor of shape (n, n_classes)
            Half precision is raised to float32.
        """
        with torch.autocast(latent.device.type, enabled=False):
            margin = self.cut_points - latent.float()
            below, above = F.logsigmoid(margin), F.logsigmoid(-margin)
            # log(s(b) - s(a)) = log s(b) + log s(-a) + log(1 - exp(a - b)), b > a.
            gap = self.cut_points.diff()
            between = below[:, 1:] + above[:, :-1] + torch.log(-torch.expm1(-gap))
            return torch.cat([below[:, :1], between, above[:, -1:]], dim=1)
