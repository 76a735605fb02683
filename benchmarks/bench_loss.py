"""The weighted centre loss against the distance-matrix form that everyone copies.

    python benchmarks/bench_loss.py

appends its figures to ``benchmarks/results/loss.csv``: forward and backward of one
batch of 256 rows with 2,048 features, both ways by turns, and the memory that autograd
keeps for the backward pass. Medians over nine processes: how the memory of a process
happens to lie moves the ratio by a third.

The reference form computes all distances between features and centres as
``|f|^2 + |c|^2 - 2 f c^T`` and masks out those of other classes; its centres are
parameters, trained by an optimiser. Ours includes the step of the centres.
"""

import gc
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from _arguments import asked
from _record import record
from torch import nn
from torch.nn import functional as F

from sk_fiqdr.losses import WeightedCenterLoss

RESULTS = Path(__file__).parent / "results" / "loss.csv"
N_ROWS, N_FEATURES = 256, 2048
BETA, LAMBD = 27.0, 0.1
N_PROCESSES, N_TURNS, N_CALLS = 9, 9, 20


class DistanceMatrixLoss(nn.Module):
    """The common form: every feature meets every centre."""

    def __init__(self, n_classes):
        super().__init__()
        self.centers = nn.Parameter(torch.randn(n_classes, N_FEATURES))
        self.register_buffer("weights", torch.ones(n_classes))
        self.weights[0] = BETA

    def forward(self, logits, features, labels):
        """Return the same loss for the same centres."""
        n, n_classes = len(features), len(self.centers)
        distances = (
            features.pow(2).sum(dim=1, keepdim=True).expand(n, n_classes)
            + self.centers.pow(2).sum(dim=1, keepdim=True).expand(n_classes, n).t()
        ).addmm(features, self.centers.t(), beta=1, alpha=-2)
        classes = torch.arange(n_classes, device=labels.device)
        mask = labels.unsqueeze(1).expand(n, n_classes).eq(classes.expand(n, n_classes))
        center_loss = (distances * mask.float()).clamp(min=1e-12, max=1e12).sum() / 2
        entropy = F.cross_entropy(logits, labels, weight=self.weights, reduction="sum")
        return (entropy + LAMBD * center_loss) / self.weights[labels].sum()


def make_batch(n_classes, device):
    """Return logits and features that want a gradient, and labels."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(N_ROWS, n_classes, generator=generator)
    features = torch.randn(N_ROWS, N_FEATURES, generator=generator)
    labels = torch.randint(n_classes, (N_ROWS,), generator=generator)
    return (
        logits.to(device).requires_grad_(),
        features.to(device).requires_grad_(),
        labels.to(device),
    )


def step(loss, batch):
    """Take forward and backward once."""
    logits, features, labels = batch
    logits.grad = features.grad = None
    loss.zero_grad(set_to_none=True)
    value = loss(logits, features, labels)
    value.backward()
    return value


def milliseconds(loss, batch, device):
    """Return the time of one step, over several; on a CPU that of the processor."""
    clock = time.perf_counter if device == "cuda" else time.process_time
    start = clock()
    for _ in range(N_CALLS):
        step(loss, batch)
    if device == "cuda":
        torch.cuda.synchronize()
    return 1e3 * (clock() - start) / N_CALLS


def saved_bytes(loss, batch):
    """Return what lives between forward and backward, inputs not counted."""
    storages = {}
    inputs = {t.untyped_storage().data_ptr() for t in (*batch, *loss.buffers())}
    inputs |= {p.untyped_storage().data_ptr() for p in loss.parameters()}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in inputs:
            storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    before = {id(item) for item in gc.get_objects()}
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        value = loss(*batch)
    for item in gc.get_objects():  # what a function keeps by itself
        if id(item) not in before and isinstance(item, torch.Tensor):
            keep(item)
    del value
    return sum(storages.values())


def compare(n_classes, device):
    """Return times of both, how often ours is as fast, and the memory kept."""
    torch.set_num_threads(1)
    ours = WeightedCenterLoss(BETA, LAMBD, n_features=N_FEATURES, n_classes=n_classes)
    theirs = DistanceMatrixLoss(n_classes).to(device)
    ours.to(device)
    batch = make_batch(n_classes, device)
    with torch.no_grad():  # one loss, not two
        ours.centers.copy_(theirs.centers)
        pair = ours(*batch).item(), theirs(*batch).item()
    assert abs(pair[0] / pair[1] - 1) < 1e-4, pair
    times = {ours: [], theirs: []}
    for turn in range(N_TURNS + 2):
        for loss in (ours, theirs) if turn % 2 else (theirs, ours):
            took = milliseconds(loss, batch, device)
            if turn > 1:  # the first two warm up
                times[loss].append(took)
    mine, baseline = (statistics.median(times[loss]) for loss in (ours, theirs))
    pairs = zip(times[theirs], times[ours], strict=True)
    ratio = statistics.median(baseline / mine for baseline, mine in pairs)
    kept = saved_bytes(ours, batch) / batch[1].untyped_storage().nbytes()
    return mine, baseline, ratio, kept


def bench(device):
    """Compare both at 2 and at 1,000 classes."""
    fresh = {"mp_context": get_context("spawn"), "max_tasks_per_child": 1}
    for n_classes, required in ((2, ">= 2"), (1000, ">= 10")):
        with ProcessPoolExecutor(1, **fresh) as pool:
            jobs = [[n_classes] * N_PROCESSES, [device] * N_PROCESSES]
            mine, baseline, ratio, kept = zip(*pool.map(compare, *jobs), strict=True)
        name = f"{n_classes} classes, {device}"
        yield f"forward and backward, {name}: ms", statistics.median(mine), None
        yield f"distance matrix, {name}: ms", statistics.median(baseline), None
        yield f"times as fast, {name}", statistics.median(ratio), required
        yield f"times as fast, {name}: least of {N_PROCESSES}", min(ratio), None
        yield f"times as fast, {name}: most of {N_PROCESSES}", max(ratio), None
        yield f"kept for backward / features, {name}", kept[0], "O(batch x features)"


def main():
    """Measure on the CPU with one thread, and on a GPU where there is one."""
    asked(__doc__)
    torch.set_num_threads(1)
    command = " ".join([Path(__file__).name, *sys.argv[1:]])
    for device in ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]:
        record(RESULTS, command, bench(device))


if __name__ == "__main__":
    main()
