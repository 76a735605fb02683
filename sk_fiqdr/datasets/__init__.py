"""Data: synthetic photographs to paint, folders of real ones to read and to look over.

`make_*` paints, `load_*` reads what is on this machine, `audit` tells what is wrong
with it; nothing is ever fetched.
"""

from ._aptos import load_aptos
from ._audit import audit
from ._deepdrid import load_deepdrid
from ._display import DatasetAudit
from ._drimdb import load_drimdb
from ._eyeq import load_eyeq
from ._fundus import make_fundus
from ._idrid import load_idrid
from ._kaggle import load_kaggle_dr
from ._messidor2 import load_messidor2

__all__ = [
    "DatasetAudit",
    "audit",
    "load_aptos",
    "load_deepdrid",
    "load_drimdb",
    "load_eyeq",
    "load_idrid",
    "load_kaggle_dr",
    "load_messidor2",
    "make_fundus",
]
