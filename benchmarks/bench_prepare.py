"""Preparing one photograph: time against the common way, and the circle's accuracy.

    SK_FIQDR_DATA=... python benchmarks/bench_prepare.py [time] [circle]

appends its figures to ``benchmarks/results/prepare.csv``; without an argument, both.

time    from camera original to written file at 512 pixels, one core, against the full
        decoding by Pillow, bicubic resize and the same save; needs the originals.
circle  centre and radius against those that `make_fundus` knows, 2,000 photographs, two
        thirds of them spoilt in every way; needs no data.
"""

import io
import os
import platform
import statistics
import time
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import PIL
from _arguments import asked
from bench_make_fundus import processor
from PIL import Image

import sk_fiqdr
from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.preprocessing import find_circle
from sk_fiqdr.preprocessing._crop import crop_file

RESULTS = Path(__file__).parent / "results" / "prepare.csv"
IMAGE_SIZE = 512
N_RUNS = 5
N_CIRCLES, TOLERANCE = 2000, 0.02


def save(image):
    """Write as `prepare_images` does."""
    image.save(io.BytesIO(), "jpeg", quality=95, subsampling="4:4:4")


def common_way(path):
    """Decode all pixels, resize, save; no circle is looked for."""
    with Image.open(path) as image:
        rgb = image.convert("RGB")
    scale = IMAGE_SIZE / max(rgb.size)
    size = tuple(round(side * scale) for side in rgb.size)
    square = Image.new("RGB", (IMAGE_SIZE, IMAGE_SIZE))
    square.paste(rgb.resize(size, Image.Resampling.BICUBIC))
    save(square)


def our_way(path):
    """Decode as little as it takes, find the circle, crop, save."""
    save(Image.fromarray(crop_file(path, IMAGE_SIZE)[0]))


def measure_time():
    """Return milliseconds of CPU a photograph, both ways by turns, and their ratio."""
    folder = os.environ.get("SK_FIQDR_DATA")
    if not folder:
        raise SystemExit("time: set SK_FIQDR_DATA to the folder of real photographs.")
    paths = sorted(Path(folder, "originals").glob("*.jpeg"))
    seconds = {common_way: [], our_way: []}
    for run in range(N_RUNS + 1):
        for way, runs in seconds.items():
            start = time.process_time()
            for path in paths:
                way(path)
            if run:  # the first warms up
                runs.append((time.process_time() - start) / len(paths))
    common, ours = (1000 * statistics.median(runs) for runs in seconds.values())
    yield "original to file, common way", common, "ms"
    yield "original to file, prepare_images", ours, "ms"
    yield "ratio (at most 0.30)", ours / common, ""


def measure_circle():
    """Return how far found circles are from known ones, in radii."""
    eyes = make_fundus(
        N_CIRCLES,
        image_size=224,
        grade_fractions="balanced",
        poor_fraction=0.65,
        random_state=0,
    )
    found = np.array([find_circle(image) for image in eyes.data])
    radius = eyes.circle[:, 2]
    off_centre = np.hypot(*(found - eyes.circle)[:, :2].T) / radius
    off_radius = np.abs(found[:, 2] - radius) / radius
    right = (off_centre <= TOLERANCE) & (off_radius <= TOLERANCE)
    yield "circles within 2 % of the radius (at least 0.99)", right.mean(), ""
    yield "median error of the centre", np.median(off_centre), "radii"
    yield "median error of the radius", np.median(off_radius), "radii"
    defects = eyes.frame["defect"].to_numpy()
    for defect in np.unique(defects):
        share = right[defects == defect].mean()
        yield f"circles within 2 %, {defect or 'good quality'}", share, ""


def main():
    """Measure what is asked for and append the results."""
    measures = {"time": measure_time, "circle": measure_circle}
    rows = []
    for name in asked(__doc__, measures):
        measure = measures[name]
        for what, value, unit in measure():
            rows.append(
                {
                    "date": date.today().isoformat(),
                    "processor": processor(),
                    "python": platform.python_version(),
                    "pillow": PIL.__version__,
                    "sk_fiqdr": sk_fiqdr.__version__,
                    "command": f"bench_prepare.py {name}",
                    "what": what,
                    "value": f"{value:.4g}",
                    "unit": unit,
                }
            )
            print(rows[-1]["what"], rows[-1]["value"], unit)
    pd.DataFrame(rows).to_csv(
        RESULTS, mode="a", header=not RESULTS.exists(), index=False
    )


if __name__ == "__main__":
    main()
