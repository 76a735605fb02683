"""Sections of a report on the data, the settings and the versions."""

import platform
import re
from pathlib import PurePath
from types import FunctionType

import pandas as pd
from sklearn.utils import Bunch

from ...model_selection._patient_ids import holds_paths, read_patients
from ...utils._version import LIBRARIES, versions
from ._section import Section

LONGEST = 200  # letters of a setting
PLACES = ("weights", "checkpoint_dir", "memory")  # parameters that may name folders


def data(it):
    """Summarise the data of the report."""
    if not it.images:
        return None
    from ...datasets import audit

    section = Section(
        "data",
        "The data",
        "Labels, patients and copies among these images. Check copies across patients, "
        "and eyes whose grades differ widely, before you trust any score.",
    )
    eyes = _eyes(it.X)
    frame = pd.DataFrame({"eye": eyes})
    found = audit(Bunch(data=it.X, target=it.y, groups=it.groups, frame=frame))
    summary = found.frame("summary")
    if not any(eyes):
        summary = summary.drop(
            ["patients with both eyes graded", "left and right grades differ"]
        )
        section.notes.append("Which eye an image is of is not known.")
    section.tables["data"] = summary
    section.notes.append(f"Hash of names and labels: {found.split_hash}.")
    section.show("Labels, eyes and findings", (12, 4.6), lambda ax: found.plot(ax=ax))
    return section


def _eyes(X):
    """Return "left" or "right" if the file name says so, else ""."""
    if not holds_paths(X):
        return [""] * len(X)
    return [side for _, side in read_patients(X)]


def settings(it):
    """List the settings of the model, and the versions of libraries."""
    section = Section(
        "settings",
        "Settings and versions",
        "What is needed to train this model again.",
    )
    params = it.estimator.get_params(deep=False)
    values = [_setting(name, value) for name, value in params.items()]
    section.tables["settings"] = pd.DataFrame(
        {"value": values}, index=pd.Index(params, name="parameter")
    )
    installed = versions((*LIBRARIES, "pandas")) | {"python": platform.python_version()}
    section.tables["versions"] = pd.DataFrame(
        {"version": installed.values()}, index=pd.Index(installed, name="library")
    )
    return section


def _setting(name, value):
    """Return a parameter as text that is the same on every machine, in one line."""
    if isinstance(value, PurePath) or (name in PLACES and isinstance(value, str)):
        return re.split(r"[\\/]", str(value))[-1]
    if isinstance(value, type | FunctionType):
        return value.__qualname__
    text = re.sub(r" at 0x[0-9a-f]+", "", " ".join(str(value).split()))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
