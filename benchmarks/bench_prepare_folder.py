"""Preparing a folder: killed at random moments, growth, and two processes against one.

    python benchmarks/bench_prepare_folder.py [kill | growth | processes]

appends its figures to ``benchmarks/results/prepare_folder.csv``; without an argument,
all of them. Photographs are painted; for two processes against one
they are camera originals where ``$SK_FIQDR_DATA`` names them. Times are only worth
something on a quiet machine with a core for each process.
"""

import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import PIL
from _arguments import asked
from bench_make_fundus import processor
from PIL import Image

import sk_fiqdr
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.preprocessing import prepare_images

RESULTS = Path(__file__).parent / "results" / "prepare_folder.csv"
N_KILLS, N_FILES_KILLED = 20, 240
FEW, MANY = 400, 4000
N_RUNS = 3


def paint_folder(folder, n_files, *, width=1536, n_painted=20):
    """Write photographs, all but the first few as further names of the same files."""
    folder.mkdir()
    eyes = make_fundus(n_painted, image_size=512, random_state=0).data
    for i in range(n_files):
        path = folder / f"part {i // 100}" / f"{i}_left.jpeg"
        path.parent.mkdir(exist_ok=True)
        if i < n_painted:
            large = Image.fromarray(eyes[i]).resize((width, width))
            large.save(path, quality=92)
        else:
            os.link(folder / "part 0" / f"{i % n_painted}_left.jpeg", path)
    return folder


def tree(folder):
    """Return every file and folder, hidden ones too, with what it holds."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def outputs(folder):
    """Return the finished files, and when each was written."""
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in folder.rglob("*.jpeg")
    }


def bench_kill(work):
    """Kill a run and all its workers at random moments, go on, and compare."""
    images = paint_folder(work / "in", N_FILES_KILLED)
    prepare_images(images, work / "undisturbed", n_jobs=2)
    undisturbed = tree(work / "undisturbed")
    command = "from sk_fiqdr.cli import app; app()"
    equal = twice = killed_before_end = 0
    finished_share = []
    rng = np.random.default_rng(0)
    # Counted in files, for by the clock most would die while workers start.
    for run, n_finished in enumerate(rng.integers(0, N_FILES_KILLED - 20, N_KILLS)):
        output = work / f"killed {run}"
        process = subprocess.Popen(
            [sys.executable, "-c", command, "prepare", images, output, "--n-jobs", "2"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while len(outputs(output)) < n_finished and process.poll() is None:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.05))
        killed_before_end += process.poll() is None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        finished = outputs(output)
        finished_share.append(len(finished) / N_FILES_KILLED)
        prepare_images(images, output, n_jobs=1)
        equal += tree(output) == undisturbed
        twice += len(finished.items() - outputs(output).items())
    yield "kill -9: runs killed before their end", killed_before_end, None
    yield "kill -9: median share finished when killed", np.median(finished_share), None
    yield f"kill -9: trees equal to an undisturbed run's, of {N_KILLS}", equal, N_KILLS
    yield "kill -9: finished files that were written again", twice, 0


MEASURED = """
import json, resource, sys, time
from joblib.externals.loky import get_reusable_executor
from sk_fiqdr.preprocessing import prepare_images

images, output, n_jobs = sys.argv[1:]
wall, cpu = time.perf_counter(), time.process_time()
n_files = len(prepare_images(images, output, n_jobs=int(n_jobs)))
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
if n_jobs != "1":
    get_reusable_executor().shutdown(wait=True)  # only then their memory is known
