"""Settings of a run in TOML: read for the next, written beside every result."""

import tomllib
from datetime import date
from pathlib import Path

import typer

from ..utils._files import written_whole
from ._messages import stop

ASIDE = ("config", "output", "as_json", "as_csv", "progress", "overwrite")
RUN = "run.toml"
NAMES = "surrogateescape"  # keeps names of files that are not UTF-8 byte by byte


def _read(path):
    return tomllib.loads(path.read_text(encoding="utf-8", errors=NAMES))


def read_config(ctx: typer.Context, path: Path | None):
    """Take defaults of a command from a file; options on the command line win.

    Parameters
    ----------
    ctx : typer.Context
        Of the command.
    path : Path or None
        TOML whose keys are the options, with underscores.

    Returns
    -------
    path : Path or None
        The same.
    """
    if path is None:
        return None
    try:
        settings = _read(path)
    except OSError as error:
        stop(f"Cannot read {str(path)!r}: {error.strerror}.", 2)
    except (ValueError, RecursionError) as error:
        stop(f"{str(path)!r} is not TOML: {error}", 2)
    known = [p.name for p in ctx.command.params if p.name not in ("config", "help")]
    known = [name for name in known if name != "overwrite"]  # of the command line alone
    unknown = [key for key in settings if key not in known]
    if unknown:
        stop(
            f"{str(path)!r} has {', '.join(map(repr, unknown))}, which "
            f"`sk-fiqdr {ctx.info_name}` does not know. It takes {', '.join(known)}.",
            2,
        )
    ctx.default_map = settings
    return path


def settings_of(ctx):
    """Return the settings of a command as TOML can hold them.

    Parameters
    ----------
    ctx : typer.Context
        Of the command.

    Returns
    -------
    settings : dict
        Without options that only say where and how to print.
    """
    names = [parameter.name for parameter in ctx.command.params]
    return {
        name: _plain(ctx.params[name])
        for name in names
        if name not in ASIDE and ctx.params.get(name) is not None
    }


def _plain(value):
    if isinstance(value, Path):
        return str(value)
    return (
        [_plain(item) for item in value] if isinstance(value, list | tuple) else value
    )


def write_config(path, command, settings):
    """Write the settings that repeat a run.

    Parameters
    ----------
    path : Path
        The file.
    command : str
        The command that takes them.
    settings : dict
        From `settings_of`.
    """
    import tomli_w

    from .. import __version__

    heading = (
        f"# sk-fiqdr {__version__}, {date.today().isoformat()}. To repeat it, with\n"
        f"# another output: sk-fiqdr {command} --config {path.name} ...\n"
    )
    with written_whole(path) as draft:
        text = heading + tomli_w.dumps(settings)
        draft.write_text(text, encoding="utf-8", errors=NAMES)


def beside(path):
    """Return where the settings go that a file is made with.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    path : Path
        FILE.toml, in the same folder.
    """
    return path.with_name(f"{path.name}.toml")


def write_beside(path, command, settings):
    """Write the settings that a file was made with beside it, as FILE.toml.

    Parameters
    ----------
    path : Path
        The file.
    command, settings : str, dict
        As `write_config` takes them.
    """
    write_config(beside(path), command, settings)


def check_output(output, command, settings, *, has_begun):
    """Let a run of the same settings resume, and raise for any other folder.

    Parameters
    ----------
    output : Path
        Where the run writes.
    command : str
        Which command it is.
    settings : dict
        From `settings_of`.
    has_begun : bool
        Whether the folder holds anything that another run could not use.

    Raises
    ------
    FileExistsError
        If the folder is another's, or of other settings, with what differs.
    """
    if not (output / RUN).is_file():
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise FileExistsError(
                f"{str(output)!r} exists but was not created by "
                f"`sk-fiqdr {command}`. Choose another --output."
            )
        return
    try:
        before = _read(output / RUN)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{str(output / RUN)!r} is not TOML: {error}. Choose another --output, or "
            "remove that folder."
        ) from error
    differing = [
        f"{name} ({before.get(name)!r} then, {settings.get(name)!r} now)"
        for name in sorted({*before, *settings})
        if before.get(name) != settings.get(name)
    ]
    if has_begun and differing:
        raise FileExistsError(
            f"{str(output)!r} holds a run with other settings: "
            f"{', '.join(differing)}. Choose another --output, or remove that folder."
        )
