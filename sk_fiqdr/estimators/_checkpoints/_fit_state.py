"""All that the rest of a fit depends on: taken from a net, and brought back to it."""

import torch
from skorch.callbacks import PrintLog

from ...utils._packing import pack


def capture(net):
    """Return the state of a net between two epochs.

    Parameters
    ----------
    net : FundusNet
        The net.

    Returns
    -------
    state : dict
        For `pack`: networks, criteria, optimisers, callbacks, generators, history.
    """
    return {
        "learned": learned(net),
        "callbacks": {
            name: _callback_state(callback) for name, callback in net.callbacks_
        },
        "generators": _generators(net),
        "history": net.history.to_list(),
    }


def restore(net, state):
    """Bring an initialised net to a state that `capture` returned.

    Parameters
    ----------
    net : FundusNet
        Initialised; its callbacks have met it if it is to be trained.
    state : dict
        From `capture`.

    Raises
    ------
    ValueError
        If the state is of a network of other layers.
    """
    net.history[:] = state["history"]
    for name, callback in net.callbacks_:
        own, held = state["callbacks"].get(name, ({}, {}))
        vars(callback).update(own)
        for key, values in held.items():
            if hasattr(getattr(callback, key, None), "load_state_dict"):
                getattr(callback, key).load_state_dict(values)
    # After the callbacks, which change the optimiser when they meet it.
    try:
        for name, values in state["learned"].items():
            getattr(net, name).load_state_dict(values)
    except (AttributeError, RuntimeError) as error:
        raise ValueError(str(error)) from error
    _set_generators(net, state["generators"])


def learned(net):
    """Return the state of the networks, criteria and optimisers of a net."""
    names = [*net._modules, *net._criteria, *net._optimizers]
    return {f"{name}_": getattr(net, f"{name}_").state_dict() for name in names}


def _callback_state(callback):
    """Return what a callback has learned: by skorch's habit, what ends in `_`."""
    own, held = {}, {}
    if isinstance(callback, PrintLog):  # each screen gets a header of its own
        return own, held
    for key, value in vars(callback).items():
        if not key.endswith("_"):
            continue
        if hasattr(value, "state_dict") and not isinstance(value, type):
            held[key] = value.state_dict()
            continue
        try:
            pack(value, {}, key)
        except TypeError:  # a function or a connection, made anew for every fit
            continue
        own[key] = value
    return own, held


def _generators(net):
    own = {"torch": torch.get_rng_state()}
    if net._device_type == "cuda":
        own["cuda"] = torch.cuda.get_rng_state(net.device)
    given = {name: it.get_state() for name, it in _given_generators(net).items()}
    return {**own, **given}


def _set_generators(net, states):
    torch.set_rng_state(states["torch"])
    if "cuda" in states and net._device_type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], net.device)
    for name, generator in _given_generators(net).items():
        generator.set_state(states[name])


def _given_generators(net):
    """Return the generators that the user gave to the loader and its samplers."""
    given = net.get_params_for("iterator_train")
    return {
        name: generator
        for name, generator in {
            "loader": given.get("generator"),
            "sampler": getattr(given.get("sampler"), "generator", None),
            "batch_sampler": getattr(given.get("batch_sampler"), "generator", None),
        }.items()
        if isinstance(generator, torch.Generator)
    }
