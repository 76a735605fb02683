"""Sections of a report that show photographs: examples and mistakes."""

import numpy as np

from .._activation import ActivationMapDisplay
from .._mistakes import MistakesDisplay
from .._photographs import names_of
from ._section import Section

N_MAPS = 5


def examples(it):
    """Show one image of each grade with the reasons for its grade."""
    if not it.images or it.predictions.grade is None or not it.n_images:
        return None
    section = Section(
        "examples",
        "Examples",
        "For each grade the correctly graded image of highest confidence, and the "
        "regions that support its grade. A map that looks right proves nothing; one at "
        "the border or the camera's notch deserves a closer look.",
    )
    right = it.done("grade") & (it.predictions.grade == it.y[:, 0])
    sure = np.zeros(len(right))
    if it.predictions.grade_proba is not None:
        sure = np.nan_to_num(it.predictions.grade_proba.max(axis=1))
    chosen = [
        rows[sure[rows].argmax()]
        for grade in range(5)
        if len(rows := np.flatnonzero(right & (it.y[:, 0] == grade)))
    ]
    if not chosen:
        section.notes.append("No image was graded correctly.")
        return section
    _show_maps(section, it, np.array(chosen), "grade", "Correctly graded images")
    return section


def mistakes(it):
    """Show the most confident mistakes of both tasks."""
    if not it.images or not it.n_images:
        return None
    section = Section(
        "mistakes",
        "Most confident mistakes",
        "Where the model was wrong with the highest confidence: often a wrong label, a "
        "rare disease or a poor photograph. Below, the regions that support the wrong "
        "prediction.",
    )
    for task in ("grade", "quality"):
        proba = getattr(it.predictions, f"{task}_proba")
        rows = np.flatnonzero(it.done(task))
        if proba is None or not len(rows):
            continue
        truth = it.y[:, ("grade", "quality").index(task)]
        predicted = getattr(it.predictions, task)
        wrong = rows[predicted[rows] != truth[rows]]
        if not len(wrong):
            section.notes.append(f"No {task} is wrong.")
            continue
        sure = np.take_along_axis(proba[wrong], predicted[wrong, None], axis=1)[:, 0]
        chosen = wrong[np.argsort(-sure, kind="stable")[: it.n_images]]
        n_columns = min(len(chosen), 4)
        section.show(
            f"Mistakes of the {task}",
            (2.7 * n_columns, 3 * -(-len(chosen) // n_columns) + 0.3),
            lambda ax, task=task, proba=proba, predicted=predicted: (
                MistakesDisplay.from_predictions(
                    it.X,
                    it.y,
                    proba,
                    y_pred=predicted,
                    task=task,
                    n_images=it.n_images,
                    ax=ax,
                )
            ),
            caption=f"{len(wrong)} of {len(rows)} predictions are wrong.",
            photographs=True,
        )
        _show_maps(section, it, chosen[:N_MAPS], task, f"Reasons for a wrong {task}")
    return section


def _show_maps(section, it, rows, task, alt):
    names = names_of(it.X)
    names = [names[row] for row in rows]
    section.show(
        alt,
        (2.3 * len(rows) + 0.8, 5),
        lambda ax: ActivationMapDisplay.from_estimator(
            it.estimator, it.X[rows], it.y[rows], task=task, names=names, ax=ax
        ),
        photographs=True,
    )
