"""How benchmarks print their figures and keep them."""

import os
import platform
from datetime import date
from importlib.metadata import version

import pandas as pd
import torch
from bench_make_fundus import processor

import sk_fiqdr


def record(results, command, figures):
    """Print each figure as it comes, and append all of them to a CSV file.

    Parameters
    ----------
    results : Path
        The CSV file.
    command : str
        What makes the figures.
    figures : iterable of (str, float or None, str or None)
        Name, value and what is required; a value of None was not measured here.
    """
    rows = []
    for figure, value, required in figures:
        shown = "not measured" if value is None else f"{value:.4g}"
        print(f"{figure}: {shown}" + (f" ({required})" if required else ""), flush=True)
        rows.append(
            {
                "date": date.today().isoformat(),
                "machine": f"{processor()}, {os.cpu_count()} cores",
                "threads": torch.get_num_threads(),
                "python": platform.python_version(),
                "torch": torch.__version__,
                "skorch": version("skorch"),
                "sk_fiqdr": sk_fiqdr.__version__,
                "command": command,
                "figure": figure,
                "value": None if value is None else float(f"{value:.4g}"),
                "required": required,
            }
        )
    pd.DataFrame(rows).to_csv(
        results, mode="a", header=not results.exists(), index=False
    )
