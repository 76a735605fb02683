"""The promises of docs/security.rst, attacked one by one with files from anyone."""

import csv
import hashlib
import json
import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from helpers.commands import run
from helpers.fits import make_features
from PIL import Image
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from sk_fiqdr import DeepFeatures, DRGrader, FIQDRClassifier
from sk_fiqdr.datasets import load_kaggle_dr, make_fundus
from sk_fiqdr.estimators._saving._saved_format import checksum
from sk_fiqdr.model_selection import SearchCheckpoint
from sk_fiqdr.preprocessing import prepare_images
from sk_fiqdr.preprocessing._prepare._sources import WORKPLACE

HEADS = {"backbone": None, "max_epochs": 2, "random_state": 0}
ESCAPE = "\x1b[2J\x1b]0;owned\x07\u202e"
HUGE = 10**400


class Command:
    """An object whose pickle writes a file when it is loaded."""

    def __init__(self, mark):
        self.mark = str(mark)

    def __reduce__(self):
        return Path.touch, (Path(self.mark),)


@pytest.fixture(scope="module")
def features():
    return make_features()


@pytest.fixture(scope="module")
def fitted(features):
    return FIQDRClassifier(**HEADS).fit(*features)


@pytest.fixture
def saved(fitted, tmp_path):
    """A saved model, beside a file that no attack may change."""
    (tmp_path / "victim").write_text("years of work")
    fitted.save_pretrained(tmp_path / "inside" / "model")
    yield tmp_path / "inside" / "model"
    assert (tmp_path / "victim").read_text() == "years of work"
    assert not (tmp_path / "mark").exists()
    names = {"inside", "victim", "other", "in", "out", "victim.jpeg"}
    assert {path.name for path in tmp_path.iterdir()} <= names


def config_of(folder):
    return json.loads((folder / "config.json").read_text())


def write(folder, config):
    """Write the JSON as somebody does who knows its checksum."""
    config["sha256"] = checksum(config)
    (folder / "config.json").write_text(json.dumps(config))


def put(config, path, value):
    *parents, name = path.split("/")
    for parent in parents:
        config = config[parent]
    config[name] = value


def replace_weights(folder, data):
    (folder / "model.safetensors").write_bytes(data)
    config = config_of(folder)
    config["weights_sha256"] = hashlib.sha256(data).hexdigest()
    write(folder, config)


def assert_clean(text):
    """No sign that a terminal or a page would obey."""
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e]", str(text))


