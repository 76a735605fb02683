"""The rows of the tables, and fits whose answers are kept, one file for each."""

import os
import tempfile
import zipfile
from dataclasses import dataclass

import numpy as np
import torch
from joblib import Parallel, delayed
from rich.progress import track
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from paper.budgets import photographs_hash
from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.losses import masked_cross_entropy, weighted_center_loss
from sk_fiqdr.model_selection import PatientStratifiedKFold
from sk_fiqdr.utils._digest import digest

BETA, LAMBD = 27.0, 0.1
LOSSES = {
    "L_q0": {"beta": 1.0, "lambd": 0.0},
    "L_q1": {"beta": BETA, "lambd": 0.0},
    "L_q2": {"beta": 1.0, "lambd": LAMBD},
    "L_q3": {"beta": BETA, "lambd": LAMBD},
}
RECIPE = 0.15  # weight of L_q beside the grade's loss
MULTI_TASK = {
    "Multi-task": LOSSES["L_q3"],
    f"Multi-task, L_q weighted {RECIPE}": {
        **LOSSES["L_q3"],
        "quality_loss_weight": RECIPE,
    },
    "Multi-task, L_q weighted 0.3": {**LOSSES["L_q3"], "quality_loss_weight": 0.3},
    "Multi-task, lambda 0": LOSSES["L_q1"],
    "Multi-task, beta 1": LOSSES["L_q2"],
    "Multi-task, beta 1, poor drawn as often": {
        **LOSSES["L_q2"],
        "balance": "quality",
    },
}
SINGLE_TASK = "Single-task"
NETS = DRGrader, FIQDRClassifier, QualityClassifier


@dataclass(frozen=True)
class Run:
    """One fit of each row: a seed, and which photographs it learns and answers."""

    seed: int
    train: np.ndarray
    tests: dict


def out_of_fold_runs(data, n_seeds, n_folds):
    """Return a run for each seed and fold.

    With each seed, each photograph is answered once, by a net that has not seen its
    patient.
    """
    y, groups = data.target, data.groups
    return [
        Run(seed, train, {"Out of fold": test})
        for seed in range(n_seeds)
        for train, test in PatientStratifiedKFold(
            n_folds, shuffle=True, random_state=seed
        ).split(y, y, groups)
    ]


def paper_runs(parts, n_seeds):
    """Return a run for each seed on the paper's own split.

    `parts` holds the rows of its training, validation and testing photographs.
    """
    train, validation, testing = parts
    tests = {"Validation": validation, "Testing": testing}
    return [Run(seed, train, tests) for seed in range(n_seeds)]


def make_rows(budget, device, folder):
    """Return name and estimator of each row, quality first."""
    rows = dict(budget.make_baselines(folder))
    settings = {**budget.settings, "device": device}
    for optimizer, parameters in budget.optimizers.items():
        for loss, weights in LOSSES.items():
            rows[f"{loss}, {optimizer}"] = QualityClassifier(
                **settings, **parameters, **weights
            )
    momentum = budget.optimizers["Momentum"]
    rows[SINGLE_TASK] = DRGrader(**settings, **momentum)
    for name, weights in MULTI_TASK.items():
        plain_sum = {"quality_loss_weight": 1.0, "grade_loss": "cross_entropy"}  # Eq. 7
        parameters = settings | momentum | plain_sum | weights
        rows[name] = FIQDRClassifier(**parameters)
    return rows


def answer_all(rows, runs, inputs, data, folder, n_jobs):
    """Fit what has not been fitted yet.

    Returns
    -------
    answers : dict of str to list of dict
        For each row and run the probabilities of each task for each test set,
        ``answers[row][run]["Testing", "grade"]``.
    """
    jobs = [
        (name, index, _path(folder, estimator, run, inputs, data), estimator, run)
        for index, run in enumerate(runs)
        for name, estimator in rows.items()
    ]
    missing = [job for job in jobs if not _is_whole(job[2])]
    work = Parallel(n_jobs=n_jobs, return_as="generator_unordered")(
        delayed(fit_and_answer)(estimator, run, inputs, data, path)
        for _, _, path, estimator, run in missing
    )
    for _ in track(work, "Fits", total=len(missing), disable=not missing):
        pass
    answers = {name: [{} for _ in runs] for name in rows}
    for name, index, path, *_ in jobs:
        with np.load(path) as file:
            answers[name][index] = {
                tuple(key.split(" | ")): file[key] for key in file.files
            }
    return answers


def _is_whole(path):
    """Tell whether a fit is there; one that was damaged since is made again."""
    try:
        with np.load(path) as file:
            return all(len(file[key]) for key in file.files)
    except FileNotFoundError:
        return False
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        print(f"{path} is damaged ({error}) and is made again.")
        return False


def _path(folder, estimator, run, inputs, data):
    parameters = estimator.get_params(deep=isinstance(estimator, Pipeline))
    parameters = {
        name: value
        for name, value in parameters.items()
        if not name.endswith(("device", "memory", "steps"))
    }
    used = np.concatenate([run.train, *run.tests.values()])
    key = digest(
        [
            type(estimator).__name__,
            parameters,
            run.seed,
            inputs[:2] if inputs.dtype.kind in "fu" else "images",
            photographs_hash(data, used),
            data.target[run.train],
            list(map(str, data.groups[run.train])),
            {name: list(map(int, test)) for name, test in run.tests.items()},
        ]
    )
    return folder / f"{key[:20]}.npz"


