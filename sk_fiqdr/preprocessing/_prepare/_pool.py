"""Distribute the photographs over processes, and survive the loss of one."""

import os
import signal
import threading
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from itertools import chain, islice

import joblib

from ...exceptions import NoFundusError, UnreadableImageError
from ._manifest import read_begun, read_journals
from ._worker import give_up, prepare_batch

BATCH = 8  # files that a worker takes at once: a fraction of a second
RESUMES = "What is finished is kept, and the same call resumes from there."


def run_jobs(jobs, task, n_jobs):
    """Prepare photographs on all workers.

    A photograph that kills its process, and kills another that has it alone, is given
    up and the others are prepared.

    Parameters
    ----------
    jobs : iterator of Job
        The photographs; few are taken from it ahead of time.
    task : Task
        What they have in common.
    n_jobs : int or None
        As joblib's.

    Yields
    ------
    n_files : int
        How many are finished.
    failures : list of Exception
        Why some of them could not be prepared.

    Raises
    ------
    RuntimeError
        If a worker was killed and none of the photographs at work is to blame.
    """
    at_work = {}
    while True:
        try:
            with closing(_dispatch(jobs, at_work, task, n_jobs)) as results:
                for finished, failures in results:
                    for source in finished:
                        del at_work[source]
                    yield len(finished), failures
            return
        except BrokenProcessPool as error:
            done = read_journals(task.workplace, task.output, task.run)
            begun = [s for s in read_begun(task.workplace, task.run) if s in at_work]
            killed_alone = [s for s in begun if not _survives(at_work[s], task)]
            if not killed_alone:
                raise _killed(begun) from error
            failures = [give_up(at_work[source], task) for source in killed_alone]
            left = [
                job for source, job in at_work.items() if source not in {*done, *begun}
            ]
            yield len(at_work) - len(left), failures
            at_work.clear()
            jobs = chain(left, jobs)


def _dispatch(jobs, at_work, task, n_jobs):
    """Hand out batches as workers become free; yield what they return."""
    caller = os.getpid()

    def calls():
        while batch := list(islice(jobs, BATCH)):
            at_work.update((job.source, job) for job in batch)
            yield joblib.delayed(_prepare_batch)(batch, task, caller)

    parallel = joblib.Parallel(
        n_jobs,
        return_as="generator_unordered",
        pre_dispatch="2 * n_jobs",
        batch_size=1,
    )
    with closing(parallel(calls())) as results:
        yield from results


def _prepare_batch(batch, task, caller):
    """Prepare photographs; leave Ctrl-C, which all processes are sent, to the caller.

    It ends its workers. One that heard of it itself, between two batches, would print
    a traceback.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if os.getpid() != caller and in_main_thread:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return prepare_batch(batch, task)


def _survives(job, task):
    """Try a photograph in a process that does nothing else."""
    attempt = joblib.delayed(_prepare_batch)([job], task, os.getpid())
    try:
        joblib.Parallel(2, backend="loky")([attempt])
    except BrokenProcessPool:
        return False
    return True


def _killed(begun):
    at_work = f"; at work were {begun!r}, which can be prepared one by one"
    return RuntimeError(
        "A worker process was killed, most often because memory ran out"
        f"{at_work if begun else ''}. {RESUMES} Use fewer processes (n_jobs), or free "
        "memory."
    )


@contextmanager
def explain_stops(task):
    """Say why a run stops before its end, and how to resume it.

    Parameters
    ----------
    task : Task
        What is done.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"Stopped. {RESUMES}") from None
    except (UnreadableImageError, NoFundusError):
        raise  # a photograph, with on_error="raise"
    except OSError as error:
        raise cannot_write(task.output, error) from error
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # Dask's, which need not be there
            raise _killed(read_begun(task.workplace, task.run)) from error
        raise


def cannot_write(output, error):
    """Return an error that says what to do when a folder cannot be written.

    Parameters
    ----------
    output : Path
        The folder.
    error : OSError
        What happened.

    Returns
    -------
    error : OSError
        To be raised.
    """
    return OSError(
        error.errno,
        f"Cannot write to the output folder {str(output)!r}: "
        f"{error.strerror or error}. Make room, or get permission to write. {RESUMES}",
    )
