"""The mean of two networks: one that is trained, one with a frozen backbone.

Imports torch only.
"""

import torch

from ._multi_task_net import MultiTaskNet

__all__ = ["AveragedNet"]


class AveragedNet(MultiTaskNet):
    """A network whose probabilities are averaged with those of a frozen one.

    Two kinds of models err on different photographs, so that their mean grades better
    than either. In training mode this is a `MultiTaskNet`.

    Parameters
    ----------
    *args, **kwargs : object
        Those of `MultiTaskNet`, with a backbone.

    Attributes
    ----------
    frozen : MultiTaskNet
        The second network: the same backbone with its first weights, and an ordinal
        grade head. Its backbone is not trained.
    share : Tensor
        Share of `frozen` in the mean, from 0 to 1; 0 until its heads are fitted.

    Examples
    --------
    >>> import torch
    >>> from sk_fiqdr.modules import AveragedNet
    >>> net = AveragedNet(image_size=64).eval()
    >>> grade, quality, features = net(torch.zeros(3, 64, 64, 3, dtype=torch.uint8))
    >>> grade.exp().sum(dim=1).round(decimals=3)
    tensor([1., 1., 1.], grad_fn=<RoundBackward1>)
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.backbone is None:
            raise ValueError("An average of networks needs a backbone, got None.")
        of_heads = {**kwargs, "ordinal": True, "dropout": 0.0}
        with torch.random.fork_rng(devices=[]):  # so that training draws the same
            try:
                self.frozen = MultiTaskNet(*args, **{**of_heads, "pooling": "stages"})
            except ValueError:  # its stages are not known
                self.frozen = MultiTaskNet(*args, **of_heads)
        self.frozen.freeze().requires_grad_(False).eval()
        self.register_buffer("share", torch.zeros(()))

    def forward(self, images):
        """Return grade logits, quality logits and deep features.

        Parameters
        ----------
        images : Tensor of shape (n, height, width, 3) or (n, 3, height, width)
            uint8 pixels, RGB.

        Returns
        -------
        grade_logits : Tensor of shape (n, n_grades)
            In evaluation mode logarithms of the mean probabilities.
        quality_logits : Tensor of shape (n, n_qualities)
            The same for poor and good.
        features : Tensor of shape (n, n_features)
            Those of the trained network.
        """
        grade, quality, features = super().forward(images)
        if self.training:
            return grade, quality, features
        others = self.frozen(images)[:2]
        grade, quality = map(self._mean, (grade, quality), others)
        return grade, quality, features

    def _mean(self, logits, others):
        """Return the logarithm of the mean probability."""
        shares = torch.stack([1 - self.share, self.share]).log().view(2, 1, 1)
        pair = torch.stack([logits.float(), others.float()]).log_softmax(2)
        return (pair + shares).logsumexp(0)

    def train(self, mode=True):
        """Set training mode; the frozen network stays in evaluation mode.

        Parameters
        ----------
        mode : bool, default=True
            Training or evaluation.

        Returns
        -------
        self : AveragedNet
            The network itself.
        """
        super().train(mode)
        if "frozen" in self._modules:
            self.frozen.eval()
        return self