def fit_and_answer(estimator, run, inputs, data, path):
    """Fit one row on one run and keep its answers, whole or not at all."""
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // 2))
    net = clone(estimator)
    if isinstance(net, NETS):
        net.set_params(random_state=run.seed)
        fit_views(net, inputs, data, run.train)
    else:
        images, quality = np.asarray(data.data), data.target[:, 1]
        known = run.train[quality[run.train] >= 0]
        net.fit(images[known], quality[known])
    probabilities = {}
    for name, test in run.tests.items():
        if isinstance(net, NETS):
            tasks = predict_views(net, inputs, test)
        else:
            tasks = {"quality": np.eye(2)[net.predict(images[test])]}
        for task, values in tasks.items():
            probabilities[f"{name} | {task}"] = values.astype(np.float32)
    handle, passing = tempfile.mkstemp(suffix=".npz", dir=path.parent)
    os.close(handle)
    np.savez(passing, **probabilities)
    os.replace(passing, path)


def fit_views(net, inputs, data, rows):
    """Fit on every view of the training photographs."""
    n_views = inputs.shape[1]
    X = np.concatenate([_numbers(inputs[rows, view]) for view in range(n_views)])
    y = np.tile(data.target[rows], (n_views, 1))
    if isinstance(net, DRGrader):
        y = y[:, 0]
    elif isinstance(net, QualityClassifier):
        y = y[:, 1]
    net.fit(X, y, groups=np.tile(data.groups[rows], n_views))


def predict_views(net, inputs, rows):
    """Return probabilities by task, the mean over views."""
    views = [_numbers(inputs[rows, view]) for view in range(inputs.shape[1])]
    if isinstance(net, FIQDRClassifier):
        both = [net.predict_tasks(view) for view in views]
        tasks = zip(("grade", "quality"), zip(*both, strict=True), strict=True)
        return {task: np.mean(values, axis=0) for task, values in tasks}
    task, n_classes = ("grade", 5) if isinstance(net, DRGrader) else ("quality", 2)
    probabilities = np.zeros((len(rows), n_classes))  # a fold may lack a class
    probabilities[:, net.classes_] = np.mean(
        [net.predict_proba(view) for view in views], axis=0
    )
    return {task: probabilities}


def _numbers(X):
    return X.astype(np.float32) if X.dtype == np.float16 else X


def gradient_study(budget, rows, run, inputs, data, device, n_batches=20):
    """Measure what each term asks of the shared trunk, before training and after.

    Yields
    ------
    row, when, measures : str, str, dict
        Mean over batches of the norms of the gradients of the grade's cross-entropy,
        of the weighted softmax and of lambda times the centre term, and the cosines
        between the first and the others.
    """
    rng = np.random.default_rng(0)
    for name in ("Multi-task", f"Multi-task, L_q weighted {RECIPE}"):
        if name not in rows:
            continue
        for when, epochs in (("start", 0), ("end", None)):
            net = clone(rows[name])
            net.set_params(random_state=run.seed)
            if epochs == 0:
                net.set_params(max_epochs=1, lr=1e-12)
            fit_views(net, inputs, data, run.train)
            found = []
            for _ in range(n_batches):
                size = min(net.batch_size, len(run.train))
                batch = rng.choice(run.train, size, replace=False)
                found.append(_gradients(net, budget, inputs, data, np.sort(batch)))
            yield (
                name,
                when,
                {key: float(np.mean([f[key] for f in found])) for key in found[0]},
            )


def _gradients(net, budget, inputs, data, batch):
    module, criterion = net.module_.train(), net.criterion_
    X = net.get_dataset(_numbers(inputs[batch, 0]))
    X = torch.stack([torch.as_tensor(X[i][0]) for i in range(len(batch))])
    y = torch.as_tensor(data.target[batch], device=net.device)
    grade, quality, features = module(X.to(net.device))
    weight = net.quality_loss_weight
    centers = criterion.centers
    parts = {"beta": criterion.beta, "lambd": 0.0}
    softmax = weighted_center_loss(quality, features, y[:, 1], centers, **parts)
    parts["lambd"] = criterion.lambd
    whole = weighted_center_loss(quality, features, y[:, 1], centers, **parts)
    terms = {
        "grade": masked_cross_entropy(grade, y[:, 0]),
        "weighted softmax": weight * softmax,
        "centre": weight * (whole - softmax),
    }
    trunk = [p for p in getattr(module, budget.trunk).parameters() if p.requires_grad]
    flat = {}
    for name, term in terms.items():
        parts = torch.autograd.grad(term, trunk, retain_graph=True, allow_unused=True)
        flat[name] = torch.cat([p.flatten() for p in parts if p is not None])
    norms = {f"norm, {name}": g.norm().item() for name, g in flat.items()}
    cosines = {
        f"cosine, grade and {name}": torch.cosine_similarity(
            flat["grade"], flat[name], dim=0
        ).item()
        for name in ("weighted softmax", "centre")
    }
    return norms | cosines
