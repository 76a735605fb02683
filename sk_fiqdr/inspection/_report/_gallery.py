"""Sections of a report that show photographs: examples and mistakes."""

import numpy as np

from .._activation import ActivationMapDisplay
from .._mistakes import MistakesDisplay
from .._photographs import names_of
from ._section import Section

N_MAPS = 5


def examples(it):
    """Show one image of each grade with the reasons for its grade."""
    if not it.images or it.answers.grade is None or not it.n_images:
        return None
    section = Section(
        "examples",
        "Examples",
        "An image of each true grade that was graded rightly, the surest if there are "
        "several, and where the reasons for its grade lie. A map that looks right "
        "proves nothing; one at the border or the camera's notch is worth a day.",
    )
    right = it.done("grade") & (it.answers.grade == it.y[:, 0])
    sure = np.zeros(len(right))
    if it.answers.grade_proba is not None:
        sure = np.nan_to_num(it.answers.grade_proba.max(axis=1))
    chosen = [
        rows[sure[rows].argmax()]
        for grade in range(5)
        if len(rows := np.flatnonzero(right & (it.y[:, 0] == grade)))
    ]
    if not chosen:
        section.notes.append("Not one image was graded rightly.")
        return section
    _show_maps(section, it, np.array(chosen), "grade", "Rightly graded images")
    return section


def mistakes(it):
    """Show the most confident mistakes of both tasks."""
    if not it.images or not it.n_images:
        return None
    section = Section(
        "mistakes",
        "Most confident mistakes",
        "Where the model was surest and wrong: often a wrong label, a rare disease or "
        "a poor photograph. Below, where the reasons for the wrong answer lie.",
    )
    for task in ("grade", "quality"):
        proba = getattr(it.answers, f"{task}_proba")
        rows = np.flatnonzero(it.done(task))
        if proba is None or not len(rows):
            continue
        truth = it.y[:, ("grade", "quality").index(task)]
        answer = getattr(it.answers, task)
        wrong = rows[answer[rows] != truth[rows]]
        if not len(wrong):
            section.notes.append(f"No {task} is wrong.")
            continue
        sure = np.take_along_axis(proba[wrong], answer[wrong, None], axis=1)[:, 0]
        chosen = wrong[np.argsort(-sure, kind="stable")[: it.n_images]]
        n_columns = min(len(chosen), 4)
        section.show(
            f"Mistakes of the {task}",
            (2.7 * n_columns, 3 * -(-len(chosen) // n_columns) + 0.3),
            lambda ax, task=task, proba=proba, answer=answer: (
                MistakesDisplay.from_predictions(
                    it.X,
                    it.y,
                    proba,
                    y_pred=answer,
                    task=task,
                    n_images=it.n_images,
                    ax=ax,
                )
            ),
            caption=f"{len(wrong)} of {len(rows)} answers are wrong.",
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
