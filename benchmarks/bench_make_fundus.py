"""Photographs painted per second, on one core.

    python benchmarks/bench_make_fundus.py

appends a line for each size to ``benchmarks/results/make_fundus.csv``: the median of
five runs, after one to warm up.
"""

import platform
import statistics
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import PIL
from _arguments import asked

import sk_fiqdr
from sk_fiqdr.datasets import make_fundus

RESULTS = Path(__file__).parent / "results" / "make_fundus.csv"
N_IMAGES, N_RUNS = 60, 5


def processor():
    """Return the processor's name, as far as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def images_per_second(image_size):
    """Return the median over several runs, in CPU seconds of this process."""
    rates = []
    for run in range(N_RUNS + 1):
        start = time.process_time()  # nothing here uses a second thread
        make_fundus(
            N_IMAGES,
            image_size=image_size,
            grade_fractions="balanced",
            poor_fraction=0.2,
            random_state=run,
        )
        rates.append(N_IMAGES / (time.process_time() - start))
    return statistics.median(rates[1:])


def main():
    """Measure at three sizes and append the results."""
    asked(__doc__)
    rows = []
    for image_size in (96, 224, 512):
        rows.append(
            {
                "date": date.today().isoformat(),
                "processor": processor(),
                "python": platform.python_version(),
                "numpy": np.__version__,
                "pillow": PIL.__version__,
                "sk_fiqdr": sk_fiqdr.__version__,
                "image_size": image_size,
                "images_per_second": round(images_per_second(image_size), 1),
            }
        )
        print(rows[-1])
    pd.DataFrame(rows).to_csv(
        RESULTS, mode="a", header=not RESULTS.exists(), index=False
    )


if __name__ == "__main__":
    main()
