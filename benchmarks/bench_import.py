"""How long an import takes, beside that of the libraries it stands on.

    python benchmarks/bench_import.py

appends its figures to ``benchmarks/results/import.csv``. Each import is a process of
its own, whose start is not counted; all take turns, after one that warms the disk's
cache. A figure is the median of the ratios of the turns.
"""

import statistics
import subprocess
import sys
from pathlib import Path

from _arguments import asked
from _record import record

RESULTS = Path(__file__).parent / "results" / "import.csv"
N_TURNS = 11
BASE = "import skorch, torchvision"
IMPORTS = {
    "import sk_fiqdr": "<= 1.1",
    "from sk_fiqdr import FIQDRClassifier": "<= 1.1",
    "import sk_fiqdr.datasets, sk_fiqdr.metrics, sk_fiqdr.model_selection": None,
}
TIMED = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"


def seconds(statement):
    """Return how long an import takes in a new process."""
    command = [sys.executable, "-c", TIMED.format(statement)]
    return float(subprocess.check_output(command, text=True))


def measure():
    """Yield the base's seconds, and each import's as a share of them."""
    statements = [BASE, *IMPORTS]
    for statement in statements:
        seconds(statement)
    turns = [[seconds(statement) for statement in statements] for _ in range(N_TURNS)]
    base = [turn[0] for turn in turns]
    yield f"{BASE}, s", statistics.median(base), None
    for i, (statement, required) in enumerate(IMPORTS.items(), start=1):
        ratios = [turn[i] / turn[0] for turn in turns]
        yield f"{statement} / {BASE}", statistics.median(ratios), required


if __name__ == "__main__":
    asked(__doc__)
    record(RESULTS, "bench_import.py", measure())
