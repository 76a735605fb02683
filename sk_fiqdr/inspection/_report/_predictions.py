"""What a report is made from: labels, patients and predictions."""

from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ...model_selection import patient_ids
from ...model_selection._patient_ids import holds_paths
from ...utils._check_images import check_images
from ...utils._constraints import check_parameters, whole
from ...utils._labels import UNKNOWN, check_integers, check_truth
from ...utils._patient_keys import patient_array
from .._predictions import N_CLASSES, Predictions, predict_once


class ReportData(NamedTuple):
    """The data of all sections of a report."""

    estimator: object
    X: np.ndarray
    images: bool  # whether X holds photographs, as files or as pixels
    y: np.ndarray  # (n, 2), -1 where unknown
    groups: np.ndarray  # (n,)
    patients_known: bool
    predictions: Predictions
    n_images: int
    bootstrap: dict  # n_bootstraps and random_state

    def done(self, task):
        """Return which rows have a label and a prediction of a task."""
        predicted = getattr(self.predictions, task)
        if predicted is None:
            return np.zeros(len(self.y), dtype=bool)
        column = ("grade", "quality").index(task)
        return (self.y[:, column] != UNKNOWN) & (predicted != UNKNOWN)


def collect(estimator, X, y, *, groups, n_images, n_bootstraps, random_state):
    """Check the arguments of a report, and predict.

    Parameters
    ----------
    estimator, X, y, groups, n_images, n_bootstraps, random_state : object
        As for `estimator_report`.

    Returns
    -------
    report_data : ReportData
        For the sections.
    """
    check_is_fitted(estimator)
    constraints = dict.fromkeys(("n_images", "n_bootstraps"), (whole(0),))
    check_parameters(
        "estimator_report", constraints, n_images=n_images, n_bootstraps=n_bootstraps
    )
    images = True
    try:
        X, _ = check_images(X)
    except (TypeError, ValueError):
        images = False  # features, or what the estimator explains better
    predictions = predict_once(estimator, X)
    n_rows = len(X)
    y = _two_columns(y, predictions, n_rows)
    patients_known = groups is not None or holds_paths(X)
    if groups is not None:
        groups = patient_array(groups)
        if groups.shape != (n_rows,):
            raise ValueError(
                f"groups must name the patient of each of the {n_rows} rows, got shape "
                f"{groups.shape!r}."
            )
    else:
        groups = patient_ids(X) if patients_known else np.arange(n_rows)
    return ReportData(
        estimator=estimator,
        X=X,
        images=images,
        y=y,
        groups=groups,
        patients_known=patients_known,
        predictions=predictions,
        n_images=int(n_images),
        bootstrap={"n_bootstraps": n_bootstraps, "random_state": random_state},
    )


def _two_columns(y, predictions, n_rows):
    """Return grade and quality, whichever of them were given."""
    if np.ndim(y) == 1:
        tasks = [task for task in N_CLASSES if getattr(predictions, task) is not None]
        if len(tasks) == 2:
            raise ValueError(
                "y must have two columns, grade and quality (-1 where unknown), for an "
                f"estimator of both tasks, got shape {np.shape(y)!r}."
            )
        labels = check_integers("y", y, N_CLASSES[tasks[0]])
        two = np.full((len(labels), 2), UNKNOWN)
        two[:, ("grade", "quality").index(tasks[0])] = labels
        y = two
    y = np.column_stack(check_truth(y))
    if len(y) != n_rows:
        raise ValueError(
            f"X and y have inconsistent numbers of samples: {n_rows} rows of X and "
            f"{len(y)} of y."
        )
    return y
