"""Heads on frozen features without gradient steps: a ridge and a logistic regression.

Ridge regression takes the grade as a number, and cut-points turn the number into
probabilities: the cumulative link of the network, fitted on patients that the
regression has not seen. Quality is a logistic regression with the weights of the loss.
"""

from itertools import pairwise

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.utils.extmath import randomized_svd

from ...model_selection import PatientStratifiedKFold
from ...model_selection._decisions._cut_points import best_cut_points
from ...model_selection._patient_ids import patients_of
from ...utils._check_images import PATHS
from ...utils._labels import UNKNOWN

N_FOLDS = 5
# Penalties for each feature, from which the best on unseen patients is chosen.
PENALTIES = 2.0 ** np.arange(-2, 7)
INVERSE_PENALTIES = np.array([3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2])


def fit_heads(net, deep, dataset):
    """Fit the heads of an initialised net on the features of its backbone.

    Parameters
    ----------
    net : FundusNet
        With a cumulative link in its grade head, if it has one.
    deep : ndarray of shape (n, d)
        Features of each row; a row of nan is left out.
    dataset : FundusDataset
        Checked labels, weights and patients.

    Raises
    ------
    ValueError
        If fewer than two grades occur in rows that can be read.
    """
    read = ~np.isnan(deep).any(axis=1)
    deep = deep[read].astype(np.float64)
    center, scale = deep.mean(axis=0), deep.std(axis=0)
    scale[scale < 1e-6 * max(scale.max(), 1e-300)] = np.inf  # constant: not used
    features = (deep - center) / scale
    weight = np.ones(len(deep))
    if dataset.sample_weight is not None:
        weight = np.asarray(dataset.sample_weight, dtype=float)[read]
    y = np.asarray(dataset.y)[read]
    patients = _patients(dataset)[read]
    for task in net._tasks:
        labels = task.labels(y)
        known = (labels != UNKNOWN) & (weight > 0)
        rows = features[known], labels[known], weight[known], patients[known]
        fit = _fit_grade if task.name == "grade" else _fit_quality
        fit(net, task, rows, features, center, scale)


def _patients(dataset):
    if dataset.groups is not None or dataset.kind == PATHS:
        patients = patients_of(dataset.X, dataset.groups)
        return np.unique(patients, return_inverse=True)[1]
    return np.arange(len(dataset.y))


def _folds(labels, patients):
    n_folds = min(N_FOLDS, len(np.unique(patients)))
    return list(PatientStratifiedKFold(n_folds).split(labels, labels, patients))


def _fit_grade(net, task, rows, features, center, scale):
    X, grade, weight, patients = rows
    seen = np.unique(grade).tolist()
    if len(seen) < 2:
        raise ValueError(f'solver="ridge" needs two grades or more, got {seen!r}.')
    folds = _folds(grade, patients)
    unseen = np.zeros((len(PENALTIES), len(X)))
    for train, test in folds:
        ridges = _ridges(X[train], grade[train], weight[train])
        unseen[:, test] = [X[test] @ coef + offset for coef, offset in ridges]
    errors = ((unseen - grade) ** 2) @ weight
    best = int(np.argmin(errors))
    coef, offset = _ridges(X, grade, weight)[best]
    slope, cuts = _fit_link(unseen[best], grade, weight, len(task.classes))
    module = net.module_
    linear, link = module.grade_head[1], module.grade_head[2]
    _set(
        linear, slope * (coef / scale)[None], slope * (offset - center @ (coef / scale))
    )
    with torch.no_grad():
        link.first.copy_(torch.tensor(cuts[0]))
        gaps = np.maximum(np.diff(cuts) - 1e-4, 1e-6)
        link.gaps.copy_(torch.tensor(np.log(np.expm1(gaps))))
        log_proba = link(torch.tensor(slope * unseen[best][:, None])).numpy()
    classes = np.asarray(task.classes)
    expected = np.exp(log_proba.astype(np.float64)) @ classes
    if np.ptp(expected):
        net._set_cut_points(best_cut_points(expected, classes[grade], classes))


