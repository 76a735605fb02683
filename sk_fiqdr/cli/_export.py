"""`sk-fiqdr export`."""

from pathlib import Path
from typing import Annotated

import typer

from . import _options as o
from ._config import settings_of, write_beside
from ._messages import log, telling
from ._model import load_model, model_folder
from ._output import check_free


def export(
    ctx: typer.Context,
    model: o.Model,
    path: Annotated[Path, typer.Argument(help="The file: net.onnx, or net.pt2.")],
    format: Annotated[
        str | None, typer.Option(help="onnx or torch; default: by the suffix.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Largest allowed difference of a probability.")
    ] = 1e-4,
    overwrite: o.Overwrite = False,
    config: o.Config = None,
):
    """Write a model as ONNX or torch.export, and check it against the model.

    Exit status: 0 done, 1 failed on the way, 2 it cannot be done like this.
    """
    with telling():
        check_free(path, overwrite)
        model_folder(model)
        net = load_model(model, device="cpu")
        difference = net.export(
            path, format=format, tolerance=tolerance, overwrite=overwrite
        )
        write_beside(path, "export", settings_of(ctx))
        typer.echo(str(path))
        log(f"Probabilities differ from those of the net by at most {difference:.2g}.")
