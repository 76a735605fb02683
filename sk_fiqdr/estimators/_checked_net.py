"""CheckedNet: a net whose training stops with a diagnosis where it cannot continue."""

from ._net_parts import NetParts
from ._training._diagnosis import (
    check_finite,
    check_some_were_read,
    check_weights,
    explain_out_of_memory,
    name_lost_worker,
    too_small_for_norm,
)


class CheckedNet(NetParts):
    """A net that checks its losses and weights, and explains errors of torch."""

    def train_step(self, batch, **fit_params):
        """Train on one batch."""
        with explain_out_of_memory(self, batch, training=True):
            return super().train_step(batch, **fit_params)

    def evaluation_step(self, batch, training=False):
        """Run the network on one batch."""
        with explain_out_of_memory(self, batch, training=False):
            return super().evaluation_step(batch, training=training)

    def run_single_epoch(self, iterator, training, **kwargs):
        """Train or validate for one epoch."""
        try:
            super().run_single_epoch(iterator, training=training, **kwargs)
        except RuntimeError as error:
            raise name_lost_worker(self, error) from error
        except ValueError as error:
            if not too_small_for_norm(error):
                raise
            raise ValueError(
                "A batch of one image has no batch statistics, which layers of this "
                f"network need ({error}). Set batch_size to 2 or more (it is "
                f"{self.batch_size!r}, for {len(iterator.dataset)} images), keep "
                "drop_last, or choose a network with group or layer norm."
            ) from error

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs):
        """Stop if no image could be read, or the weights became nan or infinite."""
        super().on_epoch_end(net, dataset_train, dataset_valid, **kwargs)
        check_some_were_read(dataset_train)
        check_weights(self)

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        """Stop if the loss is nan or infinite."""
        super().on_batch_end(net, batch, training, **kwargs)
        if training:
            check_finite(self)
