"""The three estimators: grade and quality together, and each of them alone."""

from numbers import Number

import numpy as np
import torch
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from ..losses import (
    MaskedCrossEntropy,
    WeightedCenterLoss,
    class_weights,
    masked_cross_entropy,
)
from ..metrics import quadratic_weighted_kappa
from ._net import DEEP, GRADE, QUALITY, FundusNet

N_GRADES = 5
UNKNOWN = -1


class _CentredQuality:
    """The quality loss of Eq. 6 inside a net: beta over the fitted labels, centres."""

    def _fit_beta(self, quality):
        """Turn `beta` into one weight per class, "balanced" over all of `quality`."""
        self.class_weights_ = class_weights(self.beta, 2, torch.from_numpy(quality))

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
        self.criterion_ = self.criterion(
            **{**kwargs, **self.get_params_for("criterion")}
        )
        return self

    def _quality_loss(self, outputs, labels, sample_weight):
        return self.criterion_(
            outputs[QUALITY],
            outputs[DEEP],
            labels,
            sample_weight=sample_weight,
            **self._reduction,
        )


class FIQDRClassifier(_CentredQuality, ClassifierMixin, FundusNet):
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
        return _most_probable(self.predict_proba(X), self.classes_)

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
        return _most_probable(self.predict_quality_proba(X), self.quality_classes_)

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


class _SingleTask(ClassifierMixin, FundusNet):
    """A plain scikit-learn classifier of one column; -1 marks unknown labels."""

    _output = None

    def _encode_targets(self, y):
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        known = y != UNKNOWN if np.issubdtype(y.dtype, np.number) else y == y
        self.classes_ = np.unique(y[known])
        self._check_classes(y)
        codes = np.searchsorted(self.classes_, np.where(known, y, y[known][0]))
        return np.where(known, codes, UNKNOWN).astype(np.int64)

    @property
    def _task_classes(self):
        return dict.fromkeys(self._task_columns, self.classes_)

    def _check_classes(self, y):
        if len(self.classes_) < 2:
            raise ValueError(
                f"This {type(self).__name__} needs at least two classes in y, got one "
                f"class: {self.classes_.tolist()!r}. -1 marks unknown labels and is no "
                "class; grow the training set until every class is in it."
            )

    def predict_proba(self, X):
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.

        Returns
        -------
        proba : ndarray of shape (n, n_classes)
            In the order of `classes_`; nan where an image could not be read.
        """
        return self._probabilities(X, self._output)[0]

    def predict(self, X):
        """Return the most probable class.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.

        Returns
        -------
        y : ndarray of shape (n,)
            The classes; -1 where an image could not be read.
        """
        return _most_probable(self.predict_proba(X), self.classes_)

    def score(self, X, y, sample_weight=None):
        """Return the accuracy over rows of known label.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.
        y : array-like of shape (n,)
            True classes, -1 where unknown.
        sample_weight : array-like of shape (n,), default=None
            Weight of each row.

        Returns
        -------
        accuracy : float
            Share of right answers.

        Raises
        ------
        PatientLeakageError
            If X holds an eye whose fellow eye was trained on.
        """
        self.check_patients(X)
        y, answer = column_or_1d(y), self.predict(X)
        known = (y != UNKNOWN) & (answer != UNKNOWN)
        weight = None if sample_weight is None else np.asarray(sample_weight)[known]
        return accuracy_score(y[known], answer[known], sample_weight=weight)


class QualityClassifier(_CentredQuality, _SingleTask):
    """Judge image quality alone: Tables 2 and 3 of the paper.

    A plain scikit-learn binary classifier with the loss L_q of Eq. 6: L_q0 is
    ``beta=1, lambd=0``, L_q1 ``lambd=0``, L_q2 ``beta=1``, and L_q3 both [1]_.

    Parameters
    ----------
    backbone, weights, image_size, augment, freeze, amp : object
        As in :class:`FIQDRClassifier`.
    checkpoint_dir, device, random_state : object
        As in :class:`FIQDRClassifier`.
    beta : float, "balanced" or array-like of shape (2,), default=27.0
        Weight of the first class (poor).
    lambd : float, default=0.1
        Weight of the centre loss.
    **kwargs : dict
        As in :class:`FIQDRClassifier`.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels found in y, sorted; 0 poor and 1 good. -1 is no class: it marks an
        unknown label.
    class_weights_ : Tensor of shape (2,)
        Weights that `beta` stood for.

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

    _output = QUALITY
    _task_columns = {"quality": None}  # noqa: RUF012

    def __init__(
        self,
        *,
        backbone="resnet18",
        weights=None,
        image_size=224,
        beta=27.0,
        lambd=0.1,
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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _module_sizes(self):
        return 1, 2

    def _check_classes(self, y):
        super()._check_classes(y)
        if len(self.classes_) > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is "
                f"{type_of_target(y)}: {self.classes_.tolist()!r}. Use 0 poor, 1 good "
                "and -1 unknown."
            )

    def _encode_targets(self, y):
        y = super()._encode_targets(y)
        self._fit_beta(y)
        return y

    def _loss(self, outputs, labels, sample_weight):
        return self._quality_loss(outputs, labels, sample_weight)


class DRGrader(_SingleTask):
    """Grade diabetic retinopathy alone: the "single-task" rows of Table 4.

    A plain scikit-learn classifier with the mean cross-entropy L_dr [1]_.

    Parameters
    ----------
    backbone, weights, image_size, augment, freeze, amp : object
        As in :class:`FIQDRClassifier`.
    checkpoint_dir, device, random_state : object
        As in :class:`FIQDRClassifier`.
    **kwargs : dict
        As in :class:`FIQDRClassifier`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The grades found in y, sorted. -1 is no class: it marks an unknown label.

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

    _output = GRADE
    _task_columns = {"grade": None}  # noqa: RUF012

    def __init__(
        self,
        *,
        backbone="resnet18",
        weights=None,
        image_size=224,
        augment="default",
        freeze=False,
        amp="auto",
        checkpoint_dir=None,
        device="auto",
        random_state=None,
        **kwargs,
    ):
        kwargs.setdefault("criterion", MaskedCrossEntropy)
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

    def _module_sizes(self):
        return len(getattr(self, "classes_", range(N_GRADES))), 1

    def _loss(self, outputs, labels, sample_weight):
        return self.criterion_(
            outputs[GRADE], labels, sample_weight=sample_weight, **self._reduction
        )


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


def _most_probable(proba, classes):
    """Return the class of the largest probability, -1 where there is none (nan)."""
    unread = np.isnan(proba[:, 0])
    best = classes[np.argmax(proba, axis=1)]
    if unread.any():
        best = np.where(unread, UNKNOWN, best)
    return best
