"""Compare graders or quality classifiers on the same patients."""

from itertools import combinations

import numpy as np
import pandas as pd

from ..utils._labels import N_GRADES, UNKNOWN, check_integers, check_truth
from ._bootstrap import check_bootstrap, check_groups, draw_patients, interval
from ._quality import quality_measures
from ._reports import _grading_measures
from ._scorers import COMPARED_QUALITY_SCORES, GRADING_SCORES, _unwrap, decide_tasks

DIFFERENCE = ["difference", "difference_lower", "difference_upper"]
N_GRADING_CELLS = 3 * N_GRADES**2  # quality poor, good or unknown


def compare(
    predictions,
    y_true,
    *,
    X=None,
    groups=None,
    baseline=None,
    pairs=False,
    n_bootstraps=1000,
    confidence_level=0.95,
    random_state=0,
):
    """Compare models on the same patients: measures and differences, with intervals.

    Two models often fail on the same photographs, so their difference varies less than
    the score of either. Two intervals that overlap therefore say little; what counts is
    the interval of the difference, over the same draws of patients.

    Parameters
    ----------
    predictions : dict of str to array-like or estimator
        For each model its grades (n,), or grades and qualities (n, 2), where a column
        of -1 throughout says that the model does not do this task; or the model
        itself, fitted, which then predicts on `X`.
    y_true : array-like of shape (n_samples, 2)
        True grade and quality, -1 where unknown; a row counts where its label is known.
    X : array-like, default=None
        Paths, images or features, for what is an estimator in `predictions`.
    groups : array-like of shape (n_samples,), default=None
        Patient of each row: patients are drawn, not images, as two eyes of a patient
        are not two observations. None draws rows.
    baseline : str, default=None
        Model that the others are compared with; the first by default.
    pairs : bool, default=False
        Compare each model with each other instead.
    n_bootstraps : int, default=1000
        Number of draws.
    confidence_level : float, default=0.95
        Level of the intervals.
    random_state : int, RandomState or None, default=0
        Makes the draws repeat.

    Returns
    -------
    comparison : DataFrame
        A row for each measure (kappa, kappa_good, kappa_poor, mean_acc, specificity,
        sensitivity; those of a task that no model does are left out) and model, with
        columns value, lower, upper, and difference, difference_lower and
        difference_upper, of model minus baseline. With ``pairs=True`` a row for each
        measure, model and baseline, with columns difference, lower and upper. What is
        undefined is nan, such as a kappa on poor images where there are none, or an
        interval without two patients to draw from.

    Raises
    ------
    ValueError
        If labels, groups or the arguments of the bootstrap are not as described, or
        a model has no prediction (-1) in a row with a known label: models are compared
        on the same images only.
    TypeError
        If `predictions` is not a dict, or holds an estimator and there is no `X`.
    PatientLeakageError
        If an estimator sees that it was trained on a patient's other image.

    See Also
    --------
    grading_report, quality_report : One model alone.

    Notes
    -----
    Intervals are percentiles over draws of as many patients as there are, with
    replacement; draws in which a measure is undefined are left out of its interval.
    None is corrected for the number of models.

    Examples
    --------
    >>> import numpy as np
    >>> from sk_fiqdr.metrics import compare
    >>> rng = np.random.default_rng(0)
    >>> patient = np.arange(400) // 2
    >>> grade, quality = rng.integers(0, 5, 200)[patient], rng.integers(0, 2, 400)
    >>> guesses = {
    ...     "single-task": np.where(rng.random(400) < 0.6, grade, 0),
    ...     "multi-task": np.where(rng.random(400) < 0.8, grade, 0),
    ... }
    >>> y = np.column_stack([grade, quality])
    >>> comparison = compare(guesses, y, groups=patient)
    >>> comparison.loc["kappa", ["value", "difference", "difference_lower"]].round(2)
                 value  difference  difference_lower
    model
    single-task    0.5         0.0              0.00
    multi-task     0.7         0.2              0.11
    """
    check_bootstrap("compare", n_bootstraps, confidence_level)
    grade, quality = check_truth(y_true)
    predicted = _check_predictions(predictions, X, grade, quality)
    names = list(predicted)
    if baseline is not None and baseline not in predicted:
        raise ValueError(f"baseline must be one of {names!r}, got {baseline!r}.")
    if pairs and len(names) == 1:
        raise ValueError(f"pairs=True needs two models, got {names[0]!r} alone.")
    known = (grade != UNKNOWN) | (quality != UNKNOWN)
    groups = check_groups(groups, known)
    counts = _count(grade[known], quality[known], groups, predicted, known)
    values = _measures(counts.sum(axis=0), predicted)
    draws = _measures(draw_patients(counts, n_bootstraps, random_state), predicted)
    if pairs:
        against = [(j, i) for i, j in combinations(range(len(names)), 2)]
    else:
        first = 0 if baseline is None else names.index(baseline)
        against = [(i, first) for i in range(len(names))]
    rows = {}
    for measure, value in values.items():
        draw = draws[measure]
        for i, j in against:
            rows[measure, names[i], names[j]] = (
                value[i],
                *interval(draw[:, i], confidence_level),
                value[i] - value[j],
                *interval(draw[:, i] - draw[:, j], confidence_level),
            )
    index = pd.MultiIndex.from_tuples(rows, names=["measure", "model", "baseline"])
    frame = pd.DataFrame(
        list(rows.values()), index, ["value", "lower", "upper", *DIFFERENCE]
    )
    if pairs:
        return frame[DIFFERENCE].set_axis(["difference", "lower", "upper"], axis=1)
    return frame.droplevel("baseline")


