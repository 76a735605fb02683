"""What everything is painted on: a grid in units of the radius, and layers."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SUPERSAMPLING = 2  # lines and spots are drawn larger and shrunk, for smooth edges
_ANGLES = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_CIRCLE = np.column_stack([np.cos(_ANGLES), np.sin(_ANGLES)])
_WAVES = np.arange(1, 5)[:, None]  # blood spreads in round lobes, not in splinters


def rgb(red, green, blue):
    """Return a colour that broadcasts against colour planes."""
    return np.array([red, green, blue], dtype=np.float32).reshape(3, 1, 1)


def lay(planes, alpha, color):
    """Lay a colour over the planes, in place, as far as alpha covers it."""
    planes += alpha * (color - planes)


class Canvas:
    """The grid of an image in units of the camera circle's radius.

    Parameters
    ----------
    size : int
        Height and width in pixels.
    radius : float
        Radius of the circle in pixels.
    center : tuple of float
        Its centre (x, y) in pixels.
    """

    def __init__(self, size, radius, center):
        self.size = size
        # Python floats: a NumPy float64 would double every array's width.
        self.radius = float(radius)
        self.center = tuple(float(c) for c in center)
        grid = np.arange(size, dtype=np.float32)
        self.x = ((grid - self.center[0]) / self.radius)[None, :]
        self.y = ((grid - self.center[1]) / self.radius)[:, None]
        self.r2 = self.x**2 + self.y**2

    def window(self, at, reach):
        """Return the rows and columns within `reach` of a place."""
        half = reach * self.radius
        edges = (np.asarray(at) * self.radius + self.center)[:, None] + [-half, half]
        columns, rows = np.clip(np.rint(edges), 0, self.size).astype(int)
        return slice(*rows), slice(*columns)

    def spot(self, at, sigma):
        """Return a soft round spot of height 1."""
        # A product of two lines: the grid is separable.
        across = np.exp(-((self.x - float(at[0])) ** 2) / (2 * sigma**2))
        return across * np.exp(-((self.y - float(at[1])) ** 2) / (2 * sigma**2))

    def noise(self, rng, columns, rows=None):
        """Return smooth noise, about -1 to 1, of so many independent values."""
        shape = (rows or columns, columns)
        values = 0.5 * rng.standard_normal(shape, dtype=np.float32)
        smooth = Image.fromarray(values).resize((self.size,) * 2, Image.BICUBIC)
        return np.asarray(smooth)

    def layer(self):
        """Return an empty layer, to draw on and to `read`."""
        return Layer(self)


class Layer:
    """A drawing in units of the radius, larger inside than it reads.

    Parameters
    ----------
    canvas : Canvas
        What it lies on.
    """

    def __init__(self, canvas):
        self.canvas = canvas
        side = canvas.size * SUPERSAMPLING
        self._image = Image.new("L", (side, side))
        self._draw = ImageDraw.Draw(self._image)
        self._scale = canvas.radius * SUPERSAMPLING
        self._origin = (np.asarray(canvas.center) + 0.5) * SUPERSAMPLING
        self._smallest = 0.75 / canvas.radius  # lesions stay visible at any size
        self._empty = True

    def _pixels(self, points):
        self._empty = False
        return np.asarray(points, dtype=float) * self._scale + self._origin

    def line(self, points, widths, value=255):
        """Draw a line whose width, in radii, changes along its points."""
        pixels = self._pixels(points).ravel().tolist()
        widths = (np.asarray(widths) * self._scale).tolist()
        for i, width in enumerate(widths[:-1]):
            # What is finer than a pixel fades instead.
            shade = int(value * min(1.0, max(0.3, width)))
            ends = pixels[2 * i : 2 * i + 4]
            self._draw.line(ends, fill=shade, width=max(1, round(width)))
            if width > 5:  # round the joint
                half = width / 2 - 0.5
                x, y = ends[2:]
                corners = [x - half, y - half, x + half, y + half]
                self._draw.ellipse(corners, fill=shade)

    def dot(self, at, radius, value=255):
        """Draw a small disc."""
        x, y = self._pixels(at).tolist()
        half = max(radius, self._smallest) * self._scale
        self._draw.ellipse([x - half, y - half, x + half, y + half], fill=int(value))

    def blob(self, rng, at, radius, value=255, *, rough=0.25, stretch=1.0, turn=None):
        """Draw an irregular blob of about this radius, stretched along `turn`."""
        height, phase, angle = rng.random((3, 4))
        waves = np.cos(_WAVES * _ANGLES + 2 * np.pi * phase[:, None])
        lobes = ((2 * height - 1) / _WAVES[:, 0]) @ waves
        reach = max(radius, self._smallest) * (1 + rough * lobes)
        outline = _CIRCLE * reach[:, None] * [stretch, 1.0]
        turn = 2 * np.pi * angle[0] if turn is None else turn
        cos, sin = np.cos(turn), np.sin(turn)
        self.polygon(at + outline @ [[cos, sin], [-sin, cos]], value)

    def polygon(self, points, value=255):
        """Draw a filled polygon."""
        self._draw.polygon(self._pixels(points).ravel().tolist(), fill=int(value))

    def read(self, blur=0.0):
        """Return the layer as floats from 0 to 1, blurred by `blur` radii."""
        size = self.canvas.size
        if self._empty:
            return np.zeros((size, size), dtype=np.float32)
        image = self._image.reduce(SUPERSAMPLING)
        sigma = blur * self.canvas.radius
        if sigma > 0.4:  # shrinking has smoothed as much already
            image = image.filter(ImageFilter.GaussianBlur(sigma))
        return np.asarray(image, dtype=np.float32) / 255
