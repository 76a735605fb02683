"""Data: synthetic photographs to paint, and folders of real ones to read.

`make_*` paints, `load_*` reads what is on this machine; nothing is ever fetched.
"""

from ._aptos import load_aptos
from ._deepdrid import load_deepdrid
from ._drimdb import load_drimdb
from ._eyeq import load_eyeq
from ._fundus import make_fundus
from ._idrid import load_idrid
from ._kaggle import load_kaggle_dr
from ._messidor2 import load_messidor2

__all__ = [
    "load_aptos",
    "load_deepdrid",
    "load_drimdb",
    "load_eyeq",
    "load_idrid",
    "load_kaggle_dr",
    "load_messidor2",
    "make_fundus",
]
