"""What all Displays have in common."""

import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import FigureBase
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sk_fiqdr import inspection
from sk_fiqdr.inspection import (
    ActivationMapDisplay,
    ConfusionByQualityDisplay,
    CoverageDisplay,
    FeatureSpaceDisplay,
    MistakesDisplay,
    PoorPrecisionRecallDisplay,
    PoorRocDisplay,
    ReliabilityDisplay,
    SearchSurfaceDisplay,
)
from sk_fiqdr.model_selection import QualityGate

RESULTS = {
    "param_beta": [1, 1, 27, 27],
    "param_lambd": [0.0, 0.1, 0.0, 0.1],
    "mean_test_score": [0.1, 0.2, 0.3, 0.4],
    "std_test_score": [0.0, 0.1, 0.1, 0.1],
}


def activation_display(ax):
    maps = np.linspace(0, 1, 2 * 16 * 16).reshape(2, 16, 16)
    answers = pd.DataFrame(
        {"name": ["a", "b"], "target": 3, "probability": 0.5, "true": [3, -1]}
    )
    photographs = np.full((2, 16, 16, 3), 99, dtype=np.uint8)
    return ActivationMapDisplay(
        photographs=photographs, maps=maps, answers=answers
    ).plot(ax=ax)


def photographs(n):
    return np.full((n, 16, 16, 3), 99, dtype=np.uint8)


DRAW = {
    ActivationMapDisplay: lambda e, ax: activation_display(ax),
    ConfusionByQualityDisplay: lambda e, ax: ConfusionByQualityDisplay.from_predictions(
        e.y, e.y_pred, ax=ax
    ),
    CoverageDisplay: lambda e, ax: CoverageDisplay.from_predictions(
        e.y, e.y_pred, e.good, n_bootstraps=50, ax=ax
    ),
    FeatureSpaceDisplay: lambda e, ax: FeatureSpaceDisplay.from_predictions(
        e.y, e.grade_proba, np.eye(5)[:2], ax=ax
    ),
    MistakesDisplay: lambda e, ax: MistakesDisplay.from_predictions(
        photographs(len(e.y)), e.y, e.grade_proba, ax=ax
    ),
    PoorPrecisionRecallDisplay: (
        lambda e, ax: PoorPrecisionRecallDisplay.from_predictions(e.y, e.good, ax=ax)
    ),
    PoorRocDisplay: lambda e, ax: PoorRocDisplay.from_predictions(e.y, e.good, ax=ax),
    ReliabilityDisplay: lambda e, ax: ReliabilityDisplay.from_predictions(
        e.y, e.grade_proba, e.good, n_bootstraps=50, ax=ax
    ),
    SearchSurfaceDisplay: lambda e, ax: SearchSurfaceDisplay.from_cv_results(
        RESULTS, ax=ax
    ),
}
PANELS = [
    ActivationMapDisplay,
    ConfusionByQualityDisplay,
    CoverageDisplay,
    MistakesDisplay,
    ReliabilityDisplay,
]


def drawn_on(figure):
    """Return all Axes of a figure on which something is drawn, in its parts as well."""
    return [ax for ax in figure.get_axes() if ax.has_data()]


def test_every_display_is_tested_here():
    public = {getattr(inspection, name) for name in inspection.__all__}
    classes = {thing for thing in public if isinstance(thing, type)}
    assert set(DRAW) == classes - {inspection.EstimatorReport}


@pytest.mark.parametrize("display", DRAW, ids=lambda d: d.__name__)
def test_a_display_makes_a_figure_that_can_be_saved(display, eyes, tmp_path):
    made = DRAW[display](eyes, None)
    assert isinstance(made, display)
    assert isinstance(made.figure_, FigureBase)
    assert made.ax_.figure is made.figure_
    made.figure_.savefig(tmp_path / "picture.png")
    assert isinstance(made.frame(), pd.DataFrame)
    assert len(made.frame()) > 0


