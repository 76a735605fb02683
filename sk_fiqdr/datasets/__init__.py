"""Data: synthetic photographs to paint, and folders of real ones to read.

`make_*` paints, `load_*` reads what is on this machine; nothing is ever fetched.
"""

from ._fundus import make_fundus
from ._kaggle import load_kaggle_dr

__all__ = ["load_kaggle_dr", "make_fundus"]
