"""Identity of a fit: its parameters, its data, and its start."""

from ...modules._backbones import resolve
from ...utils._check_images import PATHS
from ...utils._digest import describe_parameters, digest
from ...utils._same_file import name_and_size

# Parameters that the first checkpoints did not have, and what they were in effect.
NEWER_DEFAULTS = {
    "grade_loss": "cross_entropy",
    "on_damage": "warn",
    "poor_label": None,
    "solver": "gradient",
}


def fit_key(net, dataset, state=None):
    """Return a name for one fit, the same in every process and on every machine.

    Parameters
    ----------
    net : FundusNet
        The net, whose parameters count, but for those that only say where and how fast
        it computes.
    dataset : FundusDataset
        Checked data. Images and features count by their content, files by their name,
        the name of their folder, and their size in bytes. Files of weights count by
        their content.
    state : object, default=None
        State from which a warm start continues.

    Returns
    -------
    key : str
        40 hexadecimal digits.
    """
    X = dataset.X
    if dataset.kind == PATHS:
        X = [name_and_size(path) for path in X]
    parameters = {
        name: value
        for name, value in describe_parameters(net).items()
        if not _is_newer_default(name, value)
    }
    parameters["weights"] = resolve(parameters["weights"], net.backbone)
    return digest(
        {
            "estimator": type(net),
            "parameters": parameters,
            "X": X,
            "y": dataset.y,
            "classes": net.classes_,
            "sample_weight": dataset.sample_weight,
            "groups": dataset.groups,
            "start": state,
        }
    )


def _is_newer_default(name, value):
    """Whether a fit of an earlier version, without the parameter, was the same."""
    if name not in NEWER_DEFAULTS or not isinstance(value, str | None):
        return False
    return NEWER_DEFAULTS[name] == value
