"""The camera before the eye: light, focus, what gets in its way, and its aperture."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter
from scipy.special import expit

from ._canvas import lay, rgb

DEFECTS = (
    "blur",
    "uneven illumination",
    "under-exposure",
    "over-exposure",
    "occlusion",
    "haze",
)


@dataclass
class Exposure:
    """How a photograph was taken; small flaws are in good ones too."""

    gain: float
    haze: float  # share of scattered light
    blur: float  # standard deviation in radii
    slope: float  # share of light lost on the dark side

    @classmethod
    def draw(cls, rng, defect):
        """Draw an exposure: mild flaws, and what the defect makes of them."""
        exposure = cls(
            gain=rng.uniform(0.86, 1.12),
            haze=rng.uniform(0.0, 0.10),
            blur=rng.uniform(0.0, 0.006),
            slope=rng.uniform(0.0, 0.2),
        )
        if defect == "blur":
            exposure.blur = rng.uniform(0.035, 0.075)
        elif defect == "uneven illumination":
            exposure.slope = rng.uniform(0.78, 0.95)
        elif defect == "under-exposure":
            exposure.gain = rng.uniform(0.13, 0.28)
        elif defect == "over-exposure":
            exposure.gain = rng.uniform(1.8, 2.4)
            exposure.haze = rng.uniform(0.05, 0.2)
        elif defect == "haze":
            exposure.haze = rng.uniform(0.62, 0.85)
            exposure.blur = rng.uniform(0.012, 0.03)
        return exposure


def photograph(rng, canvas, look, planes, defect):
    """Take the photograph: with mild flaws, or with one that spoils it.

    Parameters
    ----------
    rng : Generator
        Where the chance comes from.
    canvas : Canvas
        What is painted on.
    look : Appearance
        The camera.
    planes : ndarray of shape (3, size, size)
        The eye.
    defect : str
        One of `DEFECTS`, or "".

    Returns
    -------
    image : uint8 ndarray of shape (size, size, 3)
        The photograph.
    aperture : ndarray of shape (size, size)
        What the camera shows, 0 to 1.
    """
    exposure = Exposure.draw(rng, defect)
    planes = _illuminate(rng, canvas, planes, exposure)
    _add_reflexes(rng, canvas, look, planes)
    veil = rgb(0.62, 0.48, 0.36) * min(exposure.gain, 1.2)
    lay(planes, exposure.haze * (1 + 0.2 * canvas.noise(rng, 4)), veil)
    if defect == "over-exposure":  # a full channel spills into the others
        planes += 0.45 * np.maximum(planes - 1, 0).sum(axis=0)
    if defect == "occlusion":
        planes = _lower_lid(rng, canvas, planes)
    planes = _focus(canvas, planes, exposure.blur)
    aperture = _aperture(canvas, look)
    # Last, and so the only chance that depends on the image's size.
    planes += 0.008 * rng.standard_normal(canvas.r2.shape, dtype=np.float32)
    planes *= aperture
    planes += 0.008  # a camera's black is not quite black
    image = (255 * planes.clip(0, 1)).astype(np.uint8)
    return np.ascontiguousarray(image.transpose(1, 2, 0)), aperture


def _illuminate(rng, canvas, planes, exposure):
    """Light the eye, less on one side; much less if the pupil was missed."""
    angle, offset = rng.uniform(0, 2 * np.pi), float(rng.uniform(-0.25, 0.35))
    along = canvas.x * math.cos(angle) + canvas.y * math.sin(angle)
    light = exposure.gain * (1 - exposure.slope * expit(4 * (along + offset)))
    planes = planes * light
    if exposure.slope > 0.5:  # the light that missed shines back from the iris
        glare = np.maximum(canvas.r2 - 0.5, 0) ** 2 * expit(-8 * (along + 0.4))
        planes += rgb(2.6, 2.2, 1.6) * (float(rng.uniform(0.6, 1.2)) * glare)
    return planes


def _add_reflexes(rng, canvas, look, planes):
    """Add what most good photographs have: a tinted rim, and dust on the lens."""
    angle = rng.uniform(0, 2 * np.pi)
    along = canvas.x * math.cos(angle) + canvas.y * math.sin(angle)
    rim = np.clip((canvas.r2 - 0.78) / 0.22, 0, 1) ** 2 * expit(3 * along)
    lay(planes, float(rng.uniform(0, 0.55)) * rim, look.rim)
    for _ in range(rng.poisson(1.2)):
        at, sigma = rng.uniform(-0.7, 0.7, 2), rng.uniform(0.008, 0.02)
        rows, columns = canvas.window(at, 3 * sigma)
        speck = canvas.spot(at, sigma)[rows, columns]
        planes[:, rows, columns] += rgb(0.12, 0.13, 0.12) * speck


def _lower_lid(rng, canvas, planes):
    """Lower a lid over the picture, glaring at its rim, with lashes out of focus."""
    down = -1.0 if rng.random() < 0.6 else 1.0
    depth = down * canvas.y + rng.uniform(-0.15, 0.3)
    depth = depth + 0.25 * canvas.x**2 + 0.08 * canvas.noise(rng, 4)
    streaks = canvas.noise(rng, 18, 2) + 0.6 * canvas.noise(rng, 44, 2)
    lid = expit(-11 * depth + 1.0 * streaks)
    glare = expit(-11 * (depth + rng.uniform(0.3, 0.5)) + 1.1 * streaks)
    lashes = canvas.layer()
    for x in rng.uniform(-0.9, 0.9, rng.integers(6, 16)):
        t = np.linspace(0, 1, 7)
        length = rng.uniform(0.7, 1.35)
        bend = rng.normal(0.4 * x, 0.2) * t**1.5
        points = np.column_stack([x + bend, down * (1.1 - length * t)])
        points[:, 1] *= -1
        lashes.line(points, 0.022 * (1 - 0.85 * t), rng.uniform(90, 220))
    planes = planes * (1 - 0.5 * expit(-7 * (depth - 0.25)))  # its shadow
    skin = rgb(0.34, 0.23, 0.15) * float(rng.uniform(0.5, 1.2))
    lay(planes, 0.92 * lid, skin)
    lay(planes, float(rng.uniform(0.2, 0.95)) * glare, rgb(0.97, 0.88, 0.76))
    return planes * (1 - 0.6 * lashes.read(blur=0.016))


def _focus(canvas, planes, blur):
    sigma = blur * canvas.radius
    if sigma < 0.4:
        return planes
    pixels = (255 * planes.clip(0, 1)).astype(np.uint8).transpose(1, 2, 0)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image = image.filter(ImageFilter.GaussianBlur(sigma))
    return np.asarray(image, dtype=np.float32).transpose(2, 0, 1) / 255


def _aperture(canvas, look):
    """Return what the camera shows: its circle, cut off or not, and its notch."""
    edge = canvas.radius * (1 - np.sqrt(canvas.r2))
    aperture = np.clip(edge + 0.5, 0, 1)
    if look.notch is not None:  # a bump of light outside the circle
        cos, sin = math.cos(look.notch), math.sin(look.notch)
        along = canvas.x * cos + canvas.y * sin
        across = canvas.y * cos - canvas.x * sin
        notch = (np.hypot(along - 1.0, across) < 0.045) & (along < 1.04)
        aperture = np.maximum(aperture, notch)
    return (aperture * (np.abs(canvas.y) < look.cut)).astype(np.float32)
