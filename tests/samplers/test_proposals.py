"""Every sampler on every kind of space: each trial of a budget is a setting of its own, whatever runs at a time, resumed or not."""

import logging
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Literal

import pytest

from fairtune.plugins import names
from fairtune.samplers import Outcome, Proposals, Sampler
from fairtune.samplers._proposals import Proposal
from fairtune.space import Integer, Options, Real, Space, Value, parse_domain
from fairtune.spec import Direction, SearchSpec, TrialSpec
from fairtune.study.study import trials_to_run
from tests.search_helpers import small_search

SAMPLERS = names("sampler")
WEIGHTS = Options(values=(0.3, 1.0, 3.0, 10.0, 30.0))
FINITE = Space(search={"mfd.weight": WEIGHTS})
MIXED = Space(
    search={"hkd.weight": Real(low=0.4, high=40, log=True), "hkd.temperature": Options(values=(1.0, 3.0))},
    points=({"hkd.weight": 4.0}, {"hkd.weight": 4.0, "hkd.temperature": 1.0}, {"hkd.temperature": 3.0}),
)
WHOLE = Space(search={"mfd.weight": Integer(low=1, high=3), "mfd.kernel": Options(values=("rbf", "poly"))})
INFINITE = Space(search={"mfd.weight": Real(low=0.1, high=30, log=True)}, points=({"mfd.weight": 3.0},))
FEW_FLOATS = Space(search={"mfd.weight": Real(low=1, high=1 + 2**-51)})
SPACES = {
    "finite": {"mfd": FINITE},
    "finite of several dimensions": {"mfd": WHOLE},
    "mixed": {"hkd": MIXED},
    "infinite": {"mfd": INFINITE},
    "fewer floats than trials": {"mfd": FEW_FLOATS},
    "finite of several methods": {"ss": Space(), "mfd": FINITE},
    "several methods": {"ss": Space(), "mfd": INFINITE, "hkd": MIXED, "scratch": Space()},
}
FITTING = [
    (sampler, space)
    for sampler in SAMPLERS
    for space, spaces in SPACES.items()
    if not (Sampler.load(sampler).finite_only and any(math.isinf(part.size) for part in spaces.values()))
    and not (Sampler.load(sampler).finite_only and space == "fewer floats than trials")
]
"""Every sampler on every space that it can search."""
SETTINGS = {"finite": 5, "finite of several dimensions": 6, "fewer floats than trials": 3, "finite of several methods": 6}
BUDGET = 9
DIRECTIONS: list[Direction] = ["maximize", "minimize"]


@cache
def base() -> SearchSpec:
    return small_search(Path("unused"))[0]


def search_spec(space: str, sampler: str, **changes: object) -> SearchSpec:
    return base().model_copy(update={"spaces": SPACES[space], "sampler": sampler, "trials": BUDGET, **changes})


