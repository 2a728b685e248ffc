from pathlib import Path

import pytest

from fairtune.errors import InvalidInput
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.schedulers import Ladder
from fairtune.spec import Epoch, TrialResult
from tests.schedulers.outside import StopsTheFirst
from tests.search_helpers import small_search

OURS = "tests.schedulers.outside:StopsTheFirst"
OBJECTIVES = ("accuracy", "deo_m")


@pytest.fixture(scope="module")
def baseline():
    return small_search(Path("unused"))[0].baseline()


@pytest.fixture
def seen():
    StopsTheFirst.seen.clear()
    return StopsTheFirst.seen


def result(spec, epochs):
    history = tuple(Epoch(number=k, losses={"loss": 1.0}, val={"accuracy": k / 10, "deo_m": 0.5}) for k in range(1, epochs + 1))
    return TrialResult(spec=spec, state="running", history=history)


def missing(floor):
    return lambda accuracy, epoch: max(0.0, floor - accuracy)


def test_a_scheduler_is_asked_at_its_rungs_with_who_was_there(baseline, seen):
    ladder = Ladder(OURS, OBJECTIVES, epochs=5)
    verdicts = []
    for number in (0, 1):
        for epochs in range(1, 6):
            ladder.note(number, "mfd", result(baseline, epochs), lacking=missing(0.25), place=number)
            verdicts.append(ladder.verdict(number, epochs))
    assert seen == [(0, 2, []), (0, 3, []), (1, 2, [0]), (1, 3, [0])]
    assert verdicts == ["go_on", "stop", *["go_on"] * 8]


def test_all_rungs_of_a_trial_of_an_earlier_session_are_known(baseline, seen):
    ladder = Ladder(OURS, OBJECTIVES, epochs=5)
    ladder.note(0, "mfd", result(baseline, 5), lacking=missing(0.25), place=0)
    ladder.note(1, "mfd", result(baseline, 2), lacking=missing(0.25), place=1)
    assert ladder.verdict(1, 2) == "go_on"
    ladder.note(2, "mfd", result(baseline, 3), lacking=missing(0.25), place=2)
    assert ladder.verdict(2, 3) == "go_on"
    assert seen == [(1, 2, [0]), (2, 3, [0])], "trial 1 never came to epoch 3"


def test_feasible_is_who_reached_the_floor_at_the_rung(baseline):
    ladder = Ladder(OURS, OBJECTIVES, epochs=5)
    ladder.note(0, "mfd", result(baseline, 3), lacking=lambda accuracy, epoch: {2: 0.05, 3: 0.0}[epoch], place=0)
    stood = {rung: by_number[0] for rung, by_number in ladder._standings.items()}
    assert {rung: (found.rung, found.scores, found.shortfall, found.feasible) for rung, found in stood.items()} == {
        2: (0, {"accuracy": 0.2, "deo_m": 0.5, "deo_m_shrunken": 0.5}, pytest.approx(0.05), False),
        3: (1, {"accuracy": 0.3, "deo_m": 0.5, "deo_m_shrunken": 0.5}, 0.0, True),
    }


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"scheduler": "non"}, "unknown scheduler 'non': did you mean 'none'"),
        ({"scheduler": "tests.schedulers.outside:NoLadder"}, r"has the rungs \(4,\): give rising epochs from 1 to 3"),
        ({"scheduler": "fairtune.spec:SearchSpec"}, "must derive from fairtune.schedulers.Scheduler"),
        ({"scheduler": OURS, "select": "mutual_information"}, "mutual_information, which --select weighs, is measured when they"),
    ],
)
def test_one_that_cannot_judge_is_refused_before_anything_is_trained(tmp_path, options, reason):
    with pytest.raises(InvalidInput, match=reason):
        resolve(Request.read({"epochs": 4, "runs": str(tmp_path), "name": "run"} | options))


def test_a_scheduler_sees_the_estimate_of_a_gap(baseline):
    ladder = Ladder(OURS, OBJECTIVES, epochs=5)
    assert tuple(ladder._scheduler.objectives) == ("accuracy", "deo_m_shrunken")
    val = {"accuracy": 0.9, "deo_m": 0.5, "deo_m_shrunken": 0.1}
    now = TrialResult(spec=baseline, state="running", history=tuple(Epoch(number=k, val=val) for k in (1, 2)))
    for number, standing in enumerate((now, result(baseline, 2))):
        ladder.note(number, "mfd", standing, lacking=missing(0.25), place=number)
    costs = {number: standing.cost("deo_m_shrunken") for number, standing in ladder._standings[2].items()}
    assert costs == {0: 0.1, 1: 0.5}, "epochs of an earlier version have what was measured"