def _check_predictions(predictions, X, grade, quality):
    """Return grades and qualities by model, None for a task that it does not do."""
    if not isinstance(predictions, dict):
        raise TypeError(
            "predictions must be a dict that maps the name of each model to its "
            "predictions, or to the fitted model, got "
            f"{type(predictions).__name__}."
        )
    if not predictions:
        raise ValueError("predictions is empty, expected at least one model.")
    predicted = {}
    for name, model in predictions.items():
        classes = model
        if hasattr(model, "predict"):
            if X is None:
                raise TypeError(
                    f"predictions[{name!r}] is an estimator: pass X=... as well, or "
                    "pass its predictions."
                )
            classes = _predict(name, model, X)
        classes = np.asarray(classes)
        if classes.shape not in (grade.shape, (len(grade), 2)):
            raise ValueError(
                f"predictions[{name!r}] must be grades of shape ({len(grade)},), or "
                f"grades and qualities of shape ({len(grade)}, 2), for the rows of "
                f"y_true, got shape {classes.shape!r}."
            )
        columns = classes.T if classes.ndim == 2 else [classes]
        tasks = [("grade", N_GRADES, grade), ("quality", 2, quality)]
        predicted[name] = [
            _check_task(f"{task} in predictions[{name!r}]", column, n_classes, truth)
            for (task, n_classes, truth), column in zip(tasks, columns, strict=False)
        ] + [None] * (2 - len(columns))
    return predicted


def _check_task(name, classes, n_classes, truth):
    classes = check_integers(name, classes, n_classes)
    if (classes == UNKNOWN).all():
        return None
    missing = np.flatnonzero((classes == UNKNOWN) & (truth != UNKNOWN))
    if len(missing):
        raise ValueError(
            f"{name} is -1 (no prediction) in {len(missing)} rows whose truth is "
            f"known, the first of them row {missing[0]}. Models are compared on the "
            "same images: drop these rows from y_true and from all predictions, and "
            "report their number."
        )
    return classes


def _predict(name, estimator, X):
    estimator, X = _unwrap(estimator, X)
    if hasattr(estimator, "predict_tasks"):
        return np.column_stack(decide_tasks(estimator, *estimator.predict_tasks(X)))
    classes = np.asarray(estimator.predict(X))
    tasks = [task.name for task in getattr(estimator, "_tasks", ())]
    if not tasks and set(getattr(estimator, "classes_", ())) <= {0, 1}:
        raise ValueError(
            f"predictions[{name!r}] has the classes 0 and 1 only, which may be grades "
            "or qualities. Pass its predictions: grades as they are, qualities as "
            "np.column_stack([np.full(len(quality), -1), quality])."
        )
    if "quality" in tasks:
        return np.column_stack([np.full(len(classes), UNKNOWN), classes])
    return classes


def _count(grade, quality, groups, predicted, known):
    """Count both tasks' confusions: (patients, models, 3 * 5 * 5 + 2 * 2)."""
    patients, patient = np.unique(groups, return_inverse=True)
    n_cells = N_GRADING_CELLS + 4
    counts = np.zeros((len(patients), len(predicted), n_cells))
    for model, (grades, qualities) in enumerate(predicted.values()):
        if grades is not None:
            rows = np.flatnonzero(grade != UNKNOWN)
            cell = (quality[rows] % 3 * N_GRADES + grade[rows]) * N_GRADES
            cell += grades[known][rows]
            np.add.at(counts, (patient[rows], model, cell), 1)
        if qualities is not None:
            rows = np.flatnonzero(quality != UNKNOWN)
            cell = N_GRADING_CELLS + 2 * quality[rows] + qualities[known][rows]
            np.add.at(counts, (patient[rows], model, cell), 1)
    return counts


def _measures(counts, predicted):
    """Take the measures of counts (..., models, cells): each (..., models)."""
    grading, quality = np.split(counts, [N_GRADING_CELLS], axis=-1)
    shape = counts.shape[:-1]
    grading = _grading_measures(grading.reshape(*shape, 3, N_GRADES, N_GRADES))
    quality = quality_measures(quality.reshape(*shape, 2, 2))
    measures = {}
    if any(grades is not None for grades, _ in predicted.values()):
        measures |= {name: grading[name] for name in GRADING_SCORES}
    if any(qualities is not None for _, qualities in predicted.values()):
        measures |= {name: quality[name] for name in COMPARED_QUALITY_SCORES}
    return measures
