"""What goes to the test split when the trials are over: the rule's choice, the ends of the front, and the baseline."""

from __future__ import annotations

from fairtune.errors import FairtuneError
from fairtune.rules import Rule, ends, objectives_of
from fairtune.spec import SearchSpec, TrialSpec
from fairtune.study.choice import CHOSEN, Choice
from fairtune.study.jobs import final_seeds
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy


def choose(spec: SearchSpec, study: SearchStudy, *, out_of_time: bool) -> Choice:
    """Let the rule choose among the complete trials, and keep what it chose.

    Args:
        spec: the search.
        study: its record.
        out_of_time: whether the time budget is spent.

    Raises:
        FairtuneError: no trial completed; why.
    """
    views = study.views()
    if not views:
        raise FairtuneError(_why_nothing_completed(spec, study, out_of_time))
    chosen = Rule.load(spec.select).build().choose(views)
    roles = {} if chosen is None else {CHOSEN: chosen.number}
    roles |= {role: view.number for role, view in ends(views, objectives_of(spec.select)).items()}
    choice = Choice(roles)
    study.keep_choice(choice)
    return choice


def settings_to_confirm(spec: SearchSpec, study: SearchStudy, choice: Choice) -> dict[str, TrialSpec]:
    """What is retrained in each role, every setting once."""
    specs = {"baseline": spec.baseline()}
    for role, number in choice.roles.items():
        result = study.result(number)
        assert result is not None
        if result.spec not in specs.values():
            specs[role] = result.spec
    return specs


def retrainings(spec: SearchSpec, study: SearchStudy, settings: dict[str, TrialSpec]) -> list[tuple[JobKey, TrialSpec]]:
    """The retrainings of these settings on the final seeds that have not ended yet."""
    every = [(JobKey.final(role, seed), setting) for role, setting in settings.items() for seed in final_seeds(spec)]
    return [(key, setting.model_copy(update={"seed": key.seed})) for key, setting in every if key not in study.finals]


def _why_nothing_completed(spec: SearchSpec, study: SearchStudy, out_of_time: bool) -> str:
    records = study.records()
    errors = [record.result.error for record in records if record.result is not None and record.result.error]
    if errors:
        return f"none of {len(records)} trials completed; the first failed with: {errors[0]}"
    if out_of_time:
        return f"the time budget ended before one of {len(records)} trials completed: raise --time-budget or lower --epochs"
    return f"the scheduler {spec.scheduler} stopped each of {len(records)} trials: choose another --scheduler"
