"""What goes to the test split when the trials are over: the rule's choice, the ends of the front, and the baseline."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

from fairtune.errors import FairtuneError
from fairtune.methods import compose
from fairtune.rules import ends, objectives_of
from fairtune.spec import SearchSpec, TrialSpec
from fairtune.study.choice import CHOSEN, Choice
from fairtune.study.jobs import final_seeds
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy, trials_to_run


def choose(spec: SearchSpec, study: SearchStudy, ended_by: str | None) -> Choice:
    """Let the rule choose among the complete trials, and keep what it chose.

    Args:
        spec: the search.
        study: its record.
        ended_by: the limit that ended the trials, if one did.

    Raises:
        FairtuneError: no trial completed; why.
    """
    views = study.views()
    if not views:
        raise FairtuneError(_why_nothing_completed(spec, study))
    chosen = study.rule.choose(views)
    roles = {} if chosen is None else {CHOSEN: chosen.number}
    roles |= {role: view.number for role, view in ends(views, objectives_of(spec.select)).items()}
    choice = Choice(roles, spec.limits, ended_by)
    study.keep_choice(choice)
    return choice


def roles_to_confirm(choice: Choice, also: Iterable[int] = ()) -> dict[str, int]:
    """The trials that go to the test split by role: those of the choice, and those that an audit asks for beside them."""
    named = set(choice.roles.values())
    return {**choice.roles, **{f"audit-{number}": number for number in also if number not in named}}


def settings_to_confirm(spec: SearchSpec, study: SearchStudy, roles: Mapping[str, int]) -> dict[str, TrialSpec]:
    """What is retrained in each role, every setting once; nothing, not even the baseline, where no trial is feasible."""
    if not roles:
        return {}
    specs = {"baseline": spec.baseline()}
    for role, number in roles.items():
        result = study.result(number)
        assert result is not None
        if result.spec not in specs.values():
            specs[role] = result.spec
    return specs


def retrainings(spec: SearchSpec, study: SearchStudy, settings: dict[str, TrialSpec]) -> list[tuple[JobKey, TrialSpec]]:
    """The retrainings of these settings on the final seeds that have not ended yet, all settings on one seed before the next."""
    ended = {result.spec.id for result in study.finals.values()}
    every = [(role, _on_seed(spec, setting, seed)) for seed in final_seeds(spec) for role, setting in settings.items()]
    return [(_free_key(study, role, wanted.seed), wanted) for role, wanted in every if wanted.id not in ended]


def _on_seed(spec: SearchSpec, setting: TrialSpec, seed: int) -> TrialSpec:
    """A setting on another seed; what goes on from the baseline's net goes on from that of the seed's own baseline.

    Else all its seeds would be of one net, and what differs between them would say nothing of other trainings. A teacher that is
    distilled from, or that is not the baseline, stays: as in the papers, one teaches all.
    """
    goes_on = setting.teacher == spec.baseline() and compose(setting.method, setting.values).starts_from_teacher
    return setting.model_copy(update={"seed": seed, "teacher": spec.baseline(seed) if goes_on else setting.teacher})


def _free_key(study: SearchStudy, role: str, seed: int) -> JobKey:
    """A name that no earlier retraining has: a role may have changed its setting since."""
    names = itertools.chain([role], (f"{role}-{count}" for count in itertools.count(2)))
    return next(key for key in (JobKey.final(name, seed) for name in names) if key not in study.finals)


def has_other_limits(spec: SearchSpec, study: SearchStudy, choice: Choice) -> bool:
    """Whether a search whose trials were over has other limits now, and so perhaps more trials."""
    if choice.limits is None:
        return study.own < trials_to_run(spec)
    return choice.limits != spec.limits


def _why_nothing_completed(spec: SearchSpec, study: SearchStudy) -> str:
    records = study.records()
    errors = [record.result.error for record in records if record.result is not None and record.result.error]
    if errors:
        return f"none of {len(records)} trials completed; the first failed with: {errors[0]}"
    return f"the scheduler {spec.scheduler} stopped each of {len(records)} trials: choose another --scheduler"
