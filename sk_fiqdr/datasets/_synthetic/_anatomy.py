"""The healthy eye: retina, optic disc, fovea and the vessels between them."""

import math

import numpy as np
from scipy.special import expit

from ._canvas import lay, rgb

STEP = 0.05  # between two points of a vessel
FINEST = 0.0045  # no vessel below this width
VEIN, ARTERY = 0.027, 0.020  # widths at the disc


class Eye:
    """Where disc and fovea lie, and the vessels grown from the disc.

    Parameters
    ----------
    rng : Generator
        Where the chance comes from.
    eye : {"left", "right"}
        The disc lies to the nose: to the right in a right eye.
    tortuosity : float
        How much vessels wind, in radians a step.
    beading : bool
        Whether veins swell and shrink, as in severe retinopathy.

    Attributes
    ----------
    nasal : float
        1.0 or -1.0, the direction of the nose.
    disc, fovea : ndarray of shape (2,)
        Their centres.
    vessels : list of (points, widths, is_vein)
        Lines, from thin to thick.
    trunks : list of ndarray of shape (n_points, 2)
        The large vessels, near which many lesions lie.
    """

    def __init__(self, rng, eye, tortuosity, *, beading=False):
        self.nasal = 1.0 if eye == "right" else -1.0
        self.disc = self._nasal_of(np.zeros(2), rng.uniform(0.48, 0.64))
        self.disc[1] += rng.normal(0, 0.05)
        self.fovea = self._nasal_of(self.disc, -rng.uniform(0.58, 0.68))
        self.fovea[1] += 0.05 + rng.normal(0, 0.03)
        self.vessels, self.trunks = [], []
        self._rng = rng
        self._tortuosity = tortuosity
        for vein in (False, True):
            self._grow_trunks(vein)
        self._grow_macular_vessels()
        if beading:
            self.vessels = [_beaded(*vessel) for vessel in self.vessels]
        self.vessels.sort(key=lambda vessel: vessel[1][0])

    def _nasal_of(self, at, distance):
        return at + np.array([self.nasal * distance, 0.0])

    def _grow_trunks(self, vein):
        """Grow an upper and a lower arcade, and thinner vessels to the nose."""
        rng = self._rng
        width = VEIN if vein else ARTERY
        for up in (-1, 1):
            for temporal in (True, False):
                side = -self.nasal if temporal else self.nasal
                spread = rng.uniform(1.2, 1.45) + (0.12 if vein else -0.12)
                heading = math.atan2(up * math.sin(spread), side * math.cos(spread))
                rise = rng.uniform(-0.45, 0.05) if temporal else rng.uniform(0.3, 0.9)
                start = self._nasal_of(self.disc, 0.025) + rng.normal(0, 0.012, 2)
                first = len(self.vessels)
                self._grow(
                    start,
                    heading,
                    math.atan2(up * rise, side),
                    width * rng.uniform(0.85, 1.1) * (1.0 if temporal else 0.65),
                    1.9 if temporal else 0.8,
                    vein,
                )
                self.trunks.append(self.vessels[first][0])

    def _grow_macular_vessels(self):
        """Grow a few fine vessels straight from the disc towards the macula."""
        for _ in range(4):
            heading = np.pi * (self.nasal > 0) + self._rng.normal(0, 0.5)
            self._grow(self.disc, heading, heading, 0.009, 0.45, False, depth=1)

    def _grow(self, start, heading, aim, width, reach, vein, depth=0):
        """Walk from `start`, turning slowly from `heading` to `aim`, and branch."""
        rng = self._rng
        n_steps = max(3, int(reach / STEP))
        wobble = rng.normal(0, self._tortuosity * (1 + 0.2 * depth), n_steps).tolist()
        (x, y), (fovea_x, fovea_y) = map(float, start), map(float, self.fovea)
        points, branches = [(x, y)], []
        side = 1 if rng.random() < 0.5 else -1
        until_branch = rng.integers(3, 6)
        for i in range(n_steps):
            turn = math.atan2(math.sin(aim - heading), math.cos(aim - heading))
            heading += 0.085 * turn + wobble[i]
            to_fovea = math.hypot(x - fovea_x, y - fovea_y)
            if depth == 0 and to_fovea < 0.42:
                away = math.atan2(y - fovea_y, x - fovea_x) - heading
                heading += 0.28 * math.sin(away)  # the arcades go round the macula
            x, y = x + STEP * math.cos(heading), y + STEP * math.sin(heading)
            if x * x + y * y > 1.1 or to_fovea < 0.16:
                break
            points.append((x, y))
            until_branch -= 1
            if until_branch == 0 and depth < 3:
                side = -side
                until_branch = rng.integers(3, 8)
                branches.append((i, (x, y), heading, side))
        if len(points) < 2:
            return
        along = np.arange(len(points)) / n_steps
        widths = width * (1 - 0.65 * along)
        self.vessels.append((np.array(points), widths, vein))
        for i, at, heading, side in branches:
            branch_width = widths[i] * rng.uniform(0.45, 0.8)
            if branch_width > FINEST:
                angle = heading + side * rng.uniform(0.4, 0.85)
                back = angle - side * rng.uniform(0.1, 0.7)
                length = (n_steps - i) * STEP * rng.uniform(0.35, 0.75)
                self._grow(at, angle, back, branch_width, length, vein, depth + 1)


