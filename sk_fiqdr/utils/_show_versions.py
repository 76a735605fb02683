"""Versions for a bug report."""

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from ._version import LIBRARIES, __version__

OTHERS = ("joblib", "pandas", "timm", "safetensors", "matplotlib", "captum", "onnx")


def show_versions():
    """Print the versions of Python, of the libraries, and the devices of torch.

    Add what it prints to a bug report; it names no path and no file.

    Examples
    --------
    >>> import sk_fiqdr
    >>> sk_fiqdr.show_versions()  # doctest: +ELLIPSIS
    System
        python: ...
    """
    import torch

    gpus = range(torch.cuda.device_count())
    libraries = {name: _version_of(name) for name in (*LIBRARIES, *OTHERS)}
    facts = {
        "System": {
            "python": platform.python_version(),
            "system": platform.platform(),
        },
        "Libraries": {"sk_fiqdr": __version__, **libraries},
        "Devices": {
            "threads": torch.get_num_threads(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "GPUs": ", ".join(map(torch.cuda.get_device_name, gpus)) or None,
        },
    }
    for group, rows in facts.items():
        lines = [group, *(f"    {name}: {fact}" for name, fact in rows.items())]
        sys.stdout.write("\n".join(lines) + "\n")


def _version_of(library):
    try:
        return version(library)
    except PackageNotFoundError:
        return None
