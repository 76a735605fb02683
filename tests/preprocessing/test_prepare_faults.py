"""Damaged and odd files, killed and colliding runs, a full disk: all of them real."""

import contextlib
import errno
import functools
import io
import json
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import psutil
import pytest
from joblib.externals.loky import get_reusable_executor
from PIL import Image

from sk_fiqdr.datasets import make_fundus
from sk_fiqdr.preprocessing import prepare_images
from sk_fiqdr.preprocessing._crop import crop_file

SIZE = 64
NOBODY = 65534
EYE = make_fundus(1, image_size=160, random_state=1).data[0]


# Damaged and odd files. Each maker writes the file "eye.jpeg", or nothing of an image,
# into a folder; what is to become of it: a photograph as like the plain one as the
# tolerance (mean absolute error in grey levels) says, or a failure with a reason.


def encoded(image=EYE, format="JPEG", **kwargs):
    if not isinstance(image, Image.Image):
        image = Image.fromarray(image)
    if format == "JPEG":
        kwargs = {"quality": 95, "subsampling": 0, **kwargs}
    buffer = io.BytesIO()
    image.save(buffer, format, **kwargs)
    return buffer.getvalue()


def flipped(data, seed, n_flips=20):
    """Return the data with bytes after the header changed at random."""
    rng = np.random.default_rng(seed)
    damaged = np.frombuffer(data, np.uint8).copy()
    where = rng.integers(len(data) // 10, len(data), n_flips)
    damaged[where] ^= rng.integers(1, 256, n_flips, dtype=np.uint8)
    return damaged.tobytes()


def rotated(orientation):
    """Return a JPEG whose EXIF tag says how to bring it upright."""
    undo = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: a.swapaxes(0, 1)[::-1],
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: a.swapaxes(0, 1)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(np.ascontiguousarray(undo(EYE)), exif=exif)


def png_of(width, height, data=b""):
    """Return a PNG whose header claims a size, whatever the data hold."""

    def chunk(name, body):
        crc = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


def jpeg_of(width, height):
    """Return a small JPEG whose header claims another size."""
    data = bytearray(encoded(EYE[:16, :16]))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def sixteen_bits():
    return Image.fromarray(EYE.mean(axis=2).astype(np.uint16) * 257)


def one_bit():
    return Image.fromarray(EYE.max(axis=2) > 60)


def animated(format):
    frames = [Image.fromarray(EYE), Image.new("RGB", (160, 160), "green")]
    return encoded(frames[0], format, save_all=True, append_images=frames[1:])


def with_alpha():
    image = Image.fromarray(EYE)
    image.putalpha(255)
    return image


WHOLE = encoded()
BOMB = "more than the .* allowed|decompression bomb"
NOISE = np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8)
# What is read -> the mean error that its format explains.
RIGHT = {
    "plain jpeg": (WHOLE, 3),
    "progressive jpeg": (encoded(progressive=True), 3),
    "png named jpeg": (encoded(format="PNG"), 0),
    "tiff named jpeg": (encoded(format="TIFF"), 0),
    "bmp named jpeg": (encoded(format="BMP"), 0),
    "webp named jpeg": (encoded(format="WEBP", lossless=True), 0),
    "cmyk": (encoded(Image.fromarray(EYE).convert("CMYK")), 6),
    "palette": (encoded(Image.fromarray(EYE).quantize(256), "PNG"), 8),
    "transparent": (encoded(with_alpha(), "PNG"), 0),
    "animated gif": (animated("GIF"), 8),
    "animated png": (animated("PNG"), 0),
    "animated webp": (animated("WEBP"), 8),
    "two-page tiff": (animated("TIFF"), 0),
    "garbage after the end": (WHOLE + b"\0garbage" * 500, 3),
    "damaged exif": (encoded(exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"), 3),
    "damaged colour profile": (encoded(icc_profile=b"no profile"), 3),
    **{f"exif {tag}": (rotated(tag), 3) for tag in range(1, 9)},
}
# Colours are lost, so only the circle is compared.
RIGHT_IN_GREY = {
    "grey": encoded(Image.fromarray(EYE).convert("L")),
    "16-bit png": encoded(sixteen_bits(), "PNG"),
    "16-bit tiff": encoded(sixteen_bits(), "TIFF"),
    "1-bit png": encoded(one_bit(), "PNG"),
    "1-bit tiff": encoded(one_bit(), "TIFF"),
}
NAMED_FAILURES = {
    "zero length": (b"", "is empty"),
    "one byte": (b"\xff", "is not an image"),
    "html page": (b"<!DOCTYPE html><p>Sign in</p>", "<!DOCTYPE html"),
    "text": ("Not found: eye ä\n".encode(), "is not an image"),
    "pdf": (b"%PDF-1.7\n", "is a PDF document"),
    "postscript": (encoded(format="EPS"), "is not an image"),
    "zeros": (bytes(10_000), "is not an image"),
    "header of jpeg only": (b"\xff\xd8\xff\xe0", "jpeg'"),
    "200-megapixel png": (png_of(20_000, 10_000), BOMB),
    "200-megapixel jpeg": (jpeg_of(20_000, 10_000), BOMB),
    "million times million": (png_of(2**20, 2**20), "jpeg'"),
    "no pixels": (png_of(0, 0), "jpeg'"),
    "fewer pixels than claimed": (png_of(300, 300, b"\0\1\2\3"), "jpeg'"),
    "1 x 1": (encoded(np.full((1, 1, 3), 90, np.uint8), "PNG"), "1 x 1 pixels"),
    "a line": (encoded(np.full((1, 900, 3), 90, np.uint8), "PNG"), "900 x 1 pixels"),
    "all black": (encoded(np.zeros_like(EYE)), "of one colour"),
    "all white": (encoded(np.full_like(EYE, 255)), "of one colour"),
    "all brown": (encoded(np.full_like(EYE, 90), "PNG"), "of one colour"),
    **{
        f"cut at {k} tenths": (WHOLE[: len(WHOLE) * k // 10], "jpeg'")
        for k in range(10)
    },
    **{
        f"png cut at {k} tenths": (
            encoded(format="PNG")[: len(encoded(format="PNG")) * k // 10],
            "jpeg'",
        )
        for k in range(1, 10)
    },
    "png with flipped bytes": (flipped(encoded(format="PNG"), 0), "jpeg'"),
}
# Whatever it gives, it is accounted for: a decoder may not be able to tell.
EITHER = {
    "noise": encoded(NOISE),
    "wrong size in the header": jpeg_of(300, 200),
    **{f"flipped bytes {seed}": flipped(WHOLE, seed) for seed in range(10)},
    "flipped header": WHOLE[:30] + flipped(WHOLE[30:600], 1) + WHOLE[600:],
    "flipped tiff": flipped(encoded(format="TIFF"), 2),
    "flipped tiff directory": flipped(encoded(format="TIFF")[::-1], 3, 4)[::-1],
    "flipped webp": flipped(encoded(format="WEBP"), 3),
    "flipped gif": flipped(encoded(format="GIF"), 4),
}


def a_folder(path):
    path.mkdir()


def a_dangling_link(path):
    path.symlink_to(path.with_name("gone.jpeg"))


def a_link_to_itself(path):
    path.symlink_to(path)


def a_pipe(path):
    os.mkfifo(path)


def a_socket(path):
    import socket

    here = os.getcwd()
    os.chdir(path.parent)  # a socket's name must be short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


NO_FILES = {
    a_folder: "is a folder",
    a_dangling_link: "a link to a missing file",
    a_link_to_itself: "cannot be reached",
    a_pipe: "is no regular file",
    a_socket: "is no regular file",
}


@pytest.fixture(scope="module", autouse=True)
def fresh_workers():
    """Leave to other tests no workers whose fellows were killed."""
    yield
    get_reusable_executor().shutdown(wait=True, kill_workers=True)


@pytest.fixture
def images(tmp_path):
    """A folder with a good photograph; the odd one comes before it."""
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(EYE).save(folder / "good.png")
    return folder


def prepare_beside_a_good_one(images, tmp_path):
    manifest = prepare_images(
        images,
        tmp_path / "out",
        image_size=SIZE,
        format="png",
        n_jobs=1,
        on_error="skip",
    )
    assert manifest["source"].tolist() == ["eye.jpeg", "good.png"]
    odd, good = manifest.itertuples()
    assert good.status == "prepared"
    assert pixels(tmp_path / "out" / "good.png").std() > 10
    assert odd.status in ("prepared", "damaged", "failed")
    assert (tmp_path / "out" / "eye.png").exists() == (odd.status != "failed")
    return odd


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", RIGHT)
def test_what_can_be_read_becomes_the_same_picture(images, tmp_path, kind):
    data, tolerance = RIGHT[kind]
    (images / "eye.jpeg").write_bytes(data)
    odd = prepare_beside_a_good_one(images, tmp_path)
    assert odd.status == "prepared", odd.reason
    expected = pixels(tmp_path / "out" / "good.png")
    error = np.abs(pixels(tmp_path / "out" / "eye.png") - expected).mean()
    assert error <= tolerance


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", RIGHT_IN_GREY)
def test_without_colour_the_circle_is_still_the_same(images, tmp_path, kind):
    (images / "eye.jpeg").write_bytes(RIGHT_IN_GREY[kind])
    odd = prepare_beside_a_good_one(images, tmp_path)
    assert odd.status == "prepared", odd.reason
    _, circle = crop_file(images / "good.png", SIZE)
    found = (odd.circle_x, odd.circle_y, odd.circle_radius)
    assert np.abs(np.subtract(found, circle)).max() < 0.05 * circle.radius
    grey = pixels(tmp_path / "out" / "eye.png")
    assert (grey[..., 0] == grey[..., 2]).all()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", NAMED_FAILURES)
def test_what_is_no_photograph_is_a_failure_with_its_reason(images, tmp_path, kind):
    data, reason = NAMED_FAILURES[kind]
    (images / "eye.jpeg").write_bytes(data)
    odd = prepare_beside_a_good_one(images, tmp_path)
    assert odd.status == "failed"
    assert odd.reason.startswith("'eye.jpeg'")
    assert re.search(reason, odd.reason), odd.reason


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", EITHER)
def test_what_a_decoder_cannot_judge_is_accounted_for(images, tmp_path, kind):
    (images / "eye.jpeg").write_bytes(EITHER[kind])
    odd = prepare_beside_a_good_one(images, tmp_path)
    if odd.status in ("prepared", "damaged"):
        assert pixels(tmp_path / "out" / "eye.png").shape == (SIZE, SIZE, 3)
    else:
        assert odd.reason.startswith("'eye.jpeg'")


@pytest.fixture
def misread(images):
    """A JPEG that is decoded with a warning only: bytes are missing from its middle."""
    data = encoded()
    middle = len(data) // 2
    (images / "eye.jpeg").write_bytes(data[:middle] + data[middle + 40 :])
    return images


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_damaged_photograph_is_prepared_and_named(misread, tmp_path, n_jobs):
    out = tmp_path / "out"
    with pytest.warns(UserWarning, match=r"1 of 2 photographs are damaged.*eye\.jpeg"):
        manifest = prepare_images(misread, out, image_size=SIZE, n_jobs=n_jobs)
    rows = manifest.set_index("source")
    assert rows["status"].to_dict() == {"eye.jpeg": "damaged", "good.png": "prepared"}
    assert rows.loc["eye.jpeg", "reason"].startswith("'eye.jpeg' is damaged (")
    assert (out / "eye.jpeg").exists()
    assert (manifest.attrs["prepared"], manifest.attrs["damaged"]) == (2, 1)
    with pytest.warns(UserWarning, match="1 of 2 photographs are damaged"):
        again = prepare_images(misread, out, image_size=SIZE, n_jobs=1)
    assert again.attrs["unchanged"] == 2
    assert again.equals(manifest)


def test_damage_can_be_an_error_also_of_what_was_prepared(misread, tmp_path):
    out = tmp_path / "out"
    prepare = functools.partial(prepare_images, image_size=SIZE, on_error="skip")
    prepare(misread, out, n_jobs=1)
    manifest = prepare(misread, out, n_jobs=1, on_damage="raise")
    status = dict(zip(manifest["source"], manifest["status"], strict=True))
    assert status == {"eye.jpeg": "failed", "good.png": "prepared"}
    assert not (out / "eye.jpeg").exists()


def test_damage_is_not_looked_for_if_it_is_to_be_ignored(misread, tmp_path):
    out = tmp_path / "out"
    manifest = prepare_images(
        misread, out, image_size=SIZE, n_jobs=1, on_damage="ignore"
    )
    assert manifest["status"].tolist() == ["prepared", "prepared"]


def test_a_damaged_photograph_that_is_gone_comes_back_damaged(misread, tmp_path):
    away = shutil.copytree(misread, tmp_path / "away")  # with the same times
    prepare = functools.partial(prepare_images, misread, tmp_path / "out", n_jobs=1)
    before = prepare(image_size=SIZE, on_error="skip")
    (misread / "eye.jpeg").unlink()
    gone = prepare(image_size=SIZE, on_error="skip")
    assert sorted(gone["status"]) == ["gone", "prepared"]
    shutil.copy2(away / "eye.jpeg", misread / "eye.jpeg")
    assert prepare(image_size=SIZE, on_error="skip").equals(before)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", NO_FILES, ids=lambda make: make.__name__)
def test_what_is_no_file_is_a_failure_with_its_reason(images, tmp_path, make):
    make(images / "eye.jpeg")
    odd = prepare_beside_a_good_one(images, tmp_path)
    assert odd.status == "failed"
    assert NO_FILES[make] in odd.reason
    assert "eye.jpeg" in odd.reason


@pytest.fixture
def unprivileged():
    """A folder, and a user who must not read everything as root may."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        shutil.rmtree(folder)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_must_not_be_read_is_a_failure(unprivileged, kind):
    images = unprivileged / "in"
    images.mkdir()
    Image.fromarray(EYE).save(images / "good.png")
    odd = images / "eye.jpeg"
    odd.write_bytes(WHOLE) if kind == "file" else odd.mkdir()
    odd.chmod(0)
    row = prepare_beside_a_good_one(images, unprivileged)
    odd.chmod(0o700)
    assert row.status == "failed"
    assert "Permission denied" in row.reason


def test_an_output_that_must_not_be_written_is_told_of(unprivileged):
    images = unprivileged / "in"
    images.mkdir()
    Image.fromarray(EYE).save(images / "good.png")
    output = unprivileged / "out"
    output.mkdir(mode=0o500)
    with pytest.raises(OSError, match=r"Cannot write to the output folder.*denied"):
        prepare_images(images, output, image_size=SIZE, n_jobs=1)


@pytest.mark.timeout(120)
def test_all_of_them_in_one_folder_are_accounted_for(tmp_path):
    kinds = {
        **{kind: data for kind, (data, _) in RIGHT.items()},
        **RIGHT_IN_GREY,
        **{kind: data for kind, (data, _) in NAMED_FAILURES.items()},
        **EITHER,
    }
    assert len(kinds) >= 40
    (tmp_path / "in").mkdir()
    for kind, data in kinds.items():
        (tmp_path / "in" / f"{kind}.jpeg").write_bytes(data)
    with (
        pytest.warns(UserWarning, match="could not be prepared"),
        pytest.warns(UserWarning, match="are damaged, and were prepared"),
    ):
        manifest = prepare_images(
            tmp_path / "in", tmp_path / "out", image_size=SIZE, n_jobs=1
        )
    prepare_images(
        tmp_path / "in", tmp_path / "again", image_size=SIZE, n_jobs=1, on_error="skip"
    )
    assert tree(tmp_path / "again") == tree(tmp_path / "out")
    assert sorted(manifest["source"]) == sorted(f"{kind}.jpeg" for kind in kinds)
    status = dict(zip(manifest["source"].str[:-5], manifest["status"], strict=True))
    for kind in kinds:
        if kind in NAMED_FAILURES:
            assert status[kind] == "failed", kind
        elif kind not in EITHER:
            assert status[kind] == "prepared", kind
    without = manifest["reason"].isna()
    assert without.equals(manifest["status"] == "prepared")
    assert len(list((tmp_path / "out").iterdir())) == 1 + manifest["output"].count()


# Killed, stopped, crowded out: runs in processes of their own


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A folder of photographs that take a few seconds, and one that is none."""
    folder = tmp_path_factory.mktemp("many") / "originals"
    data = encoded(np.kron(EYE, np.ones((4, 4, 1), np.uint8)))
    for i in range(200):
        path = folder / f"folder {i % 3}" / f"{i}_left.jpeg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "page.jpeg").write_text("<html>")
    return folder


@pytest.fixture(scope="module")
def undisturbed(many, tmp_path_factory):
    """What an undisturbed run makes of it."""
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    prepare_images(many, output, image_size=SIZE, n_jobs=1, on_error="skip")
    return tree(output)


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def outputs(folder):
    """Return what is finished in a folder, and when each file was written."""
    return {
        str(path): (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in found(folder, ".jpeg")
    }


def found(folder, suffix):
    """Return the files of a suffix, also where folders go away (rglob fails)."""
    paths = (Path(p, name) for p, _, names in os.walk(folder) for name in names)
    return [path for path in paths if path.suffix == suffix]


def start(images, output, *, n_jobs=1, format="jpeg", **kwargs):
    """Start the command in a process group of its own."""
    command = "from sk_fiqdr.cli import app; app()"
    options = ["--size", str(SIZE), "--n-jobs", str(n_jobs), "--json"]
    options += ["--format", format]
    return subprocess.Popen(
        [sys.executable, "-c", command, "prepare", str(images), str(output), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **kwargs,
    )


def wait_for_outputs(folder, n_files, process):
    while len(outputs(folder)) < n_files:
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)


def finish(images, output):
    return prepare_images(images, output, image_size=SIZE, n_jobs=1, on_error="skip")


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_killed_run_goes_on_to_the_same_end(many, undisturbed, tmp_path, n_jobs):
    output = tmp_path / "out"
    rng = np.random.default_rng(n_jobs)
    for n_finished in np.sort(rng.integers(1, 160, 3)):
        process = start(many, output, n_jobs=n_jobs)
        wait_for_outputs(output, n_finished, process)
        time.sleep(rng.uniform(0, 0.02))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    finished = outputs(output)
    assert len(finished) < 200
    manifest = finish(many, output)
    assert tree(output) == undisturbed
    assert manifest.attrs["unchanged"] == len(finished)
    assert finished.items() <= outputs(output).items()  # nothing was done twice


@pytest.mark.slow
def test_a_run_with_other_settings_that_is_killed_leaves_nothing_of_the_old(
    many, undisturbed, tmp_path
):
    output = tmp_path / "out"
    process = start(many, output, format="png")
    process.communicate(timeout=120)
    process = start(many, output)
    wait_for_outputs(output, 50, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert len(list(output.rglob("*.png"))) >= 1
    assert finish(many, output).attrs["unchanged"] >= 50
    assert tree(output) == undisturbed


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_an_interrupted_run_says_how_to_go_on(many, undisturbed, tmp_path):
    output = tmp_path / "out"
    process = start(many, output, n_jobs=2)
    while len(found(output, ".jsonl")) < 2:  # until both workers are at work
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "the same call resumes from there" in stderr
    assert "Traceback" not in stderr
    assert not list(output.rglob("drafts-*"))
    finish(many, output)
    assert tree(output) == undisturbed


@pytest.mark.slow
def test_a_worker_that_is_killed_is_told_of(many, undisturbed, tmp_path):
    output = tmp_path / "out"
    process = start(many, output, n_jobs=2)
    wait_for_outputs(output, 20, process)
    workers = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "loky" in " ".join(child.cmdline()) and "tracker" not in str(child.cmdline())
    ]
    workers[0].kill()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "A worker process was killed" in stderr
    finish(many, output)
    assert tree(output) == undisturbed


@pytest.mark.slow
def test_workers_that_outlive_their_run_do_no_harm(many, undisturbed, tmp_path):
    output = tmp_path / "out"
    process = start(many, output, n_jobs=2)
    wait_for_outputs(output, 20, process)
    process.kill()  # not its workers
    process.wait()
    with pytest.warns(UserWarning, match="1 of 201"):
        prepare_images(many, output, image_size=SIZE, quality=50, n_jobs=1)
    finish(many, output)
    assert tree(output) == undisturbed
    os.killpg(process.pid, signal.SIGKILL)  # they would wait for minutes yet
    process.communicate()
    assert tree(output) == undisturbed


@pytest.mark.slow
def test_a_photograph_that_kills_its_process_is_given_up(images, tmp_path):
    """As the kernel kills when memory runs out: whoever reads it, whenever."""
    Image.new("L", (9000, 9000)).save(images / "eye.png")  # takes a while
    for i in range(40):
        (images / f"{i}.jpeg").write_bytes(WHOLE)
    over = threading.Event()

    def kill_whoever_reads_it():
        while not over.wait(0.005):
            for journal in sorted((tmp_path / "out").rglob("*.jsonl")):
                # A journal may have been cleared away, a reader be dead already.
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    if journal.read_text().endswith('{"begin": "eye.png"}\n'):
                        reader = int(journal.name.split("-")[-2])
                        assert reader != os.getpid(), "it is read where tests run"
                        os.kill(reader, signal.SIGKILL)

    killer = threading.Thread(target=kill_whoever_reads_it)
    killer.start()
    try:
        manifest = prepare_images(
            images, tmp_path / "out", image_size=SIZE, n_jobs=2, on_error="skip"
        )
    finally:
        over.set()
        killer.join()
    failed = manifest[manifest["status"] == "failed"]
    assert failed["source"].tolist() == ["eye.png"]
    assert "killed the process that read it" in failed["reason"].iloc[0]
    assert manifest.attrs["prepared"] == 41


@pytest.mark.slow
def test_two_runs_at_once_are_refused(many, undisturbed, tmp_path):
    output = tmp_path / "out"
    process = start(many, output)
    wait_for_outputs(output, 1, process)
    os.kill(process.pid, signal.SIGSTOP)  # so that it is still at work
    with pytest.raises(BlockingIOError, match="Another run is preparing"):
        finish(many, output)
    process.kill()
    process.communicate()
    finish(many, output)  # the lock has died with its process
    assert tree(output) == undisturbed


@pytest.mark.slow
def test_a_full_disk_stops_the_run_once(many, undisturbed, tmp_path):
    """A limit on the size of files gives the error of a full disk, without one."""
    output = tmp_path / "out"
    largest = max(len(content or b"") for content in undisturbed.values())
    process = start(
        many,
        output,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
    assert largest > 2000
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "Cannot write to the output folder" in stderr
    assert os.strerror(errno.EFBIG) in stderr
    assert "the same call resumes from there" in stderr
    assert stderr.count("Cannot write") == 1
    assert not list(output.rglob("drafts-*"))
    finish(many, output)
    assert tree(output) == undisturbed


@pytest.mark.slow
def test_a_journal_with_a_torn_line_is_read_up_to_it(many, undisturbed, tmp_path):
    output = tmp_path / "out"
    process = start(many, output)
    wait_for_outputs(output, 30, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    (journal,) = output.rglob("*.jsonl")
    lines = journal.read_bytes()
    torn = lines[: lines.rindex(b'"status"')]
    journal.write_bytes(torn)
    assert finish(many, output).attrs["unchanged"] >= 29
    assert tree(output) == undisturbed


def test_what_a_killed_run_left_under_passing_names_is_removed(
    many, undisturbed, tmp_path
):
    output = tmp_path / "out"
    drafts = output / ".sk-fiqdr-prepare" / "drafts-1"
    drafts.mkdir(parents=True)
    (drafts / "0123456789abcdef").write_bytes(b"\xff\xd8 half a photograph")
    finish(many, output)
    assert tree(output) == undisturbed


@pytest.mark.slow
def test_json_on_stdout_and_the_exit_status_tell_of_failures(many, tmp_path):
    process = start(many, tmp_path / "out")
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    summary = json.loads(stdout)
    assert (summary["found"], summary["prepared"], summary["failed"]) == (201, 200, 1)
    # A summary, and no bar where there is no terminal.
    assert stderr == "201 files found = 200 prepared + 1 failed\n"


@pytest.mark.slow
def test_a_terminal_sees_how_far_it_is_and_how_long_it_takes(many, tmp_path):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    command = "from sk_fiqdr.cli import app; app()"
    options = ["--size", str(SIZE), "--n-jobs", "1"]
    with subprocess.Popen(
        [sys.executable, "-c", command, "prepare", many, tmp_path / "out", *options],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ):
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # how a terminal ends
            while chunk := os.read(ours, 10_000):
                seen += chunk
    os.close(ours)
    assert re.search(rb"\b(?!0/)\d+/201.*[\d.]+ images/s.*\d:\d\d:\d\d", seen)
