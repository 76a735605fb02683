"""Any bytes of a photograph give pixels of the size asked for, or a reason."""

import io
import warnings

import numpy as np
import pytest
from helpers.fuzzing import damaged, fuzz
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.utils._read_image import read_or_blank

KINDS = {
    "JPEG": {},
    "JPEG progressive": {"progressive": True},
    "PNG": {},
    "TIFF": {},
    "TIFF lzw": {"compression": "tiff_lzw"},
    "GIF": {},
    "BMP": {},
    "WEBP": {},
    "PPM": {},
}


@pytest.fixture(scope="module")
def photographs():
    image = Image.fromarray(make_fundus(1, image_size=32, random_state=0).data[0])
    files = {}
    for kind, options in KINDS.items():
        image.save(stream := io.BytesIO(), kind.split()[0], **options)
        files[kind] = stream.getvalue()
    return files


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("photographs")


@pytest.mark.parametrize("kind", KINDS)
@fuzz
@given(st.data())
def test_bytes_of_a_photograph(folder, photographs, kind, data):
    whole = photographs[kind]
    path = folder / "1_left.png"
    path.write_bytes(data.draw(damaged(whole, 200) | damaged(whole)))
    filters = list(warnings.filters)
    image, error = read_or_blank(path, 16)
    assert warnings.filters == filters
    assert image.shape == (16, 16, 3)
    assert image.dtype == np.uint8
    if error is not None:
        assert "1_left.png" in str(error)
        assert not image.any()