class Run:
    """A search that trains nothing, its trials kept in memory as a study keeps them; scores depend on the setting alone."""

    def __init__(self, spec: SearchSpec) -> None:
        self.spec = spec
        self.objectives = 1 + Sampler.load(spec.sampler).several_objectives
        self.trials: list[Proposal] = []
        self.outcomes: dict[int, Outcome] = {}
        self.open()

    def open(self) -> None:
        """Go on in a new process."""
        self.proposals = Proposals(self.spec, DIRECTIONS[: self.objectives])
        for number, proposal in enumerate(self.trials):
            self.proposals.remember(number, proposal)
            if number in self.outcomes:
                self.proposals.tell(number, proposal.method, self.outcomes[number])

    def ask(self) -> Proposal | None:
        proposal = self.proposals.propose(len(self.trials))
        if proposal is not None:
            self.trials.append(proposal)
        return proposal

    def tell(self, number: int) -> None:
        states: list[Literal["complete", "failed", "pruned"]] = ["complete", "complete", "failed", "complete", "pruned"]
        state = states[number % 5]
        accuracy = int(self.trained(number).id, 16) % 1000 / 1000
        self.outcomes[number] = Outcome(
            state, [accuracy, accuracy / 2][: self.objectives] if state == "complete" else (), 0.5 - accuracy
        )
        self.proposals.tell(number, self.trials[number].method, self.outcomes[number])

    def tell_all(self) -> None:
        for number in range(len(self.trials)):
            if number not in self.outcomes:
                self.tell(number)

    def trained(self, number: int) -> TrialSpec:
        proposal = self.trials[number]
        return self.spec.trial(proposal.method, proposal.values, needs_baseline=False)

    def go(self, trials: int, at_a_time: float = 1) -> None:
        """Ask for so many trials while there are any, each told when that many are under way."""
        for _ in range(min(trials, trials_to_run(self.spec) - len(self.trials))):
            if self.ask() is None:
                break
            if len(self.trials) - len(self.outcomes) == at_a_time:
                self.tell(len(self.outcomes))

    def check(self, settings: int) -> None:
        assert len(self.trials) == settings
        assert len({self.trained(number).id for number in range(settings)}) == settings
        assert all(set(trial.values) == set(self.spec.spaces[trial.method].search) for trial in self.trials)


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What Optuna would tell the user."""
    found = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler = Handler(logging.WARNING)
    logging.getLogger("optuna").addHandler(handler)
    yield found
    logging.getLogger("optuna").removeHandler(handler)


@pytest.mark.parametrize(("sampler", "space"), FITTING)
def test_every_trial_of_the_budget_is_a_new_setting(sampler, space, complaints):
    run = Run(search_spec(space, sampler))
    run.go(BUDGET, at_a_time=2)
    run.check(SETTINGS.get(space, BUDGET))
    if space in SETTINGS:
        assert run.ask() is None
    assert complaints == []


@pytest.mark.parametrize(("sampler", "space"), FITTING)
def test_also_if_all_are_under_way_at_once(sampler, space):
    run = Run(search_spec(space, sampler))
    run.go(BUDGET, at_a_time=math.inf)
    run.check(SETTINGS.get(space, BUDGET))


@pytest.mark.parametrize(("sampler", "space"), FITTING)
def test_also_over_sessions_that_are_killed(sampler, space):
    run = Run(search_spec(space, sampler))
    for _ in range(BUDGET):
        run.go(2, at_a_time=2)
        run.open()
        run.tell_all()
    run.check(SETTINGS.get(space, BUDGET))


@pytest.mark.parametrize(("sampler", "space"), FITTING)
def test_seed_number_and_outcomes_decide_what_is_proposed_whatever_the_sessions(sampler, space):
    for at_a_time in (1, 3):
        undisturbed = trace(sampler, space, at_a_time, [BUDGET])
        assert trace(sampler, space, at_a_time, [6, 3]) == undisturbed
        assert trace(sampler, space, at_a_time, [1] * BUDGET) == undisturbed
    if space not in SETTINGS:
        assert trace(sampler, space, 1, [BUDGET], seed=1) != undisturbed


def trace(sampler: str, space: str, at_a_time: float, sessions: list[int], **changes: object) -> list[tuple[str, dict[str, Value]]]:
    """Method and values of every trial."""
    run = Run(search_spec(space, sampler, **changes))
    for trials in sessions:
        run.go(trials, at_a_time)
        run.open()
    return [(trial.method, trial.values) for trial in run.trials]


REAL = [sampler for sampler in SAMPLERS if not Sampler.load(sampler).finite_only]


@pytest.mark.parametrize("sampler", REAL)
def test_points_come_first_each_once_and_are_filled_by_the_sampler(sampler):
    run = Run(search_spec("mixed", sampler))
    for _ in range(4):
        run.ask()
        run.open()
    tried = [trial.point for trial in run.trials if trial.point is not None]
    assert tried in ([0, 1, 2], [0, 2]), "the sampler may fill the first point to equal the second"
    for trial, point in zip(run.trials, tried, strict=False):
        assert MIXED.points[point].items() <= trial.values.items()
    assert any(MIXED.points[1] == trial.values for trial in run.trials)


@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("sampler", REAL)
def test_every_method_of_a_list_is_tried_and_one_without_hyperparameters_once(sampler, joint):
    run = Run(search_spec("several methods", sampler, trials=14, joint=joint))
    run.go(14)
    run.check(14)
    methods = [trial.method for trial in run.trials]
    assert set(methods[:6]) == {"ss", "mfd", "hkd", "scratch"}
    assert (methods.count("ss"), methods.count("scratch")) == (1, 1)


def test_a_space_of_many_settings_is_searched_to_its_end():
    spaces = {"mfd": Space(search={"mfd.weight": Integer(low=1, high=60), "mfd.kernel": Options(values=("rbf", "poly"))})}
    run = Run(base().model_copy(update={"spaces": spaces, "sampler": "random", "trials": 200}))
    run.go(200, at_a_time=math.inf)
    run.check(120)


@pytest.mark.parametrize("sampler", ["nsga2", "nsga3"])
def test_generations_go_on_when_resumed(sampler):
    run = Run(search_spec("infinite", sampler, trials=40))
    run.go(20)
    before = max(generations(run.trials))
    run.open()
    run.go(1)
    assert before >= 1
    assert generations(run.trials[-1:]) in ([before], [before + 1])


@pytest.mark.parametrize("sampler", ["nsga2", "nsga3", "cmaes"])
def test_many_generations_are_the_same_however_often_they_are_interrupted(sampler):
    """A session begun in the midst of a generation selects its parents anew."""
    undisturbed = trace(sampler, "mixed", 1, [60], trials=60)
    assert trace(sampler, "mixed", 1, [13, 5, 16, 3, 15, 2, 1, 5], trials=60) == undisturbed


def generations(trials: list[Proposal]) -> list[int]:
    return [int(str(mark)) for trial in trials for name, mark in trial.marks.items() if name.endswith(":generation")]


def test_each_method_has_as_many_trials_unless_the_search_is_joint():
    spaces = {"mfd": INFINITE, "hkd": MIXED, "ad": Space(search={"ad.weight": Real(low=1, high=9)})}
    spec = base().model_copy(update={"spaces": spaces, "sampler": "random", "trials": 15})
    shares = []
    for joint in (False, True):
        run = Run(spec.model_copy(update={"joint": joint}))
        run.go(15)
        methods = [trial.method for trial in run.trials]
        assert methods[:3] == ["mfd", "hkd", "ad"], "the first point of each method before the second of any"
        shares.append(sorted(map(methods.count, spaces)))
    assert shares[0] == [5, 5, 5] != shares[1]


def test_what_earlier_runs_have_trained_is_of_no_methods_share():
    known = tuple({"mfd.weight": float(weight)} for weight in range(1, 7))
    spaces = {"mfd": INFINITE.model_copy(update={"points": known}), "hkd": MIXED.model_copy(update={"points": ()})}
    run = Run(base().model_copy(update={"spaces": spaces, "sampler": "random", "trials": 16}))
    for number in range(16):
        proposal = run.ask()
        if proposal.values in known:
            run.outcomes[number] = Outcome("complete", [0.9, 0.1], taken_over=True)
            run.proposals.tell(number, proposal.method, run.outcomes[number])
        else:
            run.tell(number)
        if number == 9:
            run.open()
    own = [trial.method for trial in run.trials if trial.values not in known]
    assert {method: own.count(method) for method in spaces} == {"mfd": 5, "hkd": 5}


def test_what_a_method_of_few_settings_leaves_the_others_have():
    run = Run(search_spec("several methods", "random", trials=14))
    run.go(14)
    counts = {method: [trial.method for trial in run.trials].count(method) for method in run.spec.spaces}
    assert counts == {"ss": 1, "mfd": 6, "hkd": 6, "scratch": 1}


def test_a_grid_is_walked_through_evenly():
    kernels, weights = ("a", "b", "c", "d"), tuple(float(weight) for weight in range(25))
    space = Space(search={"mfd.kernel": Options(values=kernels), "mfd.weight": Options(values=weights)})
    for seed in range(5):
        run = Run(base().model_copy(update={"spaces": {"mfd": space}, "sampler": "grid", "trials": 100, "seed": seed}))
        run.go(20)
        assert {trial.values["mfd.kernel"] for trial in run.trials} == set(kernels)
        assert {int(float(trial.values["mfd.weight"]) // 5) for trial in run.trials} == set(range(5))
        run.go(80)
        run.check(100)


@pytest.mark.parametrize("trials", [5, 60])
def test_points_of_a_grid_are_not_tried_twice(trials):
    space = FINITE.model_copy(update={"points": ({"mfd.weight": 3.0}, {"mfd.weight": 0.3})})
    run = Run(base().model_copy(update={"spaces": {"mfd": space}, "sampler": "grid", "trials": trials}))
    run.go(trials)
    run.check(5)
    assert [trial.values["mfd.weight"] for trial in run.trials[:2]] == [3.0, 0.3]


def test_an_option_given_twice_is_one_option():
    legal = Real(low=0)
    assert parse_domain("1,1.0,3", legal) == Options(values=(1.0, 3.0))
    assert parse_domain(["rbf", "RBF"], Options(values=("rbf", "poly"))) == Options(values=("rbf",))


@pytest.mark.parametrize(
    ("domain", "values"),
    [
        (Options(values=("a", "b", "c")), ["a", "b", "c"]),
        (Integer(low=4, high=6), [4, 5, 6]),
        (Real(low=1, high=4), [1.5, 2.5, 3.5]),
        (Real(low=1, high=64, log=True), [2, 8, 32]),
    ],
)
def test_a_share_of_the_way_through_a_domain_is_a_value_of_it(domain, values):
    drawn = [domain.at(share / 6) for share in (1, 3, 5)]
    assert drawn == (values if isinstance(domain, Options) else pytest.approx(values))
