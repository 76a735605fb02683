"""DRGrader: the grade alone."""

from ..losses import MaskedCrossEntropy
from ..utils._tasks import GRADE
from ._graded import Graded
from ._single_task import SingleTask


class DRGrader(Graded, SingleTask):
    """Grade diabetic retinopathy alone: the "single-task" rows of Table 4.

    A plain scikit-learn classifier with the mean cross-entropy L_dr [1]_.

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
    grade_loss : str or callable, default="cross_entropy"
        As in :class:`FIQDRClassifier`.
    criterion : type, default=MaskedCrossEntropy
        Class of L_dr, with ``grade_loss="cross_entropy"``; one of torch's, such as
        ``torch.nn.CrossEntropyLoss``, takes the rows of known grade.
    callbacks, warm_start, compile : object
        As in :class:`FIQDRClassifier`.
    dataset, predict_nonlinearity, use_caching, torch_load_kwargs : object
        As in skorch.
    **kwargs : dict
        As in :class:`FIQDRClassifier`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The grades found in y, five at most, sorted. -1 is not a class: it marks an
        unknown label.

    grade_cut_points_ : ndarray of shape (n_classes - 1,)
        Cut-points on the expected grade, after `tune_grades`.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018, Sect. 3.4 B.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr import DRGrader
    >>> rng = np.random.default_rng(0)
    >>> y = np.tile([0, 1, 2, 3, 4], 20)
    >>> X = rng.normal(size=(100, 5)) + 4 * np.eye(5)[y]
    >>> net = DRGrader(backbone=None, max_epochs=30, random_state=0).fit(X, y)
    >>> bool(net.score(X, y) > 0.9)
    True
    """

    _task = GRADE
    _criterion_task = GRADE.name

    def __init__(
        self, *, grade_loss="cross_entropy", criterion=MaskedCrossEntropy, **kwargs
    ):
        super().__init__(criterion=criterion, **kwargs)
        self.grade_loss = grade_loss

    def predict(self, X):
        """Return the most probable grade; that of the cut-points after `tune_grades`.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.

        Returns
        -------
        grade : ndarray of shape (n,)
            The classes; -1 where an image could not be read.
        """
        return self._decide_grade(self.predict_proba(X))