# A model folder: its JSON


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", HUGE),
        ("format", -1),
        ("format", 2.0),
        ("format", True),
        ("estimator", ESCAPE),
        ("estimator", "../../os.system"),
        ("estimator", ["FIQDRClassifier"]),
        ("estimator", {"__reduce__": "os.system"}),
        ("parameters", []),
        ("parameters", "backbone"),
        ("parameters/" + ESCAPE, 1),
        ("parameters/__class__", "os.system"),
        ("parameters/module__" + ESCAPE, 1),
        ("parameters/backbone", "../../victim"),
        ("parameters/backbone", "hf-hub:anyone/anything"),
        ("parameters/backbone", "timm/../../victim"),
        ("parameters/backbone", "timm/" + "a" * 10**6),
        ("parameters/backbone", HUGE),
        ("parameters/image_size", HUGE),
        ("parameters/image_size", -224),
        ("parameters/image_size", "224"),
        ("parameters/image_size", [224]),
        ("parameters/module__embedding_size", HUGE),
        ("parameters/module__embedding_size", -1),
        ("parameters/module__embedding_size", 128.0),
        ("parameters/module__embedding_size", 65_536),
        ("parameters/module__dropout", -0.5),
        ("parameters/module__dropout", HUGE),
        ("parameters/beta", [HUGE, 1]),
        ("parameters/beta", [[1, 2], [3, 4]]),
        ("parameters/random_state", -1),
        ("parameters/max_epochs", -1),
        ("parameters/batch_size", -2),
        ("not_saved/" + ESCAPE, "x"),
        ("not_saved/", "x"),
        ("not_saved/module", ESCAPE),
        ("not_saved", [ESCAPE]),
        ("fitted/n_features_in_", HUGE),
        ("fitted/n_features_in_", -5),
        ("fitted/n_features_in_", 5.0),
        ("fitted/class_weights_", [HUGE, 1]),
        ("fitted/class_weights_", [1, 2, 3]),
        ("fitted/class_weights_", [[1], [2]]),
        ("fitted/grade_cut_points_", [HUGE] * 4),
        ("fitted/grade_cut_points_", [0] * 10**5),
        ("fitted/grade_cut_points_", [3, 2, 1, 0]),
        ("fitted/module_", "x"),
        ("fitted/__dict__", {}),
        ("fitted/" + ESCAPE, 1),
        ("training/data", [{"kind": ESCAPE}]),
        ("training/epochs", HUGE * -1),
        ("scores/kappa", HUGE),
        ("scores/kappa", "1"),
        ("versions/torch", 3),
        (ESCAPE, 1),
        ("weights_sha256", "../victim"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_no_field_of_a_model_is_taken_for_what_it_is_not(path, value, saved):
    config = config_of(saved)
    put(config, path, value)
    write(saved, config)
    with pytest.raises((ValueError, FileNotFoundError)) as refused:
        FIQDRClassifier.from_pretrained(saved)
    assert_clean(refused.value)
    assert str(saved) in str(refused.value)
    assert len(str(refused.value)) < 2_000
    result = run("info", saved)
    assert result.exit_code in (0, 2)
    assert_clean(result.stdout)
    assert_clean(result.stderr)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"parameters"', '"parameters": {"compile": true}, "parameters"'),
        ('"estimator"', '"estimator": "DRGrader", "estimator"'),
        ('"scores": {}', '"scores": {"a": 1, "a": 2}'),
        ('"scores": {}', '"scores": {"a": NaN}'),
        ('"scores": {}', '"scores": {"a": Infinity}'),
        ('"scores": {}', '"scores": {"a": -Infinity}'),
        ('"scores": {}', '"scores": {"a": 1e999}'),
        ('"scores": {}', '"scores": {"a": ' + "9" * 5000 + "}"),
        ('"scores": {}', '"scores": ' + "[" * 10**5 + "]" * 10**5),
        ('"scores": {}', '"scores": ' + '{"a":' * 10**5 + "1" + "}" * 10**5),
    ],
    ids=lambda value: value[:40],
)
def test_json_is_read_in_one_way_only(old, new, saved):
    text = json.dumps({**config_of(saved)})
    assert old in text
    (saved / "config.json").write_text(text.replace(old, new, 1))
    with pytest.raises(
        ValueError, match=r"config\.json' is damaged: .*(JSON|checksum)"
    ):
        FIQDRClassifier.from_pretrained(saved)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b'"model"',
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b"\x80\x04N.",
        b"{} {}",
        b"\x00" * 100,
        b"'a': 1",
    ],
)
def test_what_is_no_object_of_json_is_refused(data, saved):
    (saved / "config.json").write_bytes(data)
    with pytest.raises(ValueError, match=r"config\.json' is damaged"):
        FIQDRClassifier.from_pretrained(saved)


@pytest.mark.parametrize(("dtype", "n"), [("<U9999", 2000), ("<f8", 150_000)])
def test_classes_reserve_no_memory_beyond_their_file(dtype, n, features, tmp_path):
    X, y = features
    DRGrader(**HEADS).fit(X, y[:, 0]).save_pretrained(tmp_path / "m")
    config = config_of(tmp_path / "m")
    kind = str if "U" in dtype else float
    values = [kind(i) for i in range(n)]
    config["fitted"]["classes_"] = {"dtype": dtype, "values": values}
    write(tmp_path / "m", config)
    with pytest.raises(ValueError, match=r"fitted\.classes_ is"):
        DRGrader.from_pretrained(tmp_path / "m")


