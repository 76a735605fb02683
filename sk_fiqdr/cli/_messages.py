"""What goes to stderr: messages in place of tracebacks, and the exit status."""

import contextlib
import errno
import re
import signal
import threading
import warnings

import typer

# What the library raises where a command cannot be carried out as it was given.
USAGE_ERRORS = (
    ValueError,
    TypeError,
    ImportError,
    BlockingIOError,
    FileNotFoundError,
    FileExistsError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)
FAILURES = (OSError, RuntimeError, FloatingPointError)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
OUT_OF_MEMORY = re.compile(
    r"MemoryError|an.t allocate memory|annot allocate memory|not enough memory"
    r"|could not create a primitive|failed to map segment|std::bad_alloc"
    r"|Calling read\(nbytes\) on source failed"  # pandas
)
NO_MEMORY = (
    "The memory of this machine ran out. Close other programs, or lower --batch-size, "
    "--image-size or --num-workers. What is finished is kept: the same command resumes "
    "a run that has begun."
)


def stop(error, status):
    """End with a message.

    Parameters
    ----------
    error : Exception or str
        What to say.
    status : int
        The exit status.
    """
    typer.secho(str(error), fg="red", err=True)
    raise typer.Exit(status) from None


def log(message):
    """Say something beside the result.

    Parameters
    ----------
    message : str
        What to say.
    """
    typer.echo(message, err=True)


def count_files(counts, aside=""):
    """Account for every file of a folder in one line.

    Parameters
    ----------
    counts : dict of int
        Files by what became of them; nought is not shown, but for the first.
    aside : str, default=""
        What those are that were left aside.

    Returns
    -------
    line : str
        Such as "7 files found = 5 graded + 1 unreadable + 1 left aside (1 .txt)".

    Examples
    --------
    >>> from sk_fiqdr.cli._messages import count_files
    >>> count_files({"graded": 5, "unreadable": 0, "left aside": 1}, "1 .txt")
    '6 files found = 5 graded + 1 left aside (1 .txt)'
    """
    first = next(iter(counts))
    parts = [f"{n} {what}" for what, n in counts.items() if n or what == first]
    aside = f" ({aside})" if aside else ""
    n = sum(counts.values())
    files = "file" if n == 1 else "files"
    return f"{n} {files} found = {' + '.join(parts)}{aside}"


@contextlib.contextmanager
def telling():
    """Turn errors of the library into messages, and its warnings into lines.

    Exit status: 2 where it cannot be done like this, 1 where it failed on the way, 130
    where Ctrl-C ended it.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=UserWarning)
        warnings.showwarning = _show_warning
        try:
            yield
        except typer.Exit:
            raise
        except KeyboardInterrupt:
            stop("Interrupted.", 130)
        except Exception as error:
            status = status_of(error)
            if status is None:
                raise
            stop(explain(error), status)


def status_of(error, failed=1):
    """Return the exit status of an error: 2, or `failed`; None if it is a defect.

    Parameters
    ----------
    error : Exception
        What was raised.
    failed : int, default=1
        Status where the command failed on its way.

    Returns
    -------
    status : int or None
        The exit status.
    """
    if _is_out_of_memory(error):
        return failed
    if isinstance(error, USAGE_ERRORS):
        return 2
    return failed if isinstance(error, FAILURES) else None


def _is_out_of_memory(error):
    """Whether memory ran out, which libraries report in many ways, or caused this."""
    while error is not None:
        if isinstance(error, MemoryError) or OUT_OF_MEMORY.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def explain(error):
    """Return the message of an error, with a way out.

    Parameters
    ----------
    error : Exception
        What was raised.

    Returns
    -------
    text : str
        What to print.
    """
    text = NO_MEMORY if _is_out_of_memory(error) else str(error)
    if text.startswith('weights="DEFAULT"'):
        text += " On this command line: --weights FILE, or --weights none."
    code = getattr(error, "errno", None)
    if code in FULL and "free some space" not in text:
        text += ". Nothing was left half-written: free some space, and try again."
    if code in FORBIDDEN and "permission to" not in text:
        text += ". Choose another place, or get permission to use this one."
    if code == errno.EMFILE:
        text += ". Allow more open files (ulimit -n), or lower --num-workers."
    return text


def _show_warning(message, category, *_, **__):
    if issubclass(category, UserWarning):
        typer.secho(f"Warning: {message}", fg="yellow", err=True)


@contextlib.contextmanager
def on_ctrl_c(act):
    """Call `act`; a fit takes Ctrl-C for its own end, and the command would continue.

    Parameters
    ----------
    act : callable
        Called in place of KeyboardInterrupt; it ends the process.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, act)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def interrupted(*_):
    """End a run that can be resumed; for `on_ctrl_c`."""
    typer.secho("\nInterrupted. The same command resumes.", fg="red", err=True)
    raise SystemExit(130)
