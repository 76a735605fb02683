"""Processes that were started together, by accelerate."""

import functools
import os

import torch
from torch.utils.data import Subset


@functools.cache
def processes(on_cpu):
    """Join the processes that torchrun or accelerate started, if any.

    Parameters
    ----------
    on_cpu : bool
        Whether they compute on the CPU.

    Returns
    -------
    processes : Processes
        The same each time.

    Raises
    ------
    ImportError
        If accelerate is not installed.
    RuntimeError
        If they were started in a way that does not fit.
    """
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise ImportError(
            "Training over several processes needs Hugging Face accelerate: "
            "pip install 'sk-fiqdr[distributed]'."
        ) from error
    accelerator = Accelerator(
        cpu=on_cpu,
        # The net sets device, precision and batches, whatever the launcher does.
        device_placement=False,
        mixed_precision="no",
    )
    n_started = int(os.environ.get("WORLD_SIZE", 1))
    if n_started != accelerator.num_processes:
        raise RuntimeError(
            f"{n_started} processes were started, and accelerate found "
            f"{accelerator.num_processes}. Start the script by torchrun or accelerate "
            "launch; on CPUs make an Accelerator of your own by Accelerator(cpu=True)."
        )
    kind = accelerator.distributed_type.value
    if n_started > 1 and not kind.startswith("MULTI_"):
        raise RuntimeError(
            f"accelerate is configured for {kind}, and this trains data-parallel only. "
            "Start by torchrun, or by accelerate launch with --multi_gpu or --cpu."
        )
    return Processes(accelerator)


class Processes:
    """The view of one of several processes, and its exchange with the others.

    Every method that exchanges something has to be called by all of them.

    Parameters
    ----------
    accelerator : Accelerator
        accelerate's view of them.

    Attributes
    ----------
    n : int
        How many there are.
    rank : int
        Number of this one.
    is_main : bool
        Whether it is the one that prints and writes.
    alone : bool
        Whether there is only one.
    """

    def __init__(self, accelerator):
        self.accelerator = accelerator
        self.n = accelerator.num_processes
        self.rank = accelerator.process_index
        self.is_main = accelerator.is_main_process
        self.alone = self.n == 1

    def rows(self, n_rows):
        """Return which rows of a batch are this process's; there may be none."""
        return range(n_rows * self.rank // self.n, n_rows * (self.rank + 1) // self.n)

    def rows_read(self, n_rows):
        """Return which rows it reads: one that is ignored, if it has none."""
        return self.rows(n_rows) or range(1)

    def sum(self, tensor):
        """Sum a tensor over the processes."""
        return self.accelerator.reduce(tensor.detach(), "sum")

    def mean(self, tensor):
        """Average a tensor over the processes."""
        return self.accelerator.reduce(tensor.detach(), "mean")

    def whole(self, own, n_rows):
        """Gather the tables of a whole batch from the rows of each process.

        Parameters
        ----------
        own : list of Tensor of shape (n_own_rows, n_columns)
            What this one has, of any numeric type.
        n_rows : int
            Rows of the batch.

        Returns
        -------
        whole : list of Tensor of shape (n_rows, n_columns)
            float32, the same in every process.
        """
        table = torch.cat([part.float() for part in own], dim=1)
        rows = self.rows(n_rows)
        whole = table.new_zeros(n_rows, table.shape[1])
        whole[rows.start : rows.stop] = table[: len(rows)]
        return self.sum(whole).split([part.shape[1] for part in own], dim=1)

    def from_main(self, value):
        """Return what the main process passes, whatever the others pass."""
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([value])[0]

    def of_each(self, value):
        """Return what each process passes, in their order."""
        from accelerate.utils import gather_object

        return gather_object([value])

    def copy_from_main(self, tensors):
        """Make tensors, in place, what they are in the main process."""
        from accelerate.utils import broadcast

        broadcast(list(tensors))

    def agree_on_draws(self):
        """Set torch's generator to the state of the main process's."""
        from accelerate.utils import synchronize_rng_states

        synchronize_rng_states(["torch"])

    def draw_apart(self, device):
        """Return the state of a generator that differs in each process.

        Parameters
        ----------
        device : torch.device
            A GPU is set to draw apart at once.

        Returns
        -------
        state : Tensor
            For `torch.set_rng_state`. torch's generator stays where it is.
        """
        agreed = torch.Generator()
        agreed.set_state(torch.get_rng_state())
        seed = torch.randint(2**62, (), generator=agreed).item() + self.rank
        if device.type == "cuda":
            torch.cuda.manual_seed(seed)
        return torch.Generator().manual_seed(seed).get_state()


class Part(Subset):
    """A dataset of which this process reads its part of every batch.

    Labels are returned for the whole batch, -1 in the rows of the other processes, so
    that its size is known. The loader chooses the rows of a batch, the same in every
    process.

    Parameters
    ----------
    dataset : Dataset
        The whole.
    processes : Processes
        Who share it.
    """

    def __init__(self, dataset, processes):
        if isinstance(dataset, Subset):
            super().__init__(dataset.dataset, dataset.indices)
        else:
            super().__init__(dataset, range(len(dataset)))
        self.own = processes.rows
        self.positions = processes.rows_read

    def __getitems__(self, indices):
        """Return this part of the images, and labels as long as the batch."""
        n_rows = len(indices)
        X, y = super().__getitems__([indices[i] for i in self.positions(n_rows)])
        own = self.own(n_rows)
        labels = y.new_full((n_rows, *y.shape[1:]), -1)
        labels[own.start : own.stop] = y[: len(own)]
        return X, labels
