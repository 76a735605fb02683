"""Words for labels and for the columns that hold them: what each of them means."""

import re

import numpy as np

from ._tasks import GRADE, QUALITY

POOR, GOOD = QUALITY.classes
POOR_WORDS = frozenset(
    (
        *("poor", "bad", "inadequate", "insufficient", "unacceptable", "unusable"),
        *("ungradable", "ungradeable", "not gradable", "not gradeable", "reject"),
        *("rejected", "fail", "failed", "low", "low quality", "poor quality"),
        *("bad quality", "0", "false"),
    )
)
GOOD_WORDS = frozenset(
    (
        *("good", "adequate", "sufficient", "acceptable", "gradable", "gradeable"),
        *("accept", "accepted", "pass", "passed", "high", "high quality"),
        *("good quality", "1", "true"),
    )
)
QUALITY_WORDS = dict.fromkeys(POOR_WORDS, POOR) | dict.fromkeys(GOOD_WORDS, GOOD)
GRADE_WORDS = {
    **dict.fromkeys(("no dr", "nodr", "no retinopathy", "no apparent retinopathy"), 0),
    **dict.fromkeys(("no apparent dr", "no diabetic retinopathy"), 0),
    **dict.fromkeys(("healthy", "normal"), 0),
    **{
        f"{word}{kind}": grade
        for grade, word in enumerate(("mild", "moderate", "severe"), 1)
        for kind in ("", " dr", " npdr", " nonproliferative dr")
    },
    **{
        f"{word}{kind}": 4
        for word in ("proliferative", "proliferate", "proliferating")
        for kind in ("", " dr", " diabetic retinopathy", " retinopathy")
    },
    "pdr": 4,
}
WORDS = {GRADE.name: GRADE_WORDS, QUALITY.name: QUALITY_WORDS}
# What the columns of labels are called, by task.
NAMES = {
    GRADE.name: ("level", "grade", "diagnosis", "dr_grade", "dr_level", "dr_icdr"),
    QUALITY.name: ("quality", "image_quality"),
}


def plain_word(word):
    """Return what spellings of a word have in common: no case, blanks for signs.

    Parameters
    ----------
    word : object
        A label, or the name of a folder or column.

    Returns
    -------
    plain : str
        Such as "no dr" for "No_DR".

    Examples
    --------
    >>> from sk_fiqdr.utils._label_words import plain_word
    >>> plain_word(" Proliferate_DR ")
    'proliferate dr'
    """
    return re.sub(r"[\s_\-]+", " ", str(word)).strip().casefold()


def plain_label(label):
    """Return what spellings of a label have in common: 1, 1.0, "1" and " 1.0".

    Parameters
    ----------
    label : object
        A number, truth value or text.

    Returns
    -------
    plain : str
        A whole number, or the plain word.
    """
    try:
        number = float(label)
    except (TypeError, ValueError):
        return plain_word(label)
    return str(int(number)) if number.is_integer() else plain_word(label)


def poor_class(classes, poor_label=None):
    """Return which of two classes means poor.

    Parameters
    ----------
    classes : sequence of length 2
        Two different labels.
    poor_label : object, default=None
        The one that means poor, where the user says so.

    Returns
    -------
    at : int or None
        Its place; None where neither the user nor the labels say.

    Raises
    ------
    ValueError
        If `poor_label` is none of the classes.

    Examples
    --------
    >>> from sk_fiqdr.utils._label_words import poor_class
    >>> poor_class(["Adequate", "Inadequate"]), poor_class([1, 2])
    (1, None)
    """
    plain = [plain_label(label) for label in classes]
    if poor_label is not None:
        if plain_label(poor_label) not in plain:
            raise ValueError(
                f"poor_label={poor_label!r} is not a label in y, which holds "
                f"{', '.join(map(repr, np.asarray(classes).tolist()))}. Name the one "
                "that means poor."
            )
        return plain.index(plain_label(poor_label))
    meant = [QUALITY_WORDS.get(label) for label in plain]
    return meant.index(POOR) if sorted(meant, key=str) == [POOR, GOOD] else None


def class_numbers(task, classes, poor_label=None):
    """Return the numbers that classes of grades or qualities stand for.

    Parameters
    ----------
    task : Task
        Grade or quality.
    classes : sequence
        Different labels.
    poor_label : object, default=None
        Of two qualities the one that means poor, where the user says so.

    Returns
    -------
    numbers : list of int or None
        Of each class: 0 to 4, or 0 poor and 1 good; None where one of them is neither a
        number of the task nor a word for one.

    Examples
    --------
    >>> from sk_fiqdr.utils._label_words import class_numbers
    >>> from sk_fiqdr.utils._tasks import GRADE
    >>> class_numbers(GRADE, ["Mild", "No_DR"]), class_numbers(GRADE, ["Mild", "huge"])
    ([1, 0], None)
    """
    if task.name == QUALITY.name:
        poor = poor_class(classes, poor_label)
        return None if poor is None else [int(at != poor) for at in range(len(classes))]
    # Not `task.classes`: a grader of two words has these for its classes.
    own = {str(number): number for number in GRADE.classes}
    numbers = [(own | WORDS[task.name]).get(plain_label(label)) for label in classes]
    return None if None in numbers or len({*numbers}) < len(numbers) else numbers


def map_words(name, words, meanings):
    """Return the line that turns the words of a column into numbers.

    Parameters
    ----------
    name : str
        What the column is called.
    words : sequence
        Its different labels.
    meanings : dict
        What plain words mean.

    Returns
    -------
    line : str
        Code; what is not known is left to the user as ``...``.

    Examples
    --------
    >>> from sk_fiqdr.utils._label_words import QUALITY_WORDS, map_words
    >>> map_words("quality", ["good", "so-so"], QUALITY_WORDS)
    "frame['quality'].map({'good': 1, 'so-so': ...})"
    """
    pairs = [f"{word!r}: {meanings.get(plain_word(word), '...')}" for word in words]
    more = ", ..." * (len(pairs) > 6)
    return f"frame[{name!r}].map({{{', '.join(pairs[:6])}{more}}})"
