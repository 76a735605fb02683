"""A QualityClassifier trained by several processes."""

from ..estimators._quality_classifier import QualityClassifier
from ._data_parallel import DataParallel


class DistributedQualityClassifier(DataParallel, QualityClassifier):
    """A :class:`~sk_fiqdr.QualityClassifier` that trains over several processes.

    Parameters
    ----------
    backbone, weights, image_size, augment, freeze, amp : object
        As in :class:`~sk_fiqdr.QualityClassifier`.
    beta, lambd, poor_label, criterion : object
        As in :class:`~sk_fiqdr.QualityClassifier`.
    checkpoint_dir, device, random_state, batch_size : object
        As in :class:`DistributedFIQDRClassifier`.
    max_epochs, lr, lr_schedule, backbone_lr, optimizer : object
        As in :class:`~sk_fiqdr.QualityClassifier`.
    gradient_clip, balance, train_split, early_stopping, on_error : object
        As in :class:`~sk_fiqdr.QualityClassifier`.
    on_damage, verbose, module, iterator_train__shuffle : object
        As in :class:`~sk_fiqdr.QualityClassifier`.
    iterator_train, iterator_valid, callbacks, warm_start, compile : object
        As in :class:`~sk_fiqdr.QualityClassifier`.
    dataset, predict_nonlinearity, use_caching, torch_load_kwargs : object
        As in :class:`~sk_fiqdr.QualityClassifier`.
    **kwargs : dict
        As in :class:`DistributedFIQDRClassifier`.

    Attributes
    ----------
    accelerator : accelerate.Accelerator
        Tells the processes apart.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr.distributed import DistributedQualityClassifier
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(40, 4)), np.repeat([0, 1], 20)
    >>> X[y == 1] += 2
    >>> net = DistributedQualityClassifier(backbone=None, beta=1, max_epochs=20)
    >>> net.fit(X, y).predict(X).shape
    (40,)
    """
