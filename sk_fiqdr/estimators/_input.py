"""What goes into a net: X, y, weights and patients, checked and remembered."""

import os
import warnings

import numpy as np
import torch
from sklearn.utils.validation import check_array, validate_data

from ..model_selection._fitted_images import FittedImages
from ..utils._check_images import PATHS, check_images
from ..utils._images import read_image
from ._training._dataset import FEATURES, FundusDataset
from ._training._training_data import summarize


class CheckedInput(FittedImages):
    """The part of a net that looks at its data before anything is computed.

    It relies on the net's parameters `backbone`, `image_size` and `on_error`, and on
    `_encode_targets` of the estimators.
    """

    def _check_X(self, X, *, reset):
        """Return X as an ndarray and what it holds; `reset` keeps that for predict."""
        if self.backbone is None:
            if isinstance(X, str | bytes | os.PathLike) or getattr(X, "ndim", 2) == 4:
                raise ValueError(
                    "backbone=None takes features of shape (n_samples, n_features), "
                    "got images. Name a backbone, such as 'resnet18', to train on them."
                )
            X = validate_data(
                self,
                X,
                dtype=np.float32,
                order="C",
                ensure_all_finite="allow-nan",
                reset=reset,
            )
            self._check_nan(X)
            return X, FEATURES
        X, kind = check_images(X)
        if kind == PATHS:
            missing = [path for path in X if not os.path.exists(path)]
            if missing and self.on_error == "raise":
                raise FileNotFoundError(
                    f"{len(missing)} of {len(X)} image files do not exist, the first "
                    f"{str(missing[0])!r}. Paths are taken relative to {os.getcwd()!r}."
                )
        if reset:
            self._remember_input(X, kind)
        else:
            self._compare_with_fit(X, kind)
        return X, kind

    def _check_nan(self, X):
        """Allow no nan but in rows that hold nothing else, of unreadable images."""
        nan = np.isnan(X)
        holed = nan.any(axis=1)
        if self.on_error != "raise":
            holed &= ~nan.all(axis=1)
        if holed.any():
            raise ValueError(
                f"Input X contains NaN in {int(holed.sum())} of {len(X)} rows, the "
                f"first of them row {int(holed.argmax())}. Rows of nothing but nan, as "
                "DeepFeatures makes of unreadable images, count nowhere with "
                "on_error='warn' or 'skip'; mend or drop any other."
            )

    def get_dataset(self, X, y=None):
        """Return the dataset of X."""
        if isinstance(X, torch.utils.data.Dataset):
            return X
        X, kind = self._check_X(X, reset=False)
        return self._make_dataset(X, y, kind)

    def _make_dataset(self, X, y, kind, **kwargs):
        unread = np.isnan(X[:, 0]) if kind == FEATURES else None
        if unread is not None and unread.any():
            X = np.where(unread[:, None], np.float32(0), X)
        dataset = FundusDataset(
            X,
            y,
            kind=kind,
            image_size=int(self.image_size),
            on_error=self.on_error,
            **kwargs,
        )
        if unread is not None and unread.any():
            dataset.unreadable = torch.from_numpy(unread)
        return dataset

    def _make_training_set(self, X, y, sample_weight, groups, *, reset):
        """Check everything that `fit` was given and remember what it says."""
        self._check_parameters()
        X, kind = self._check_X(X, reset=reset)
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                "the target y is None."
            )
        if not hasattr(y, "__len__"):
            y = np.asarray(y)
        if len(y) != len(X):
            raise ValueError(
                f"X and y have inconsistent numbers of samples: {len(X)} rows of X and "
                f"{len(y)} of y."
            )
        y = self._encode_targets(y)
        if kind == FEATURES and np.isnan(X[:, 0]).any():
            y = y.copy()
            y[np.isnan(X[:, 0])] = -1  # of images that could not be read
        if not (y >= 0).any():
            raise ValueError(
                "y knows no label at all (every value is -1): there is nothing to "
                "learn from."
            )
        for task in self._tasks:
            if not (task.labels(y) >= 0).any():
                warnings.warn(
                    f"Every {task.name} in y is -1, unknown: nothing is learned of it, "
                    f"and predictions of {task.name} will mean nothing.",
                    UserWarning,
                    stacklevel=4,
                )
        if sample_weight is not None:
            sample_weight = check_array(
                sample_weight, ensure_2d=False, dtype=np.float32, input_name="weights"
            )
            if sample_weight.shape != (len(X),) or (sample_weight < 0).any():
                raise ValueError(
                    f"sample_weight must hold {len(X)} numbers of at least 0, got "
                    f"shape {sample_weight.shape!r} and minimum {sample_weight.min()}."
                )
            if not sample_weight.any():
                raise ValueError(
                    "Every sample_weight is zero: there is nothing to learn from."
                )
        if groups is not None:
            groups = np.asarray(groups)
            if groups.shape != (len(X),):
                raise ValueError(
                    f"groups must name the patient of each of the {len(X)} rows, got "
                    f"shape {groups.shape!r}."
                )
        names, patients = self._remember_patients(X, kind, reset=reset)
        if groups is not None:
            patients = groups
        self._remember_training(X, kind, y, patients, names, reset=reset)
        return self._make_dataset(
            X, y, kind, sample_weight=sample_weight, groups=groups
        )

    def _remember_training(self, X, kind, y, patients, names, *, reset):
        summary = summarize(X, kind, y, self._tasks, patients, names)
        before = [] if reset else getattr(self, "training_data_", [])
        if summary not in before:
            self.training_data_ = [*before, summary]
        # Scores that came with the net were another's, before this training.
        vars(self).pop("scores_", None)

    def _report_unreadable(self, dataset):
        """Name what could not be read: files with their reasons, rows of features."""
        flags = getattr(dataset, "unreadable", None)
        if flags is None or not flags.any():
            self.unreadable_ = {}
            return
        rows = np.flatnonzero(flags.numpy()).tolist()
        if dataset.kind == FEATURES:
            self.unreadable_ = {row: f"Row {row} of X is all nan." for row in rows}
        else:
            self.unreadable_ = {}
            for path in dataset.X[rows]:
                try:
                    read_image(path, self.image_size)
                except OSError as error:
                    self.unreadable_[str(path)] = str(error)
        first = next(iter(self.unreadable_.values()), "")
        if self.on_error == "warn":
            warnings.warn(
                f"{len(rows)} of {len(dataset)} images could not be read and "
                f"count nowhere; `unreadable_` names them. The first: {first}",
                UserWarning,
                stacklevel=4,
            )
