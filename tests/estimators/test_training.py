"""How a fit draws rows, sets learning rates, stops, and what may befall it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.fits import make_features
from helpers.networks import TinyBackbone
from skorch.callbacks import Callback, EpochScoring, LRScheduler
from skorch.dataset import ValidSplit

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.callbacks import EarlyStopping
from sk_fiqdr.estimators._training._image_dataset import balanced_sampler
from sk_fiqdr.metrics import kappa_scorer
from sk_fiqdr.model_selection import PatientLeakageError, PatientValidSplit

HEADS = {"backbone": None, "max_epochs": 20, "lr": 0.1, "random_state": 0}

TESTS = str(Path(__file__).parents[1])


class Collect(Callback):
    """Keep the labels of every training batch, and the weights of every epoch."""

    def on_train_begin(self, net, **kwargs):
        self.labels_, self.states_ = [], []

    def on_batch_end(self, net, batch=None, training=False, **kwargs):
        if training:
            self.labels_.append(batch[1].numpy().copy())

    def on_epoch_end(self, net, **kwargs):
        state = {**net.module_.state_dict(), **net.criterion_.state_dict()}
        self.states_.append({name: value.clone() for name, value in state.items()})


def drawn(net):
    return np.concatenate(dict(net.callbacks_)["Collect"].labels_)


def test_a_balanced_sampler_draws_every_known_class_as_often():
    labels = np.repeat([0, 1, 3, -1], [5, 45, 100, 50])
    torch.manual_seed(0)
    rows = torch.cat([torch.tensor(list(balanced_sampler(labels))) for _ in range(200)])
    shares = {k: (labels[rows] == k).mean() for k in (0, 1, 3, -1)}
    assert shares == pytest.approx({0: 0.25, 1: 0.25, 3: 0.25, -1: 0.25}, abs=0.01)


@pytest.mark.parametrize(("task", "column"), [("grade", 0), ("quality", 1)])
def test_balance_makes_the_classes_of_one_task_come_equally_often(task, column):
    X, y = make_features(400)
    y[:, 0] = np.where(np.arange(400) % 10, 0, y[:, 0])  # nine in ten have no DR
    net = FIQDRClassifier(**HEADS, balance=task, callbacks=[Collect()]).fit(X, y)
    seen = drawn(net)
    assert len(seen) == 20 * len(X)  # an epoch is as long as without
    shares = np.bincount(seen[:, column]) / len(seen)
    n_classes = len(np.unique(y[:, column]))
    np.testing.assert_allclose(shares, 1 / n_classes, atol=0.02)


@pytest.mark.parametrize(
    ("estimator", "task"), [(QualityClassifier, "quality"), (DRGrader, "grade")]
)
def test_the_single_tasks_are_balanced_too_and_know_no_other(estimator, task):
    X, y = make_features()
    y = y[:, int(task == "quality")]
    y[:20] = -1
    net = estimator(**HEADS, balance=task, callbacks=[Collect()]).fit(X, y)
    known = drawn(net)[drawn(net) >= 0]
    shares = np.bincount(known) / len(known)
    np.testing.assert_allclose(shares, 1 / len(shares), atol=0.03)
    other = {"quality": "grade", "grade": "quality"}[task]
    with pytest.raises(
        ValueError, match=f"'balance' .* among {{'{task}'}} or None.*'{other}'"
    ):
        estimator(**HEADS, balance=other).fit(X, y)


def test_balance_counts_the_training_part_of_an_inner_split():
    X, y = make_features(400)
    split = PatientValidSplit(0.5, random_state=0)
    net = FIQDRClassifier(
        **HEADS, balance="quality", train_split=split, callbacks=[Collect()]
    ).fit(X, y, groups=np.arange(400))
    assert len(drawn(net)) == 20 * 200
    assert (drawn(net)[:, 1] == 0).mean() == pytest.approx(0.5, abs=0.03)


def test_balance_and_a_sampler_of_ones_own_exclude_each_other():
    X, y = make_features()
    net = FIQDRClassifier(
        **HEADS,
        balance="grade",
        iterator_train__sampler=balanced_sampler(y[:, 0]),
        iterator_train__shuffle=False,
    )
    with pytest.raises(ValueError, match="so does iterator_train__sampler"):
        net.fit(X, y)


def test_the_backbone_may_learn_at_a_rate_of_its_own(tiny, fundus):
    rates = []

    class Note(Callback):
        def on_batch_end(self, net, training=False, **kwargs):
            rates.append([group["lr"] for group in net.optimizer_.param_groups])

    net = FIQDRClassifier(**tiny, lr=0.02, backbone_lr=0.002, callbacks=[Note()]).fit(
        fundus.data, fundus.target
    )
    backbone = {id(parameter) for parameter in net.module_.backbone.parameters()}
    rates = np.array(rates).T
    for group, lr in zip(net.optimizer_.param_groups, rates, strict=True):
        inside = {id(parameter) in backbone for parameter in group["params"]}
        assert inside in ({True}, {False})
        np.testing.assert_allclose(
            rates.max(axis=0) * (0.1 if True in inside else 1), lr
        )
    together = sum(len(group["params"]) for group in net.optimizer_.param_groups)
    assert together == len(list(net.module_.parameters()))


def test_a_backbone_that_stands_still_is_one_of_rate_zero(tiny, fundus):
    settings = tiny | {"augment": None}
    slow = FIQDRClassifier(**settings, backbone_lr=0.0).fit(fundus.data, fundus.target)
    torch.manual_seed(slow.random_state)
    fresh = FIQDRClassifier(**settings | {"max_epochs": 1}, freeze=True)
    fresh.fit(fundus.data, fundus.target)
    for one, two in zip(
        slow.module_.backbone.parameters(),
        fresh.module_.backbone.parameters(),
        strict=True,
    ):
        assert torch.equal(one, two)


def test_gradient_clip_bounds_every_step():
    X, y = make_features()
    norms = []

    class Note(Callback):
        def on_grad_computed(self, net, named_parameters, **kwargs):
            norms.append(
                torch.stack([p.grad.norm() for _, p in named_parameters]).norm().item()
            )

    FIQDRClassifier(**HEADS, gradient_clip=0.1, callbacks=[Note()]).fit(X, y)
    assert max(norms) <= 0.1 * (1 + 1e-5)


def overfitting_net(**parameters):
    """Heads that soon learn their few rows by heart."""
    return FIQDRClassifier(
        **HEADS | {"lr": 0.5, "max_epochs": 60, "lr_schedule": "constant"},
        train_split=PatientValidSplit(0.5, random_state=0),
        **parameters,
    )


def test_early_stopping_goes_back_to_the_best_epoch_centres_included():
    X, y = make_features(80)
    X = X + 2 * np.random.default_rng(1).normal(size=X.shape).astype(np.float32)
    net = overfitting_net(early_stopping=4, callbacks=[Collect()])
    net.fit(X, y, groups=np.arange(80))
    losses = net.history[:, "valid_loss"]
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + 4 < 60
    expected = dict(net.callbacks_)["Collect"].states_[best]
    state = {**net.module_.state_dict(), **net.criterion_.state_dict()}
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    # The centres had moved on: going back was needed.
    last = dict(net.callbacks_)["Collect"].states_[-1]
    assert not torch.equal(last["centers"], expected["centers"])


def test_early_stopping_may_watch_kappa():
    X, y = make_features(120)
    net = overfitting_net(
        callbacks=[
            EpochScoring(kappa_scorer, lower_is_better=False, name="valid_kappa"),
            EarlyStopping("valid_kappa", patience=3, lower_is_better=False),
        ]
    ).fit(X, y, groups=np.arange(120))
    kappas = np.array(net.history[:, "valid_kappa"])
    assert len(kappas) == np.argmax(kappas) + 1 + 3
    _, valid = PatientValidSplit(0.5, random_state=0)(
        net.get_dataset(X, y), groups=np.arange(120)
    )
    assert net.score(X[valid.indices], y[valid.indices]) == kappas.max()


def test_early_stopping_without_held_out_patients_tells_the_way_out():
    X, y = make_features()
    with pytest.raises(ValueError, match="set train_split=PatientValidSplit"):
        FIQDRClassifier(**HEADS, early_stopping=3).fit(X, y)
    with pytest.raises(ValueError, match=r"monitors 'valid_loss'.*train_loss.*needs"):
        FIQDRClassifier(**HEADS, callbacks=[EarlyStopping()]).fit(X, y)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("early_stopping", 0, "'early_stopping' .* must be an int in the range"),
        ("early_stopping", True, "'early_stopping' .* must be an int in the range"),
        ("balance", "grades", "'balance' .* among {'grade', 'quality'} or None"),
        ("backbone_lr", -1.0, "'backbone_lr'"),
        ("gradient_clip", "1", "'gradient_clip' .* must be a float"),
    ],
)
def test_bad_settings_of_the_engine_are_refused(name, value, message):
    X, y = make_features()
    with pytest.raises(ValueError, match=message):
        FIQDRClassifier(**HEADS | {name: value}).fit(X, y)


class Hungry(TinyBackbone):
    """A network that a device takes five images of, and no more."""

    most = 5

    def forward(self, images):
        if len(images) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate a lot.")
        return super().forward(images)


class Insatiable(Hungry):
    """A network that takes no image at all but the one that measures its width."""

    def forward(self, images):
        self.most = 5 if not self.training and len(images) == 1 else 0
        return super().forward(images)


def test_rows_are_drawn_by_a_sampler_of_ones_own():
    X, y = make_features(40)
    y = y.copy()
    y[:, 0] = np.arange(40) % 5
    rows = [7, 3, 3, 12, 30, 1]
    for given in (
        {"iterator_train__sampler": rows},
        {"iterator_train__batch_sampler": [rows[:4], rows[4:]]},
    ):
        net = FIQDRClassifier(
            **HEADS | {"max_epochs": 2, "batch_size": 4}, callbacks=[Collect()], **given
        ).fit(X, y)
        assert drawn(net)[:, 0].tolist() == y[rows + rows, 0].tolist()
        schedule = dict(net.callbacks_)["schedule"]
        assert schedule.n_steps_ == schedule.step_ == 4


def test_two_schedules_of_the_learning_rate_exclude_each_other():
    X, y = make_features(40)
    step = LRScheduler(policy=torch.optim.lr_scheduler.StepLR, step_size=5)
    net = FIQDRClassifier(**HEADS, callbacks=[step])
    with pytest.raises(ValueError, match=r"'LRScheduler'.*lr_schedule='constant'"):
        net.fit(X, y)
    net.set_params(lr_schedule="constant", lr=0.1).fit(X, y)
    rates = net.history[:, "event_lr"]
    assert rates == pytest.approx(np.repeat([0.1, 0.01, 1e-3, 1e-4], 5))


def test_parameter_groups_of_ones_own_and_backbone_lr_exclude_each_other(tiny, fundus):
    groups = [("grade_head*", {"lr": 0.1})]
    net = FIQDRClassifier(**tiny, optimizer__param_groups=groups, backbone_lr=0.01)
    with pytest.raises(ValueError, match="optimizer__param_groups"):
        net.fit(fundus.data, fundus.target)


def test_a_stratified_split_of_skorchs_own_names_the_one_that_keeps_patients():
    X, y = make_features(40)
    net = FIQDRClassifier(**HEADS, train_split=ValidSplit(4, stratified=True))
    with pytest.raises(ValueError, match=r"PatientValidSplit\(0\.2\)"):
        net.fit(X, y)


def test_an_inner_split_that_tears_a_patient_is_refused():
    X, y = make_features(40)
    groups = np.arange(40) // 2
    net = FIQDRClassifier(**HEADS, train_split=ValidSplit(5))  # in rows of eight
    net.fit(X, y, groups=groups)
    with pytest.raises(PatientLeakageError, match="both sides"):
        net.fit(X, y, groups=np.arange(40) % 20)


@pytest.mark.parametrize(
    ("unknown", "words"), [(range(8), "validate"), (range(8, 40), "train")]
)
def test_a_part_of_the_inner_split_without_any_label_is_refused(unknown, words):
    X, y = make_features(40)
    y = y.copy()
    y[list(unknown)] = -1
    net = FIQDRClassifier(**HEADS, train_split=ValidSplit(5))  # the first 8 rows
    with pytest.raises(ValueError, match=f"left to {words} on has a label"):
        net.fit(X, y)


@pytest.mark.parametrize("train_split", [None, PatientValidSplit(0.5)])
@pytest.mark.parametrize("on_error", ["warn", "skip"])
def test_a_folder_where_nothing_can_be_read_ends_the_fit(
    on_error, train_split, tiny, tmp_path
):
    paths = [tmp_path / f"{i}_left.jpeg" for i in range(8)]
    for path in paths:
        path.write_bytes(b"no photograph")
    y = np.c_[np.arange(8) % 5, np.arange(8) % 2]
    net = FIQDRClassifier(**tiny, on_error=on_error, train_split=train_split)
    with pytest.raises(ValueError, match=r"None of the \d training .*_left\.jpeg"):
        net.fit(paths, y)


def test_a_batch_that_outgrows_memory_is_named_with_the_way_out(tiny, fundus):
    """A stand-in for a GPU, whose error this is."""
    net = FIQDRClassifier(**tiny | {"backbone": Hungry, "batch_size": 16})
    with pytest.raises(
        torch.OutOfMemoryError,
        match=r"16 images of 48 pixels in epoch 1 .*Lower batch_size \(it is 16\).*lr",
    ):
        net.fit(fundus.data, fundus.target)
    net.set_params(batch_size=4).fit(fundus.data, fundus.target)
    net.set_params(batch_size=16)
    with pytest.raises(torch.OutOfMemoryError, match=r"16 images .*Lower batch_size"):
        net.predict(fundus.data)


def test_a_batch_of_one_that_outgrows_memory_needs_smaller_images(tiny, fundus):
    net = FIQDRClassifier(**tiny | {"backbone": Insatiable, "batch_size": 1})
    with pytest.raises(torch.OutOfMemoryError, match="Not even one image fits"):
        net.fit(fundus.data, fundus.target)


SHORT_OF_MEMORY = """
import resource
import numpy as np, torch
from torch import nn
from sk_fiqdr import FIQDRClassifier
from helpers.networks import TinyBackbone

