"""Painting one synthetic fundus photograph.

Lengths are shares of the camera circle's radius, positions lie in the unit disc (x to
the right, y downwards), so that an eye looks the same at every image size.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.special import expit

DEFECTS = (
    "blur",
    "uneven illumination",
    "under-exposure",
    "over-exposure",
    "occlusion",
    "haze",
)
SUPERSAMPLING = 2  # vessels and lesions are drawn larger and shrunk, for smooth edges


@dataclass
class Look:
    """What both photographs of a patient share: pigment and camera."""

    base: np.ndarray  # RGB of the retina, 0 to 1
    texture: float  # strength of the choroid's pattern
    tortuosity: float
    radius: float  # of the camera circle, as a share of half the image
    cut: float  # half height of the picture in radii; above 1 nothing is cut off
    notch: float | None  # angle of the notch, or None

    @classmethod
    def draw(cls, rng):
        """Draw a patient at random.

        Parameters
        ----------
        rng : Generator
            Where the chance comes from.

        Returns
        -------
        look : Look
            A patient and a camera.
        """
        pigment = rng.uniform()
        light, dark = np.array([0.86, 0.45, 0.23]), np.array([0.60, 0.25, 0.10])
        base = light * (1 - pigment) + dark * pigment
        base = base * rng.normal(1, [0.03, 0.06, 0.12])
        return cls(
            base=base,
            texture=rng.uniform(0.5, 1.3),
            tortuosity=rng.uniform(0.05, 0.16),
            radius=rng.uniform(0.90, 0.985),
            cut=rng.choice([2.0, rng.uniform(0.80, 0.95)], p=[0.45, 0.55]),
            notch=rng.choice([np.nan, rng.uniform(-0.9, -0.6)], p=[0.5, 0.5]),
        )


@dataclass
class Painting:
    """A finished photograph, and what is known of it."""

    image: np.ndarray  # uint8 (size, size, 3)
    lesions: np.ndarray  # bool (size, size)
    circle: tuple[float, float, float]  # centre x, centre y, radius in pixels


@dataclass
class Canvas:
    """Grid of the image in units of the radius, and layers to draw on."""

    size: int
    radius: float
    center: tuple[float, float]
    x: np.ndarray = field(init=False)
    y: np.ndarray = field(init=False)
    r2: np.ndarray = field(init=False)

    def __post_init__(self):
        # Python floats throughout: a NumPy float64 would double every array's width.
        grid = np.arange(self.size, dtype=np.float32)
        self.x = ((grid - self.center[0]) / self.radius)[None, :]
        self.y = ((grid - self.center[1]) / self.radius)[:, None]
        self.r2 = self.x**2 + self.y**2

    def spot(self, at, sigma):
        """Return a soft round spot of height 1."""
        # A product of two lines: the grid is separable.
        across = np.exp(-((self.x - float(at[0])) ** 2) / (2 * sigma**2))
        return across * np.exp(-((self.y - float(at[1])) ** 2) / (2 * sigma**2))

    def noise(self, rng, n):
        """Return smooth noise of n x n independent values, about -1 to 1."""
        values = rng.normal(0, 0.5, (n, n)).astype(np.float32)
        field = Image.fromarray(values).resize((self.size,) * 2, Image.BICUBIC)
        return np.asarray(field)

    def layer(self):
        """Return an empty layer, to draw on and to `read`."""
        return Layer(self)

    def blurred(self, layer, sigma):
        """Blur an array by a Gaussian of `sigma` radii."""
        image = Image.fromarray((255 * layer).clip(0, 255).astype(np.uint8))
        image = image.filter(ImageFilter.GaussianBlur(sigma * self.radius))
        return np.asarray(image, dtype=np.float32) / 255


class Layer:
    """A drawing in units of the radius, larger inside than it reads."""

    def __init__(self, canvas):
        self.canvas = canvas
        side = canvas.size * SUPERSAMPLING
        self._image = Image.new("L", (side, side))
        self._draw = ImageDraw.Draw(self._image)
        self.empty = True

    def _pixels(self, points):
        self.empty = False
        points = np.asarray(points, dtype=float)
        center = np.asarray(self.canvas.center) + 0.5
        return (points * self.canvas.radius + center) * SUPERSAMPLING

    def line(self, points, widths, value=255):
        """Draw a line whose width, in radii, changes along its points."""
        pixels = self._pixels(points).tolist()
        scale = self.canvas.radius * SUPERSAMPLING
        for a, b, width in zip(pixels[:-1], pixels[1:], widths, strict=False):
            width = max(1, round(float(width) * scale))
            self._draw.line([*a, *b], fill=int(value), width=width)
            if width > 3:  # round the joint
                half = width / 2 - 0.5
                corners = [b[0] - half, b[1] - half, b[0] + half, b[1] + half]
                self._draw.ellipse(corners, fill=int(value))

    def blob(self, rng, at, radius, value=255, roughness=0.25, stretch=1.0):
        """Draw an irregular blob of about this radius."""
        angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        smallest = 0.75 / self.canvas.radius  # stay visible at any size
        # Low frequencies only: blood spreads in round lobes, not in splinters.
        lobes = sum(
            rng.uniform(-1, 1) * np.cos(k * angle + rng.uniform(0, 2 * np.pi)) / k
            for k in (1, 2, 3, 4)
        )
        reach = max(radius, smallest) * (1 + roughness * lobes)
        turn = rng.uniform(0, np.pi)
        outline = np.column_stack(
            [stretch * reach * np.cos(angle), reach * np.sin(angle)]
        )
        rotation = np.array(
            [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
        )
        outline = self._pixels(at + outline @ rotation.T)
        self._draw.polygon([tuple(p) for p in outline], fill=int(value))

    def polygon(self, points, value=255):
        """Draw a filled polygon."""
        self._draw.polygon([tuple(p) for p in self._pixels(points)], fill=int(value))

    def read(self, blur=0.0):
        """Return the layer as floats from 0 to 1, blurred by `blur` radii."""
        size = self.canvas.size
        if self.empty:
            return np.zeros((size, size), dtype=np.float32)
        image = self._image.reduce(SUPERSAMPLING)
        sigma = blur * self.canvas.radius
        if sigma > 0.2:
            image = image.filter(ImageFilter.GaussianBlur(sigma))
        return np.asarray(image, dtype=np.float32) / 255


def paint_fundus(rng, look, *, grade, eye, defect, image_size):
    """Paint one photograph.

    Parameters
    ----------
    rng : Generator
        Where the chance comes from.
    look : Look
        The patient.
    grade : int
        Grade of diabetic retinopathy, 0 to 4.
    eye : {"left", "right"}
        Which eye; the optic disc lies to the nose.
    defect : str
        One of `DEFECTS`, or "" for good quality.
    image_size : int
        Height and width in pixels.

    Returns
    -------
    painting : Painting
        The photograph, its lesions and its circle.
    """
    shift = rng.normal(0, 0.012, 2)
    half = image_size / 2
    canvas = Canvas(
        image_size,
        radius=float(look.radius * half),
        center=tuple(float(c) for c in half - 0.5 + shift * half),
    )
    nasal = 1.0 if eye == "right" else -1.0
    disc = np.array([nasal * rng.uniform(0.50, 0.62), rng.normal(-0.02, 0.05)])
    fovea = disc + np.array(
        [-nasal * rng.uniform(0.56, 0.66), 0.06 + rng.normal(0, 0.03)]
    )

    vessels, trunks = grow_vessels(rng, look, disc, fovea, nasal, beading=grade >= 3)
    image = _paint_background(rng, canvas, look, disc, fovea)
    image = _paint_disc(rng, canvas, image, disc, nasal)
    image = _paint_vessels(canvas, image, vessels, disc)
    image, lesions = _paint_lesions(rng, canvas, image, grade, disc, fovea, trunks)
    image = _photograph(rng, canvas, image, defect)
    aperture = _aperture(canvas, look)
    shape = (image_size, image_size, 1)
    image += 0.008 * rng.standard_normal(shape, dtype=np.float32)
    image *= aperture[..., None]
    image += 0.008  # a camera's black is not quite black
    return Painting(
        image=(255 * image).clip(0, 255).astype(np.uint8),
        lesions=(lesions > 0.3) & (aperture > 0.5),
        circle=(*canvas.center, canvas.radius),
    )


def grow_vessels(rng, look, disc, fovea, nasal, *, beading):
    """Grow arteries and veins from the disc, branching and tapering.

    Parameters
    ----------
    rng : Generator
        Where the chance comes from.
    look : Look
        The patient, for the tortuosity.
    disc, fovea : ndarray of shape (2,)
        Where they are.
    nasal : float
        1.0 or -1.0: the direction of the nose.
    beading : bool
        Whether veins swell and shrink, as in severe retinopathy.

    Returns
    -------
    vessels : list of (points, widths, is_vein)
        Lines, from thin to thick.
    trunks : list of ndarray
        Points of the large vessels, near which haemorrhages lie.
    """
    vessels, trunks = [], []
    for vein in (False, True):
        for up in (-1, 1):
            for side, reach in ((-nasal, 1.9), (nasal, 0.8)):
                spread = rng.uniform(1.15, 1.55)
                heading = np.arctan2(up * np.sin(spread), side * np.cos(spread))
                aim = np.arctan2(up * rng.uniform(-0.5, 0.02), side)
                if side == nasal:
                    aim = np.arctan2(up * rng.uniform(0.3, 0.8), side)
                width = (0.040 if vein else 0.029) * rng.uniform(0.85, 1.1)
                if side == nasal:
                    width *= 0.7
                start = disc + rng.normal(0, 0.012, 2)
                grown = _grow(
                    rng, start, heading, aim, width, reach, look.tortuosity, fovea, 0
                )
                trunks.append(grown[0][0])
                vessels += [(points, widths, vein) for points, widths in grown]
    # A few fine vessels cross from the disc to the macula.
    for _ in range(3):
        angle = np.pi * (nasal > 0) + rng.normal(0, 0.35)
        grown = _grow(rng, disc, angle, angle, 0.012, 0.4, 0.12, fovea, 2)
        vessels += [(points, widths, False) for points, widths in grown]
    if beading:
        vessels = [
            (points, widths * (1 + 0.35 * np.sin(np.arange(len(widths)) * 1.3)), True)
            if vein and widths[0] > 0.015
            else (points, widths, vein)
            for points, widths, vein in vessels
        ]
    vessels = [vessel for vessel in vessels if len(vessel[0]) > 1]
    vessels.sort(key=lambda vessel: vessel[1][0])
    return vessels, trunks


def _grow(rng, start, heading, aim, width, reach, tortuosity, fovea, depth):
    step = 0.05
    n_steps = max(3, int(reach / step))
    wobble = rng.normal(0, tortuosity, n_steps).tolist()
    (x, y), (fovea_x, fovea_y) = map(float, start), map(float, fovea)
    points, widths, children = [(x, y)], [width], []
    side = 1 if rng.random() < 0.5 else -1
    next_branch = rng.integers(3, 7)
    for i in range(n_steps):
        turn = math.atan2(math.sin(aim - heading), math.cos(aim - heading))
        heading += 0.085 * turn + wobble[i]
        if depth == 0 and math.hypot(x - fovea_x, y - fovea_y) < 0.40:
            away = math.atan2(y - fovea_y, x - fovea_x) - heading
            heading += 0.28 * math.sin(away)  # the arcades go round the macula
        x, y = x + step * math.cos(heading), y + step * math.sin(heading)
        if x * x + y * y > 1.1 or math.hypot(x - fovea_x, y - fovea_y) < 0.19:
            break
        points.append((x, y))
        widths.append(width * (1 - 0.6 * i / n_steps))
        next_branch -= 1
        if next_branch == 0 and depth < 3:
            side = -side
            next_branch = rng.integers(4, 9)
            angle = heading + side * rng.uniform(0.4, 0.85)
            left = (n_steps - i) * step
            children += _grow(
                rng,
                (x, y),
                angle,
                angle - side * rng.uniform(0.1, 0.7),
                widths[-1] * rng.uniform(0.45, 0.75),
                left * rng.uniform(0.35, 0.7),
                tortuosity * 1.2,
                fovea,
                depth + 1,
            )
    return [(np.array(points), np.array(widths)), *children]


def _paint_background(rng, canvas, look, disc, fovea):
    """Paint the retina: pigment, choroid, macula, and less light towards the rim."""
    cloud = canvas.noise(rng, 5) * 0.05 + canvas.noise(rng, 14) * 0.035
    choroid = canvas.noise(rng, 40) * 0.025 + canvas.noise(rng, 90) * 0.018
    light = 1.0 - 0.30 * canvas.r2 + cloud + look.texture * choroid
    macula = 0.20 * canvas.spot(fovea, 0.22) + 0.22 * canvas.spot(fovea, 0.07)
    light = light * (1 - macula) + 0.10 * canvas.spot(disc, 0.30)
    # Red is bright all over; green and blue carry the structure.
    light = np.clip(light, 0.05, None)
    # Near 1 a power is close to a straight line, and much slower.
    tint = 1 + _rgb(0.75, 1.05, 1.25) * (light - 1)[..., None]
    return look.base.astype(np.float32) * np.clip(tint, 0.03, None)


def _paint_disc(rng, canvas, image, disc, nasal):
    """Paint the optic disc with its cup, paler to the temple."""
    height = rng.uniform(0.135, 0.16)
    width = height * rng.uniform(0.84, 0.96)
    dx = (canvas.x - float(disc[0])) / width
    dy = (canvas.y - float(disc[1])) / height
    distance = np.sqrt(dx**2 + dy**2)
    rim = expit((1 - distance) * 16)
    ratio = rng.uniform(0.35, 0.55)
    offset = nasal * -0.08
    cup = expit((ratio - np.sqrt((dx - offset) ** 2 + dy**2)) * 12)
    brightness = 0.5 + 0.5 * float(image.mean()) / 0.4
    shade = 1 + 0.06 * np.clip(dx, -1, 1)[..., None] * -nasal
    image = _lay(image, 0.82 * rim, _rgb(0.98, 0.78, 0.50) * brightness * shade)
    return _lay(image, 0.75 * cup, _rgb(1.0, 0.92, 0.72) * brightness)


def _paint_vessels(canvas, image, vessels, disc):
    """Darken the retina along the vessels; arteries are lighter and have a reflex."""
    arteries, veins, reflexes = canvas.layer(), canvas.layer(), canvas.layer()
    for points, widths, vein in vessels:
        (veins if vein else arteries).line(points, widths)
        if not vein and widths[0] > 0.02:
            reflexes.line(points, widths * 0.25)
    on_disc = 1 - 0.35 * canvas.spot(disc, 0.10)
    artery = (arteries.read(blur=0.005) * on_disc)[..., None]
    vein = (veins.read(blur=0.005) * on_disc)[..., None]
    image = image * (1 - artery * _rgb(0.12, 0.42, 0.42))
    image *= 1 - vein * _rgb(0.28, 0.62, 0.62)
    image *= 1 + 0.10 * reflexes.read(blur=0.003)[..., None]
    return image


def _rgb(red, green, blue):
    return np.array([red, green, blue], dtype=np.float32)


def _lay(image, alpha, color):
    """Lay a colour over the image, in place, as far as alpha covers it."""
    if alpha.any():
        image += alpha[..., None] * (color - image)
    return image


# Lowest and highest number of each lesion, by grade 0 to 4.
_COUNTS = {
    "microaneurysms": ((0, 0), (3, 8), (8, 20), (15, 35), (12, 30)),
    "haemorrhages": ((0, 0), (0, 0), (3, 10), (16, 34), (8, 22)),
    "exudate clusters": ((0, 0), (0, 0), (1, 4), (1, 5), (1, 5)),
    "cotton wool spots": ((0, 0), (0, 0), (0, 1), (2, 6), (1, 5)),
    "tangles": ((0, 0), (0, 0), (0, 0), (0, 0), (2, 4)),
    "preretinal": ((0, 0), (0, 0), (0, 0), (0, 0), (0, 2)),
}


def _paint_lesions(rng, canvas, image, grade, disc, fovea, trunks):
    """Paint the lesions of a grade, and return them as a mask too."""
    count = {
        name: rng.integers(low, high + 1)
        for name, by_grade in _COUNTS.items()
        for low, high in [by_grade[grade]]
    }
    dark, pale, bright = canvas.layer(), canvas.layer(), canvas.layer()
    fine = canvas.layer()
    for _ in range(count["microaneurysms"]):
        dark.blob(rng, _somewhere(rng, disc, 0.72), rng.uniform(0.008, 0.014), 215)
    for _ in range(count["haemorrhages"]):
        at = _near_vessel(rng, trunks) if rng.random() < 0.5 else None
        at = _somewhere(rng, disc, 0.8) if at is None else at
        radius = 0.018 + 0.05 * rng.beta(1.2, 3)
        stretch = rng.choice([1.0, 2.2], p=[0.7, 0.3])  # blots and flames
        dark.blob(rng, at, radius, rng.uniform(190, 250), 0.4, stretch)
    for _ in range(count["cotton wool spots"]):
        at = _near_vessel(rng, trunks)
        pale.blob(rng, at, rng.uniform(0.035, 0.065), 235, 0.35, 1.4)
    for _ in range(count["exudate clusters"]):
        _exudates(rng, bright, _somewhere(rng, disc, 0.55), fovea)
    for i in range(count["tangles"]):
        on_disc = i == 0 and rng.random() < 0.6
        at = disc if on_disc else _near_vessel(rng, trunks)
        _tangle(rng, fine, at)
    for _ in range(count["preretinal"]):
        _boat(rng, dark, _somewhere(rng, disc, 0.6))

    dark, fine = dark.read(blur=0.006), fine.read()
    pale, bright = pale.read(blur=0.016), bright.read(blur=0.003)
    light = 0.5 + 0.5 * float(image.mean()) / 0.4
    blood = _rgb(0.42, 0.075, 0.045) * light
    _lay(image, 0.85 * dark, blood)
    _lay(image, 0.70 * fine, blood * 1.2)
    _lay(image, 0.65 * pale, _rgb(0.93, 0.78, 0.55))
    _lay(image, 0.92 * bright, _rgb(0.99, 0.86, 0.42))
    return image, np.maximum.reduce([dark, fine, pale, bright])


def _somewhere(rng, disc, reach):
    """Return a place within `reach` of the centre, not on the disc."""
    while True:
        at = rng.uniform(-reach, reach, 2)
        if (at**2).sum() < reach**2 and ((at - disc) ** 2).sum() > 0.22**2:
            return at


def _near_vessel(rng, trunks):
    trunk = trunks[rng.integers(len(trunks))]
    start = min(5, len(trunk) - 1)  # not on the disc
    return trunk[rng.integers(start, len(trunk))] * 0.92 + rng.normal(0, 0.06, 2)


def _exudates(rng, layer, at, fovea):
    """Draw a cluster of exudates, or part of a ring around the fovea."""
    n = rng.integers(6, 22)
    if rng.random() < 0.35:
        angle = rng.uniform(0, 2 * np.pi) + rng.uniform(0, 2.2, n)
        reach = rng.uniform(0.14, 0.26) + rng.normal(0, 0.02, n)
        places = fovea + np.column_stack([reach * np.cos(angle), reach * np.sin(angle)])
    else:
        places = at + rng.normal(0, rng.uniform(0.03, 0.08), (n, 2))
    for place in places:
        layer.blob(rng, place, rng.uniform(0.007, 0.02), rng.uniform(200, 255), 0.4)


def _tangle(rng, layer, at):
    """Draw new vessels: a fan of fine, winding, looping threads."""
    for _ in range(rng.integers(8, 14)):
        n = rng.integers(8, 16)
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0.12, 0.55, n))
        steps = 0.022 * np.column_stack([np.cos(heading), np.sin(heading)])
        points = at + rng.normal(0, 0.03, 2) + np.cumsum(steps, axis=0)
        layer.line(points, np.full(n, 0.008), rng.uniform(150, 230))


def _boat(rng, layer, at):
    """Draw a preretinal haemorrhage: blood that settled to a level."""
    width, depth = rng.uniform(0.12, 0.26), rng.uniform(0.08, 0.15)
    angle = np.linspace(0, np.pi, 16)
    outline = np.column_stack([width * np.cos(angle), depth * np.sin(angle)])
    layer.polygon(at + outline + rng.normal(0, 0.004, outline.shape), 250)


def _photograph(rng, canvas, image, defect):
    """Light, focus and clarity of the photograph: mild flaws, or one that spoils it."""
    gain = rng.uniform(0.88, 1.10)
    haze = rng.uniform(0.0, 0.07)
    sigma = rng.uniform(0.0, 0.006)
    slope = rng.uniform(0.0, 0.14)
    if defect == "blur":
        sigma = rng.uniform(0.035, 0.075)
    elif defect == "under-exposure":
        gain = rng.uniform(0.13, 0.28)
    elif defect == "over-exposure":
        gain, haze = rng.uniform(1.75, 2.4), rng.uniform(0.05, 0.2)
    elif defect == "haze":
        haze, sigma = rng.uniform(0.62, 0.85), rng.uniform(0.012, 0.03)
    elif defect == "uneven illumination":
        slope = rng.uniform(0.75, 0.95)
    angle, offset = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(-0.25, 0.35))
    along = canvas.x * math.cos(angle) + canvas.y * math.sin(angle)
    shade = expit(4 * (along + offset))
    image = image * (gain * (1 - slope * shade))[..., None]
    if defect == "uneven illumination":
        glare = np.exp(-((np.sqrt(canvas.r2) - 0.97) ** 2) / 0.02)
        glare = glare * expit(-14 * (along + 0.55))
        image = image + float(rng.uniform(0.2, 0.5)) * glare[..., None]
    veil = _rgb(0.62, 0.47, 0.34) * min(gain, 1.2)
    image = image + haze * (veil - image)
    if sigma * canvas.radius > 0.25:
        image = np.stack(
            [canvas.blurred(image[..., c], sigma) for c in range(3)], axis=-1
        )
    if defect == "occlusion":
        image = _occlude(rng, canvas, image)
    return image


def _occlude(rng, canvas, image):
    """Lower a lid over the picture, with its lashes."""
    from_below = rng.random() < 0.4
    y = -canvas.y if from_below else canvas.y
    edge = rng.uniform(-0.25, 0.25) + 0.25 * canvas.x**2 + 0.06 * canvas.noise(rng, 4)
    lid = expit((edge - y) * 14)
    lashes = canvas.layer()
    for _ in range(rng.integers(10, 22)):
        x = rng.uniform(-0.9, 0.9)
        length = rng.uniform(0.25, 0.5) * (-1 if from_below else 1)
        top = (-1 if from_below else 1) * -0.05
        t = np.linspace(0, 1, 6)
        points = np.column_stack([x + 0.25 * x * t**2, top + length * t])
        lashes.line(points, 0.02 * (1 - 0.8 * t), 200)
    skin = _rgb(0.30, 0.17, 0.11) * float(rng.uniform(0.2, 1.0))
    image = image * (1 - 0.75 * lashes.read(blur=0.012))[..., None]
    return image + lid[..., None] * (skin - image)


def _aperture(canvas, look):
    """Return what the camera shows, 1 inside its circle and 0 outside."""
    edge = canvas.radius * (1 - np.sqrt(canvas.r2))
    aperture = np.clip(edge + 0.5, 0, 1)
    aperture = aperture * (np.abs(canvas.y) < look.cut)
    if np.isfinite(look.notch):
        sin, cos = math.sin(look.notch), math.cos(look.notch)
        along = canvas.x * cos + canvas.y * sin
        across = canvas.y * cos - canvas.x * sin
        notch = (np.hypot(along - 1.0, across) < 0.055) & (along < 1.1)
        # The notch is part of the picture: a bump of light outside the circle.
        aperture = np.maximum(aperture, notch & (np.abs(canvas.y) < look.cut))
    return aperture.astype(np.float32)