def _beaded(points, widths, vein):
    if vein and widths[0] > 0.4 * VEIN:
        widths = widths * (1.1 + 0.45 * np.sin(1.9 * np.arange(len(widths))))
    return points, widths, vein


def paint_eye(rng, canvas, look, eye):
    """Paint a healthy eye.

    Parameters
    ----------
    rng : Generator
        Where the chance comes from.
    canvas : Canvas
        What to paint on.
    look : Appearance
        The patient: pigment and texture.
    eye : Eye
        What lies where.

    Returns
    -------
    planes : ndarray of shape (3, size, size)
        The picture, about 0 to 1.
    """
    planes = _paint_retina(rng, canvas, look, eye)
    _paint_disc(rng, canvas, look, eye, planes)
    _paint_vessels(canvas, eye, planes)
    return planes


def _paint_retina(rng, canvas, look, eye):
    """Paint pigment, choroid and macula, brighter where nerve fibres are thick."""
    cloud = 0.05 * canvas.noise(rng, 4) + 0.035 * canvas.noise(rng, 12)
    grain = 0.022 * canvas.noise(rng, 45) + 0.016 * canvas.noise(rng, 100)
    # Islands of pigment, between which the choroid's vessels shine through.
    islands = np.abs(canvas.noise(rng, 34)) + np.abs(canvas.noise(rng, 22))
    macula = canvas.spot(eye.fovea, 0.24)
    yellow = canvas.spot(eye.fovea, 0.16)
    pit = canvas.spot(eye.fovea, rng.uniform(0.05, 0.075))
    x, y = eye.disc
    above, below = ((x - 0.12 * eye.nasal, y + 0.22 * up) for up in (-1, 1))
    sheen = canvas.spot(above, 0.22) + canvas.spot(below, 0.22)
    light = 1.02 - look.vignette * canvas.r2 + cloud + look.texture * grain
    light += 0.06 * sheen + 0.08 * canvas.spot(eye.disc, 0.24)
    light -= look.choroid * (islands - 0.7) * (1 - macula)
    light *= 1 - rng.uniform(0.05, 0.14) * yellow - rng.uniform(0.22, 0.38) * pit
    light -= 0.06 * macula
    # Red is bright all over; green and blue carry the structure.
    hue = 0.03 * canvas.noise(rng, 5)
    tint = 1 + rgb(0.75, 1.05, 1.2) * (light - 1) + rgb(0.5, -0.6, -1.0) * hue
    return look.base * np.maximum(tint, 0.03)


def _paint_disc(rng, canvas, look, eye, planes):
    """Paint the optic disc with its cup, paler to the temple."""
    height = rng.uniform(0.125, 0.155)
    width = height * rng.uniform(0.84, 0.97)
    rows, columns = canvas.window(eye.disc, 2 * height)
    dx = (canvas.x[:, columns] - float(eye.disc[0])) / width
    dy = (canvas.y[rows] - float(eye.disc[1])) / height
    temporal = -eye.nasal * dx
    distance = np.sqrt(dx**2 + dy**2)
    rim = expit((1 - distance) * 14)
    ratio = rng.uniform(0.3, 0.6)
    cup = expit((ratio - np.sqrt((temporal - 0.1) ** 2 + dy**2)) * 11)
    # Some discs have a pale crescent of bare sclera at their temporal side.
    reach = 1 + 0.2 * rng.uniform(0, 1)
    crescent = expit((reach - np.hypot(dx, dy)) * 18) * expit(5 * (temporal - 0.3))
    part = planes[:, rows, columns]
    lay(part, 0.35 * crescent, rgb(0.95, 0.80, 0.55) * look.brightness)
    shade = 1 + 0.10 * np.clip(temporal, -1, 1)
    lay(part, 0.78 * rim, rgb(1.0, 0.72, 0.42) * look.brightness * shade)
    lay(part, 0.75 * cup, rgb(1.0, 0.92, 0.70) * look.brightness * 1.05)


def _paint_vessels(canvas, eye, planes):
    """Darken the retina along the vessels; arteries are lighter and have a reflex."""
    arteries, veins, reflexes = canvas.layer(), canvas.layer(), canvas.layer()
    for points, widths, vein in eye.vessels:
        (veins if vein else arteries).line(points, widths)
        if widths[0] * canvas.radius > 3:  # else finer than a pixel
            reflexes.line(points, 0.25 * widths, 120 if vein else 255)
    on_disc = 1 - 0.4 * canvas.spot(eye.disc, 0.09)
    planes *= 1 - rgb(0.10, 0.42, 0.42) * (arteries.read(blur=0.004) * on_disc)
    planes *= 1 - rgb(0.24, 0.60, 0.58) * (veins.read(blur=0.004) * on_disc)
    if canvas.radius * VEIN > 3:
        planes *= 1 + 0.12 * reflexes.read(blur=0.003)
