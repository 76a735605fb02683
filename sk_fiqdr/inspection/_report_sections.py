"""The sections of a report, each of which may have nothing to show."""

import platform
import re
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import PurePath
from types import FunctionType

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from .._unwrap import last_step
from .._version import __version__
from ..datasets._folder import eye_of, image_name
from ..metrics import grading_report, quality_report, refusal_report
from ..metrics._labels import UNKNOWN
from ..metrics._scorers import decide_tasks
from ..model_selection import patient_ids
from ..model_selection._patients import holds_paths
from ._activation import ActivationMapDisplay
from ._confusion import ConfusionByQualityDisplay
from ._coverage import CoverageDisplay
from ._feature_space import FeatureSpaceDisplay
from ._mistakes import MistakesDisplay
from ._photographs import names_of
from ._poor_precision_recall import PoorPrecisionRecallDisplay
from ._poor_roc import PoorRocDisplay
from ._reliability import ReliabilityDisplay
from ._report_figures import draw

MOST_POINTS = 2000  # in the picture of the features
N_MAPS = 5
WIDE = 8  # inches
LONGEST = 200  # letters of a setting
PLACES = ("weights", "checkpoint_dir", "memory")  # parameters that may name folders


@dataclass
class Figure:
    """A picture, as the address of an image that holds it."""

    source: str
    alt: str
    caption: str = ""
    wide: bool = False  # too small to read at the width of a phone


@dataclass
class Section:
    """A part of the page."""

    key: str
    title: str
    lead: str  # how to read it, in a sentence or two
    figures: list = field(default_factory=list)
    tables: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)  # what is not shown, and why
    in_rows: bool = False  # whether figures stand beside each other

    def show(self, alt, size, fill, *, caption="", photographs=False):
        """Add a picture, or the reason why there is none."""
        try:
            source = draw(size, fill, photographs=photographs)
        except (ValueError, TypeError, ImportError, AttributeError) as error:
            self.notes.append(f"“{alt}” is not shown. {error}")
        else:
            self.figures.append(Figure(source, alt, caption, size[0] > WIDE))

    def rows(self):
        """Yield name, columns and rows of each table, as text."""
        for name, table in self.tables.items():
            columns = [table.index.name or "", *map(str, table.columns)]
            cells = [
                [str(index), *map(_text, row)]
                for index, row in zip(table.index, table.to_numpy(object), strict=True)
            ]
            yield name, columns, cells


def _text(value):
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return "–"
        count = float(value).is_integer() and abs(value) > 1
        return f"{value:.0f}" if count else f"{value:.3f}"
    return str(value)


def headline(sections, evidence):
    """Return the figures that stand on top of the page.

    Parameters
    ----------
    sections : list of Section
        All of them.
    evidence : Evidence
        What they are made from.

    Returns
    -------
    cards : list of (str, str, str)
        Value, what it is, and its interval.
    """
    n_patients = len(np.unique(evidence.groups))
    cards = [(f"{len(evidence.y):,}", "images", "")]
    if evidence.patients_known:
        cards[0] = (*cards[0][:2], f"of {n_patients:,} patients")
    tables = {key: table for it in sections for key, table in it.tables.items()}
    for key, measure, words in (
        ("grading", "kappa", "quadratic weighted kappa"),
        ("quality", "mean_acc", "mean_acc of quality"),
    ):
        if key in tables:
            value, lower, upper = tables[key].loc[measure, ["value", "lower", "upper"]]
            interval = "" if np.isnan(lower) else f"95 %: {lower:.3f} to {upper:.3f}"
            cards.append((_text(float(value)), words, interval))
    return cards


def grading(it):
    """Show how good the grades are."""
    rows = it.done("grade")
    if it.answers.grade is None:
        return None
    section = Section(
        "grading",
        "Grading",
        "Kappa is 1 for perfect agreement and 0 for chance; a grade that is off by two "
        "costs four times one that is off by one. Intervals hold 95 % of draws of "
        "patients. A kappa of all images may hide that poor ones are graded by chance. "
        "True counts the right grades and poor_n those of poor images among them; "
        "ratio is their share in per cent.",
    )
    silent = int(((it.y[:, 0] != UNKNOWN) & (it.answers.grade == UNKNOWN)).sum())
    if silent:
        section.notes.append(
            f"{silent:,} images of known grade were not graded, refused or unreadable, "
            "and do not count here."
        )
    if not rows.any():
        section.notes.append("No row has both a grade and an answer.")
        return section
    y, grade = it.y[rows], it.answers.grade[rows]
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
    if it.answers.quality is None:
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
        section.notes.append("No row has both a quality label and an answer.")
        return section
    truth, answer = it.y[rows, 1], it.answers.quality[rows]
    section.tables["quality"] = quality_report(
        truth, answer, groups=it.groups[rows], **it.bootstrap
    )
    if it.answers.quality_proba is not None:
        proba = it.answers.quality_proba[rows]
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
    proba = it.answers.quality_proba
    if proba is None or it.answers.grade is None:
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
        "Severe eyes (grades 3 and 4) are poorer on average: look at what they pay.",
    )
    y, grade = it.y[rows], every[rows]
    with np.errstate(invalid="ignore"):
        refused = proba[rows, 1] < threshold
    section.tables["refusing"] = refusal_report(
        y, grade, refused, groups=it.groups[rows], **it.bootstrap
    )
    section.show(
        "Kappa of what is graded, and refused shares, by coverage",
        (7, 6),
        lambda ax: CoverageDisplay.from_predictions(
            y, grade, proba[rows], groups=it.groups[rows], **it.bootstrap, ax=ax
        ),
    )
    return section


