"""A loss of anyone else, given the rows of known label alone.

Imports torch only.
"""

import inspect

from ._cross_entropy import at_least_float32


def known_rows_only(loss):
    """Return a loss that leaves out rows of unknown label, and weighs no rows.

    Parameters
    ----------
    loss : callable
        ``loss(logits, labels)`` -> mean over the rows, such as
        ``torch.nn.CrossEntropyLoss(label_smoothing=0.1)``.

    Returns
    -------
    loss : callable
        ``loss(logits, labels, sample_weight=None, all_reduce=None)`` as
        :func:`masked_cross_entropy`; the one that was given if it is of that kind.
    """
    if takes_weights(loss):
        return loss

    def over_known_rows(logits, labels, sample_weight=None, all_reduce=None):
        if sample_weight is not None:
            raise ValueError(
                f"The loss {loss!r} does not take sample_weight. Leave sample_weight "
                "out, or choose a loss that accepts it, such as grade_loss="
                "'cross_entropy'."
            )
        known = labels >= 0
        n_known = known.sum()
        n_total = n_known if all_reduce is None else all_reduce(n_known)
        if n_known == 0:
            return 0 * at_least_float32(logits)[known].sum()
        mean = loss(at_least_float32(logits)[known], labels[known])
        if mean.ndim:
            raise ValueError(
                f"The loss {loss!r} returns shape {tuple(mean.shape)!r}, expected the "
                "mean over the rows. Give it reduction='mean'."
            )
        return mean * (n_known / n_total)

    return over_known_rows


def takes_weights(loss):
    """Return whether a loss takes rows of unknown label and weights of rows itself.

    Parameters
    ----------
    loss : callable
        A function, or a Module.

    Returns
    -------
    takes_weights : bool
        Whether it has an argument `sample_weight`.
    """
    call = getattr(loss, "forward", loss)
    return "sample_weight" in inspect.signature(call).parameters