@pytest.mark.parametrize("display", DRAW, ids=lambda d: d.__name__)
def test_a_display_fills_the_axes_that_it_is_given_and_no_other(display, eyes):
    figure, (mine, others) = plt.subplots(1, 2, figsize=(14, 6), layout="constrained")
    made = DRAW[display](eyes, mine)
    assert made.ax_ is mine
    assert made.figure_ is figure
    assert not others.has_data()
    assert drawn_on(figure)
    figure.canvas.draw()
    border = others.get_window_extent().x0
    assert all(ax.get_window_extent().x1 < border for ax in drawn_on(figure))


@pytest.mark.parametrize("display", DRAW, ids=lambda d: d.__name__)
def test_a_frame_is_a_copy(display, eyes):
    made = DRAW[display](eyes, None)
    before = made.frame()
    frame = made.frame()
    frame.iloc[:, 0] = frame.iloc[:, 0].iloc[::-1].to_numpy()
    frame["new"] = 1
    pd.testing.assert_frame_equal(made.frame(), before)


@pytest.mark.parametrize("display", PANELS, ids=lambda d: d.__name__)
def test_panels_need_a_subplot(display, eyes):
    by_hand = plt.figure().add_axes([0.1, 0.1, 0.8, 0.8])
    with pytest.raises(ValueError, match=r"needs a subplot.*plt\.subplots"):
        DRAW[display](eyes, by_hand)


def test_without_matplotlib_the_error_names_the_extra(eyes, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "sk-fiqdr\[plots\]"'):
        ConfusionByQualityDisplay.from_predictions(eyes.y, eyes.y_pred)


def test_importing_inspection_brings_neither_torch_nor_pictures():
    code = (
        "import sys, sk_fiqdr.inspection;"
        "sys.exit(bool({'torch', 'captum', 'matplotlib.pyplot'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    "draw",
    [
        lambda net, X, y: ConfusionByQualityDisplay.from_estimator(net, X, y),
        lambda net, X, y: CoverageDisplay.from_estimator(net, X, y, n_bootstraps=20),
        lambda net, X, y: PoorRocDisplay.from_estimator(net, X, y),
        lambda net, X, y: PoorPrecisionRecallDisplay.from_estimator(net, X, y),
        lambda net, X, y: ReliabilityDisplay.from_estimator(net, X, y, n_bootstraps=20),
        lambda net, X, y: FeatureSpaceDisplay.from_estimator(net, X, y),
    ],
    ids=["confusion", "coverage", "roc", "precision", "reliability", "features"],
)
def test_a_pipeline_is_drawn_as_the_net_inside(draw, fitted):
    net, X, y = fitted
    pipe = make_pipeline(FunctionTransformer(lambda X: X / 2).fit(X), net)
    pd.testing.assert_frame_equal(draw(pipe, 2 * X, y).frame(), draw(net, X, y).frame())


def test_what_a_gate_refuses_does_not_count(fitted):
    net, X, y = fitted
    gate = QualityGate(net, threshold=0.5, cv="prefit").fit(X, y)
    n_graded = (gate.predict(X) >= 0).sum()
    assert 0 < n_graded < len(X)
    display = ConfusionByQualityDisplay.from_estimator(gate, X, y)
    assert display.confusion[0].sum() == n_graded


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([0.1, 0.2, 0.3, np.nan, 0.4], "nan beside numbers in row 3"),
        ([0.1, 0.2, 0.3, 0.4, 0.4], "add up to 1 in each row, .* in row 3"),
        ([1.2, 0, 0, 0, -0.2], "from 0 to 1, .* in row 3"),
    ],
)
def test_rows_that_are_no_probabilities_are_named(row, message, eyes):
    proba = eyes.grade_proba.copy()
    proba[3] = row
    with pytest.raises(ValueError, match=message):
        ReliabilityDisplay.from_predictions(eyes.y, proba)


def test_a_classifier_that_is_not_fitted_says_so(fitted):
    _, X, y = fitted
    with pytest.raises(NotFittedError):
        ReliabilityDisplay.from_estimator(LogisticRegression(), X, y)
