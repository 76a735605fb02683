"""One photograph from beginning to end."""

from dataclasses import dataclass

import numpy as np

from ._anatomy import Eye, paint_eye
from ._camera import photograph
from ._canvas import Canvas, rgb
from ._lesions import paint_lesions

# Colours of the retina, and how much of each a patient is likely to have: people and
# cameras differ.
_PALETTE = np.array(
    [
        [0.80, 0.38, 0.19],  # orange
        [0.58, 0.32, 0.16],  # brown
        [0.76, 0.55, 0.36],  # tan
        [0.68, 0.52, 0.48],  # greyish pink
        [0.52, 0.21, 0.11],  # dark red
        [0.84, 0.50, 0.17],  # yellow
    ]
)
_COMMON = (1.0, 0.6, 0.5, 0.25, 0.5, 0.5)
_RIMS = ((0.26, 0.44, 0.42), (0.74, 0.58, 0.38), (0.34, 0.42, 0.52))


@dataclass
class Appearance:
    """What both photographs of a patient share: pigment and camera."""

    base: np.ndarray  # colour of the retina, 0 to 1
    texture: float  # strength of the pigment's grain
    choroid: float  # how much its vessels show through
    vignette: float  # light lost at the rim
    tortuosity: float
    rim: np.ndarray  # colour of stray light at the rim
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
        look : Appearance
            A patient and a camera.
        """
        base = rng.dirichlet(_COMMON) @ _PALETTE
        base = base * rng.normal(1, [0.03, 0.05, 0.08])
        return cls(
            base=rgb(*base),
            texture=rng.uniform(0.5, 1.5),
            choroid=rng.uniform(0.05, 0.16) if rng.random() < 0.4 else 0.0,
            vignette=rng.uniform(0.2, 0.5),
            tortuosity=rng.uniform(0.05, 0.15),
            rim=rgb(*_RIMS[rng.integers(len(_RIMS))]),
            radius=rng.uniform(0.90, 0.985),
            cut=rng.uniform(0.80, 0.95) if rng.random() < 0.55 else 2.0,
            notch=rng.uniform(-0.9, -0.6) if rng.random() < 0.5 else None,
        )

    @property
    def brightness(self):
        """How light the retina is: 1 on average; pale parts follow it."""
        return 0.5 + 0.5 * float(self.base.mean()) / 0.42


@dataclass
class SyntheticPhotograph:
    """A finished photograph, and what is known of it."""

    image: np.ndarray  # uint8 (size, size, 3)
    lesions: np.ndarray  # bool (size, size)
    circle: tuple[float, float, float]  # centre x, centre y, radius in pixels


def paint_fundus(rng, look, *, grade, eye, defect, image_size):
    """Paint one photograph.

    Parameters
    ----------
    rng : Generator
        Where the chance comes from. Anatomy, lesions and camera draw from streams of
        their own: the same eye can be painted with another grade or defect.
    look : Appearance
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
    painting : SyntheticPhotograph
        The photograph, its lesions and its circle.
    """
    of_aim, of_vessels, of_retina, of_lesions, of_camera = rng.spawn(5)
    half = image_size / 2
    center = half - 0.5 + half * of_aim.normal(0, 0.012, 2)
    canvas = Canvas(image_size, look.radius * half, center)
    anatomy = Eye(of_vessels, eye, look.tortuosity, beading=grade >= 3)
    planes = paint_eye(of_retina, canvas, look, anatomy)
    lesions = paint_lesions(of_lesions, canvas, look, anatomy, planes, grade)
    image, aperture = photograph(of_camera, canvas, look, planes, defect)
    return SyntheticPhotograph(
        image=image,
        lesions=(lesions > 0.3) & (aperture > 0.5),
        circle=(*canvas.center, canvas.radius),
    )