def test_no_head_is_larger_than_the_weights(features, tmp_path):
    X, y = features
    DRGrader(**HEADS).fit(X, y[:, 0]).save_pretrained(tmp_path / "m")
    config = config_of(tmp_path / "m")
    values = list(range(100_000))
    config["fitted"]["classes_"] = {"dtype": "<i8", "values": values}
    config["parameters"]["module__embedding_size"] = 65_536
    write(tmp_path / "m", config)
    with pytest.raises(ValueError, match="for fewer weights"):
        DRGrader.from_pretrained(tmp_path / "m")


# A model folder: its files


def test_a_pickle_in_place_of_weights_is_not_loaded(saved, tmp_path):
    replace_weights(saved, pickle.dumps(Command(tmp_path / "mark")))
    with pytest.raises(ValueError, match="not a safetensors file"):
        FIQDRClassifier.from_pretrained(saved)


def test_a_file_of_torch_in_place_of_weights_is_not_loaded(saved, tmp_path):
    torch.save(Command(tmp_path / "mark"), tmp_path / "inside" / "w")
    replace_weights(saved, (tmp_path / "inside" / "w").read_bytes())
    with pytest.raises(ValueError, match="not a safetensors file"):
        FIQDRClassifier.from_pretrained(saved)


@pytest.mark.parametrize(
    "name", ["module.py", "__init__.py", "pytorch_model.bin", "sitecustomize.py"]
)
def test_other_files_of_a_folder_are_not_looked_at(name, saved, tmp_path, features):
    (saved / name).write_bytes(pickle.dumps(Command(tmp_path / "mark")))
    FIQDRClassifier.from_pretrained(saved).predict(features[0])


@pytest.mark.parametrize(
    "header",
    [
        2**63,
        b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}',
        b'{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,0]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}',
        b'{"a":{"dtype":"PICKLE","shape":[1],"data_offsets":[0,4]}}',
        b'{"../../victim":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        b'{"\\u001b[2J":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        b'{"module.":{"dtype":"F64","shape":[0],"data_offsets":[0,0]}}',
        b"[" * 1000,
    ],
    ids=lambda header: str(header)[:40],
)
def test_a_header_of_weights_claims_nothing(header, saved):
    n = header if isinstance(header, int) else len(header)
    rest = b"" if isinstance(header, int) else header
    replace_weights(saved, n.to_bytes(8, "little") + rest + b"\0" * 4)
    with pytest.raises(ValueError, match="' is damaged") as refused:
        FIQDRClassifier.from_pretrained(saved)
    assert_clean(refused.value)


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float16, torch.int8, torch.bool]
)
def test_weights_of_another_type_are_refused(dtype, saved):
    tensors = safetensors.torch.load_file(saved / "model.safetensors")
    name = next(name for name in tensors if "grade" in name)
    tensors[name] = tensors[name].to(dtype)
    replace_weights(saved, safetensors.torch.save(tensors))
    with pytest.raises(ValueError, match="shape or dtype"):
        FIQDRClassifier.from_pretrained(saved)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_file_that_claims_a_terabyte_is_not_read(name, saved):
    with open(saved / name, "r+b") as file:
        file.truncate(2**40)  # without a block on the disk
    with pytest.raises(ValueError, match=rf"{name}' is damaged.* bytes, expected"):
        FIQDRClassifier.from_pretrained(saved)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "link", "zero", "folder", "loop", "dangling"])
def test_a_link_or_a_pipe_in_a_model_tells_nothing_of_its_target(
    kind, name, saved, tmp_path
):
    path = saved / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        targets = {"link": tmp_path / "victim", "zero": "/dev/zero", "loop": path}
        path.symlink_to(targets.get(kind, tmp_path / "nothing"))
    with pytest.raises((ValueError, FileNotFoundError)) as refused:
        FIQDRClassifier.from_pretrained(saved)
    assert "years" not in str(refused.value)


