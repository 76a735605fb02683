"""Grade and quality together."""

from numbers import Number

import numpy as np
from sklearn.base import ClassifierMixin

from ..losses import WeightedCenterLoss, masked_cross_entropy
from ..metrics import quadratic_weighted_kappa
from ..utils._labels import N_GRADES, UNKNOWN, most_probable
from ._centred_quality import CentredQuality
from ._net import GRADE, QUALITY, FundusNet


class FIQDRClassifier(CentredQuality, ClassifierMixin, FundusNet):
    """Grade diabetic retinopathy and judge image quality with one network.

    The loss is L = L_dr + `quality_loss_weight` * L_q: the mean cross-entropy of the
    grade, and the weighted softmax with centre loss of the quality [1]_. Weight decay
    is the optimiser's.

    Parameters
    ----------
    backbone : str, Module, callable or None, default="resnet18"
        Name of a torchvision classification model; "timm/" and the name of one of
        timm's (extra ``timm``); a Module or a factory of one that maps images to
        features; or None to train the two heads on features.
    weights : str, Path or None, default=None
        None for random weights, "DEFAULT" for torchvision's or timm's own (fetched
        once), or the path of a local ``.safetensors`` or ``.pth`` file.
    image_size : int, default=224
        Height and width in pixels to which images are brought.
    beta : float, "balanced" or array-like of shape (2,), default=27.0
        Weight of a poor image in L_q (Eq. 3). "balanced" is n_good / n_poor of the
        fitted labels; two numbers weigh poor and good.
    lambd : float, default=0.1
        Weight of the centre loss in L_q.
    quality_loss_weight : float, default=1.0
        Weight of L_q beside L_dr; 1.0 is the paper's plain sum (Eq. 7).
    augment : "default", None or callable, default="default"
        Random changes of the training images: flips, rotation, mild scale, brightness
        and contrast by default; a callable maps one uint8 image (3, height, width).
    freeze : bool or int, default=False
        True trains the heads alone; a number freezes the backbone for so many epochs.
    amp : "auto" or bool, default="auto"
        bfloat16 arithmetic; "auto" uses it where the device has the instructions.
    checkpoint_dir : str, Path or None, default=None
        Folder for checkpoints. `fit` keeps one of its last whole epoch there, in a
        folder that is known by the parameters and the data, and goes on from it after
        it was killed. A fit that has ended before is not done again. See the user guide
        on checkpoints.
    device : str, default="auto"
        "auto" is CUDA where there is one, else the CPU.
    random_state : int, RandomState or None, default=None
        An int repeats a fit bit for bit on a CPU. torch's global generator is left as
        it was found.
    **kwargs : dict
        Everything else that the net and skorch's NeuralNet know:

        - ``max_epochs=10``, ``batch_size=32``, ``lr=0.01``;
        - ``lr_schedule="one_cycle"`` (or ``"constant"``);
        - ``optimizer=torch.optim.SGD``, with momentum 0.9 and weight decay 1e-4 where
          the optimiser takes them (``optimizer__momentum``, ...);
        - ``backbone_lr=None``, a learning rate of the backbone's own;
        - ``gradient_clip=None``, the largest norm of the gradient;
        - ``balance=None``: ``"grade"`` or ``"quality"`` draws rows with replacement so
          that the classes of this task come equally often;
        - ``train_split=None``, such as
          :class:`~sk_fiqdr.model_selection.PatientValidSplit`;
        - ``early_stopping=None``: the number of epochs without a lower loss on the
          held-out part after which the fit ends, and goes back to its best epoch,
          centres included (:class:`~sk_fiqdr.callbacks.EarlyStopping`);
        - ``on_error="raise"``: what an unreadable image does; ``"warn"`` and ``"skip"``
          go on without it, and `unreadable_` names it;
        - ``callbacks``, ``verbose=0``, ``iterator_train__num_workers``,
          ``module__dropout``, ``criterion__alpha``, ``compile`` and so on.

    Attributes
    ----------
    classes_ : ndarray of shape (5,)
        The grades, 0 to 4, whether or not all occur.
    quality_classes_ : ndarray of shape (2,)
        0 poor, 1 good.
    class_weights_ : Tensor of shape (2,)
        Weight of poor and of good images that `beta` stood for.
    n_features_in_ : int
        Number of features, with ``backbone=None``.
    module_, criterion_, optimizer_, history_ : object
        skorch's: the network, the criterion with its centres, the optimiser, and the
        losses of every epoch.
    input_ : dict
        What the images were like, with a backbone.
    unreadable_ : dict
        Path and reason of each image that could not be read last time.
    training_data_ : list of dict
        What `fit` and `partial_fit` saw: numbers of images, patients and labels, and a
        hash to know them again by.
    scores_ : dict of str to float
        Scores that the net was saved with, once it is loaded.

    Notes
    -----
    y has two integer columns, grade and quality; -1 marks a label that is not known.
    A row without any known label teaches nothing, and a row with one of them teaches
    that one.

    References
    ----------
    .. [1] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018.

    Examples
    --------
    >>> from sk_fiqdr import FIQDRClassifier
    >>> from sk_fiqdr.datasets import make_fundus
    >>> X, y = make_fundus(8, image_size=64, random_state=0, return_X_y=True)
    >>> net = FIQDRClassifier(image_size=64, max_epochs=1, random_state=0).fit(X, y)
    >>> net.predict(X).shape, net.predict_quality(X).shape
    ((8,), (8,))
    """

    def __init__(
        self,
        *,
        backbone="resnet18",
        weights=None,
        image_size=224,
        beta=27.0,
        lambd=0.1,
        quality_loss_weight=1.0,
        augment="default",
        freeze=False,
        amp="auto",
        checkpoint_dir=None,
        device="auto",
        random_state=None,
        **kwargs,
    ):
        kwargs.setdefault("criterion", WeightedCenterLoss)
        super().__init__(
            backbone=backbone,
            weights=weights,
            image_size=image_size,
            augment=augment,
            freeze=freeze,
            amp=amp,
            checkpoint_dir=checkpoint_dir,
            device=device,
            random_state=random_state,
            **kwargs,
        )
        self.beta = beta
        self.lambd = lambd
        self.quality_loss_weight = quality_loss_weight

    _task_columns = {"grade": GRADE, "quality": QUALITY}  # noqa: RUF012

    @property
    def classes_(self):
        """The grades, 0 to 4."""
        return np.arange(N_GRADES)

    @property
    def quality_classes_(self):
        """0 poor and 1 good."""
        return np.arange(2)

    @property
    def _task_classes(self):
        return {"grade": self.classes_, "quality": self.quality_classes_}

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.one_d_labels = False
        tags.target_tags.two_d_labels = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags

    def _module_sizes(self):
        return N_GRADES, 2

    def _encode_targets(self, y):
        y = _check_two_columns(y)
        self._fit_beta(y[:, QUALITY])
        return y

    def _loss(self, outputs, labels, sample_weight):
        grade_loss = masked_cross_entropy(
            outputs[GRADE],
            labels[:, GRADE],
            sample_weight=sample_weight,
            **self._reduction,
        )
        quality_loss = self._quality_loss(outputs, labels[:, QUALITY], sample_weight)
        return grade_loss + self.quality_loss_weight * quality_loss

    def predict_tasks(self, X):
        """Return the probabilities of both tasks, from one pass over X.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.

        Returns
        -------
        grade_proba : ndarray of shape (n, 5)
            Probability of each grade.
        quality_proba : ndarray of shape (n, 2)
            Probability of poor and of good.
        """
        return tuple(self._probabilities(X, GRADE, QUALITY))

    def predict_proba(self, X):
        """Return the probability of each grade.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.

        Returns
        -------
        proba : ndarray of shape (n, 5)
            Rows add up to 1; nan where an image could not be read.
        """
        return self._probabilities(X, GRADE)[0]

    def predict_quality_proba(self, X):
        """Return the probability of poor and of good quality.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.

        Returns
        -------
        proba : ndarray of shape (n, 2)
            Rows add up to 1; nan where an image could not be read.
        """
        return self._probabilities(X, QUALITY)[0]

    def predict(self, X):
        """Return the most probable grade.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.

        Returns
        -------
        grade : ndarray of shape (n,)
            0 to 4; -1 where an image could not be read.
        """
        return most_probable(self.predict_proba(X), self.classes_)

    def predict_quality(self, X):
        """Return the more probable quality.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.

        Returns
        -------
        quality : ndarray of shape (n,)
            0 poor, 1 good; -1 where an image could not be read.
        """
        return most_probable(self.predict_quality_proba(X), self.quality_classes_)

    def score(self, X, y):
        """Return the quadratic weighted kappa of the grades.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.
        y : array-like of shape (n, 2)
            Grade and quality; rows of unknown grade are skipped.

        Returns
        -------
        kappa : float
            At most 1; 0 is chance. Images that could not be read do not count.

        Raises
        ------
        PatientLeakageError
            If X holds an eye whose fellow eye was trained on.
        """
        self.check_patients(X)
        grade = _check_two_columns(y)[:, GRADE]
        answer = self.predict(X)
        read = answer != UNKNOWN
        return quadratic_weighted_kappa(grade[read], answer[read])


