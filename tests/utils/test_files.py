"""Files and folders appear whole or not at all, whoever else writes them."""

import errno
import multiprocessing
import os
import signal
import stat

import pytest

from sk_fiqdr.utils import _files
from sk_fiqdr.utils._files import (
    folder_written_whole,
    recover_folder,
    written_whole,
)

FORK = multiprocessing.get_context("fork")


def write(folder, text, *, overwrite=False, barrier=None):
    with folder_written_whole(folder, overwrite=overwrite) as draft:
        (draft / "text").write_text(text)
        (draft / "length").write_text(str(len(text)))
        if barrier is not None:
            barrier.wait()


def fail_half_way(folder):
    with folder_written_whole(folder, overwrite=True) as draft:
        (draft / "text").write_text("half")
        raise RuntimeError("full")


def is_whole(folder):
    text = (folder / "text").read_text()
    return (folder / "length").read_text() == str(len(text))


def no_exchange(one, other):
    raise OSError(errno.EINVAL, "Invalid argument")


@pytest.fixture(params=["exchange", "no exchange"])
def system(request, monkeypatch):
    """Systems that can exchange two folders in one step, and others."""
    if request.param == "no exchange":
        monkeypatch.setattr(_files, "_exchange", no_exchange)


def test_of_two_processes_that_write_a_new_folder_the_later_one_fails(tmp_path):
    barrier, codes = FORK.Barrier(2), FORK.Queue()

    def attempt(text):
        try:
            write(tmp_path / "new", text, barrier=barrier)
            codes.put((text, "written"))
        except FileExistsError:
            codes.put((text, "refused"))

    processes = [FORK.Process(target=attempt, args=[text]) for text in ("a", "bb")]
    for process in processes:
        process.start()
    outcome = dict(codes.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    assert sorted(outcome.values()) == ["refused", "written"]
    kept = (tmp_path / "new" / "text").read_text()
    assert outcome[kept] == "written"
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


@pytest.mark.usefixtures("system")
def test_a_folder_is_replaced_only_when_asked(tmp_path):
    write(tmp_path / "a", "old")
    with pytest.raises(FileExistsError, match="nothing was replaced"):
        write(tmp_path / "a", "new")
    assert (tmp_path / "a" / "text").read_text() == "old"
    write(tmp_path / "a", "new", overwrite=True)
    assert (tmp_path / "a" / "text").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.usefixtures("system")
def test_a_folder_that_fails_leaves_the_old_one_and_no_draft(tmp_path):
    write(tmp_path / "a", "old")
    with pytest.raises(RuntimeError, match="full"):
        fail_half_way(tmp_path / "a")
    assert (tmp_path / "a" / "text").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("n_calls", range(1, 5))
def test_a_process_killed_at_any_rename_leaves_a_whole_folder(tmp_path, n_calls):
    """Before the first rename or exchange, between two, or behind the last."""
    folder = tmp_path / "a"
    write(folder, "old")
    exchange = _files._exchange

    def replace_and_die():
        left = [n_calls]

        def counted(call):
            def run(*args):
                left[0] -= 1
                if not left[0]:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*args)

            return run

        _files.os.rename = counted(os.rename)
        _files.shutil.rmtree = counted(_files.shutil.rmtree)
        _files._exchange = counted(exchange)
        write(folder, "new", overwrite=True)

    process = FORK.Process(target=replace_and_die)
    process.start()
    process.join()
    recover_folder(folder)
    assert is_whole(folder)
    assert (folder / "text").read_text() in ("old", "new")


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o077])
def test_the_umask_decides_who_may_read_a_folder(tmp_path, umask):
    before = os.umask(umask)
    try:
        write(tmp_path / "a", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o777 & ~umask
    assert stat.S_IMODE((tmp_path / "a" / "text").stat().st_mode) == 0o666 & ~umask


def test_a_link_in_place_of_the_folder_is_replaced_and_not_followed(tmp_path):
    write(tmp_path / "victim", "precious")
    (tmp_path / "a").symlink_to(tmp_path / "victim", target_is_directory=True)
    write(tmp_path / "a", "new", overwrite=True)
    assert (tmp_path / "victim" / "text").read_text() == "precious"
    assert (tmp_path / "a" / "text").read_text() == "new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "victim"]


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("letter", ["a", "ä"])
def test_folders_with_long_names_that_begin_alike_are_kept_apart(tmp_path, letter):
    names = [letter * 110 + end for end in "12"]
    for name in names:
        write(tmp_path / name, "old")
    write(tmp_path / names[0], "new", overwrite=True)
    assert [(tmp_path / name / "text").read_text() for name in names] == ["new", "old"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.parametrize("durable", [False, True])
@pytest.mark.parametrize("letter", ["a", "ä", "眼", "😀"])
def test_a_file_may_have_the_longest_name_that_the_disk_takes(
    tmp_path, letter, durable
):
    """255 bytes, the draft's name never more, whatever the letters take."""
    path = tmp_path / (letter * (251 // len(letter.encode())) + ".csv")
    for text in ("old", "new"):
        with written_whole(path, durable=durable) as draft:
            draft.write_text(text)
    assert path.read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_file_whose_name_is_not_utf8_is_written(tmp_path):
    path = tmp_path / os.fsdecode(b"\xff\xe4" * 120)
    with written_whole(path) as draft:
        draft.write_text("text")
    assert os.listdir(os.fsencode(tmp_path)) == [b"\xff\xe4" * 120]


def test_a_file_that_fails_leaves_the_old_one_and_no_draft(tmp_path):
    path, drafts = tmp_path / "a.csv", tmp_path / "drafts"
    path.write_text("old")
    drafts.mkdir()

    def fail_half_way(place):
        with written_whole(path, drafts=place) as draft:
            draft.write_text("half")
            raise RuntimeError("full")

    for place in (None, drafts):
        with pytest.raises(RuntimeError, match="full"):
            fail_half_way(place)
    assert path.read_text() == "old"
    assert not list(drafts.iterdir())
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.csv", "drafts"]


def test_a_durable_file_is_synced_before_it_has_its_name_and_its_folder_after(
    tmp_path, monkeypatch
):
    """What a power failure would leave: never a name whose bytes are not there."""
    path, events = tmp_path / "a.csv", []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle):
        events.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def noted_replace(draft, final):
        events.append("name")
        replace(draft, final)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    with written_whole(path, durable=True) as draft:
        draft.write_text("text")
    assert events == ["file", "name", "folder"]
