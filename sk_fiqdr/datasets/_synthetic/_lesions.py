"""Diabetic retinopathy: what each grade adds to a healthy eye."""

import math

import numpy as np

from ._canvas import lay, rgb

# Lowest and highest number of each lesion, by grade 0 to 4.
COUNTS = {
    "microaneurysms": ((0, 0), (3, 8), (8, 20), (15, 35), (12, 30)),
    "haemorrhages": ((0, 0), (0, 0), (3, 10), (16, 34), (8, 22)),
    "exudate clusters": ((0, 0), (0, 0), (1, 4), (1, 5), (1, 5)),
    "cotton wool spots": ((0, 0), (0, 0), (0, 1), (2, 6), (1, 5)),
    "new vessels": ((0, 0), (0, 0), (0, 0), (0, 0), (2, 4)),
    "preretinal haemorrhages": ((0, 0), (0, 0), (0, 0), (0, 0), (0, 2)),
}
BLOOD = rgb(0.42, 0.80, 0.76)  # the share of light it swallows


def paint_lesions(rng, canvas, look, eye, planes, grade):
    """Paint the lesions of a grade.

    Parameters
    ----------
    rng : Generator
        Where the chance comes from.
    canvas : Canvas
        What to paint on.
    look : Appearance
        The patient: how bright the retina is.
    eye : Eye
        What lies where.
    planes : ndarray of shape (3, size, size)
        The healthy eye, changed in place.
    grade : int
        0 to 4.

    Returns
    -------
    lesions : ndarray of shape (size, size)
        Where they are, 0 to 1.
    """
    if grade == 0:
        return np.zeros((canvas.size, canvas.size), dtype=np.float32)
    count = {
        lesion: rng.integers(*by_grade[grade], endpoint=True)
        for lesion, by_grade in COUNTS.items()
    }
    blood, pools, threads = canvas.layer(), canvas.layer(), canvas.layer()
    wool, fat = canvas.layer(), canvas.layer()
    for _ in range(count["microaneurysms"]):
        at = _somewhere(rng, eye, 0.72)
        blood.dot(at, rng.uniform(0.006, 0.012), rng.uniform(180, 240))
    for _ in range(count["haemorrhages"]):
        _draw_haemorrhage(rng, blood, eye)
    for _ in range(count["cotton wool spots"]):
        _draw_cotton_wool(rng, wool, _near_vessel(rng, eye))
    for _ in range(count["exudate clusters"]):
        _draw_exudates(rng, fat, eye)
    for i in range(count["new vessels"]):
        on_disc = i == 0 and rng.random() < 0.6
        _draw_new_vessels(rng, threads, eye.disc if on_disc else _near_vessel(rng, eye))
    for _ in range(count["preretinal haemorrhages"]):
        _draw_pool(rng, pools, _somewhere(rng, eye, 0.6))

    blood, pools, threads = blood.read(0.008), pools.read(0.016), threads.read()
    wool, fat = wool.read(0.02), fat.read(0.004)
    lay(planes, 0.72 * wool, rgb(0.98, 0.86, 0.66) * look.brightness)
    planes *= 1 - BLOOD * np.maximum(blood, 0.65 * threads)
    lay(planes, 0.88 * fat, rgb(1.05, 0.90, 0.46) * look.brightness)
    planes *= 1 - 1.1 * BLOOD * pools
    return np.maximum.reduce([blood, pools, threads, wool, fat])


def _somewhere(rng, eye, reach):
    """Return a place within `reach` of the centre, not on the disc."""
    while True:
        at = rng.uniform(-reach, reach, 2)
        if (at**2).sum() < reach**2 and ((at - eye.disc) ** 2).sum() > 0.22**2:
            return at


def _near_vessel(rng, eye):
    trunk = eye.trunks[rng.integers(len(eye.trunks))]
    start = min(5, len(trunk) - 1)  # not on the disc
    return 0.92 * trunk[rng.integers(start, len(trunk))] + rng.normal(0, 0.06, 2)


def _draw_haemorrhage(rng, layer, eye):
    """Draw a dot or blot, or a flame along the nerve fibres."""
    near_vessel = rng.random() < 0.5
    at = _near_vessel(rng, eye) if near_vessel else _somewhere(rng, eye, 0.8)
    radius = 0.014 + 0.05 * rng.beta(1.1, 3)
    value = rng.uniform(140, 240)
    if rng.random() < 0.7:
        layer.blob(rng, at, radius, value, rough=0.28)
        return
    across, along = at - eye.disc
    fibres = math.atan2(along, across)  # they run out from the disc
    for _ in range(3):
        strand = at + rng.normal(0, 0.4 * radius, 2)
        layer.blob(rng, strand, 0.55 * radius, value, stretch=3.2, turn=fibres)


def _draw_cotton_wool(rng, layer, at):
    """Draw a fluffy patch with feathered edges."""
    radius = rng.uniform(0.03, 0.055)
    for value in (110, 170, 235):
        place = at + rng.normal(0, 0.3 * radius, 2)
        layer.blob(rng, place, radius, value, rough=0.45, stretch=1.3)
        radius *= 0.75


def _draw_exudates(rng, layer, eye):
    """Draw a cluster of waxy deposits, or part of a ring around the fovea."""
    n = rng.integers(8, 30)
    if rng.random() < 0.35:
        angle = rng.uniform(0, 2 * np.pi) + rng.uniform(0, 2.2, n)
        reach = rng.uniform(0.14, 0.26) + rng.normal(0, 0.025, n)
        ring = np.column_stack([np.cos(angle), np.sin(angle)])
        places = eye.fovea + reach[:, None] * ring
    else:
        spread = rng.uniform(0.025, 0.07)
        places = _somewhere(rng, eye, 0.55) + rng.normal(0, spread, (n, 2))
    for place in places:
        radius = min(0.02, 0.007 * rng.lognormal(0, 0.5))  # many small, few large
        if radius < 0.01:
            layer.dot(place, radius, rng.uniform(140, 230))
        else:
            layer.blob(rng, place, radius, rng.uniform(190, 255), rough=0.5)


def _draw_new_vessels(rng, layer, at):
    """Draw a fan of fine, winding, looping threads."""
    outwards = rng.uniform(0, 2 * np.pi)
    for _ in range(rng.integers(9, 16)):
        n = rng.integers(8, 18)
        bend = rng.normal(rng.choice([-0.2, 0.2]), 0.5, n)
        heading = outwards + rng.normal(0, 1.1) + np.cumsum(bend)
        steps = 0.02 * np.column_stack([np.cos(heading), np.sin(heading)])
        points = at + rng.normal(0, 0.025, 2) + np.cumsum(steps, axis=0)
        layer.line(points, np.linspace(0.010, 0.005, n), rng.uniform(140, 240))


def _draw_pool(rng, layer, at):
    """Draw a preretinal haemorrhage: blood before the retina settles to a level."""
    width = rng.uniform(0.11, 0.22)
    depth = width * rng.uniform(0.7, 1.1)
    angle = np.linspace(-0.12, np.pi + 0.12, 24)  # rounded corners
    lobes = 1 + 0.06 * np.sin(3 * angle + rng.uniform(0, 2 * np.pi))
    outline = np.column_stack([np.cos(angle), np.sin(angle)]) * lobes[:, None]
    outline *= [width, depth]
    outline[:, 1] += rng.normal(0, 0.08) * outline[:, 0]  # the head was not upright
    layer.polygon(at + outline, 230)
