"""Baselines and searches belong to the content of their data."""

import os

import pytest
from PIL import Image

from fairtune.datasets import _identity
from fairtune.errors import DataError, InvalidInput
from fairtune.request.options import Request
from fairtune.request.resolve import resolve, resolve_one
from fairtune.spec import PlugIn, SearchSpec
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from fairtune.testing.trainings import digits_spec
from fairtune.training.data import open_data
from fairtune.training.folder import baseline_folder
from tests.datasets.files import write_animals


@pytest.fixture
def request_of(tmp_path, monkeypatch):
    """A search on pictures of one's own, in a cache of its own."""
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_identity, "_SETTLED_NS", 0)
    (tmp_path / "data").mkdir()
    write_animals(tmp_path / "data", 80)
    options = {
        "dataset": "manifest",
        "data": str(tmp_path / "data"),
        "runs": str(tmp_path / "runs"),
        "method": "scratch",
        "batch_size": 16,
    }
    return lambda **others: Request(**options | {"name": "run", "set": ["size=8"]} | others)


def change(tmp_path, number=3):
    """Another picture under the same name, of the same size and time."""
    path = tmp_path / "data" / "images" / f"{number}.png"
    before = path.stat()
    with Image.open(path) as image:
        Image.new("RGB", image.size).save(path)
    path.write_bytes(path.read_bytes().ljust(before.st_size, b"\0"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def started(request):
    """The specification of a search whose folder is there."""
    spec, place = resolve(request)
    RunFolder.of(place).save(spec, place)
    SearchStudy(RunFolder.of(place).study, spec)
    return spec, place


def test_a_baseline_of_changed_pictures_is_another(request_of, tmp_path):
    first, _ = resolve(request_of(name="one"))
    change(tmp_path)
    second, _ = resolve(request_of(name="two"))
    assert baseline_folder(tmp_path, second.baseline()) != baseline_folder(tmp_path, first.baseline())
    single, *_ = resolve_one(request_of())
    assert single.id == second.baseline().id


def test_a_teacher_of_its_own_data_belongs_to_them(request_of, tmp_path):
    request = request_of(method="hkd", teacher_set=["size=9"])
    with pytest.raises(InvalidInput, match="another shape"):
        resolve(request)
    spec, _ = resolve(request_of(method="hkd", teacher_set=["fit=crop"]))
    assert None not in (spec.dataset.digest, spec.teacher().dataset.digest)
    assert spec.teacher().dataset.digest != spec.dataset.digest


def test_going_on_with_changed_pictures_is_refused_and_names_them(request_of, tmp_path, monkeypatch):
    spec, _ = started(request_of())
    data = tmp_path / "data"
    open_data(spec.baseline(), data)
    change(tmp_path)
    monkeypatch.setattr("fairtune.datasets.manifest.Manifest.decode", None)
    with pytest.raises(DataError, match=r"not those that .* started with \(changed \(1\): images/3.png\): put the files back"):
        open_data(spec.baseline(), data)


def test_a_picture_of_another_size_is_named_as_well(request_of, tmp_path):
    spec, _ = started(request_of())
    (tmp_path / "data" / "images" / "5.png").write_bytes((tmp_path / "data" / "images" / "6.png").read_bytes() + b"\0")
    with pytest.raises(DataError, match=r"changed \(1\): images/5.png"):
        open_data(spec.baseline(), tmp_path / "data")


def test_starting_a_search_again_on_changed_pictures_says_why_it_is_refused(request_of, tmp_path):
    started(request_of())
    assert resolve(request_of())[0].dataset.digest is not None
    change(tmp_path)
    with pytest.raises(InvalidInput, match=r"'run' was started on other data: the files of manifest have changed since, or an"):
        resolve(request_of())


def test_a_run_without_a_digest_is_read_and_keeps_its_identity(request_of, tmp_path):
    spec, place = started(request_of())
    old = spec.model_copy(update={"dataset": spec.dataset.model_copy(update={"digest": None})})
    assert "digest" not in old.model_dump_json()
    assert SearchSpec.model_validate_json(old.model_dump_json()) == old
    RunFolder.of(place).save(old, place)
    with pytest.raises(InvalidInput, match=r"'run' is of an earlier version, which kept no digest of its data: choose another"):
        resolve(request_of())
    change(tmp_path)
    open_data(RunFolder.of(place).load()[0].baseline(), tmp_path / "data")


def test_the_digest_is_part_of_the_identity():
    spec = digits_spec()
    known = spec.model_copy(update={"dataset": PlugIn(**spec.dataset.model_dump() | {"digest": "digits-3"})})
    assert known.id != spec.id
