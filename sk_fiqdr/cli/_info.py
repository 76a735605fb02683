"""`sk-fiqdr info`."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from ..utils._printable import printable
from ..utils._version import LIBRARIES, versions
from . import _options as o
from ._messages import telling
from ._model import model_folder
from ._output import check_format, show

EXTRAS = {  # a package by which to see whether the extra is installed
    "matplotlib": "plots",
    "captum": "inspection",
    "opencv-python-headless": "clahe",
    "openpyxl": "excel",
    "onnxruntime": "onnx",
    "accelerate": "distributed",
}


def info(
    ctx: typer.Context,
    model: Annotated[
        Path | None, typer.Argument(help="Folder of a model; default: this machine.")
    ] = None,
    as_json: o.AsJson = False,
    as_csv: o.AsCsv = False,
):
    """Show what a model is and was trained on, or the versions and devices here.

    Exit status: 0 done, 2 there is no such model.
    """
    with telling():
        check_format(as_json, as_csv)
        rows = _of_machine() if model is None else _of_model(model)
        rows = [(printable(what), printable(value)) for what, value in rows]
        import pandas as pd

        frame = pd.DataFrame(rows, columns=["what", "value"])
        show(frame, as_json=as_json, as_csv=as_csv)


def _of_machine():
    import torch

    yield from versions((*LIBRARIES, "pandas", "safetensors")).items()
    yield "python", platform.python_version()
    for name, extra in EXTRAS.items():
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, f"not installed; pip install 'sk-fiqdr[{extra}]'"
    yield "cores", str(torch.get_num_threads())
    devices = range(torch.cuda.device_count())
    names = [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in devices]
    yield "GPUs", ", ".join(names) or "none: device='auto' computes on the CPU"


def _of_model(folder):
    from ..estimators._saving._saved_format import CONFIG, read_config

    folder = model_folder(folder)
    config = read_config(folder / CONFIG)
    yield "folder", str(folder)
    for part in ("estimator", "format", "sk_fiqdr"):
        if part in config:
            yield part, str(config[part])
    for section in ("versions", "parameters", "fitted", "scores"):
        for name, value in (config.get(section) or {}).items():
            yield f"{section}.{name}", str(value)
    for data in config["training"]["data"]:
        yield "trained on: images", str(data["n_samples"])
        yield "trained on: patients", str(data["n_patients"] or "unknown")
        for task, labels in data["labels"].items():
            counts = ", ".join(f"{n} of {c}" for c, n in labels["counts"].items())
            yield f"trained on: {task}", f"{counts}, {labels['n_unknown']} unknown"
        yield "trained on: sha256", data["sha256"]
