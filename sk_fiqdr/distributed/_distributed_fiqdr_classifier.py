"""A FIQDRClassifier trained by several processes."""

from ..estimators._fiqdr_classifier import FIQDRClassifier
from ._data_parallel import DataParallel


class DistributedFIQDRClassifier(DataParallel, FIQDRClassifier):
    """A :class:`~sk_fiqdr.FIQDRClassifier` that trains over several processes.

    Started by ``torchrun --nproc-per-node 2 script.py`` or ``accelerate launch
    script.py``, each process runs the whole script with the same data, on a GPU of its
    own where there are GPUs. `fit` divides every batch among them and adds up what the
    loss consists of, so that the net learns as it would in one process. Started by
    ``python script.py`` it is alone, and a FIQDRClassifier.

    Parameters
    ----------
    backbone, weights, image_size, augment, freeze, amp : object
        As in :class:`~sk_fiqdr.FIQDRClassifier`.
    checkpoint_dir, random_state : object
        As in :class:`~sk_fiqdr.FIQDRClassifier`. The main process alone writes
        checkpoints, and all resume from them. ``random_state=None`` is drawn once for
        all.
    device : str, default="auto"
        "auto" is CUDA where there is one, else the CPU; each process takes the GPU of
        its number.
    batch_size : int, default=16
        Number of rows that all processes together learn from in a step, so that neither
        `lr` nor anything else has to change with their number.
    max_epochs, lr, lr_schedule, backbone_lr, optimizer : object
        As in :class:`~sk_fiqdr.FIQDRClassifier`.
    gradient_clip, balance, train_split, early_stopping, on_error : object
        As in :class:`~sk_fiqdr.FIQDRClassifier`.
    on_damage, verbose, module, iterator_train__shuffle : object
        As in :class:`~sk_fiqdr.FIQDRClassifier`.
    beta, lambd, quality_loss_weight, grade_loss, solver, criterion : object
        As in :class:`~sk_fiqdr.FIQDRClassifier`.
    iterator_train, iterator_valid, callbacks, warm_start, compile : object
        As in :class:`~sk_fiqdr.FIQDRClassifier`.
    dataset, predict_nonlinearity, use_caching, torch_load_kwargs : object
        As in :class:`~sk_fiqdr.FIQDRClassifier`.
    **kwargs : dict
        As in :class:`~sk_fiqdr.FIQDRClassifier`.

    Attributes
    ----------
    accelerator : accelerate.Accelerator
        Tells the processes apart: ``net.accelerator.is_main_process``, and
        ``net.accelerator.print`` prints once.

    Notes
    -----
    With unknown labels or weights the mean of the processes' losses is not the loss of
    the batch. Here the numerators of L_dr and L_q are divided by sums over all
    processes, and the centres follow the rows of all. After `fit` the weights, centres
    and history are the same in each process. A prediction is each process's own, of the
    whole X.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018.
    .. [2] https://huggingface.co/docs/accelerate

    Examples
    --------
    >>> from sk_fiqdr.datasets import make_fundus
    >>> from sk_fiqdr.distributed import DistributedFIQDRClassifier
    >>> X, y = make_fundus(8, image_size=64, random_state=0, return_X_y=True)
    >>> net = DistributedFIQDRClassifier(image_size=64, max_epochs=1, random_state=0)
    >>> net.fit(X, y).predict(X).shape
    (8,)
    >>> net.accelerator.num_processes  # torchrun makes it more
    1
    """
