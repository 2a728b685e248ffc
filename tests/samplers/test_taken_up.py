"""Trials that were told as pruned and go on after all."""

import pytest

from fairtune.plugins import names
from fairtune.samplers import Outcome
from tests.samplers.test_proposals import Run, search_spec


@pytest.mark.parametrize("sampler", names("sampler"))
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
