"""Parameter groups: what decays, and how fast backbone and heads learn."""


def parameter_groups(module, parameters, *, weight_decay, backbone_lr):
    """Sort the parameters of a net into groups for its optimiser.

    Parameters
    ----------
    module : MultiTaskNet
        The network.
    parameters : list of Parameter
        Those to be trained.
    weight_decay : bool
        Whether the optimiser has weight decay, which is not applied to biases and to
        the scales of normalisation layers.
    backbone_lr : float or None
        Learning rate of the backbone; None is that of the heads.

    Returns
    -------
    groups : list of dict
        Each with at least one parameter.
    """
    slow = set()
    if backbone_lr is not None and getattr(module, "backbone", None) is not None:
        slow = {id(parameter) for parameter in module.backbone.parameters()}
    groups = {}
    for parameter in parameters:
        spared = weight_decay and parameter.ndim <= 1
        groups.setdefault((id(parameter) in slow, spared), []).append(parameter)
    return [
        {
            "params": members,
            **({"weight_decay": 0.0} if spared else {}),
            **({"lr": backbone_lr} if is_slow else {}),
        }
        for (is_slow, spared), members in sorted(groups.items(), key=lambda g: g[0])
    ]
