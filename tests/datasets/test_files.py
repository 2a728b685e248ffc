import os
import time

import pytest

from fairtune.datasets import within
from fairtune.datasets._files import stamp, stat_all
from fairtune.errors import DataError


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, ns=(10**9, 10**9))
    return tmp_path


def test_missing_files_are_counted_and_the_first_ten_named(folder):
    names = ["a", *(f"missing-{number:02}" for number in range(12))]
    with pytest.raises(DataError, match=r"12 of 13 files are missing in .*: missing-00, .*, missing-09 and 2 more; get them"):
        stat_all(folder, names, "get them")


@pytest.mark.parametrize("change", [lambda path: path.write_text("x"), lambda path: os.utime(path, ns=(10**9, 10**9))])
def test_whoever_touches_a_file_changes_its_stamp(folder, change):
    before = stamp(folder / "b")
    time.sleep(0.02)
    change(folder / "b")
    os.utime(folder / "b", ns=(10**9, 10**9))
    assert stamp(folder / "b") != before


def test_paths_below_the_folder_become_relative_to_it(folder):
    assert within(folder, ["a", "./c/../b", str(folder / "a")]) == ["a", "b", "a"]


@pytest.mark.parametrize("path", ["../a", "x/../../a", "/etc/hostname", ".."])
def test_a_path_out_of_the_folder_is_refused(folder, path):
    with pytest.raises(DataError, match=r"paths that lead out of .* \(1\): "):
        within(folder, ["a", path])


def test_a_link_inside_the_folder_may_lead_elsewhere(folder, tmp_path_factory):
    (folder / "link").symlink_to(tmp_path_factory.mktemp("elsewhere"))
    assert within(folder, ["link/a.jpg"]) == ["link/a.jpg"]