@pytest.mark.parametrize("name", ["README.md", "config.json", "model.safetensors"])
def test_a_folder_under_the_name_of_a_file_is_not_deleted(name, saved, fitted):
    (saved / name).unlink()
    (saved / name).mkdir()
    (saved / name / "thesis").write_text("years of work")
    with pytest.raises(FileExistsError, match=re.escape(name)):
        fitted.save_pretrained(saved, overwrite=True)
    assert (saved / name / "thesis").read_text() == "years of work"


@pytest.mark.parametrize("name", ["README.md", "config.json", "model.safetensors"])
def test_saving_does_not_write_through_a_link(name, saved, fitted, tmp_path, features):
    (saved / name).unlink()
    (saved / name).symlink_to(tmp_path / "victim")
    fitted.save_pretrained(saved, overwrite=True)
    assert not (saved / name).is_symlink()
    FIQDRClassifier.from_pretrained(saved).predict(features[0])


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_link_in_place_of_a_model_is_not_followed(overwrite, saved, fitted, tmp_path):
    (tmp_path / "other").mkdir()
    link = tmp_path / "inside" / "link"
    link.symlink_to(tmp_path / "other")
    with pytest.raises(FileExistsError):
        fitted.save_pretrained(link, overwrite=overwrite)
    assert list((tmp_path / "other").iterdir()) == []


def test_names_from_a_model_are_escaped_on_the_card_and_the_terminal(
    saved, features, tmp_path
):
    config = config_of(saved)
    config["versions"][ESCAPE + "<script>|"] = ESCAPE + "\n# Owned"
    config["scores"][ESCAPE + "<img onerror=x>|"] = 1.0
    write(saved, config)
    result = run("info", saved)
    assert result.exit_code == 0
    assert_clean(result.stdout)
    net = FIQDRClassifier.from_pretrained(saved)
    net.save_pretrained(tmp_path / "inside" / "again")
    card = (tmp_path / "inside" / "again" / "README.md").read_text()
    assert_clean(card)
    assert "\n# Owned" not in card


# A folder of checkpoints


@pytest.fixture
def checkpoint(features, tmp_path):
    """A finished checkpoint, beside a file that no attack may change."""
    (tmp_path / "victim").write_text("years of work")
    folder = tmp_path / "checkpoints"
    FIQDRClassifier(**HEADS, checkpoint_dir=folder).fit(*features)
    yield next(folder.glob("*/finished-*"))
    assert (tmp_path / "victim").read_text() == "years of work"
    assert not (tmp_path / "mark").exists()


def rename_to_checksum(path):
    text = (path / "checkpoint.json").read_bytes()
    name = path.name[:-16] + hashlib.sha256(text).hexdigest()[:16]
    return path.rename(path.with_name(name))


def refit(path, features):
    folder = path.parents[1]
    return FIQDRClassifier(**HEADS, checkpoint_dir=folder).fit(*features)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("state", None),
        ("state", []),
        ("state", {"$tensor": "nowhere"}),
        ("state/split", [{"$array": "nowhere"}]),
        ("state/split", [[0, 10**9]]),
        ("state/split", 7),
        ("state/history", HUGE),
        ("state/history", []),
        ("state/learned", {}),
        ("state/learned", {"__class__": {}}),
        ("state/learned", {"module_": {}, "criterion_": {}, "optimizer_": {}}),
        ("state/learned/module_", []),
        ("state/generators", {}),
        ("state/generators", {"torch": 3}),
        ("state/callbacks", []),
        ("state/callbacks", {"schedule": 7}),
        ("n_epochs", -1),
        ("n_epochs", HUGE),
        ("n_epochs", "2"),
        ("format", ESCAPE),
        ("key", ESCAPE),
        ("sha256", None),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_no_field_of_a_checkpoint_is_taken_for_what_it_is_not(
    place, value, checkpoint, features
):
    content = json.loads((checkpoint / "checkpoint.json").read_bytes())
    put(content, place, value)
    (checkpoint / "checkpoint.json").write_text(json.dumps(content))
    path = rename_to_checksum(checkpoint)
    with pytest.raises(ValueError, match=r"checkpoint.*([Dd]elete|fit)") as refused:
        refit(path, features)
    assert str(path.parent) in str(refused.value)
    assert_clean(refused.value)


