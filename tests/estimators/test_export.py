"""What is exported answers like the net, in a runtime that knows nothing of it."""

import functools
import json
import sys
import zipfile

import numpy as np
import pytest
import torch
from helpers.fits import make_features
from helpers.networks import TinyBackbone
from torch import nn
from torchvision.models import VisionTransformer

from sk_fiqdr import DRGrader, FIQDRClassifier, QualityClassifier
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.utils._read_image import read_image

TinyTransformer = functools.partial(
    VisionTransformer,
    image_size=48,
    patch_size=16,
    num_layers=1,
    num_heads=2,
    hidden_dim=16,
    mlp_dim=16,
    num_classes=7,
)


class Branching(TinyBackbone):
    """A network that no graph can hold."""

    def forward(self, images):
        if images.mean() > 1e6:
            return images
        return super().forward(images)


def run_onnx(path, rows):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    answers = dict(zip(names, session.run(names, {entry.name: rows}), strict=True))
    return answers, session.get_modelmeta().custom_metadata_map


def run_torch(path, rows):
    network = torch.export.load(path).module()
    with zipfile.ZipFile(path) as archive:
        (name,) = (it for it in archive.namelist() if it.endswith("sk_fiqdr.json"))
        facts = json.loads(archive.read(name))
    answers = network(torch.from_numpy(rows))
    names = facts.pop("outputs")
    return dict(zip(names, [it.detach().numpy() for it in answers], strict=True)), facts


RUN = {"onnx": run_onnx, "pt2": run_torch}


@pytest.fixture(scope="session")
def others():
    """Photographs that neither the fit nor the export has seen."""
    return make_fundus(7, image_size=48, random_state=9).data


@pytest.fixture
def tiny_net(tiny, fundus):
    return FIQDRClassifier(**tiny, amp=False).fit(fundus.data, fundus.target)


