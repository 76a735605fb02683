"""QualityClassifier: the quality alone."""

import warnings

import numpy as np
import torch

from ..losses import WeightedCenterLoss
from ..utils._label_words import poor_class
from ..utils._labels import UNKNOWN
from ..utils._tasks import QUALITY
from ._centred_quality import CentredQuality
from ._single_task import SingleTask


class QualityClassifier(CentredQuality, SingleTask):
    """Classify image quality alone: Tables 2 and 3 of the paper.

    A plain scikit-learn binary classifier with the loss L_q of Eq. 6: L_q0 is
    ``beta=1, lambd=0``, L_q1 ``lambd=0``, L_q2 ``beta=1``, and L_q3 both [1]_.

    Parameters
    ----------
    backbone, weights, image_size, augment, freeze, amp : object
        As in :class:`FIQDRClassifier`.
    checkpoint_dir, device, random_state, max_epochs, batch_size : object
        As in :class:`FIQDRClassifier`.
    lr, lr_schedule, backbone_lr, optimizer, gradient_clip, balance : object
        As in :class:`FIQDRClassifier`.
    train_split, early_stopping, on_error, on_damage, verbose, module : object
        As in :class:`FIQDRClassifier`.
    iterator_train__shuffle, iterator_train, iterator_valid : object
        As in :class:`FIQDRClassifier`.
    beta : float, "balanced" or array-like of shape (2,), default=27.0
        Weight of the poor class; or of the poor and the good one.
    lambd : float, default=0.1
        Weight of the centre loss.
    criterion : type, default=WeightedCenterLoss
        Class of L_q.
    poor_label : object, default=None
        Which of the two labels in y means poor. None knows 0 and 1, False and True, and
        words such as Inadequate and Adequate. Of others nothing is guessed: a warning
        asks for `poor_label`, and `beta` weighs neither class.
    callbacks, warm_start, compile : object
        As in :class:`FIQDRClassifier`.
    dataset, predict_nonlinearity, use_caching, torch_load_kwargs : object
        As in skorch.
    **kwargs : dict
        As in :class:`FIQDRClassifier`.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels found in y, sorted; 0 poor and 1 good. -1 is not a class: it marks
        an unknown label.
    class_weights_ : Tensor of shape (2,)
        Class weights computed from `beta`, in the order of `classes_`.
    poor_label_ : object
        The class that means poor; None where that is not known.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Sect. 3.4 A.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr import QualityClassifier
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(40, 4)), np.repeat([0, 1], 20)
    >>> X[y == 1] += 2
    >>> net = QualityClassifier(backbone=None, beta=1, max_epochs=20, random_state=0)
    >>> bool(net.fit(X, y).score(X, y) > 0.9)
    True
    """

    _task = QUALITY

    def __init__(
        self,
        *,
        beta=27.0,
        lambd=0.1,
        criterion=WeightedCenterLoss,
        poor_label=None,
        **kwargs,
    ):
        super().__init__(criterion=criterion, **kwargs)
        self.beta = beta
        self.lambd = lambd
        self.poor_label = poor_label

    @property
    def poor_label_(self):
        """The class that means poor; None where that is not known."""
        at = poor_class(self.classes_, self.poor_label)
        return None if at is None else self.classes_[at]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _encode_targets(self, y):
        y = super()._encode_targets(y)
        poor = poor_class(self.classes_, self.poor_label)
        # beta is of poor and good, whichever of them sorts first.
        self._fit_beta(np.where(y == UNKNOWN, y, 1 - y) if poor else y)
        if poor:
            self.class_weights_ = self.class_weights_.flip(0)
        elif poor is None and not isinstance(self.beta, str):
            self._weigh_neither()
        return y

    def _weigh_neither(self):
        if self.class_weights_[0] == self.class_weights_[1]:
            return
        self.class_weights_ = torch.ones(2)
        one, other = self.classes_.tolist()
        warnings.warn(
            f"y holds the labels {one!r} and {other!r}, which do not say which of them "
            f"means poor, so beta={self.beta!r} weighs neither. Pass "
            f"poor_label={one!r} or poor_label={other!r}.",
            UserWarning,
            stacklevel=6,
        )
