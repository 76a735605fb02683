"""Where a net computes and in which arithmetic; parts of it need a GPU."""

import numpy as np
import pytest
import torch
from helpers.networks import TinyBackbone

from sk_fiqdr import FIQDRClassifier

gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def images_and_labels(fundus):
    return fundus.data, fundus.target


def test_compiling_changes_neither_names_nor_answers(tiny, fundus):
    X, y = images_and_labels(fundus)
    plain = FIQDRClassifier(**tiny).fit(X, y)
    # A backend that needs no C++ compiler.
    compiled = FIQDRClassifier(**tiny, compile=True, compile__backend="aot_eager")
    compiled.fit(X, y)
    state = plain.module_.state_dict()
    assert list(compiled.module_.state_dict()) == list(state)
    np.testing.assert_allclose(
        compiled.predict_proba(X), plain.predict_proba(X), atol=1e-4
    )
    # And the state travels to a net that is not compiled.
    plain.module_.load_state_dict(compiled.module_.state_dict())


@pytest.mark.parametrize("device", [None, torch.device("cpu"), "cpu:0"])
def test_a_device_may_be_written_in_every_way_of_torchs(device, tiny, fundus):
    X, y = images_and_labels(fundus)
    net = FIQDRClassifier(**tiny, device=device)
    expected = FIQDRClassifier(**tiny, device="cpu").fit(X, y)
    np.testing.assert_array_equal(
        net.fit(X, y).predict_proba(X), expected.predict_proba(X)
    )


def test_bfloat16_inside_means_float32_outside(tiny, fundus):
    X, y = images_and_labels(fundus)
    net = FIQDRClassifier(**tiny, amp=True).fit(X, y)
    assert all(p.dtype == torch.float32 for p in net.module_.parameters())
    assert net.criterion_.centers.dtype == torch.float32
    assert net.transform(X).dtype == np.float32
    coarse = net.predict_proba(X)
    exact = net.set_params(amp=False).predict_proba(X)
    assert not np.array_equal(coarse, exact)
    np.testing.assert_allclose(coarse, exact, atol=0.05)


@pytest.mark.parametrize("has_instructions", [True, False])
def test_amp_auto_follows_the_processor(has_instructions, tiny, fundus, monkeypatch):
    monkeypatch.setattr(
        torch.cpu, "_is_avx512_bf16_supported", lambda: has_instructions, raising=False
    )
    X, y = images_and_labels(fundus)
    seen = []

    class Backbone(TinyBackbone):
        def forward(self, images):
            seen.append(torch.is_autocast_enabled("cpu"))
            return super().forward(images)

    net = FIQDRClassifier(**tiny | {"backbone": Backbone}, device="cpu").fit(X, y)
    seen.clear()
    net.partial_fit(X, y).predict(X)
    assert set(seen) == {has_instructions}


def test_pixels_stay_bytes_until_they_are_in_the_network(tiny, fundus):
    X, y = images_and_labels(fundus)
    net = FIQDRClassifier(**tiny).fit(X, y)
    seen = []
    net.module_.register_forward_pre_hook(lambda _, args: seen.append(args[0].dtype))
    net.predict(X)
    assert set(seen) == {torch.uint8}


def test_prediction_never_copies_images_that_lie_in_a_row(tiny, fundus):
    X, y = images_and_labels(fundus)
    net = FIQDRClassifier(**tiny).fit(X, y)
    seen = []
    net.module_.register_forward_pre_hook(
        lambda _, args: (
            seen.append(args[0].numpy()) if args[0].device.type == "cpu" else 0
        )
    )
    net.predict(X)
    if net.device == "cpu":
        assert all(np.shares_memory(batch, X) for batch in seen)
    else:
        assert seen == []


def test_read_only_images_can_be_predicted_on(tiny, fundus):
    X, y = images_and_labels(fundus)
    net = FIQDRClassifier(**tiny).fit(X, y)
    expected = net.predict_proba(X)
    X = X.copy()
    X.flags.writeable = False
    np.testing.assert_array_equal(net.predict_proba(X), expected)


def test_training_never_hands_out_the_users_own_pixels(tiny, fundus):
    """An augmentation that works in place does no harm."""
    X, y = images_and_labels(fundus)
    before = X.copy()
    net = FIQDRClassifier(
        **tiny, augment=lambda image: image.zero_(), iterator_train__shuffle=False
    )
    net.fit(X, y)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=gpu)])
def test_scoring_callbacks_get_neither_graph_nor_features(device, tiny, fundus):
    from skorch.callbacks import Callback

    kept = []

    class Keep(Callback):
        def on_batch_end(self, net, y_pred=None, **kwargs):
            kept.append(y_pred)

    X, y = images_and_labels(fundus)
    FIQDRClassifier(**tiny, device=device, callbacks=[Keep()]).fit(X, y)
    assert kept
    for y_pred in kept:
        assert [output.shape[1] for output in y_pred] == [5, 2]
        assert not any(output.requires_grad for output in y_pred)


@pytest.mark.parametrize("amp", [pytest.param(a, marks=gpu) for a in (False, True)])
def test_a_net_trained_on_a_gpu_predicts_on_a_cpu(amp, tiny, fundus, tmp_path):
    X, y = images_and_labels(fundus)
    net = FIQDRClassifier(**tiny, device="cuda", amp=amp).fit(X, y)
    net.save_pretrained(tmp_path / "net")
    there = FIQDRClassifier.from_pretrained(tmp_path / "net", device="cpu", amp=False)
    np.testing.assert_allclose(
        there.predict_proba(X),
        net.predict_proba(X),
        atol=0.05 if amp else 1e-3,
    )


@pytest.mark.parametrize("amp", [pytest.param(a, marks=gpu) for a in (False, True)])
def test_a_net_on_a_gpu_is_exported_like_any(amp, tiny, fundus, tmp_path):
    X, y = images_and_labels(fundus)
    net = FIQDRClassifier(**tiny, device="cuda", amp=amp).fit(X, y)
    assert net.export(tmp_path / "model.pt2", X=X) < 1e-5
    assert next(net.module_.parameters()).is_cuda


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=gpu)])
def test_a_fit_on_a_gpu_goes_on_after_a_kill(device, tiny, fundus, tmp_path):
    from skorch.callbacks import Callback

    class Stop(Callback):
        armed_ = True

        def on_epoch_end(self, net, **kwargs):
            if len(net.history) == 1 and Stop.armed_:
                Stop.armed_ = False
                raise RuntimeError("killed")

    X, y = images_and_labels(fundus)
    settings = tiny | {"max_epochs": 3, "device": device, "amp": False}
    expected = FIQDRClassifier(**settings).fit(X, y).predict_proba(X)
    net = FIQDRClassifier(**settings, checkpoint_dir=tmp_path, callbacks=[Stop()])
    with pytest.raises(RuntimeError, match="killed"):
        net.fit(X, y)
    np.testing.assert_allclose(net.fit(X, y).predict_proba(X), expected, atol=1e-3)
