"""State of a fit between two epochs: captured from a net, and restored to it."""

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
    """Restore a state that `capture` returned.

    Parameters
    ----------
    net : FundusNet
        Initialised; for training, after its callbacks were initialised, too.
    state : dict
        From `capture`.

    Raises
    ------
    ValueError
        If the state belongs to a network with other layers.
    """
    net.history[:] = state["history"]
    for name, callback in net.callbacks_:
        attributes, state_dicts = state["callbacks"].get(name, ({}, {}))
        learned_here = {k: v for k, v in attributes.items() if _is_learned(k)}
        vars(callback).update(learned_here)
        for key, values in state_dicts.items():
            if _is_learned(key) and hasattr(
                getattr(callback, key, None), "load_state_dict"
            ):
                getattr(callback, key).load_state_dict(values)
    # After the callbacks, which change the optimiser when they are initialised.
    if state["learned"].keys() != learned(net).keys():
        raise ValueError(f"It holds {[*state['learned']]!r}.")
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
    """Return what a callback has learned: by skorch's convention, names with `_`."""
    attributes, state_dicts = {}, {}
    if isinstance(callback, PrintLog):  # which prints its header in each process
        return attributes, state_dicts
    for key, value in vars(callback).items():
        if not _is_learned(key):
            continue
        if hasattr(value, "state_dict") and not isinstance(value, type):
            state_dicts[key] = value.state_dict()
            continue
        try:
            pack(value, {}, key)
        except TypeError:  # a function or a connection, created for each fit
            continue
        attributes[key] = value
    return attributes, state_dicts


def _is_learned(name):
    """Whether a callback has learned it; its parameters are not taken from a file."""
    return name.endswith("_") and not name.endswith("__")


def _generators(net):
    states = {"torch": torch.get_rng_state()}
    if net._device_type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(net.device)
    given = {name: it.get_state() for name, it in _given_generators(net).items()}
    return {**states, **given}


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
