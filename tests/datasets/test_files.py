import os

import pytest

from fairtune.datasets import state_of, within
from fairtune.errors import DataError


@pytest.fixture
def folder(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, ns=(10**9, 10**9))
    return tmp_path


def test_the_state_is_that_of_names_sizes_and_times(folder):
    before = state_of(folder, ["a", "b"])
    assert state_of(folder, ["a", "b"]) == before
    assert state_of(folder, ["b", "a"]) != before
    assert state_of(folder, ["a"]) != before


@pytest.mark.parametrize("change", [lambda path: path.write_text("longer"), lambda path: os.utime(path, ns=(0, 2 * 10**9))])
def test_a_changed_file_changes_the_state(folder, change):
    before = state_of(folder, ["a", "b"])
    change(folder / "b")
    assert state_of(folder, ["a", "b"]) != before


def test_missing_files_are_counted_and_the_first_ten_named(folder):
    names = ["a", *(f"missing-{number:02}" for number in range(12))]
    with pytest.raises(DataError, match=r"12 of 13 files are missing in .*: missing-00, .*, missing-09 and 2 more"):
        state_of(folder, names)


def test_paths_below_the_folder_become_relative_to_it(folder):
    assert within(folder, ["a", "./c/../b", str(folder / "a")]) == ["a", "b", "a"]


@pytest.mark.parametrize("path", ["../a", "x/../../a", "/etc/hostname", ".."])
def test_a_path_out_of_the_folder_is_refused(folder, path):
    with pytest.raises(DataError, match=r"paths that lead out of .* \(1\): "):
        within(folder, ["a", path])


def test_a_link_inside_the_folder_may_lead_elsewhere(folder, tmp_path_factory):
    (folder / "link").symlink_to(tmp_path_factory.mktemp("elsewhere"))
    assert within(folder, ["link/a.jpg"]) == ["link/a.jpg"]
