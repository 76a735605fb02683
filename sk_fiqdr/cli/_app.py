"""The application that the commands belong to."""

from typing import Annotated

import typer

app = typer.Typer(
    help="Grade diabetic retinopathy and classify image quality. Not a medical device.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


def _version(value: bool):
    if value:
        from .. import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Version."),
    ] = False,
):
    """Grade diabetic retinopathy and classify image quality. Not a medical device."""
