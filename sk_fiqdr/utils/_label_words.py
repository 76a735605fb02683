"""Words for labels: which quality is poor, and which is good."""

import re

POOR_WORDS = frozenset(
    (
        *("poor", "bad", "inadequate", "insufficient", "unacceptable", "unusable"),
        *("ungradable", "ungradeable", "not gradable", "reject", "rejected", "fail"),
        *("low", "low quality", "poor quality", "bad quality", "0", "false"),
    )
)
GOOD_WORDS = frozenset(
    (
        *("good", "adequate", "sufficient", "acceptable", "gradable", "gradeable"),
        *("accept", "accepted", "pass", "high", "high quality", "good quality"),
        *("1", "true"),
    )
)
QUALITY_WORDS = dict.fromkeys(POOR_WORDS, 0) | dict.fromkeys(GOOD_WORDS, 1)


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
