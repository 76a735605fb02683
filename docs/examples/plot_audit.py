"""Checking a data set
===================

`audit` checks a data set before training: labels by eye, patients, copies, eyes whose
grades differ. The data set of this example has three deliberate flaws.
"""

# %%
# A folder with flaws
# -------------------

import tempfile
from pathlib import Path

import pandas as pd
from PIL import Image

from sk_fiqdr.datasets import audit, load_kaggle_dr, make_fundus

eyes = make_fundus(80, image_size=96, poor_fraction=0.1, random_state=2)
folder = Path(tempfile.mkdtemp())
names = eyes.frame["patient"] + "_" + eyes.frame["eye"]
for name, pixels in zip(names, eyes.data, strict=True):
    Image.fromarray(pixels).save(folder / f"{name}.jpeg", quality=92)
Image.fromarray(eyes.data[0]).save(folder / "90_left.jpeg", quality=40)  # a near copy
(folder / "91_left.jpeg").write_bytes((folder / f"{names[5]}.jpeg").read_bytes())
(folder / "92_left.jpeg").write_bytes(b"\xff\xd8 no photograph")
labels = pd.DataFrame({"image": names, "level": eyes.target[:, 0]})
extra = pd.DataFrame({"image": ["90_left", "91_left", "92_left"], "level": 0})
pd.concat([labels, extra]).to_csv(folder / "labels.csv", index=False)

# %%
# The findings
# ------------

result = audit(load_kaggle_dr(folder, folder / "labels.csv"), n_jobs=1)
print(result)

# %%

result.plot()