def _check_two_columns(y):
    """Return y as contiguous int64 (n, 2), or say what is wrong with it."""
    y = np.asarray(y)
    if y.ndim != 2 or y.shape[1] != 2:
        raise ValueError(
            "y must have shape (n_samples, 2) with columns (grade, quality), got shape "
            f"{y.shape!r}. Use np.column_stack([grade, quality]); mark a missing label "
            "with -1."
        )
    if y.dtype == object:  # a DataFrame of mixed integer types
        try:
            y = y.astype(np.float64)
        except (TypeError, ValueError) as error:
            strange = next(it for it in y.ravel() if not isinstance(it, Number))
            raise ValueError(
                f"y must hold integers, got {strange!r}. Grades are 0 to 4, quality is "
                "0 poor or 1 good; mark unknown labels with -1: "
                "frame.fillna(-1).astype(int)."
            ) from error
        y = y.astype(np.int64) if (y == np.round(y)).all() else y
    if y.dtype.kind == "f" and np.isnan(y).any():
        row = int(np.flatnonzero(np.isnan(y).any(axis=1))[0])
        raise ValueError(
            f"y holds NaN, first in row {row}. Mark unknown labels with -1: "
            "frame.fillna(-1).astype(int)."
        )
    if y.dtype.kind not in "iu":
        raise ValueError(
            f"y must hold integers, got {y.dtype}. Grades are 0 to 4, quality is 0 "
            "poor or 1 good, -1 is unknown; cast with y.astype(int)."
        )
    for column, name, largest in ((0, "grade", N_GRADES - 1), (1, "quality", 1)):
        bad = np.flatnonzero((y[:, column] < -1) | (y[:, column] > largest))
        if len(bad):
            raise ValueError(
                f"Row {bad[0]} of y has {name} {int(y[bad[0], column])!r}, expected 0 "
                f"to {largest}, or -1 for unknown ({len(bad)} such rows)."
            )
    return np.ascontiguousarray(y, dtype=np.int64)