@pytest.mark.parametrize(
    ("backbone", "kind"),
    [
        ("resnet18", "onnx"),
        ("resnet18", "pt2"),
        ("mobilenet_v3_small", "onnx"),
        (TinyTransformer, "onnx"),
        (TinyTransformer, "pt2"),
        (TinyBackbone, "pt2"),
        (TinyBackbone(), "onnx"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:12],
)
def test_both_heads_answer_alike_whatever_the_batch(
    backbone, kind, fundus, others, tmp_path
):
    if kind == "onnx":
        pytest.importorskip("onnxscript")
    net = FIQDRClassifier(
        backbone=backbone, image_size=48, max_epochs=1, random_state=0, amp=False
    ).fit(fundus.data, fundus.target)
    path = tmp_path / f"some model.{kind}"
    difference = net.export(path)
    assert 0 <= difference < 1e-5
    for n in (1, 2, 7):
        answers, _ = RUN[kind](path, others[:n])
        assert list(answers) == ["grade_probabilities", "quality_probabilities"]
        np.testing.assert_allclose(
            answers["grade_probabilities"], net.predict_proba(others[:n]), atol=1e-5
        )
        np.testing.assert_allclose(
            answers["quality_probabilities"],
            net.predict_quality_proba(others[:n]),
            atol=1e-5,
        )
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", RUN)
@pytest.mark.parametrize(
    ("estimator", "classes", "task"),
    [
        (QualityClassifier, ["good", "poor"], "quality"),
        (DRGrader, [0, 1, 3, 4], "grade"),
    ],
)
def test_a_task_alone_exports_its_own_classes(estimator, classes, task, kind, tmp_path):
    if kind == "onnx":
        pytest.importorskip("onnxscript")
    X, _ = make_features()
    y = np.array(classes)[np.arange(200) % len(classes)]
    net = estimator(backbone=None, max_epochs=2, random_state=0).fit(X, y)
    path = tmp_path / f"model.{kind}"
    net.export(path)
    answers, facts = RUN[kind](path, X)
    assert list(answers) == [f"{task}_probabilities"]
    np.testing.assert_allclose(
        answers[f"{task}_probabilities"], net.predict_proba(X), atol=1e-5
    )
    assert json.loads(facts[f"{task}_classes"]) == net.classes_.tolist() == classes
    assert facts["input"] == "float32 features of shape (n, 12)"


@pytest.mark.parametrize("kind", RUN)
def test_what_a_runtime_must_know_goes_with_the_network(kind, tiny_net, tmp_path):
    if kind == "onnx":
        pytest.importorskip("onnxscript")
    path = tmp_path / f"model.{kind}"
    tiny_net.export(path)
    _, facts = RUN[kind](path, np.zeros((3, 48, 48, 3), np.uint8))
    assert facts["image_size"] == "48"
    assert "RGB" in facts["input"]
    assert "48 x 48" in facts["input"]
    assert facts["grade_classes"] == "[0, 1, 2, 3, 4]"
    assert facts["quality_classes"] == "[0, 1]"
    assert facts["estimator"] == "FIQDRClassifier"
    assert "Not a medical device" in facts["intended_use"]


def test_onnx_takes_plain_pixels_and_names_its_free_dimension(tiny_net, tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    tiny_net.export(tmp_path / "model.onnx")
    model = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    (entry,) = model.graph.input
    assert entry.name == "images"
    assert entry.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    shape = [it.dim_param or it.dim_value for it in entry.type.tensor_type.shape.dim]
    assert shape == ["n_rows", 48, 48, 3]


def test_a_network_that_answers_differently_is_not_kept(tiny_net, tmp_path):
    path = tmp_path / "model.pt2"
    path.write_bytes(b"the one before")
    with pytest.raises(ValueError, match="more than tolerance=-1"):
        tiny_net.export(path, tolerance=-1, overwrite=True)
    assert path.read_bytes() == b"the one before"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_there_stays_unless_it_may_go(tiny_net, tmp_path):
    path = tmp_path / "new folder" / "model.pt2"
    tiny_net.export(path)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        tiny_net.export(path)
    assert path.read_bytes() == before
    tiny_net.export(path, overwrite=True)


def test_the_suffix_or_the_user_says_which_format(tiny_net, tmp_path):
    with pytest.raises(ValueError, match=r"'onnx' or 'torch', got None.*model\.bin"):
        tiny_net.export(tmp_path / "model.bin")
    with pytest.raises(ValueError, match="got 'tflite'"):
        tiny_net.export(tmp_path / "model.onnx", format="tflite")
    tiny_net.export(tmp_path / "model.bin", format="torch")
    run_torch(tmp_path / "model.bin", np.zeros((2, 48, 48, 3), np.uint8))


def test_a_module_that_branches_on_values_is_named(tiny, fundus, tmp_path):
    settings = tiny | {"backbone": Branching}
    net = FIQDRClassifier(**settings).fit(fundus.data, fundus.target)
    with pytest.raises(ValueError, match=r"cannot follow backbone=.*Branching"):
        net.export(tmp_path / "model.pt2")
    assert not list(tmp_path.iterdir())


def test_a_network_of_another_image_size_is_not_exported(tiny_net, tmp_path):
    tiny_net.image_size = 64
    with pytest.raises(ValueError, match="was fitted at image_size=48"):
        tiny_net.export(tmp_path / "model.pt2")


@pytest.mark.parametrize("n_rows", [1, 5])
def test_batches_of_one_fix_no_number_of_rows(n_rows, tiny_net, others, tmp_path):
    tiny_net.set_params(batch_size=1)
    tiny_net.export(tmp_path / "model.pt2", X=others[:n_rows])
    answers, _ = run_torch(tmp_path / "model.pt2", others)
    np.testing.assert_allclose(
        answers["grade_probabilities"], tiny_net.predict_proba(others), atol=1e-5
    )


def test_images_of_any_size_may_be_trained_on(tiny, tmp_path):
    X, y = make_fundus(12, image_size=64, random_state=0, return_X_y=True)
    net = FIQDRClassifier(**tiny).fit(X, y)
    assert net.export(tmp_path / "model.pt2") < 1e-5


def test_without_onnxruntime_the_user_hears_that_nothing_was_checked(
    tiny_net, tmp_path, monkeypatch
):
    pytest.importorskip("onnxscript")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.warns(UserWarning, match="onnxruntime is not installed"):
        difference = tiny_net.export(tmp_path / "model.onnx")
    assert np.isnan(difference)
    monkeypatch.undo()
    run_onnx(tmp_path / "model.onnx", np.zeros((1, 48, 48, 3), np.uint8))


@pytest.mark.parametrize("missing", ["onnx", "onnxscript"])
def test_without_onnx_the_user_hears_what_to_install(
    missing, tiny_net, tmp_path, monkeypatch
):
    pytest.importorskip("onnxscript")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=r"sk-fiqdr\[onnx\]"):
        tiny_net.export(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_the_net_itself_stays_as_it_was(tiny_net, others, tmp_path):
    before = tiny_net.predict_proba(others)
    tiny_net.export(tmp_path / "model.pt2")
    conv = tiny_net.module_.backbone[0].weight
    assert conv.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(tiny_net.predict_proba(others), before)


def test_dropout_does_nothing_in_what_is_exported(tmp_path):
    X, y = make_features()
    net = FIQDRClassifier(backbone=None, max_epochs=1, module__dropout=0.9)
    net.fit(X, y).module_.train()
    assert net.export(tmp_path / "model.pt2") < 1e-5
    once, _ = run_torch(tmp_path / "model.pt2", X)
    again, _ = run_torch(tmp_path / "model.pt2", X)
    np.testing.assert_array_equal(
        once["grade_probabilities"], again["grade_probabilities"]
    )
    assert isinstance(net.module_.grade_head[0], nn.Dropout)


@pytest.mark.realdata
def test_real_photographs_get_the_same_probabilities(real_data, tmp_path):
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    kinds = {".jpg", ".jpeg", ".png"}
    found = (path for path in sorted(real_data.rglob("*")) if path.suffix in kinds)
    paths = list(found)[:12]
    y = np.column_stack([np.arange(12) % 5, np.arange(12) % 2])
    net = FIQDRClassifier(image_size=96, max_epochs=1, random_state=0, amp=False)
    net.fit(paths, y)
    assert net.export(tmp_path / "model.onnx", X=paths) < 1e-4
    pixels = np.stack([read_image(path, 96) for path in paths])
    answers, _ = run_onnx(tmp_path / "model.onnx", pixels)
    np.testing.assert_allclose(
        answers["grade_probabilities"], net.predict_proba(paths), atol=1e-4
    )