def test_a_checkpoint_sets_no_parameter_of_a_callback(checkpoint, features, tmp_path):
    content = json.loads((checkpoint / "checkpoint.json").read_bytes())
    callbacks = content["state"]["callbacks"]
    assert "schedule" in callbacks
    evil = {"policy": "os.system", "dirname": str(tmp_path), "sink": "print"}
    for name, packed in callbacks.items():
        callbacks[name] = {"$tuple": [evil, packed["$tuple"][1]]}
    (checkpoint / "checkpoint.json").write_text(json.dumps(content))
    net = refit(rename_to_checksum(checkpoint), features)
    for _, callback in net.callbacks_:
        assert (
            not evil.items()
            & {k: v for k, v in vars(callback).items() if isinstance(v, str)}.items()
        )


@pytest.mark.parametrize("name", ["checkpoint.json", "tensors.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "zero", "victim", "terabyte", "pickle"])
def test_what_stands_for_a_file_of_a_checkpoint_is_not_read(
    kind, name, checkpoint, features, tmp_path
):
    path = checkpoint / name
    if kind == "terabyte":
        with open(path, "r+b") as file:
            file.truncate(2**42)
    else:
        path.unlink()
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "pickle":
            path.write_bytes(pickle.dumps(Command(tmp_path / "mark")))
        else:
            path.symlink_to("/dev/zero" if kind == "zero" else tmp_path / "victim")
    with pytest.raises(ValueError, match=r"The checkpoint .*Delete") as refused:
        refit(checkpoint, features)
    assert "years" not in str(refused.value)


def test_a_link_in_place_of_a_fits_folder_is_refused(checkpoint, features, tmp_path):
    fit = checkpoint.parent
    fit.rename(tmp_path / "elsewhere")
    fit.symlink_to(tmp_path / "elsewhere")
    before = sorted((tmp_path / "elsewhere").iterdir())
    with pytest.raises(OSError, match="link to another folder"):
        refit(checkpoint, features)
    assert sorted((tmp_path / "elsewhere").iterdir()) == before


@pytest.mark.parametrize("name", [".writing-old", "epoch-00001-0123456789abcdef"])
def test_a_link_among_checkpoints_deletes_nothing(name, checkpoint, features, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis").write_text("years of work")
    link = checkpoint.parent / name
    link.symlink_to(precious)
    os.utime(link, (0, 0), follow_symlinks=False)
    os.utime(precious, (0, 0))
    refit(checkpoint, features)
    assert (precious / "thesis").read_text() == "years of work"


# A memory of features


@pytest.fixture
def memory(tmp_path):
    """A file of features in a memory, its transformer, its X and its rows."""
    X = make_fundus(2, image_size=32, random_state=0).data
    (tmp_path / "victim").write_text("years of work")
    deep = DeepFeatures("shufflenet_v2_x0_5", image_size=32, memory=tmp_path / "m")
    rows = deep.fit_transform(X)
    yield next((tmp_path / "m").rglob("*.safetensors")), deep, X, rows
    assert (tmp_path / "victim").read_text() == "years of work"


def poison(path, **changed):
    """Change tensors as somebody does who knows their checksum."""
    tensors = safetensors.numpy.load_file(path)
    tensors |= changed
    digest = hashlib.sha256(tensors["keys"])
    digest.update(tensors["features"])
    tensors["checksum"] = np.frombuffer(digest.digest(), np.uint8)
    path.write_bytes(safetensors.numpy.save(tensors))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda it: np.full_like(it, np.nan),
        lambda it: np.full_like(it, np.inf),
        lambda it: it.astype(np.float64),
        lambda it: it.astype(np.int8),
        lambda it: it[:, :1],
        lambda it: it[:0],
        lambda it: np.tile(it, (2, 1)),
        lambda it: it[0, 0],
        lambda it: np.zeros((len(it), 0), np.float32),
    ],
)
def test_features_that_no_network_computes_are_computed_again(spoil, memory):
    path, deep, X, rows = memory
    features = safetensors.numpy.load_file(path)["features"]
    poison(path, features=np.ascontiguousarray(spoil(features)))
    with pytest.warns(UserWarning, match="is damaged"):
        found = deep.fit_transform(X)
    np.testing.assert_allclose(found, rows, rtol=1e-5)


@pytest.mark.parametrize(
    "kind", ["pipe", "zero", "victim", "terabyte", "pickle", "header"]
)
def test_what_stands_for_a_file_of_features_is_computed_again(kind, memory, tmp_path):
    path, deep, X, rows = memory
    if kind == "terabyte":
        with open(path, "r+b") as file:
            file.truncate(2**42)
    else:
        path.unlink()
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "pickle":
            path.write_bytes(pickle.dumps(Command(tmp_path / "mark")))
        elif kind == "header":
            path.write_bytes((2**62).to_bytes(8, "little"))
        else:
            path.symlink_to("/dev/zero" if kind == "zero" else tmp_path / "victim")
    with pytest.warns(UserWarning, match="is damaged"):
        found = deep.fit_transform(X)
    np.testing.assert_allclose(found, rows, rtol=1e-5)
    assert not (tmp_path / "mark").exists()


# A prepared folder: its manifest and its journals


@pytest.fixture
def prepared(tmp_path):
    (tmp_path / "victim.jpeg").write_text("years of work")
    (tmp_path / "in").mkdir()
    photo = make_fundus(1, image_size=96, random_state=0).data[0]
    Image.fromarray(photo).save(tmp_path / "in" / "1_left.png")
    prepare_images(tmp_path / "in", tmp_path / "out", image_size=32, n_jobs=1)
    yield tmp_path
    assert (tmp_path / "victim.jpeg").read_text() == "years of work"


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("../victim.png", "../victim.jpeg"),
        ("a/../../victim.png", "a/../../victim.jpeg"),
        ("./../victim.png", "./../victim.jpeg"),
        ("..\\victim.png", "..\\victim.jpeg"),
        ("\\\\host\\share\\victim.png", "\\\\host\\share\\victim.jpeg"),
        ("//host/victim.png", "//host/victim.jpeg"),
        ("1_left.png", "manifest.csv"),
        ("1_left.png\0", "1_left.png\0.jpeg"),
        (ESCAPE + ".png", "../" + ESCAPE + ".jpeg"),
        ("", ".jpeg"),
    ],
    ids=lambda value: repr(value)[:30],
)
@pytest.mark.parametrize("where", ["manifest", "journal"])
def test_no_row_leads_out_of_a_prepared_folder(source, output, where, prepared):
    out = prepared / "out"
    rows = list(csv.reader((out / "manifest.csv").read_text().splitlines()))
    row = dict(zip(*rows, strict=True)) | {"source": source, "output": output}
    if where == "manifest":
        with open(out / "manifest.csv", "a", newline="") as file:
            csv.writer(file).writerow(row.values())
    else:
        journals = out / WORKPLACE
        journals.mkdir(exist_ok=True)
        numbers = {
            name: float(value)
            for name, value in row.items()
            if name.startswith(("circle", "source_", "output_"))
        }
        line = json.dumps(row | numbers | {"output_mtime_ns": 1})
        (journals / "000009-x.jsonl").write_text(line + "\n")
    with pytest.warns(UserWarning, match="are ignored") as said:
        prepare_images(prepared / "in", out, image_size=32, n_jobs=1)
    assert_clean(said[0].message)
    assert (out / "1_left.jpeg").is_file()


