"""Data: synthetic photographs to paint, folders of real ones to read and to check.

`make_*` paints, `load_*` reads what is on this machine, `audit` tells what is wrong
with it; nothing is ever fetched.
"""

from ._audit._audit import audit
from ._audit._dataset_audit import DatasetAudit
from ._readers._aptos import load_aptos
from ._readers._brset import load_brset
from ._readers._class_folders import load_class_folders
from ._readers._ddr import load_ddr
from ._readers._deepdrid import load_deepdrid
from ._readers._drimdb import load_drimdb
from ._readers._eyeq import load_eyeq
from ._readers._idrid import load_idrid
from ._readers._kaggle import load_kaggle_dr
from ._readers._load_folder import load_folder
from ._readers._messidor2 import load_messidor2
from ._readers._odir import load_odir
from ._synthetic._make_fundus import make_fundus

__all__ = [
    "DatasetAudit",
    "audit",
    "load_aptos",
    "load_brset",
    "load_class_folders",
    "load_ddr",
    "load_deepdrid",
    "load_drimdb",
    "load_eyeq",
    "load_folder",
    "load_idrid",
    "load_kaggle_dr",
    "load_messidor2",
    "load_odir",
    "make_fundus",
]
