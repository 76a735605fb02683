"""Preparing camera files
======================

In camera files the retina is in a wide black frame, may be cut off above and below,
under-exposed, or surrounded by noise. `FundusCropper` finds the circle and crops to it;
`GrahamNormalizer` and `ClaheEqualizer` normalise the light. The photographs are
synthetic; the example adds the frame of the camera with its flaws.
"""

# %%
# Four camera files
# -----------------

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.preprocessing import (
    ClaheEqualizer,
    FundusCropper,
    GrahamNormalizer,
    find_circle,
)

eyes = make_fundus(
    80, image_size=256, grade_fractions="balanced", poor_fraction=0.5, random_state=11
)
defects = eyes.frame["defect"].to_numpy()
rng = np.random.default_rng(0)


def camera_file(defect, *, left=110, top=20, noise=0.0):
    """Put an eye into the frame of a camera, off its centre."""
    row = np.flatnonzero((defects == defect) & (eyes.target[:, 0] >= 2))[0]
    frame = np.zeros((296, 440, 3))
    frame[top : top + 256, left : left + 256] = eyes.data[row]
    x, y, radius = eyes.circle[row] + (left, top, 0)
    rows, columns = np.ogrid[:296, :440]
    outside = np.hypot(columns - x, rows - y) > radius
    frame[outside] += np.abs(noise * rng.standard_normal((outside.sum(), 3)))
    return frame.clip(0, 255).astype(np.uint8)


files = np.stack(
    [
        camera_file("", left=60),
        camera_file("", left=150, noise=35.0),
        camera_file("under-exposure", top=36),
        camera_file("uneven illumination", left=30),
    ]
)

# %%
# The circle, the crop, and the normalised light
# ----------------------------------------------

crops = FundusCropper(image_size=224).fit_transform(files)
rows = {
    "camera file": files,
    "FundusCropper": crops,
    "GrahamNormalizer": GrahamNormalizer().fit_transform(crops),
    "ClaheEqualizer": ClaheEqualizer().fit_transform(crops),
}
titles = ["off-centre", "noise around it", "under-exposed", "unevenly lit"]
figure, axes = plt.subplots(
    4, 4, figsize=(9, 8.3), height_ratios=(0.68, 1, 1, 1), layout="constrained"
)
for (name, images), line in zip(rows.items(), axes, strict=True):
    for image, ax in zip(images, line, strict=True):
        ax.imshow(image)
        ax.set(xticks=[], yticks=[])
    line[0].set_ylabel(name)
for image, title, ax in zip(files, titles, axes[0], strict=True):
    x, y, radius = find_circle(Image.fromarray(image))
    ax.add_patch(plt.Circle((x, y), radius, fill=False, color="lime", lw=1.5))
    ax.set_title(title)