class Wide(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = TinyBackbone()
    def forward(self, images):
        if self.training:  # {megabytes} MiB for each image
            torch.ones(len(images), {megabytes} * 2**18)
        return self.net(images)

torch.set_num_threads(1)
X = np.full((32, 48, 48, 3), 99, np.uint8)
y = np.column_stack([np.arange(32) % 5, np.arange(32) % 2])
net = FIQDRClassifier(
    backbone=Wide, image_size=48, batch_size=2, augment=None, device="cpu", max_epochs=1
).fit(X, y)
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 10 * {megabytes} * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    net.set_params(batch_size=32).fit(X, y)
except torch.OutOfMemoryError as error:
    print(error)
"""


def test_a_machine_without_memory_names_the_batch():
    """Real allocations that really fail: ten images' worth is left."""
    done = subprocess.run(
        [sys.executable, "-c", SHORT_OF_MEMORY.format(megabytes=100)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=TESTS,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([TESTS, *sys.path])},
    )
    assert "A batch of 32 images of 48 pixels in epoch 1" in done.stdout, done.stderr
    assert "Lower batch_size (it is 32)" in done.stdout


@pytest.mark.parametrize(
    ("augment", "came"),
    [
        (lambda image: image / 255, r"torch\.float32 of shape \(3, 48, 48\)"),
        (lambda image: image[:, :24], r"torch\.uint8 of shape \(3, 24, 48\)"),
        (lambda image: image.numpy(), "ndarray"),
        (lambda image: None, "NoneType"),
    ],
)
def test_an_augmentation_that_returns_something_else_is_refused(
    augment, came, tiny, fundus
):
    with pytest.raises(ValueError, match=f"augment must return .*got {came}"):
        FIQDRClassifier(**tiny, augment=augment).fit(fundus.data, fundus.target)


@pytest.mark.parametrize("augment", ["flip", 3, True])
def test_an_augmentation_that_is_none_is_refused(augment, tiny, fundus):
    with pytest.raises(ValueError, match=f"'augment' .* must be .*Got {augment!r}"):
        FIQDRClassifier(**tiny, augment=augment).fit(fundus.data, fundus.target)


def test_batches_of_one_image_say_that_there_are_no_batch_statistics(tiny, fundus):
    normed = torch.nn.Sequential(
        TinyBackbone(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.BatchNorm1d(16),
    )
    net = FIQDRClassifier(**tiny | {"backbone": normed, "batch_size": 1})
    with pytest.raises(ValueError, match=r"batch_size to 2 or more \(it is 1, for 24"):
        net.fit(fundus.data, fundus.target)


class DieInAWorker:
    """An augmentation that the kernel ends, as it does when memory runs out."""

    def __init__(self):
        self.parent = os.getpid()

    def __call__(self, image):
        if os.getpid() != self.parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return image


def test_a_worker_killed_by_the_kernel_is_named_with_the_way_out(
    tiny, fundus_paths, fundus
):
    net = FIQDRClassifier(**tiny, augment=DieInAWorker(), iterator_train__num_workers=1)
    with pytest.raises(
        RuntimeError, match=r"read images for the fit \(pid \d+\).*epoch 1.*num_workers"
    ):
        net.fit(fundus_paths, fundus.target)


def test_other_errors_of_a_loop_pass_as_they_are(tiny, fundus):
    def fail(image):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match=r"^mine$"):
        FIQDRClassifier(**tiny, augment=fail).fit(fundus.data, fundus.target)
