"""Where machines leave files for each other."""

import os
import time
from pathlib import Path

import pytest
from pyarrow import fs

from fairtune.errors import InvalidInput, SearchFault
from fairtune.files import is_whole, write_sealed
from fairtune.storage import Shelf, check_storage, fault_of_storage
from tests.s3 import CREDENTIALS, S3


@pytest.fixture(scope="module")
def s3():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        server = S3()
        yield server
        server.stop()


@pytest.fixture(params=["path", "s3"])
def storage(request, tmp_path):
    return str(tmp_path / "storage") if request.param == "path" else request.getfixturevalue("s3").address(tmp_path.name)


@pytest.fixture
def shelf(storage):
    return Shelf(storage, "run/trials/0001", pauses_s=())


def written(folder, text):
    """A file as one machine has it."""
    folder.mkdir(exist_ok=True)
    write_sealed(folder / "state.pt", lambda path: path.write_text(text))
    return folder / "state.pt"


def left(shelf):
    """Every object on a shelf."""
    system, root = fs.FileSystem.from_uri(shelf.address)
    found = system.get_file_info(fs.FileSelector(f"{root}/{shelf.folder}", allow_not_found=True))
    return sorted(info.path for info in found if info.type == fs.FileType.File)


def damage(shelf, object_path, content):
    system, _ = fs.FileSystem.from_uri(shelf.address)
    with system.open_output_stream(object_path) as stream:
        stream.write(content)


def test_another_machine_has_the_latest_copy(shelf, tmp_path):
    there = tmp_path / "there" / "state.pt"
    shelf.take(there)
    assert not there.exists()
    for text in ("one", "two", "three"):
        shelf.put(written(tmp_path / "here", text), keep=2)
        shelf.take(there)
        assert there.read_text() == text
        assert is_whole(there)
    assert len(left(shelf)) == 2


def test_only_so_many_copies_stay_and_none_in_the_end(shelf, tmp_path):
    for text in ("one", "two", "three"):
        shelf.put(written(tmp_path / "here", text), keep=2)
    shelf.keep_latest("state.pt")
    assert len(left(shelf)) == 1
    shelf.put(tmp_path / "here" / "state.pt")
    assert len(left(shelf)) == 1
    shelf.remove("state.pt")
    assert shelf.is_empty
    shelf.remove("state.pt")
    shelf.clear()


@pytest.mark.parametrize("content", [b"tw", b"owt"], ids=["cut off", "flipped"])
def test_a_copy_that_is_torn_gives_way_to_the_one_before(shelf, tmp_path, content):
    for text in ("one", "two"):
        shelf.put(written(tmp_path / "here", text), keep=2)
    damage(shelf, left(shelf)[-1], content)
    shelf.take(tmp_path / "there" / "state.pt")
    assert (tmp_path / "there" / "state.pt").read_text() == "one"
    shelf.put(written(tmp_path / "here", "four"), keep=1)
    assert len(left(shelf)) == 1, "the torn one goes too"


def test_what_is_here_already_is_not_fetched_again(shelf, tmp_path):
    file = written(tmp_path / "here", "one")
    shelf.put(file)
    before = file.stat().st_ino
    shelf.take(file)
    assert file.stat().st_ino == before


def test_files_of_other_names_are_left_alone(shelf, tmp_path):
    shelf.put(written(tmp_path / "here", "one"))
    shelf.remove("state")
    assert len(left(shelf)) == 1


def test_who_cannot_be_reached_is_named_after_some_patience(tmp_path, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    (tmp_path / "file").touch()
    shelf = Shelf(str(tmp_path / "file"), "run", pauses_s=(1.0, 2.0))
    with pytest.raises(SearchFault, match=rf"^the storage {tmp_path}/file fails: .*file"):
        shelf.put(written(tmp_path / "here", "one"))
    assert waits == [1.0, 2.0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("s3://key:s3cret@bucket/runs", r"^--storage s3://key:\*\*\*@bucket/runs: leave keys and passwords out"),
        (
            "ftp://host/runs",
            r"^--storage ftp://host/runs: give a path that all machines see, s3://BUCKET/FOLDER or gs://BUCKET/FOLDER$",
        ),
        ("s3://", r"^--storage s3://: give a path"),
    ],
)
def test_what_is_no_storage_is_refused_in_a_sentence(given, said):
    with pytest.raises(InvalidInput, match=said):
        check_storage(given)


def test_a_path_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check_storage("storage") == str(tmp_path / "storage")


def test_nothing_is_left_by_the_question_whether_something_can_be(storage):
    assert fault_of_storage(storage) is None
    assert Shelf(storage, "").is_empty


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc").is_dir(), reason="needs a folder in which nothing can be made")
def test_a_storage_in_which_nothing_can_be_left_is_named():
    assert str(fault_of_storage("/proc/storage")).startswith("--storage /proc/storage: the storage /proc/storage fails: ")


def test_a_bucket_that_is_not_there_is_named(s3):
    address = s3.address().replace("s3://fairtune", "s3://nothing")
    assert "NO_SUCH_BUCKET" in str(fault_of_storage(address))
