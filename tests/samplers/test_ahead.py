"""Settings are looked for while trials run, where the sampler is slow."""

import itertools
import time
from pathlib import Path

import pytest

from fairtune.samplers import Ahead, Outcome, Proposals, _ahead
from fairtune.space import Options, Real, Space
from fairtune.spec import SearchSpec
from tests.samplers.outside import Slow
from tests.search_helpers import Session, small_search, train

SLOW = "tests.samplers.outside:Slow"


@pytest.fixture(autouse=True)
def _every_sampler_is_slow(monkeypatch):
    monkeypatch.setattr(_ahead, "_SLOW_S", 0)
    Slow.begin()
    yield
    Slow.let.set()


def search(**spaces: Space) -> SearchSpec:
    spec = small_search(Path("unused"), sampler=SLOW)[0]
    return spec.model_copy(update={"spaces": spaces or {"mfd": Space(search={"mfd.weight": Real(low=0, high=1)})}})


def ahead_of(spec: SearchSpec) -> Ahead:
    return Ahead(Proposals(spec, ["maximize", "minimize"]))


COMPLETE = Outcome("complete", [0.9, 0.1])


def finished(ahead: Ahead) -> None:
    """Wait until nothing is in the making."""
    deadline = time.monotonic() + 60
    while ahead.is_making and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not ahead.is_making


def test_a_proposal_made_ahead_is_there_when_it_is_asked_for():
    ahead = ahead_of(search())
    ahead.propose(0)
    Slow.let.clear()
    ahead.prepare(1, at_most=2)
    assert ahead.is_making
    Slow.let.set()
    finished(ahead)
    Slow.let.clear()
    proposal = ahead.propose(1)
    assert proposal is not None
    assert proposal.values == both(2)[1]


def both(count: int) -> list[dict[str, object]]:
    """What is proposed without looking ahead, to a sampler that does not learn."""
    Slow.let.set()
    proposals = Proposals(search(), ["maximize", "minimize"])
    return [dict(proposal.values) for number in range(count) if (proposal := proposals.propose(number)) is not None]


def while_it_makes_the_third(at_most):
    """After two proposals, as long as the sampler is at work on the next."""
    ahead = ahead_of(search())
    for number in range(2):
        ahead.propose(number)
    Slow.let.clear()
    Slow.at_work.clear()
    ahead.prepare(2, at_most=at_most)
    assert Slow.at_work.wait(60)
    return ahead


def test_one_that_is_being_made_is_waited_for_and_not_made_twice():
    ahead = ahead_of(search())
    ahead.propose(0)
    ahead.prepare(1, at_most=1)
    assert [ahead.propose(1).values, ahead.propose(2).values] == both(3)[1:]
    assert len(Slow.knew) == 3 + 3


def test_what_ends_meanwhile_is_told_before_the_next_is_made():
    ahead = while_it_makes_the_third(at_most=2)
    ahead.tell(0, "mfd", COMPLETE)  # does not wait for the sampler
    assert ahead.is_making
    Slow.let.set()
    finished(ahead)
    ahead.prepare(2, at_most=2)
    assert [ahead.propose(number) is not None for number in (2, 3)] == [True, True]
    assert Slow.knew == [0, 0, 0, 1]


def test_a_stopped_trial_that_is_taken_up_meanwhile_runs_again():
    ahead = while_it_makes_the_third(at_most=1)
    ahead.tell(0, "mfd", Outcome("pruned"))
    ahead.take_up(0, "mfd")
    ahead.tell(0, "mfd", COMPLETE)
    Slow.let.set()
    finished(ahead)
    ahead.propose(2)
    ahead.propose(3)
    assert Slow.knew == [0, 0, 0, 1]


def test_no_more_are_made_than_may_be_ready():
    ahead = ahead_of(search())
    ahead.propose(0)
    for _ in range(5):
        ahead.prepare(1, at_most=2)
        finished(ahead)
        time.sleep(0.05)
    assert len(Slow.knew) == 3


def test_a_quick_sampler_is_asked_when_all_is_known(monkeypatch):
    monkeypatch.setattr(_ahead, "_SLOW_S", 60)
    ahead = ahead_of(search())
    ahead.propose(0)
    ahead.prepare(1, at_most=2)
    assert not ahead.is_making
    ahead.tell(0, "mfd", COMPLETE)
    ahead.propose(1)
    assert Slow.knew == [0, 1]


def test_the_end_of_a_finite_space_is_found_ahead_too():
    ahead = ahead_of(search(mfd=Space(search={"mfd.weight": Options(values=(1.0, 3.0))})))
    found = []
    for number in range(4):
        found.append(ahead.propose(number))
        ahead.prepare(number + 1, at_most=2)
    assert [proposal is None for proposal in found] == [False, False, True, True]
    assert {proposal.values["mfd.weight"] for proposal in found[:2]} == {1.0, 3.0}


def test_what_goes_wrong_ahead_is_raised_where_it_is_asked_for():
    ahead = ahead_of(search())
    ahead.propose(0)
    Slow.fails = True
    ahead.prepare(1, at_most=1)
    with pytest.raises(RuntimeError, match="out of luck"):
        ahead.propose(1)


@pytest.mark.usefixtures("trained_once")
class TestSearches:
    def test_the_search_goes_on_while_the_sampler_is_at_work(self, tmp_path):
        session = Session(*small_search(tmp_path, sampler=SLOW, trials=5)).run(1)
        jobs = [session.next_job() for _ in range(2)]
        Slow.let.clear()
        Slow.at_work.clear()
        session.plan.tick()
        assert Slow.at_work.wait(60)
        assert session.plan.next() == "wait"
        session.plan.finish(jobs[0], train(jobs[0], session.plan))
        assert session.plan.next() == "wait"
        assert len(session.trials) == 2, "what is made ahead is no trial yet"
        Slow.let.set()
        deadline = time.monotonic() + 60
        while session.plan.next() == "wait":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert len(session.trials) == 3

    def test_it_is_waited_for_where_nothing_else_runs(self, tmp_path):
        session = Session(*small_search(tmp_path, sampler=SLOW, trials=3)).run(1)
        jobs = [session.next_job() for _ in range(2)]
        session.plan.tick()
        for job in jobs:
            session.plan.finish(job, train(job, session.plan))
        assert session.run().plan.complete
        assert len(session.trials) == 3

    def test_no_more_trials_are_looked_for_than_there_may_be(self, tmp_path):
        session = Session(*small_search(tmp_path, sampler=SLOW, trials=2)).run(1)
        for _ in range(2):
            session.next_job()
        before = len(Slow.knew)
        session.plan.tick()
        assert not session.study.is_asking
        assert len(Slow.knew) == before

    def test_one_trial_at_a_time_knows_what_came_of_the_one_before(self, tmp_path):
        """So an interrupted search tries what an undisturbed one does."""
        session = Session(*small_search(tmp_path, sampler=SLOW, trials=4)).run(1)
        for _ in range(4):
            job = session.next_job()
            session.plan.tick()
            session.plan.finish(job, train(job, session.plan))
        assert [known for known, _ in itertools.groupby(Slow.knew)] == [1, 2, 3], "the first is a point"
