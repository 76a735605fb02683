"""Synthetic fundus photographs with known grade, quality, lesions and circle."""

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, check_random_state

from ...utils._constraints import check_parameters, real, whole
from . import DEFECTS, Appearance, paint_fundus

# Grades of the 35,126 training images of EyePACS (Kaggle 2015), and the share of poor
# images in each by the paper's quality labels.
GRADE_FRACTIONS = (0.73478, 0.06955, 0.15066, 0.02485, 0.02016)
POOR_BY_GRADE = (0.032, 0.025, 0.044, 0.053, 0.157)
EQUAL_GRADES = 0.87  # share of patients whose eyes have the same grade

CONSTRAINTS = {
    "n_samples": [whole(1)],
    "image_size": [whole(32, 4096)],
    "poor_fraction": [real(0, 1, closed="both"), None],
    "random_state": ["random_state"],
}

DESCR = """Synthetic fundus photographs

Painted, not photographed: no patient, no licence, no medical meaning. {n} images of
{n_patients} patients, {size} x {size} pixels. Grades 0 to 4 (none, mild, moderate,
severe, proliferative) show as microaneurysms, haemorrhages, exudates, cotton wool
spots, new vessels and preretinal haemorrhages; poor quality (0) as blur, uneven
illumination, under- or over-exposure, occlusion or haze; good is 1.
"""


