import io

import pytest
from rich.console import Console

from fairtune.api.search import resume
from fairtune.errors import FairtuneError, InvalidInput
from fairtune.study.folders import RunFolder
from fairtune.study.summary import summarise
from tests.search_helpers import Session, small_search


def test_fewer_trials_than_have_begun_are_refused_and_the_run_stays_as_it_was(tmp_path):
    session = Session(*small_search(tmp_path, trials=3)).run()
    before = session.folder.spec.read_bytes(), session.study.choice
    with pytest.raises(InvalidInput, match="--trials 2: the search has begun 3 trials already: give at least as many"):
        resume(session.folder.path, Console(file=io.StringIO()), more={"trials": 2})
    assert (session.folder.spec.read_bytes(), session.study.choice) == before


@pytest.mark.ray
def test_a_search_goes_on_elsewhere_with_more_trials_and_keeps_where_it_is(tmp_path):
    session = Session(*small_search(tmp_path, trials=2, max_concurrent=2)).run()
    RunFolder(session.folder.path).save(
        session.spec, session.place.model_copy(update={"address": "192.0.2.1:6379", "data": "/gone"})
    )
    before = {trial.number: trial.val for trial in summarise(session.spec, session.place, session.study).trials}
    data = tmp_path / "data"
    data.mkdir()
    more = {"address": "local", "data": str(data), "max_concurrent": 1, "memory_per_trial": "0.25", "trials": 3}
    summary = resume(session.folder.path, Console(file=io.StringIO()), more=more)
    assert {trial.number: trial.val for trial in summary.trials if trial.number in before} == before
    assert len(summary.trials) == len(before) + 1 == 3
    _, place = RunFolder(session.folder.path).load()
    assert (place.address, place.data, place.max_concurrent, place.memory_per_trial) == (None, str(data), 1, 0.25)


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"gpus_per_trial": "99"}, "--gpus-per-trial 99: this machine has"),
        ({"memory_per_trial": "1e9"}, "--memory-per-trial 1e.09: this machine has"),
        ({"address": "127.0.0.1:1"}, "127.0.0.1:1"),
    ],
)
def test_a_machine_that_is_not_there_is_refused_and_the_run_stays_as_it_was(tmp_path, more, fault):
    session = Session(*small_search(tmp_path, trials=1)).run()
    before = session.folder.place.read_bytes()
    with pytest.raises(FairtuneError, match=fault):
        resume(session.folder.path, Console(file=io.StringIO()), more=more | {"trials": 2})
    assert session.folder.place.read_bytes() == before
