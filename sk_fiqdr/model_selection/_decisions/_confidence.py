"""How sure a grade is: by quality, by its variance, by the two eyes, or by all."""

import numpy as np

from ._check_proba import check_proba
from ._fellow_eyes import check_names, number_eyes, pool

# Which doubts count: poor quality, variance of the grade, distance of the two eyes.
BY = {
    "quality": np.array([1, 0, 0]),
    "variance": np.array([0, 1, 0]),
    "disagreement": np.array([0, 0, 1]),
    "doubt": np.array([1, 1, 1]),
}
LARGEST = np.array([1, 4, 4])  # of grades 0 to 4
REASONS = np.array(["poor quality", "uncertain grade", "eyes disagree"])
UNREADABLE = "unreadable"


def confidence(by, grade_proba, quality_proba, grades, groups=None, eyes=None):
    """Return how sure the grade of each photograph is.

    Parameters
    ----------
    by : {"quality", "variance", "disagreement", "doubt"}
        What to go by.
    grade_proba : array-like of shape (n, n_grades)
        Probability of each grade.
    quality_proba : array-like of shape (n, 2)
        Probability of poor and of good quality.
    grades : ndarray of shape (n_grades,)
        The grades of the columns.
    groups, eyes : array-like of shape (n,), default=None
        Patient and eye of each row, for the disagreement of the eyes.

    Returns
    -------
    confidence : ndarray of shape (n,)
        From 0 to 1; nan where an image could not be read.
    """
    if by == "quality":
        return np.asarray(quality_proba)[:, 1]
    terms = doubts(by, grade_proba, quality_proba, grades, groups, eyes)
    return 1 - terms.sum(axis=1) / (BY[by] @ LARGEST)


def doubts(by, grade_proba, quality_proba, grades, groups=None, eyes=None):
    """Return the three doubts about each photograph, in units of grades.

    Parameters
    ----------
    by, grade_proba, quality_proba, grades, groups, eyes : object
        As in `confidence`.

    Returns
    -------
    doubts : ndarray of shape (n, 3)
        Probability of poor quality, variance of the grade, and distance between the
        expected grades of the two eyes, 0 without a fellow eye. What `by` does not use
        is 0; a row is nan where an image could not be read.
    """
    proba, grades = check_proba("grade_proba", grade_proba), np.asarray(grades)
    expected = proba @ grades
    variance = np.maximum(proba @ grades**2 - expected**2, 0)
    distance = np.zeros(len(proba))
    if BY[by][2]:
        distance = _distance_of_eyes(expected, groups, eyes)
    poor = np.asarray(quality_proba)[:, 0]
    terms = np.column_stack([poor, variance, distance])
    unread = np.isnan(terms).any(axis=1, keepdims=True)
    return np.where(unread, np.nan, terms * BY[by])


def _distance_of_eyes(expected, groups, eyes):
    if groups is None:
        raise ValueError(
            "The disagreement of the two eyes needs the patient of each row: pass "
            "groups. Where only probabilities are passed on, use by='quality' or "
            "by='variance'."
        )
    patient = check_names("groups", "patient", groups, len(expected))
    eye = number_eyes(patient, eyes, groups)
    read = ~np.isnan(expected)
    each, _, fellow = pool(expected[:, None], np.zeros(len(eye)), patient, eye, read)
    distance = np.where(fellow < 0, 0, abs(each[:, 0] - each[fellow, 0]))
    return np.where(read, distance[eye], np.nan)


def reasons_of(terms):
    """Return the largest doubt about each photograph, in words.

    Parameters
    ----------
    terms : ndarray of shape (n, 3)
        What `doubts` returned.

    Returns
    -------
    reasons : ndarray of str, shape (n,)
        "poor quality", "uncertain grade", "eyes disagree" or "unreadable".
    """
    unread = np.isnan(terms).any(axis=1)
    largest = np.where(unread[:, None], 0, terms).argmax(axis=1)
    return np.where(unread, UNREADABLE, REASONS[largest])