def make_fundus(
    n_samples=100,
    *,
    image_size=224,
    poor_fraction=None,
    grade_fractions=None,
    lesion_masks=False,
    random_state=None,
    return_X_y=False,
):
    """Paint synthetic fundus photographs, two eyes a patient.

    Parameters
    ----------
    n_samples : int, default=100
        Number of images; consecutive images are a patient's left and right eye.
    image_size : int, default=224
        Height and width in pixels, from 32 to 4096.
    poor_fraction : float, default=None
        Share of images of poor quality, with the ratios between grades of the Kaggle
        data. None takes the measured rates: 3.2, 2.5, 4.4, 5.3 and 15.7 % of grades 0
        to 4.
    grade_fractions : "balanced" or array-like of shape (5,), default=None
        How frequent each grade is; None takes the Kaggle training set.
    lesion_masks : bool, default=False
        Also return where the lesions are.
    random_state : int, RandomState or None, default=None
        An int paints the same images again. An eye looks the same at every size.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    dataset : Bunch
        With `data` uint8 (n, image_size, image_size, 3); `target` int64 (n, 2) with
        columns (grade, quality); `groups`, the patient of each image; `circle` (n, 3),
        centre x, centre y and radius of the camera's circle in pixels, which may be cut
        off at top and bottom; `frame`, a DataFrame of patient, eye, grade, quality
        and defect; `lesion_mask` bool (n, image_size, image_size) if asked for; DESCR.

    Raises
    ------
    ValueError
        If a number is out of range; the message says which.

    Notes
    -----
    Eyes of a patient have equal grades in 87 % of pairs, as in the Kaggle data
    [1]_; poor images by grade are the paper's labels [2]_ of the same data.

    References
    ----------
    .. [1] E. Dugas, Jared, Jorge, W. Cukierski, "Diabetic Retinopathy Detection",
       Kaggle, 2015.
    .. [2] K. Zhou et al., "Fundus Image Quality-Guided Diabetic Retinopathy Grading",
       OMIA 2018.

    Examples
    --------
    >>> from sk_fiqdr.datasets import make_fundus
    >>> fundus = make_fundus(4, image_size=64, random_state=0)
    >>> fundus.data.shape, fundus.target.shape
    ((4, 64, 64, 3), (4, 2))
    >>> fundus.frame["eye"].tolist()
    ['left', 'right', 'left', 'right']
    """
    check_parameters(
        "make_fundus",
        CONSTRAINTS,
        n_samples=n_samples,
        image_size=image_size,
        poor_fraction=poor_fraction,
        random_state=random_state,
    )
    rng = check_random_state(random_state)
    fractions = _grade_fractions(grade_fractions)
    poor_by_grade = _poor_by_grade(poor_fraction, fractions)

    n_patients = (n_samples + 1) // 2
    grade = _draw_grades(rng, n_patients, fractions)[:n_samples]
    poor = rng.random_sample(2 * n_patients)[:n_samples] < poor_by_grade[grade]
    defects = np.array(DEFECTS)[rng.randint(len(DEFECTS), size=2 * n_patients)]
    defect = np.where(poor, defects[:n_samples], "")
    # An own generator for each image: the size of one never changes another.
    seeds = rng.randint(np.iinfo(np.int32).max, size=(n_patients, 3))

    data = np.empty((n_samples, image_size, image_size, 3), dtype=np.uint8)
    lesion_mask = np.zeros((n_samples if lesion_masks else 0, *data.shape[1:3]), bool)
    circle = np.empty((n_samples, 3))
    eyes = np.tile(["left", "right"], n_patients)[:n_samples]
    for i in range(n_samples):
        seed = seeds[i // 2]
        painting = paint_fundus(
            np.random.default_rng(seed[1 + i % 2]),
            Appearance.draw(np.random.default_rng(seed[0])),
            grade=int(grade[i]),
            eye=eyes[i],
            defect=str(defect[i]),
            image_size=image_size,
        )
        data[i], circle[i] = painting.image, painting.circle
        if lesion_masks:
            lesion_mask[i] = painting.lesions
    target = np.column_stack([grade, ~poor]).astype(np.int64)
    if return_X_y:
        return data, target
    width = len(str(n_patients))
    groups = np.array([f"{i // 2 + 1:0{width}d}" for i in range(n_samples)])
    frame = pd.DataFrame(
        {
            "patient": groups,
            "eye": eyes,
            "grade": target[:, 0],
            "quality": target[:, 1],
            "defect": defect,
        }
    )
    bunch = Bunch(
        data=data,
        target=target,
        groups=groups,
        frame=frame,
        circle=circle,
        target_names=["grade", "quality"],
        DESCR=DESCR.format(n=n_samples, n_patients=n_patients, size=image_size),
    )
    if lesion_masks:
        bunch.lesion_mask = lesion_mask
    return bunch


def _grade_fractions(fractions):
    if fractions is None:
        fractions = GRADE_FRACTIONS
    elif isinstance(fractions, str) and fractions == "balanced":
        fractions = np.full(5, 0.2)
    fractions = np.asarray(fractions)
    if (
        fractions.shape != (5,)
        or fractions.dtype.kind not in "fiu"
        or not (fractions >= 0).all()
        or not np.isfinite(fractions).all()
        or not fractions.sum() > 0
    ):
        raise ValueError(
            "grade_fractions must be 'balanced' or five numbers of at least 0 for "
            f"grades 0 to 4, got {fractions.tolist()!r}."
        )
    return fractions / fractions.sum()


def _poor_by_grade(poor_fraction, fractions):
    rates = np.array(POOR_BY_GRADE)
    if poor_fraction is None:
        return rates
    # Raise the odds by one factor, so that no rate passes 1.
    odds = rates / (1 - rates)
    low, high = -40.0, 40.0
    for _ in range(80):
        middle = (low + high) / 2
        scaled = odds * np.exp(middle)
        too_few = (fractions * scaled / (1 + scaled)).sum() < poor_fraction
        low, high = (middle, high) if too_few else (low, middle)
    scaled = odds * np.exp(high)
    return scaled / (1 + scaled)


def _draw_grades(rng, n_patients, fractions):
    """Draw a grade for each of two eyes, equal in 87 % of patients.

    The second eye keeps the first one's grade or is drawn anew, which may give the same
    grade again: so both eyes have the asked frequencies.
    """
    by_chance = (fractions**2).sum()
    anew = min(1.0, (1 - EQUAL_GRADES) / max(1 - by_chance, 1e-12))
    first = rng.choice(5, n_patients, p=fractions)
    second = rng.choice(5, n_patients, p=fractions)
    second = np.where(rng.random_sample(n_patients) < anew, second, first)
    return np.column_stack([first, second]).ravel()
