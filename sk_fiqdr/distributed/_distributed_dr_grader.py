"""A DRGrader trained by several processes."""

from ..estimators._dr_grader import DRGrader
from ._data_parallel import DataParallel


class DistributedDRGrader(DataParallel, DRGrader):
    """A :class:`~sk_fiqdr.DRGrader` that trains over several processes.

    Parameters
    ----------
    backbone, weights, image_size, augment, freeze, amp : object
        As in :class:`~sk_fiqdr.DRGrader`.
    grade_loss, criterion : object
        As in :class:`~sk_fiqdr.DRGrader`.
    checkpoint_dir, device, random_state, batch_size : object
        As in :class:`DistributedFIQDRClassifier`.
    max_epochs, lr, lr_schedule, backbone_lr, optimizer : object
        As in :class:`~sk_fiqdr.DRGrader`.
    gradient_clip, balance, train_split, early_stopping, on_error : object
        As in :class:`~sk_fiqdr.DRGrader`.
    on_damage, verbose, module, iterator_train__shuffle : object
        As in :class:`~sk_fiqdr.DRGrader`.
    iterator_train, iterator_valid, callbacks, warm_start, compile : object
        As in :class:`~sk_fiqdr.DRGrader`.
    dataset, predict_nonlinearity, use_caching, torch_load_kwargs : object
        As in :class:`~sk_fiqdr.DRGrader`.
    **kwargs : dict
        As in :class:`DistributedFIQDRClassifier`.

    Attributes
    ----------
    accelerator : accelerate.Accelerator
        Tells the processes apart.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr.distributed import DistributedDRGrader
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile([0, 1, 2, 3, 4], 20)
    >>> X = rng.normal(size=(100, 5)) + 4 * np.eye(5)[y]
    >>> net = DistributedDRGrader(backbone=None, max_epochs=30, random_state=0)
    >>> bool(net.fit(X, y).score(X, y) > 0.9)
    True
    """
