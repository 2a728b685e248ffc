import os
import shutil
import sys
from pathlib import Path

import pytest

from fairtune.files import is_whole, move_sealed, remove, write_atomically, write_sealed
from tests.torn import DAMAGES, flip


def test_the_file_is_there_when_it_is_whole(tmp_path):
    path = tmp_path / "result.json"

    def write(scratch):
        scratch.write_text("half")
        assert not path.exists()
        scratch.write_text("whole")

    write_atomically(path, write)
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "result.json"
    path.write_text("old")

    def fail(scratch):
        scratch.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def fill_with(content):
    return lambda path: path.write_bytes(content)


@pytest.fixture
def sealed(tmp_path):
    path = tmp_path / "state.bin"
    write_sealed(path, fill_with(bytes(range(256)) * 40))
    return path


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_sealed_file_that_is_damaged_is_known(sealed, damage):
    assert is_whole(sealed)
    damage(sealed)
    assert not is_whole(sealed)


def test_a_sealed_file_that_was_copied_or_touched_is_still_whole(sealed, tmp_path):
    copied = tmp_path / "copied"
    shutil.copytree(tmp_path, copied)
    os.utime(sealed)
    assert is_whole(sealed)
    assert is_whole(copied / sealed.name)


def test_a_file_in_a_known_state_is_not_read(sealed, monkeypatch):
    monkeypatch.setattr("fairtune.files.digest_of", None)
    assert is_whole(sealed)
    os.utime(sealed)
    with pytest.raises(TypeError):
        is_whole(sealed)


def test_a_file_of_an_earlier_version_counts_as_whole(tmp_path):
    (tmp_path / "old").write_text("old")
    assert is_whole(tmp_path / "old")
    assert not is_whole(tmp_path / "none")


def test_a_process_killed_between_a_file_and_its_note_leaves_a_whole_file(sealed):
    """Whatever is left of three steps: the note gone, the new file there, its note there."""
    note = sealed.with_name(f".{sealed.name}.seal")
    note.unlink()
    assert is_whole(sealed)
    sealed.write_bytes(b"new")
    assert is_whole(sealed)


def test_a_write_that_fails_leaves_the_sealed_file(sealed):
    before = sealed.read_bytes()

    def fail(scratch):
        scratch.write_text("half")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        write_sealed(sealed, fail)
    assert is_whole(sealed)
    assert sealed.read_bytes() == before


def test_a_renamed_file_keeps_its_note(sealed, tmp_path):
    target = tmp_path / "before.bin"
    move_sealed(sealed, target)
    assert is_whole(target)
    flip(target)
    assert not is_whole(target)
    remove(target)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the names of open files")
def test_what_is_written_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, steps = tmp_path / "result.json", []
    sync = os.fsync

    def noted(descriptor):
        steps.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), path.exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    write_atomically(path, fill_with(b"whole"))
    (scratch, named_before), (folder, named_after) = steps
    assert Path(scratch).parent == tmp_path == Path(folder)
    assert (named_before, named_after) == (False, True)