# Label files, and TOML


@pytest.mark.parametrize(
    "name", ["../victim", "..\\victim", "/etc/passwd", "a/../../victim"]
)
def test_a_label_file_reads_no_photograph_outside_its_folder(name, prepared):
    images = prepared / "in"
    labels = prepared / "labels.csv"
    labels.write_text(f"image,level\n1_left,0\n{name},1\n")
    data = load_kaggle_dr(images, labels)
    assert [Path(path).parent for path in data.data] == [images]


@pytest.mark.parametrize(
    "text",
    ["overwrite = true", 'overwrite = "yes"', 'config = "other.toml"', "help = true"],
)
def test_a_file_of_settings_allows_no_overwriting(text, saved, prepared, tmp_path):
    settings = tmp_path / "inside" / "run.toml"
    output = tmp_path / "inside" / "k.csv"
    output.write_text("years of work")
    settings.write_text(text)
    result = run("predict", saved, prepared / "in", "-o", output, "--config", settings)
    assert result.exit_code == 2
    assert output.read_text() == "years of work"


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 10**5,
        "x",
        '"' + "\\u001b[2J" + '" = 1',
        "device = [1]",
        "refuse_below = nan",
        "refuse_below = 9e999",
        "device = {a = 1}",
    ],
    ids=lambda text: text[:20],
)
def test_odd_settings_end_with_a_message(text, saved, prepared, tmp_path):
    settings = tmp_path / "inside" / "run.toml"
    settings.write_text(text)
    result = run("predict", saved, prepared / "in", "--config", settings)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    assert_clean(result.stderr)


