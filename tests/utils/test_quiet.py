"""Warnings of other libraries, kept quiet in threads."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, PngImagePlugin

from sk_fiqdr.datasets import audit, make_fundus
from sk_fiqdr.utils._quiet import quiet
from sk_fiqdr.utils._read_image import read_image


def test_filters_are_as_they_were_however_threads_overlap():
    found = list(warnings.filters)
    first_in, second_in = threading.Event(), threading.Event()

    def first():
        with quiet(DeprecationWarning):
            first_in.set()
            assert second_in.wait(30)

    def second():
        assert first_in.wait(30)
        with quiet(DeprecationWarning):
            second_in.set()
            one.join(30)

    one, other = threading.Thread(target=first), threading.Thread(target=second)
    one.start(), other.start()
    one.join(), other.join()
    assert warnings.filters == found


def test_filters_are_as_they_were_where_others_put_back_lists_meanwhile():
    found = list(warnings.filters)
    asked = quiet(DeprecationWarning)
    asked.__enter__()
    with warnings.catch_warnings():  # copies the list, and puts it back
        asked.__exit__(None, None, None)
    assert warnings.filters == found


def test_filters_are_as_they_were_after_an_error():
    found = list(warnings.filters)
    with pytest.raises(KeyError), quiet(DeprecationWarning):
        raise KeyError
    assert warnings.filters == found


@pytest.mark.parametrize(
    ("category", "text"),
    [(UserWarning, "old thing"), (DeprecationWarning, "another thing")],
)
def test_other_warnings_are_heard_meanwhile(category, text):
    with quiet(DeprecationWarning, message="old"), pytest.warns(category, match=text):
        warnings.warn(text, category, stacklevel=1)


@pytest.fixture
def odd_paths(tmp_path):
    """Return images of which Pillow warns as it opens them: a broken animation."""
    paths = []
    for number in range(40):
        extra = PngImagePlugin.PngInfo()
        extra.add(b"acTL", bytes(8))
        paths.append(tmp_path / f"{number}_left.png")
        Image.new("RGB", (40, 40), (200, 90, 30)).save(paths[-1], pnginfo=extra)
    with pytest.warns(UserWarning, match="Invalid APNG"):
        Image.open(paths[0]).close()
    return paths


def test_decoders_are_quiet_in_threads_and_leave_the_warnings_as_found(odd_paths):
    found = list(warnings.filters)
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(lambda path: read_image(path, 32), odd_paths * 5))
    assert all(image[16, 16].tolist() == [200, 90, 30] for image in images)
    assert warnings.filters == found


def test_an_audit_in_threads_leaves_the_warnings_as_found(tmp_path):
    dataset = make_fundus(80, image_size=32, random_state=0)
    for number, image in enumerate(dataset.data):
        Image.fromarray(image).save(tmp_path / f"{number}_left.png")
    dataset.data = sorted(map(str, tmp_path.glob("*.png")))
    found = list(warnings.filters)
    for _ in range(3):
        audit(dataset, n_jobs=4)
        assert warnings.filters == found
