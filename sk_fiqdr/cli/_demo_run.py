"""The demonstration behind `sk-fiqdr demo`: paint, search, fit, compare, save."""

import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback

from ..datasets import make_fundus
from ..estimators._deep_features._deep_features import DeepFeatures
from ..estimators._fiqdr_classifier import FIQDRClassifier
from ..metrics import fiqdr_scoring, quadratic_weighted_kappa
from ..metrics._scorers import COMPARED_QUALITY_SCORES, GRADING_SCORES
from ..model_selection import (
    PatientStratifiedKFold,
    fuse_fellow_eyes,
    patient_train_test_split,
)
from ..utils._files import written_whole
from ._output import write_csv

GRID = {"beta": [3.0, 27.0], "lambd": [0.0, 0.1]}
CHOSEN, PLAIN = "chosen by the search", "plain cross-entropy"
N_FOLDS = 2
SEARCH_EPOCHS, FINAL_EPOCHS = 30, 6
N_SAMPLES, FEWEST = 480, 160
SECONDS = 60  # of training, above which fewer photographs are painted
RIGHT, ONE_OFF, WRONG = "#1a6b37", "#9a5b00", "#b3261e"
COLUMNS = (*GRADING_SCORES, *COMPARED_QUALITY_SCORES)


class _Tick(Callback):
    """Advance the progress bar at the end of each epoch."""

    def __init__(self, advance):
        self.advance = advance

    def on_epoch_end(self, net, **kwargs):
        self.advance()


def affordable(image_size, *, wanted=N_SAMPLES):
    """Return how many photographs this machine trains on within a minute.

    Parameters
    ----------
    image_size : int
        Height and width in pixels.
    wanted : int, default=480
        The most.

    Returns
    -------
    n_samples : int
        Number of photographs.
    """
    images = make_fundus(32, image_size=image_size, random_state=0).data
    backbone = DeepFeatures(image_size=image_size, pooling="stages", amp=False)
    backbone.fit(images[:1]).transform(images[:8])
    start = time.perf_counter()
    backbone.transform(images)
    of_one = (time.perf_counter() - start) / len(images)
    # A little over half of them are trained on, twice, and each is predicted.
    seconds = wanted * of_one * (1.2 * FINAL_EPOCHS + 2)
    return (
        int(np.clip(wanted * SECONDS / seconds, min(FEWEST, wanted), wanted)) // 2 * 2
    )


def run_demo(folder, *, n_samples, image_size, random_state, say, advance):
    """Search beta and lambda on painted photographs and compare with cross-entropy.

    Parameters
    ----------
    folder : Path
        Where model, scores and picture go; it must not exist.
    n_samples : int
        Number of photographs. Three tenths of the patients are scored, a fifth of the
        others are those on which cut-points are tuned.
    image_size : int
        Height and width in pixels.
    random_state : int
        Makes the demonstration repeat.
    say : callable
        Called with a sentence at the begin of each part.
    advance : callable
        Called after each epoch of the two final fits, ``2 * FINAL_EPOCHS`` times.

    Returns
    -------
    scores : DataFrame
        A row for the chosen net and one for plain cross-entropy of the same budget,
        scored on patients that neither has seen.
    search : GridSearchCV
        The finished search.
    """
    folder = Path(folder)
    folder.mkdir(parents=True)  # before minutes of work, if it cannot be made
    say(f"Painting {n_samples} photographs, 12 % of them of poor quality.")
    eyes = make_fundus(
        n_samples,
        image_size=image_size,
        poor_fraction=0.12,
        grade_fractions="balanced",
        random_state=random_state,
    )
    rest, test = _split(np.arange(n_samples), eyes, 0.3, random_state)
    train, tune = _split(rest, eyes, 0.2, random_state)

    say(
        "Computing the features of a backbone with ImageNet weights, once for all fits."
    )
    backbone = {"image_size": image_size, "amp": False}
    features = DeepFeatures(pooling="stages", **backbone).fit_transform(
        eyes.data[train]
    )
    n_candidates = np.prod([len(values) for values in GRID.values()])
    say(f"Searching beta and lambda: {n_candidates} candidates, {N_FOLDS} folds.")
    search = _search(features, eyes.target[train], eyes.groups[train])
    results = search.cv_results_
    best_params = {
        name: search.best_params_[f"fiqdrclassifier__{name}"] for name in GRID
    }

    say(f"Training two networks on {len(train)} photographs.")
    rows, nets = [], []
    plain = {"beta": 1.0, "lambd": 0.0}
    for name, params in ((CHOSEN, best_params), (PLAIN, plain)):
        net = FIQDRClassifier(
            **backbone,
            **params,
            module__pooling="stages",
            freeze=True,
            max_epochs=FINAL_EPOCHS,
            callbacks=[("tick", _Tick(advance))],
            random_state=random_state,
        )
        net.fit(eyes.data[train], eyes.target[train], groups=eyes.groups[train])
        net.set_params(callbacks=None)  # the progress bar is not saved
        net.tune_grades(eyes.data[tune], eyes.target[tune], groups=eyes.groups[tune])
        nets.append(net)
        scores = _scores(net, eyes.data[test], eyes.target[test], eyes.groups[test])
        rows.append({"loss": name, **params, **scores, "n_tuned_on": len(tune)})
    scores = pd.DataFrame(rows)
    _write(folder, nets[0], scores, results, eyes.data[test], eyes.target[test])
    return scores, search