def _before_refusing(it):
    """Return the grades of all images, and below what a gate refuses them."""
    inside = last_step(it.estimator)
    if not hasattr(inside, "is_gradable"):
        return it.answers.grade, 0.5
    grader = last_step(inside.estimator_)
    probabilities = it.answers.grade_proba, it.answers.quality_proba
    return decide_tasks(grader, *probabilities)[0], float(inside.threshold_)


def reliability(it):
    """Show whether probabilities mean what they say."""
    answers = it.answers
    if answers.grade_proba is None and answers.quality_proba is None:
        return None
    section = Section(
        "reliability",
        "Reliability",
        "Whether what is said with 80 % is so in 80 %: points on the diagonal are "
        "calibrated, below it the model is too sure of itself.",
    )
    n_panels = (answers.grade_proba is not None) + (answers.quality_proba is not None)
    section.show(
        "Observed against stated probability",
        (4.8 * n_panels, 5.2),
        lambda ax: ReliabilityDisplay.from_predictions(
            it.y,
            answers.grade_proba,
            answers.quality_proba,
            groups=it.groups,
            **it.bootstrap,
            ax=ax,
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
    names = [names_of(it.X)[row] for row in rows]
    section.show(
        alt,
        (2.3 * len(rows) + 0.8, 5),
        lambda ax: ActivationMapDisplay.from_estimator(
            it.estimator, it.X[rows], it.y[rows], task=task, names=names, ax=ax
        ),
        photographs=True,
    )


def data(it):
    """Look over the data that all of this is taken from."""
    if not it.images:
        return None
    from ..datasets import audit

    section = Section(
        "data",
        "The data",
        "Labels, patients and copies among these images. Copies across patients, or "
        "eyes that differ widely, are worth a look before any figure is believed.",
    )
    eyes = _eyes(it.X)
    frame = pd.DataFrame({"eye": eyes})
    found = audit(Bunch(data=it.X, target=it.y, groups=it.groups, frame=frame))
    summary = found.frame("summary")
    if not any(eyes):
        summary = summary.drop(
            ["patients with both eyes graded", "left and right grades differ"]
        )
        section.notes.append("Which eye an image is of is not known.")
    section.tables["data"] = summary
    section.notes.append(f"Hash of names and labels: {found.split_hash}.")
    section.show("Labels, eyes and findings", (12, 4.6), lambda ax: found.plot(ax=ax))
    return section


def _eyes(X):
    """Return "left" or "right" where the name of a file tells, else ""."""
    if not holds_paths(X):
        return [""] * len(X)
    names = [image_name(str(path)) for path in X]
    return list(map(eye_of, names, patient_ids(X)))


def settings(it):
    """Tell what the model is, and what it was made with."""
    section = Section(
        "settings",
        "Settings and versions",
        "What it takes to make this model again.",
    )
    params = it.estimator.get_params(deep=False)
    values = [_setting(name, value) for name, value in params.items()]
    section.tables["settings"] = pd.DataFrame(
        {"value": values}, index=pd.Index(params, name="parameter")
    )
    names = ["torch", "torchvision", "skorch", "scikit-learn", "numpy", "pandas"]
    versions = {"sk-fiqdr": __version__, "Python": platform.python_version()}
    versions |= {name: version(name) for name in names}
    section.tables["versions"] = pd.DataFrame(
        {"version": versions.values()}, index=pd.Index(versions, name="library")
    )
    return section


def _setting(name, value):
    """Return a parameter as text that is the same on every machine, in one line."""
    if isinstance(value, PurePath) or (name in PLACES and isinstance(value, str)):
        return re.split(r"[\\/]", str(value))[-1]
    if isinstance(value, type | FunctionType):
        return value.__qualname__
    text = re.sub(r" at 0x[0-9a-f]+", "", " ".join(str(value).split()))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


SECTIONS = (
    grading,
    quality,
    refusing,
    reliability,
    features,
    examples,
    mistakes,
    data,
    settings,
)