# A folder of stored searches, and files of weights


@pytest.fixture
def search(tmp_path):
    """A search whose results are stored, with its data."""
    X, y = load_iris(return_X_y=True)
    grid = GridSearchCV(LogisticRegression(max_iter=500), {"C": [1]}, cv=2)
    search = SearchCheckpoint(grid, tmp_path / "search").fit(X, y)
    yield search, X, y, sorted((tmp_path / "search").glob("*/*.json"))
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path, tmp: path.write_bytes(pickle.dumps(Command(tmp / "mark"))),
        lambda path, tmp: path.write_text("[" * 10**5),
        lambda path, tmp: path.write_text('{"record": {}, "record": 1}'),
        lambda path, tmp: path.write_text("null"),
        lambda path, tmp: (path.unlink(), os.mkfifo(path)),
        lambda path, tmp: (path.unlink(), path.symlink_to("/dev/zero")),
        lambda path, tmp: os.truncate(path, 2**42),
        lambda path, tmp: path.write_text(
            path.read_text().replace('"value": ', '"value": 1')
        ),
    ],
)
def test_a_result_that_was_not_stored_here_is_computed_again(spoil, search, tmp_path):
    first, X, y, paths = search
    spoil(paths[0], tmp_path)
    with pytest.warns(UserWarning, match="is damaged"):
        again = SearchCheckpoint(first.search, first.folder).fit(X, y)
    assert again.n_reused_ == 1
    assert again.best_score_ == first.best_score_


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".pt"])
@pytest.mark.parametrize("kind", ["pickle", "torch", "text", "header", "empty"])
def test_a_file_of_weights_runs_nothing(kind, suffix, tmp_path):
    path, command = tmp_path / f"w{suffix}", Command(tmp_path / "mark")
    if kind == "torch":
        torch.save({"a": torch.zeros(1), "b": command}, path)
    else:
        data = {
            "pickle": pickle.dumps(command),
            "text": b"weights",
            "header": (2**62).to_bytes(8, "little"),
            "empty": b"",
        }
        path.write_bytes(data[kind])
    net = FIQDRClassifier(backbone="shufflenet_v2_x0_5", weights=path, image_size=32)
    with pytest.raises(ValueError, match=rf"w\{suffix}' cannot be read"):
        net.fit(*make_fundus(4, image_size=32, random_state=0, return_X_y=True))
    assert not (tmp_path / "mark").exists()
