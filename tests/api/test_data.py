import io

import pytest
from rich.console import Console

from fairtune.api.data import prepare_data
from fairtune.api.inspection import inspect_data
from fairtune.datasets import prepare
from fairtune.datasets.digits import Digits
from fairtune.errors import DataError, InvalidInput
from fairtune.request.options import DataRequest
from tests.datasets.files import make_cifar10, make_utkface


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=140, highlight=False, markup=False)


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))


def printed(console):
    return console.file.getvalue()


def test_inspecting_counts_measures_and_draws(tmp_path, console):
    page = inspect_data(DataRequest.read({"dataset": "digits", "set": ["skew=0.9"]}), tmp_path / "out", console)
    text = printed(console)
    assert "validation" in text
    assert "nats" in text
    assert (
        "validation: 10 cells have fewer than 25 samples, too few to conclude from their accuracy or gaps: class 5, group red has "
        in text
    )
    assert f"drawn: {page}" in text
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["inspection.html"]


def test_the_skew_printed_follows_the_setting(tmp_path):
    shares = []
    for option in (0.5, 0.95):
        console = Console(file=io.StringIO(), width=140)
        inspect_data(DataRequest.read({"dataset": "digits", "set": [f"skew={option}"]}), tmp_path, console)
        (line,) = (line for line in printed(console).splitlines() if line.startswith("train") and "nats" in line)
        shares.append(float(line.split()[-1]))
    assert shares[0] == pytest.approx(0, abs=0.01)
    assert shares[1] == pytest.approx(0.71, abs=0.05)


@pytest.mark.usefixtures("own_cache")
def test_preparing_decodes_once_and_says_where(tmp_path, console, monkeypatch):
    make_cifar10(tmp_path, monkeypatch)
    request = DataRequest(dataset="cifar10s", data=str(tmp_path))
    folder = prepare_data(request, "error", console)
    assert f"cifar10s is ready: 14 MiB in {folder}" in printed(console)
    written = (folder / "train-x.npy").stat().st_mtime_ns
    assert prepare_data(request, "skip", console) == folder
    assert (folder / "train-x.npy").stat().st_mtime_ns == written


@pytest.mark.usefixtures("own_cache")
def test_preparing_checks_the_files_first(tmp_path, console):
    with pytest.raises(DataError, match="data_batch_1 is missing"):
        prepare_data(DataRequest(dataset="cifar10s", data=str(tmp_path)), "error", console)


@pytest.mark.parametrize(
    ("options", "policy", "message"),
    [
        ({"dataset": "digit"}, "error", "did you mean 'digits'"),
        ({"set": ["skw=1"]}, "error", "unknown setting 'skw'"),
        ({"set": ["lr=1"]}, "error", "unknown setting 'lr'"),
        ({"set": ["skew=2", "val_frac=7"]}, "error", "(?s)skew=2: .*val_frac=7: "),
        ({}, "ignore", "--on-bad-image ignore: choose error or skip"),
    ],
)
def test_faults_of_the_command_are_named(console, options, policy, message):
    with pytest.raises(InvalidInput, match=message):
        prepare_data(DataRequest.read(options), policy, console)


def test_settings_that_leave_the_pixels_share_one_cache(tmp_path, console):
    folder = prepare_data(DataRequest.read({"dataset": "digits", "set": ["skew=0.6"]}), "error", console)
    assert folder == prepare(Digits(), tmp_path)


@pytest.mark.parametrize("look", [lambda request, out, console: prepare_data(request, "error", console), inspect_data])
def test_what_is_remarkable_of_the_files_is_told(own_cache, tmp_path, monkeypatch, console, look):
    make_utkface(tmp_path, monkeypatch)
    look(DataRequest(dataset="utkface", data=str(tmp_path)), tmp_path / "out", console)
    assert "2 files left out, their names lack a field: 39_1_20170116174525125.jpg.chip.jpg" in printed(console)
