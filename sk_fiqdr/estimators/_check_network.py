"""Check a network that was passed as an instance: what it takes and what it returns."""

import torch

from ..utils._tasks import DEEP


def check_network(module, kwargs, tasks):
    """Raise if a network does not return what a net learns from.

    Parameters
    ----------
    module : Module
        The network.
    kwargs : dict
        Arguments that the net would build one with.
    tasks : sequence of Task
        What the net learns.

    Raises
    ------
    ValueError
        If it does not take rows as X has them, or returns something else than logits
        of both tasks and features.
    """
    name, was_training = type(module).__name__, module.training
    if kwargs["backbone"] is None:
        rows = torch.zeros(2, kwargs["n_inputs"])
    else:
        size = kwargs["image_size"]
        rows = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    what = f"{str(rows.dtype).removeprefix('torch.')} of shape {tuple(rows.shape)!r}"
    try:
        with torch.no_grad():
            outputs = module.eval()(rows.to(next(module.parameters(), rows).device))
    except (RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"module, a {name}, does not take {what}: {error} backbone=None says that "
            "X holds features, any other backbone that it holds images."
        ) from error
    finally:
        module.train(was_training)
    expected = {task.output: len(task.classes) for task in tasks}
    widths = [output.shape[-1] for output in outputs]
    if len(widths) <= DEEP or any(widths[at] != n for at, n in expected.items()):
        names = " and ".join(f"{len(task.classes)} of {task.name}" for task in tasks)
        raise ValueError(
            f"module, a {name}, returns outputs of widths {widths!r}, expected a tuple "
            f"of grade logits, quality logits and features, with {names}."
        )
    if kwargs.get("ordinal"):
        total = outputs[0].exp().sum(dim=1)
        if not torch.allclose(total, torch.ones_like(total), atol=1e-3):
            raise ValueError(
                "grade_loss='ordinal' and solver='ridge' need an ordinal grade head, "
                f"which this {name} does not have. Build it with ordinal=True."
            )
