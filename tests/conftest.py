"""What several tests share: a tiny network, painted photographs, the real ones."""

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from helpers.networks import TinyBackbone
from PIL import Image

from sk_fiqdr.datasets import make_fundus

# Whoever starts the tests in the background has Ctrl-C ignored, which is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _close_figures():
    """Close what a test has drawn: matplotlib warns of more than twenty figures."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def tiny():
    """Settings of an estimator that fits in a second."""
    return {
        "backbone": TinyBackbone,
        "image_size": 48,
        "max_epochs": 2,
        "batch_size": 8,
        "random_state": 0,
    }


@pytest.fixture(scope="session")
def fundus():
    """Twenty-four painted photographs of every grade, a third of them poor."""
    return make_fundus(
        24,
        image_size=48,
        poor_fraction=0.35,
        grade_fractions="balanced",
        random_state=0,
    )


@pytest.fixture(scope="session")
def fundus_paths(fundus, tmp_path_factory):
    """Return the same photographs as files, with a blank and an umlaut on the way."""
    folder = tmp_path_factory.mktemp("fundus photographs ä")
    paths = []
    for image, patient, eye in zip(
        fundus.data, fundus.groups, fundus.frame["eye"], strict=True
    ):
        paths.append(folder / f"{patient}_{eye}.png")
        Image.fromarray(image).save(paths[-1])
    return paths


@pytest.fixture(scope="session")
def real_data():
    """Return the folder of real photographs, or skip."""
    folder = os.environ.get("SK_FIQDR_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("$SK_FIQDR_DATA names no folder of real photographs")
    return Path(folder)


@pytest.fixture(scope="session")
def browser():
    """Return a real browser without a window."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium here")
    with playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        yield browser
        browser.close()
