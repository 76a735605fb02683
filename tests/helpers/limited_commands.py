"""Run commands of the library under limits, each in a fork of one process.

    python limited_commands.py

reads jobs as lines of JSON from stdin and writes exit status and output of each, which
is less than a pipe holds. A job has args and folder, bytes as latin-1, and may have
limits (of `resource`), memory (bytes beside what is in use already), and
permissions: true lets them hold for root, too.
"""

import ctypes
import json
import os
import resource
import sys
import traceback

import pandas
import PIL.Image
import sklearn
import skorch
import torch

import sk_fiqdr.datasets
import sk_fiqdr.inspection
import sk_fiqdr.metrics
import sk_fiqdr.model_selection
import sk_fiqdr.preprocessing
from sk_fiqdr.cli import app

LOADED = pandas, PIL.Image, sklearn, skorch, torch, sk_fiqdr  # before the limits


def memory_in_use():
    """Return the address space of this process in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def heed_permissions():
    """Give up what lets root read and write everything (capabilities 1 and 2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable, twice
    assert libc.capget(header, sets) == 0
    for i in range(3):
        sets[i] &= ~0b110
    assert libc.capset(header, sets) == 0


def run(job):
    """Run a command under its limits, and return its exit status."""
    os.chdir(job["folder"].encode("latin-1"))
    if job.get("permissions"):
        heed_permissions()
    limits = job.get("limits", {})
    if "memory" in job:
        limits = {**limits, "RLIMIT_AS": memory_in_use() + job["memory"]}
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, name), (value, value))
    try:
        args = [os.fsdecode(arg.encode("latin-1")) for arg in job["args"]]
        app(args, prog_name="sk-fiqdr")
    except SystemExit as end:
        return end.code or 0
    except BaseException:
        traceback.print_exc()
        return 99


def main():
    """Fork for each job."""
    print("ready", flush=True)
    for line in sys.stdin:
        reader, writer = os.pipe()  # which has no limit of size, as files have
        process = os.fork()
        if not process:
            os.dup2(writer, 1)
            os.dup2(writer, 2)
            status = run(json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        os.close(writer)
        with open(reader, encoding="utf-8", errors="replace") as file:
            text = file.read()
        _, status = os.waitpid(process, 0)
        print(json.dumps([os.waitstatus_to_exitcode(status), text]), flush=True)


if __name__ == "__main__":
    main()
