"""What a search may write, told before it begins."""

from pathlib import Path

import pytest

from fairtune.api.disk import disk_of, want_of_room
from fairtune.training.data import open_data
from tests.search_helpers import Session, run_small, small_search
from tests.torn import fill, small_disk

pytestmark = pytest.mark.usefixtures("trained_once")


def said_of(spec, place):
    return want_of_room(spec, place, open_data(spec.plain(), Path(place.data)).info)


def test_a_disk_too_small_is_told_before_the_search_and_not_once_it_has_begun(tmp_path):
    with small_disk(tmp_path / "disk", 64) as disk:
        spec, place = small_search(disk, trials=100)
        assert said_of(spec, place) == []
        fill(disk)
        (said,) = said_of(spec, place)
        assert said.startswith(f"--runs {disk} has ")
        assert said.endswith("GiB of weights: it pauses when the disk is full")
    begun = Session(*small_search(tmp_path / "begun")).run(1)
    assert said_of(begun.spec, begun.place) == []


def test_what_a_search_has_kept_is_within_what_was_told(tmp_path):
    session = run_small(tmp_path, trials=3)
    kept = [file.stat().st_size for file in session.folder.path.rglob("*.safetensors")]
    told = disk_of(session.spec, max(kept), 3 * max(kept), 1)
    assert sum(kept) <= told["weights"]


@pytest.mark.parametrize(
    ("scheduler", "trials", "waiting"), [("pareto_asha", 60, 32), ("asha", 5, 5), ("none", 60, 0), ("median", 60, 0)]
)
def test_checkpoints_of_trials_that_may_wait_at_a_rung_are_told(tmp_path, scheduler, trials, waiting):
    select = "deo_m_alone" if scheduler == "asha" else "deo_m"
    spec, _ = small_search(tmp_path, epochs=20, trials=trials, scheduler=scheduler, select=select)
    assert disk_of(spec, 1, 10, 2)["checkpoints"] == 10 * (2 * 2 + waiting)


def test_what_trials_that_wait_have_kept_is_within_what_was_told(tmp_path):
    options = {"epochs": 3, "trials": 3, "scheduler": "tests.schedulers.outside:WaitsForOthers"}
    session = Session(*small_search(tmp_path, **options)).run(4)
    kept = [file.stat().st_size for file in session.folder.path.rglob("checkpoint*.pt")]
    assert len(kept) == len(session.study.waiting) == 2
    assert sum(kept) <= disk_of(session.spec, 0, max(kept), 0)["checkpoints"]