def _ridges(X, y, weight):
    """Return coefficients and offset of the ridge of each penalty, by one SVD."""
    root = np.sqrt(weight / weight.mean())[:, None]
    mean_X = np.average(X, axis=0, weights=weight)
    mean_y = np.average(y, weights=weight)
    U, s, Vt = np.linalg.svd(root * (X - mean_X), full_matrices=False)
    Uy = U.T @ (root[:, 0] * (y - mean_y))
    found = []
    for penalty in PENALTIES * X.shape[1]:
        coef = Vt.T @ (s / (s**2 + penalty) * Uy)
        found.append((coef, mean_y - mean_X @ coef))
    return found


def _fit_link(latent, grade, weight, n_grades):
    """Fit slope and cut-points of the cumulative link by maximum likelihood.

    Classes without a row keep a share of half a row, so that cut-points stay finite.
    """
    counts = np.bincount(grade, weights=weight, minlength=n_grades) + 0.5
    below = counts.cumsum()[:-1] / counts.sum()
    spread = max(latent.std(), 1e-12)
    start = np.r_[
        np.log(1.7 / spread), logit(below) * 1.2 + 1.7 * latent.mean() / spread
    ]
    # Growing cut-points: the first, then logarithms of the gaps.
    start = np.r_[start[:2], np.log(np.maximum(np.diff(start[1:]), 1e-3))]

    def unpack(free):
        return np.exp(free[0]), free[1] + np.r_[0, np.exp(free[2:]).cumsum()]

    def loss(free):
        slope, cuts = unpack(free)
        edges = np.r_[-np.inf, cuts, np.inf]
        upper = expit(edges[grade + 1] - slope * latent)
        lower = expit(edges[grade] - slope * latent)
        seen = -(weight * np.log(np.maximum(upper - lower, 1e-12))).sum()
        middle = expit(cuts - slope * latent.mean())
        prior = sum(
            -0.5 * np.log(max(high - low, 1e-12))
            for low, high in pairwise(np.r_[0, middle, 1])
        )
        return (seen + prior) / weight.sum()

    found = minimize(loss, start, method="L-BFGS-B", bounds=[(-20, 20)] * len(start))
    return unpack(found.x)


def _fit_quality(net, task, rows, features, center, scale):
    X, quality, weight, patients = rows
    weight = weight * net.class_weights_.double().cpu().numpy()[quality]
    counts = np.bincount(quality, weights=weight, minlength=2)
    if not counts.all():  # nothing to tell apart: their shares, half a row added
        layer = net.module_.quality_head
        _set(layer, np.zeros(layer.weight.shape), np.log(counts + 0.5))
        return
    losses = np.zeros(len(INVERSE_PENALTIES))
    for train, test in _folds(quality, patients):
        if len(np.unique(quality[train])) < 2:
            continue
        for i, model in enumerate(
            _regressions(X[train], quality[train], weight[train])
        ):
            proba = model.predict_proba(X[test])[np.arange(len(test)), quality[test]]
            losses[i] -= (weight[test] * np.log(np.maximum(proba, 1e-12))).sum()
    best = int(np.argmin(losses))
    model = _regressions(X, quality, weight, INVERSE_PENALTIES[best : best + 1])[0]
    module = net.module_
    # The embedding: the decision first, then principal components.
    n_features = min(module.n_features - 1, *features.shape)
    rotation = np.zeros((module.n_features, X.shape[1]))
    rotation[0] = model.coef_[0]
    if n_features > 0:
        _, _, components = randomized_svd(features, n_features, random_state=0)
        rotation[1 : 1 + n_features] = components
    _set(module.embedding, rotation / scale, -(rotation / scale) @ center)
    decision = np.zeros((2, module.n_features))
    decision[1, 0] = 1
    _set(module.quality_head, decision, np.array([0, model.intercept_[0]]))


def _regressions(X, quality, weight, inverse_penalties=INVERSE_PENALTIES):
    return [
        LogisticRegression(C=C * len(X) / weight.sum(), max_iter=1000).fit(
            X, quality, sample_weight=weight
        )
        for C in inverse_penalties
    ]


def _set(layer, weight, bias):
    with torch.no_grad():
        layer.weight.copy_(torch.as_tensor(weight))
        layer.bias.copy_(torch.as_tensor(np.atleast_1d(bias)))