print(json.dumps({
    "wall": wall,
    "cpu_per_file": cpu / n_files,
    "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "rss_worker": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
}))
"""


def measured(images, output, n_jobs):
    """Prepare in a fresh process; return seconds and mebibytes."""
    command = [sys.executable, "-c", MEASURED, images, output, str(n_jobs)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def bench_growth(work):
    """Compare memory and time per file of a large folder with those of a small one."""
    # Small ones, so that what is spent on each file beside its pixels shows the more.
    folders = {n: paint_folder(work / f"in {n}", n, width=512) for n in (FEW, MANY)}
    one = {n: measured(folders[n], work / f"one {n}", 1) for n in folders}
    two = {n: measured(folders[n], work / f"two {n}", 2) for n in folders}
    for n in folders:
        yield f"peak memory at {n} files, MiB", one[n]["rss"], None
        yield f"CPU time per file at {n} files, ms", 1e3 * one[n]["cpu_per_file"], None
    yield (
        f"peak memory at {MANY} files / at {FEW}, one process",
        one[MANY]["rss"] / one[FEW]["rss"],
        "<= 1.1",
    )
    for name, key in (("parent", "rss"), ("largest worker", "rss_worker")):
        yield (
            f"peak memory at {MANY} files / at {FEW}, two workers: {name}",
            two[MANY][key] / two[FEW][key],
            "<= 1.1",
        )
    yield (
        f"CPU time per file at {MANY} files / at {FEW}",
        one[MANY]["cpu_per_file"] / one[FEW]["cpu_per_file"],
        "0.9 to 1.1",
    )
    yield (
        f"wall time per file at {MANY} files / at {FEW}",
        (one[MANY]["wall"] / MANY) / (one[FEW]["wall"] / FEW),
        "0.9 to 1.1",
    )


def bench_processes(work):
    """Compare two processes with one, in turn, workers' start included and not."""
    data = os.environ.get("SK_FIQDR_DATA")
    if data:
        images, what = work / "in", "originals"
        images.mkdir()
        for i in range(20):
            for path in sorted(Path(data, "originals").glob("*.jpeg")):
                (images / f"{i}_{path.name}").symlink_to(path.resolve())
    else:
        images, what = paint_folder(work / "in", FEW), "painted photographs"
    cold = measured(images, work / "cold", 2)["wall"]
    seconds = {1: [], 2: []}
    prepare_images(images, work / "warm", n_jobs=2)  # the workers stay
    for run in range(N_RUNS):
        for n_jobs in (1, 2):
            start = time.perf_counter()
            prepare_images(images, work / f"{n_jobs} {run}", n_jobs=n_jobs)
            seconds[n_jobs].append(time.perf_counter() - start)
    one, two = (statistics.median(seconds[n_jobs]) for n_jobs in (1, 2))
    n_files = len(list(images.rglob("*.jpeg")))
    load = os.getloadavg()[0]
    yield f"ms per file, one process, {n_files} {what}", 1e3 * one / n_files, None
    yield f"one process / two, {what} (load {load:.1f})", one / two, ">= 1.8"
    yield (
        f"one process / two with the workers' start, {n_files} {what}",
        one / cold,
        None,
    )


BENCHES = {"kill": bench_kill, "growth": bench_growth, "processes": bench_processes}


def main():
    """Run what is asked for and append the figures."""
    for name in asked(__doc__, BENCHES):
        rows = []
        with tempfile.TemporaryDirectory() as work:
            for figure, value, required in BENCHES[name](Path(work)):
                rows.append(
                    {
                        "date": date.today().isoformat(),
                        "machine": f"{processor()}, {os.cpu_count()} cores",
                        "python": platform.python_version(),
                        "joblib": joblib.__version__,
                        "pillow": PIL.__version__,
                        "sk_fiqdr": sk_fiqdr.__version__,
                        "command": f"bench_prepare_folder.py {name}",
                        "figure": figure,
                        "value": round(float(value), 3),
                        "required": required,
                    }
                )
                print(f"{figure}: {value:.3f} (required: {required})", flush=True)
        pd.DataFrame(rows).to_csv(
            RESULTS, mode="a", header=not RESULTS.exists(), index=False
        )


if __name__ == "__main__":
    main()