def _split(rows, eyes, size, random_state):
    """Split rows in two; patients stay whole."""
    return patient_train_test_split(
        rows,
        eyes.target[rows],
        eyes.groups[rows],
        test_size=size,
        random_state=random_state,
    )[:2]


def _search(features, y, groups):
    """Search beta and lambda of the two heads."""
    heads = make_pipeline(
        StandardScaler(),
        FIQDRClassifier(
            backbone=None, max_epochs=SEARCH_EPOCHS, batch_size=64, random_state=0
        ),
    )
    return GridSearchCV(
        heads,
        {f"fiqdrclassifier__{name}": values for name, values in GRID.items()},
        scoring=fiqdr_scoring,
        # beta and lambda act on the quality alone while the backbone is frozen.
        refit="mean_acc",
        cv=PatientStratifiedKFold(N_FOLDS),
        error_score="raise",
    ).fit(features, y, groups=groups)


def _scores(net, X, y, patients):
    """Score a net, alone, with the fellow eye, and without what is predicted poor."""
    grade, quality = net.predict_tasks(X)
    tuned, good = net.decide_tasks(grade, quality)
    fused = fuse_fellow_eyes(grade, patients, quality_proba=quality)
    both_eyes, _ = net.decide_tasks(fused, quality)
    kept = good == 1
    scores = fiqdr_scoring(net, X, y)
    return {
        **{name: scores[name] for name in COLUMNS},
        "kappa_most_probable": quadratic_weighted_kappa(y[:, 0], grade.argmax(axis=1)),
        "kappa_both_eyes": quadratic_weighted_kappa(y[:, 0], both_eyes),
        "refused": np.mean(~kept),
        "kappa_graded": quadratic_weighted_kappa(y[kept, 0], tuned[kept])
        if kept.any()
        else np.nan,
        "n_test": len(y),
        "n_poor": int((y[:, 1] == 0).sum()),
    }


def findings(scores):
    """Say in words what the scores of a run show, whatever they show.

    Parameters
    ----------
    scores : DataFrame
        What `run_demo` returns.

    Returns
    -------
    sentences : list of str
        One for the loss, the cut-points, the fellow eye and the gate.
    """
    chosen, plain = scores.itertuples()
    found = [round(net.specificity * net.n_poor) for net in (chosen, plain)]
    gain = chosen.mean_acc - plain.mean_acc
    loss = (
        f"Of {chosen.n_poor} poor photographs the chosen loss recognises {found[0]}, "
        f"plain cross-entropy {found[1]}; mean_acc is "
        f"{_changed(plain.mean_acc, chosen.mean_acc, 'higher', 'lower', 'the same')}."
    )
    if gain <= 0:
        loss += " In this run the weight of poor photographs did not help."
    words = "raise kappa", "lower kappa", "leave kappa as it is"
    eyes = _changed(chosen.kappa, chosen.kappa_both_eyes, *words)
    if chosen.kappa_both_eyes < chosen.kappa:
        eyes += "; on 26,960 real photographs it raised kappa by 0.017"
    return [
        loss,
        f"Cut-points, tuned on {chosen.n_tuned_on} photographs of other patients, "
        f"{_changed(chosen.kappa_most_probable, chosen.kappa, *words)}, beside the "
        "most probable grade.",
        f"Averaging with the patient's other eye would {eyes}.",
        f"Refusing the {chosen.refused:.0%} that are predicted poor would "
        f"{_changed(chosen.kappa, chosen.kappa_graded, *words)} for the rest.",
    ]


def _changed(before, after, up, down, same):
    if not abs(after - before) >= 0.0005:
        return f"{same} ({after:.3f})"
    return f"{up if after > before else down} ({before:.3f} to {after:.3f})"


def _write(folder, net, scores, results, X_test, y_test):
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
    grades, qualities = net.decide_tasks(grade_proba, quality_proba)
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
        for line, (task, guess, proba, truth, names) in enumerate(
            [
                ("grade", grades[i], grade_proba[i], y[i, 0], "01234"),
                ("quality", qualities[i], quality_proba[i], y[i, 1], ("poor", "good")),
            ]
        ):
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
