"""Fitting by ridge: features of the frozen backbone once, then both heads."""

from pathlib import Path

import numpy as np

from ...modules import MultiTaskNet
from ...utils._report_unreadable import report_unreadable
from ._closed_form import fit_heads


def check_solver(net):
    """Check the parameters of a net against ``solver="ridge"``.

    Parameters
    ----------
    net : FIQDRClassifier
        The net.

    Raises
    ------
    ValueError
        If one of them asks for gradient steps.
    """
    if net.solver == "average":
        _check_average(net)
        return
    if net.backbone is not None and net.freeze is not True:
        raise ValueError(
            f'solver="ridge" fits the heads alone, and freeze={net.freeze!r} trains '
            'the backbone: set freeze=True, or solver="gradient".'
        )
    for name, unset in {"train_split": None, "balance": None}.items():
        if getattr(net, name) is not unset:
            raise ValueError(
                f'{name}={getattr(net, name)!r} is not used by solver="ridge": '
                f'leave it {unset!r}, or set solver="gradient".'
            )
    if net.grade_loss not in ("cross_entropy_kappa", "cross_entropy", "ordinal"):
        raise ValueError(
            f'solver="ridge" has a loss of its own, got grade_loss={net.grade_loss!r}: '
            'leave it out, or set solver="gradient".'
        )


def _check_average(net):
    if net.backbone is None or net.freeze is True:
        what = "backbone=None" if net.backbone is None else "freeze=True"
        raise ValueError(
            'solver="average" trains a backbone and keeps another one frozen, and '
            f'{what} trains none: set solver="ridge", or "gradient".'
        )
    if net.module is not MultiTaskNet:
        raise ValueError(
            'solver="average" has a network of its own, got module='
            f'{net.module!r}: leave it out, or set solver="gradient".'
        )


def solve_frozen(net, dataset):
    """Fit the heads of the frozen network of an average, and take half of each.

    Parameters
    ----------
    net : FIQDRClassifier
        The net, trained.
    dataset : FundusDataset
        Checked data.
    """
    module = net.module_
    vars(net)["module_"] = module.frozen
    try:
        _fit_on_features(net, dataset)
    finally:
        vars(net)["module_"] = module
        vars(net).pop("grade_cut_points_", None)  # of one of both
    module.share.fill_(0.5)


def solve(net, dataset):
    """Fit the heads of a net on the features of its backbone.

    Parameters
    ----------
    net : FIQDRClassifier
        The net.
    dataset : FundusDataset
        Checked data. With `checkpoint_dir` their features are kept there.
    """
    with net._own_generator(start_afresh=True):
        net.initialize()
        net.module_.freeze().eval()
    _fit_on_features(net, dataset)


def _fit_on_features(net, dataset):
    deep = dataset.X if net.backbone is None else _features(net, dataset)
    if dataset.unreadable is not None:
        unread = dataset.unreadable.numpy()
        unread |= np.isnan(deep).all(axis=1)
        deep = np.where(unread[:, None], np.nan, deep)
    fit_heads(net, deep, dataset)
    report_unreadable(net, dataset)


def _features(net, dataset):
    from .._deep_features._deep_features import DeepFeatures

    folder = net.checkpoint_dir
    features = DeepFeatures.from_estimator(
        net,
        memory=None if folder is None else Path(folder) / "features",
        batch_size=net.batch_size if net.batch_size > 0 else len(dataset),
        num_workers=net.get_params_for("iterator_valid").get("num_workers", 0),
        progress=net.verbose > 0,
        on_error="raise" if net.on_error == "raise" else "skip",
        on_damage="raise" if net.on_damage == "raise" else "ignore",
    )
    return features.fit_transform(dataset.X)
