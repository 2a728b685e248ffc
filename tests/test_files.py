import pytest

from fairtune.files import write_atomically


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
