"""Each set that has a label file, in a folder of the test's own."""

import pytest
from helpers.trees import LABEL_SETS


@pytest.fixture
def make_set(tmp_path):
    """Return a function that makes the set of a name in a folder with an odd name."""

    def make(name):
        return LABEL_SETS[name](tmp_path / "Augen ä ß 目 (1)")

    return make


@pytest.fixture(params=sorted(LABEL_SETS))
def label_set(request, make_set):
    """Each set that has a label file, in turn; nothing is written yet."""
    return make_set(request.param)
