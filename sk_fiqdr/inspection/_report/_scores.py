"""Sections of a report on scores: what they are, and pictures of them."""

import numpy as np

from ...metrics import grading_report, quality_report, refusal_report
from ...metrics._scorers import decide_tasks
from ...preprocessing import measure_quality
from ...utils._labels import UNKNOWN
from ...utils._unwrap import last_step
from .._confusion import ConfusionByQualityDisplay
from .._coverage import CoverageDisplay
from .._feature_space import FeatureSpaceDisplay
from .._poor_precision_recall import PoorPrecisionRecallDisplay
from .._poor_roc import PoorRocDisplay
from .._reliability import ReliabilityDisplay
from ._section import Section

MOST_POINTS = 2000  # in the picture of the features


def grading(it):
    """Show how good the grades are."""
    rows = it.done("grade")
    if it.predictions.grade is None:
        return None
    section = Section(
        "grading",
        "Grading",
        "Kappa is 1 for perfect agreement and 0 for chance; a grade that is off by two "
        "costs four times one that is off by one. Intervals hold 95 % of draws of "
        "patients. A kappa of all images may hide that poor ones are graded by chance. "
        "The row true counts the correct grades, and poor_n those of poor images among "
        "them; ratio is their share in per cent.",
    )
    silent = int(((it.y[:, 0] != UNKNOWN) & (it.predictions.grade == UNKNOWN)).sum())
    if silent:
        section.notes.append(
            f"{silent:,} images of known grade were not graded, refused or unreadable, "
            "and are ignored here."
        )
    if not rows.any():
        section.notes.append("No row has both a grade and a prediction.")
        return section
    y, grade = it.y[rows], it.predictions.grade[rows]
    section.tables["grading"] = grading_report(
        y, grade, groups=it.groups[rows], **it.bootstrap
    )
    section.show(
        "True against predicted grade: all, good and poor images",
        (11, 4.3),
        lambda ax: ConfusionByQualityDisplay.from_predictions(y, grade, ax=ax),
    )
    return section


def quality(it):
    """Show how well poor images are found."""
    rows = it.done("quality")
    if it.predictions.quality is None:
        return None
    section = Section(
        "quality",
        "Image quality",
        "Specificity is the share of poor images that are found, sensitivity that of "
        "good ones; mean_acc is their mean, and 0.5 is chance. Poor is the positive "
        "class of both curves; the dot is where poor is the more probable.",
        in_rows=True,
    )
    if not rows.any():
        section.notes.append("No row has both a quality label and a prediction.")
        return section
    truth, predicted = it.y[rows, 1], it.predictions.quality[rows]
    section.tables["quality"] = quality_report(
        truth, predicted, groups=it.groups[rows], **it.bootstrap
    )
    poor = it.predictions.quality == 0
    if it.images and poor.any():
        found = measure_quality(it.X[poor])["reason"].replace("", "unclear")
        table = found.value_counts().to_frame("predicted poor")
        section.tables["reasons"] = table.rename_axis("why poor")
    if it.predictions.quality_proba is not None:
        proba = it.predictions.quality_proba[rows]
        section.show(
            "ROC of poor images",
            (5.4, 6.4),
            lambda ax: PoorRocDisplay.from_predictions(truth, proba, ax=ax),
        )
        section.show(
            "Precision and recall of poor images",
            (5.4, 6.4),
            lambda ax: PoorPrecisionRecallDisplay.from_predictions(truth, proba, ax=ax),
        )
    return section


def refusing(it):
    """Show what it costs to refuse the poorest images."""
    proba = it.predictions.quality_proba
    if proba is None or it.predictions.grade is None:
        return None
    every, threshold = _before_refusing(it)
    rows = (it.y[:, 0] != UNKNOWN) & (every != UNKNOWN)
    if not rows.any():
        return None
    section = Section(
        "refusing",
        "Refusing to grade",
        f"If images with a probability of good quality below {threshold:.2f} were "
        "refused: the share of each grade that would be, and kappa before and after. "
        "Severe eyes (grades 3 and 4) are of poorer quality on average: check how many "
        "of them would be refused.",
    )
    y, grade = it.y[rows], every[rows]
    with np.errstate(invalid="ignore"):
        refused = proba[rows, 1] < threshold
    section.tables["refusing"] = refusal_report(
        y, grade, refused, groups=it.groups[rows], **it.bootstrap
    )
    section.show(
        "Kappa of the graded images, and refused shares, by coverage",
        (7, 6),
        lambda ax: CoverageDisplay.from_predictions(
            y, grade, proba[rows], groups=it.groups[rows], **it.bootstrap, ax=ax
        ),
    )
    return section


def _before_refusing(it):
    """Return the grades of all images, and the threshold below which to refuse."""
    inside = last_step(it.estimator)
    if getattr(inside, "by", None) != "quality":
        return it.predictions.grade, 0.5
    grader = last_step(inside.estimator_)
    probabilities = it.predictions.grade_proba, it.predictions.quality_proba
    return decide_tasks(grader, *probabilities)[0], float(inside.threshold_)


def reliability(it):
    """Show whether probabilities are calibrated."""
    heads = it.predictions.grade_proba, it.predictions.quality_proba
    n_panels = sum(proba is not None for proba in heads)
    if not n_panels:
        return None
    section = Section(
        "reliability",
        "Reliability",
        "Whether what is predicted with 80 % happens in 80 % of cases: points on the "
        "diagonal are calibrated, below it the model is overconfident.",
    )
    section.show(
        "Observed frequency against predicted probability",
        (4.8 * n_panels, 5.2),
        lambda ax: ReliabilityDisplay.from_predictions(
            it.y, *heads, groups=it.groups, **it.bootstrap, ax=ax
        ),
    )
    return section


def features(it):
    """Show features and centres of the quality head."""
    if not hasattr(last_step(it.estimator), "criterion_"):
        return None
    section = Section(
        "features",
        "Features and centres",
        "What the centre loss acts on: the quality head's embedding of each image, in "
        "two dimensions, with the centres of poor and good. The farther apart, the "
        "easier the task.",
    )
    rows = np.unique(np.linspace(0, len(it.y) - 1, MOST_POINTS).astype(int))
    section.show(
        "Features of poor and good images with their centres",
        (6.8, 5.4),
        lambda ax: FeatureSpaceDisplay.from_estimator(
            it.estimator, it.X[rows], it.y[rows], ax=ax
        ),
        photographs=True,  # thousands of points: as pixels
    )
    return section
