"""Trials that were told as pruned and go on after all."""

import pytest

from fairtune.plugins import names
from fairtune.samplers import Outcome, Sampler
from tests.samplers.test_proposals import Run, search_spec

# CMA-ES keeps its state with the trials, in the order in which they end.
SAMPLERS = [name for name in names("sampler") if not Sampler.load(name).finite_only and name != "cmaes"]


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("space", ["infinite", "several methods"])
def test_what_is_proposed_next_does_not_depend_on_whether_a_trial_had_waited(space, sampler):
    waited, straight = (Run(search_spec(space, sampler, trials=30)) for _ in range(2))
    for run in (waited, straight):
        run.go(7)
    waited.outcomes[3] = Outcome("pruned")
    waited.open()
    waited.proposals.take_up(3, waited.trials[3].method)
    waited.tell(3)
    for run in (waited, straight):
        run.go(9)
    assert waited.trials == straight.trials
