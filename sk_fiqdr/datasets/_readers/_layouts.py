"""The sets that have a reader: how to tell each by its folder, and how it counts."""

from functools import partial
from typing import NamedTuple

from . import (
    _aptos,
    _brset,
    _class_folders,
    _ddr,
    _deepdrid,
    _drimdb,
    _idrid,
    _messidor2,
    _odir,
)

STAGES = "grades 0 to 4"


class Set(NamedTuple):
    """A set of which the folder alone tells what it is.

    Attributes
    ----------
    holds : callable
        Given a folder, tells whether it holds the set.
    load : callable
        Its reader.
    counted : str
        How its labels are counted.
    """

    holds: object
    load: object
    counted: str


def _of_subsets(module, load, folder):
    """Read the usual subsets that are there; another one where it is all there is."""
    there = _subsets(module, folder)
    usual = [part for part in there if part in module.USUAL]
    return load(folder, subset=usual or there or module.USUAL)


def _subsets(module, folder):
    of = {
        part: [place for place in module.LAYOUT.places if place.split()[0] == part]
        for part in module.SUBSETS
    }
    return [part for part, places in of.items() if module.LAYOUT.holds(folder, places)]


SETS = {
    "aptos": Set(
        partial(_aptos.LAYOUT.holds, required=_aptos.REQUIRED),
        _aptos.load_aptos,
        f"{STAGES}; quality unknown",
    ),
    "brset": Set(
        partial(_brset.LAYOUT.holds, required=["images", "labels"]),
        _brset.load_brset,
        f"{STAGES}; quality Adequate or yes is good, Inadequate or no is poor; "
        "patients from the label file",
    ),
    "ddr": Set(
        _ddr.here,
        _ddr.load_ddr,
        f"{STAGES}, quality good; 5, which cannot be graded, is quality poor without a "
        "grade",
    ),
    "deepdrid": Set(
        partial(_subsets, _deepdrid),
        partial(_of_subsets, _deepdrid, _deepdrid.load_deepdrid),
        f"{STAGES} of the eye; overall quality 1 is good, 0 is poor",
    ),
    "drimdb": Set(
        partial(_drimdb.LAYOUT.holds, required=["good", "bad", "outlier"]),
        _drimdb.load_drimdb,
        "Good is quality good, Bad and Outlier are poor; grade unknown",
    ),
    "idrid": Set(
        partial(_subsets, _idrid),
        partial(_of_subsets, _idrid, _idrid.load_idrid),
        f"{STAGES}; quality unknown",
    ),
    "messidor2": Set(
        partial(_messidor2.LAYOUT.holds, required=["images", "labels"]),
        _messidor2.load_messidor2,
        f"{STAGES}; adjudicated_gradable 1 is quality good, 0 is poor",
    ),
    "odir": Set(
        partial(_odir.LAYOUT.holds, required=["images", "labels"]),
        _odir.load_odir,
        "grades from the diagnoses in words, others unknown; low image quality is "
        "poor, others unknown",
    ),
}
FOLDERS = {
    f"{task}-folders": partial(_class_folders.load_class_folders, task=task)
    for task in ("grade", "quality")
}
