"""Networks for other runtimes: ONNX and torch.export, checked before they are kept."""

import copy
import io
import itertools
import json
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ...utils._files import written_whole
from ...utils._version import __version__, versions

FORMATS = {".onnx": "onnx", ".pt2": "torch"}  # by suffix
FACTS = "sk_fiqdr.json"  # beside a program of torch.export
N_PAINTED = 5  # to check on, besides one of them alone
PREPARE = (
    "8-bit RGB from 0 to 255, channels last; padded with black to a square, then "
    "resized to {0} x {0} pixels. The network normalises by itself."
)


def export(net, path, *, format=None, X=None, tolerance=1e-4, overwrite=False):
    """Write the network of a fitted net; see `FundusNet.export`.

    Parameters
    ----------
    net : FundusNet
        A fitted net.
    path, format, X, tolerance, overwrite : object
        Those of `FundusNet.export`.

    Returns
    -------
    difference : float
        Largest difference of a probability that was found.
    """
    net.check_is_fitted()
    path = Path(path)
    format = _check_format(path, format)
    if path.is_dir() or (path.exists() and not overwrite):
        raise FileExistsError(
            f"{str(path)!r} exists. Choose another name, or pass overwrite=True to "
            "replace a file."
        )
    batches = _check_rows(net, X)
    network = ProbabilityNet(net)
    write, read = FORMAT_CALLS[format]
    with torch.no_grad():
        first = next(iter(batches))[0]
        # Not 0 or 1 rows, which torch.export takes for constants.
        program = _trace(network, torch.cat([first, first])[:2], net)
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as draft:
            write(program, draft, network, exported_facts(net))
            run = read(draft)
            if run is None:
                return float("nan")
            checked = itertools.chain([first[:1]], (rows for rows, _ in batches))
            difference = _largest_difference(network, run, checked)
            if not difference <= tolerance:
                raise ValueError(
                    f"The exported network differs from the net by {difference:.3g} in "
                    f"a probability, more than tolerance={tolerance!r}: nothing was "
                    "written. Pass a larger tolerance if this is accurate enough."
                )
    return difference


def exported_facts(net):
    """Return what a runtime must know to use the network, as names and text.

    Parameters
    ----------
    net : FundusNet
        A fitted net.

    Returns
    -------
    facts : dict of str to str
        ONNX stores them as the model's metadata.
    """
    facts = {
        **versions(["torch"]),
        "estimator": type(net).__name__,
        "intended_use": "Research only. Not a medical device.",
    }
    if net.backbone is None:
        facts["input"] = f"float32 features of shape (n, {net.n_features_in_})"
    else:
        facts["input"] = PREPARE.format(int(net.image_size))
        facts["image_size"] = str(int(net.image_size))
    for task in net._tasks:
        facts[f"{task.name}_classes"] = json.dumps(np.asarray(task.classes).tolist())
    if hasattr(net, "grade_cut_points_"):
        facts["grade_cut_points"] = json.dumps(net.grade_cut_points_.tolist())
        facts["grade"] = (
            "The number of grade_cut_points that are not above the expected grade, the "
            "mean of grade_classes under the probabilities; an index to grade_classes."
        )
    return facts


class ProbabilityNet(nn.Module):
    """A copy of a net's network that says probabilities, on the CPU, in float32.

    Parameters
    ----------
    net : FundusNet
        A fitted net.

    Attributes
    ----------
    input_name : str
        "images" or "features".
    output_names : list of str
        The probabilities of each task that the net knows of.
    """

    def __init__(self, net):
        super().__init__()
        network = copy.deepcopy(net.module_).float().cpu()
        # torch.export.save takes no channels last.
        self.network = network.to(memory_format=torch.contiguous_format)
        self.places = [task.output for task in net._tasks]
        self.input_name = "features" if net.backbone is None else "images"
        self.output_names = [f"{task.name}_probabilities" for task in net._tasks]
        self.eval()

    def forward(self, rows):
        """Return one tensor of probabilities (n, n_classes) for each task."""
        outputs = self.network(rows)
        return tuple(outputs[i].softmax(dim=1) for i in self.places)


def _check_format(path, format):
    if format is None:
        format = FORMATS.get(path.suffix.lower())
    if format not in FORMAT_CALLS:
        raise ValueError(
            f"format must be 'onnx' or 'torch', got {format!r} for {str(path)!r}. "
            "Name the file .onnx or .pt2, or pass format."
        )
    return format


def _check_rows(net, X):
    """Return an iterable of batches to check with, the first for tracing, too."""
    with warnings.catch_warnings():
        if X is None:
            X = _painted(net)
            # Of another size, perhaps, than the images that were trained on.
            warnings.simplefilter("ignore")
        return net.get_iterator(net.get_dataset(X))


def _painted(net):
    if net.backbone is None:
        rng = np.random.default_rng(0)
        return rng.normal(size=(N_PAINTED, net.n_features_in_)).astype(np.float32)
    from ...datasets import make_fundus

    size = int(net.image_size)
    return make_fundus(N_PAINTED, image_size=size, random_state=0).data


def _trace(network, rows, net):
    n_rows = torch.export.Dim("n_rows")
    try:
        return torch.export.export(network, (rows,), dynamic_shapes=({0: n_rows},))
    except Exception as error:  # of many kinds, for what a Module of the user's does
        raise ValueError(
            f"torch.export cannot follow backbone={net.backbone!r} "
            f"({type(error).__name__}: {error}). Its forward may neither branch on "
            "values nor depend on the number of images."
        ) from error


def _write_onnx(program, path, network, facts):
    try:
        import onnx
        import onnxscript  # noqa: F401 torch.onnx imports it late
    except ImportError as error:
        raise ImportError(
            f"Exporting to ONNX needs {error.name}: pip install 'sk-fiqdr[onnx]', or "
            "export with format='torch'."
        ) from error
    exported = torch.onnx.export(
        program,
        dynamic_shapes=({0: "n_rows"},),
        dynamo=True,
        verbose=False,
        input_names=[network.input_name],
        output_names=network.output_names,
    )
    model = exported.model_proto
    onnx.helper.set_model_props(model, facts)
    model.producer_name, model.producer_version = "sk_fiqdr", __version__
    onnx.save(model, path, format="protobuf")


def _read_onnx(path):
    try:
        import onnxruntime
    except ImportError:
        warnings.warn(
            "onnxruntime is not installed: the exported file was not checked. "
            "pip install 'sk-fiqdr[onnx]' to have it compared with the net.",
            UserWarning,
            stacklevel=4,
        )
        return None
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (name,) = (entry.name for entry in session.get_inputs())
    return lambda rows: session.run(None, {name: rows.numpy()})


def _write_torch(program, path, network, facts):
    extra = {FACTS: json.dumps({**facts, "outputs": network.output_names}, indent=2)}
    # Into memory first: torch ends the process where a disk is full.
    content = io.BytesIO()
    torch.export.save(program, content, extra_files=extra)
    Path(path).write_bytes(content.getbuffer())


def _read_torch(path):
    with open(path, "rb") as file:
        network = torch.export.load(file).module()
    return lambda rows: [output.numpy() for output in network(rows)]


FORMAT_CALLS = {
    "onnx": (_write_onnx, _read_onnx),
    "torch": (_write_torch, _read_torch),
}


def _largest_difference(network, run, batches):
    differences = [
        np.abs(expected.numpy() - came).max()
        for rows in batches
        for expected, came in zip(network(rows), run(rows), strict=True)
    ]
    return float(np.max(differences))
