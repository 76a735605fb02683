"""Inputs that hypothesis invents: few in a run of the tests, many by hand.

SK_FIQDR_FUZZ=10000 sets how many each target gets; they are new ones each time then.
"""

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

N_INPUTS = int(os.environ.get("SK_FIQDR_FUZZ", "0"))

fuzz = settings(
    max_examples=N_INPUTS or 100,
    derandomize=not N_INPUTS,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


@st.composite
def damaged(draw, data, largest=None):
    """Draw bytes with up to four places changed, cut out or filled in.

    Parameters
    ----------
    draw : callable
        Of hypothesis.
    data : bytes
        What is whole.
    largest : int, default=None
        Only so many bytes at the start are changed, as in a header.

    Returns
    -------
    data : bytes
        What is damaged.
    """
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, min(len(data), largest or len(data))))
        stop = start + draw(st.integers(0, 8))
        data[start:stop] = draw(st.binary(max_size=8))
    return bytes(data)


def check_message(error, name):
    """Raise if an error does not name its file, or grows with it."""
    assert name in str(error)
    assert len(str(error)) < 5000
