"""A real search of which one trial hangs."""

import pytest

from fairtune.search.run import run_search
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from fairtune.training.watchdog import hung, watched
from tests.search_helpers import small_search

METHOD = "tests.search.troubled:Hanging"


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::ResourceWarning:ray", "ignore::DeprecationWarning:ray", "ignore::FutureWarning:ray")
def test_a_trial_that_hangs_is_ended_with_its_reason_and_the_search_goes_on(tmp_path):
    file = tmp_path / "points.yaml"
    file.write_text("{points: [{weight: 2}, {weight: 1}]}")
    spec, place = small_search(tmp_path, method=METHOD, space=str(file), trials=2, max_concurrent=1, trial_timeout="20s")
    RunFolder.of(place).save(spec, place)
    study = SearchStudy(RunFolder.of(place).study, spec)
    run_search(spec, place, study)
    hanging, well = study.records()
    assert (hanging.state, well.state) == ("failed", "complete")
    assert hanging.result.error.startswith("it hung: no epoch ended within 20 s (--trial-timeout). It was here:\n")
    assert "troubled.py" in hanging.result.error
    assert study.complete
    assert not list(tmp_path.rglob("hung.txt"))


def test_what_gives_signs_of_life_or_has_no_limit_goes_on(tmp_path):
    note = tmp_path / "trial" / "hung.txt"
    for limit in (60.0, None):
        with watched(note, limit) as alive:
            alive()
        assert hung(note, limit) is None
        assert not note.exists()


def test_a_process_that_was_killed_for_another_reason_did_not_hang(tmp_path):
    note = tmp_path / "hung.txt"
    note.touch()
    assert hung(note, 60.0) is None
