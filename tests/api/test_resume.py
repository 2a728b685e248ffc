import io

import pytest
from rich.console import Console

from fairtune.api.search import resume
from fairtune.errors import InvalidInput
from tests.search_helpers import Session, small_search


def test_fewer_trials_than_have_begun_are_refused_and_the_run_stays_as_it_was(tmp_path):
    session = Session(*small_search(tmp_path, trials=3)).run()
    before = session.folder.spec.read_bytes(), session.study.choice
    with pytest.raises(InvalidInput, match="--trials 2: the search has begun 3 trials already: give at least as many"):
        resume(session.folder.path, Console(file=io.StringIO()), more={"trials": 2})
    assert (session.folder.spec.read_bytes(), session.study.choice) == before
