"""The demonstration behind `sk-fiqdr demo`: paint, search, fit, compare, save."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image, ImageDraw, ImageFont
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from ..datasets import make_fundus
from ..estimators._fiqdr_classifier import FIQDRClassifier
from ..metrics import fiqdr_scoring
from ..metrics._scorers import COMPARED_QUALITY_SCORES, GRADING_SCORES
from ..model_selection import PatientStratifiedKFold, patient_train_test_split
from ..utils._files import written_whole
from ._output import write_csv

GRID = {"beta": [3.0, 27.0], "lambd": [0.0, 0.1]}
CHOSEN, PLAIN = "chosen by the search", "plain cross-entropy"
N_FOLDS = 2
SEARCH_EPOCHS, FINAL_EPOCHS = 8, 16
RIGHT, ONE_OFF, WRONG = "#1a6b37", "#9a5b00", "#b3261e"
COLUMNS = (*GRADING_SCORES, *COMPARED_QUALITY_SCORES)


class _Tick(Callback):
    """Advance the progress bar at the end of each epoch."""

    def __init__(self, advance):
        self.advance = advance

    def on_epoch_end(self, net, **kwargs):
        self.advance()


def n_epochs():
    """Return how often `run_demo` calls `advance`.

    Returns
    -------
    n_epochs : int
        Epochs of all fits together.
    """
    n_candidates = np.prod([len(values) for values in GRID.values()])
    return int(n_candidates) * N_FOLDS * SEARCH_EPOCHS + 2 * FINAL_EPOCHS


def run_demo(folder, *, n_samples=480, image_size=80, random_state=0, advance=None):
    """Search beta and lambda on painted photographs and compare with cross-entropy.

    Parameters
    ----------
    folder : Path
        Where model, scores and picture go; it must not exist.
    n_samples : int, default=480
        Number of photographs, a quarter of them for the test.
    image_size : int, default=80
        Height and width in pixels.
    random_state : int, default=0
        Makes the demonstration repeat.
    advance : callable, default=None
        Called after each epoch, `n_epochs` times in all.

    Returns
    -------
    scores : DataFrame
        A row for the chosen net and one for plain cross-entropy of the same budget,
        scored on patients whom neither has seen.
    search : GridSearchCV
        The finished search.
    """
    folder = Path(folder)
    folder.mkdir(parents=True)  # before minutes of work, if it cannot be made
    fundus = make_fundus(
        n_samples,
        image_size=image_size,
        poor_fraction=0.15,
        grade_fractions="balanced",
        random_state=random_state,
    )
    rows = np.arange(n_samples)
    train, test, y_train, y_test = patient_train_test_split(
        rows, fundus.target, fundus.groups, random_state=random_state
    )
    X_train, X_test = fundus.data[train], fundus.data[test]
    net = FIQDRClassifier(
        backbone="shufflenet_v2_x0_5",  # learns from nothing in seconds
        image_size=image_size,
        quality_loss_weight=0.2,
        optimizer=torch.optim.AdamW,
        lr=0.004,
        batch_size=16,
        amp=False,  # exact and, for depthwise convolutions, faster on a CPU
        max_epochs=SEARCH_EPOCHS,
        callbacks=[("tick", _Tick(advance or (lambda: None)))],
        random_state=random_state,
    )
    search = GridSearchCV(
        net,
        GRID,
        scoring=fiqdr_scoring,
        refit=False,
        cv=PatientStratifiedKFold(N_FOLDS),
        error_score="raise",
    ).fit(X_train, y_train, groups=fundus.groups[train])
    # Both tasks count: the mean of kappa and mean_acc chooses.
    results = search.cv_results_
    best = np.argmax(results["mean_test_kappa"] + results["mean_test_mean_acc"])
    best_params = results["params"][best]

    rows, nets = [], []
    plain = {"beta": 1.0, "lambd": 0.0}
    for name, params in ((CHOSEN, best_params), (PLAIN, plain)):
        net.set_params(max_epochs=FINAL_EPOCHS, **params)
        nets.append(clone(net).fit(X_train, y_train))
        scores = fiqdr_scoring(nets[-1], X_test, y_test)
        rows.append({"loss": name, **params, **{c: scores[c] for c in COLUMNS}})
    scores = pd.DataFrame(rows)
    _write(folder, nets[0], scores, results, X_test, y_test)
    return scores, search


def _write(folder, net, scores, results, X_test, y_test):
    net.set_params(callbacks=None)  # the progress bar is not saved
    net.save_pretrained(folder / "model")
    write_csv(scores, folder / "scores.csv")
    write_csv(pd.DataFrame(results), folder / "search.csv")
    with written_whole(folder / "graded.png") as draft:
        draw_graded(net, X_test, y_test).save(draft, "png")


def draw_graded(net, images, y, *, n_columns=6, n_rows=2, tile=224):
    """Draw photographs with their predictions and true labels.

    Parameters
    ----------
    net : FIQDRClassifier
        A fitted net.
    images : ndarray of shape (n, size, size, 3)
        Photographs.
    y : ndarray of shape (n, 2)
        Their grade and quality.
    n_columns, n_rows : int
        How many to show: poor images in the last two columns, good ones of every grade
        before them.
    tile : int, default=224
        Height and width of each in pixels.

    Returns
    -------
    picture : PIL.Image.Image
        The photographs in rows, captions below each: green where right, brown where
        the grade is one off, red where it is wrong.
    """
    grade_proba, quality_proba = net.predict_tasks(images)
    order = np.argsort(y[:, 0], kind="stable")
    good, poor = order[y[order, 1] == 1], order[y[order, 1] == 0]
    n_poor = min(len(poor), 2 * n_rows)
    n_good = min(len(good), n_columns * n_rows - n_poor)
    chosen = np.concatenate([_spread(good, n_good), _spread(poor, n_poor)])

    font, bold = ImageFont.load_default(15), ImageFont.load_default(17)
    caption, gap = 50, 10
    picture = Image.new(
        "RGB",
        (n_columns * (tile + gap) + gap, n_rows * (tile + caption + gap) + gap),
        "white",
    )
    draw = ImageDraw.Draw(picture)
    for place, i in enumerate(chosen):
        column, row = place // n_rows, place % n_rows
        x, top = gap + column * (tile + gap), gap + row * (tile + caption + gap)
        photo = Image.fromarray(images[i]).resize((tile, tile), Image.BICUBIC)
        picture.paste(photo, (x, top))
        for line, (task, proba, truth, names) in enumerate(
            [
                ("grade", grade_proba[i], y[i, 0], "01234"),
                ("quality", quality_proba[i], y[i, 1], ("poor", "good")),
            ]
        ):
            guess = int(proba.argmax())
            right = guess == truth
            near = task == "grade" and abs(guess - truth) == 1
            text = f"{task} {names[guess]}  {100 * proba[guess]:.0f} %"
            text += "" if right else f"  (truth: {names[truth]})"
            draw.text(
                (x + 2, top + tile + 4 + 22 * line),
                text,
                fill=RIGHT if right else ONE_OFF if near else WRONG,
                font=font if line else bold,
            )
    return picture


def _spread(rows, n):
    """Choose n of the rows at even distances, so that every grade is among them."""
    if n == 0:
        return rows[:0]
    return rows[np.linspace(0, len(rows) - 1, n).round().astype(int)]
