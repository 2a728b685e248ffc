"""A rule applied to a search that has been run."""

from __future__ import annotations

from collections.abc import Sequence

from fairtune.errors import InvalidInput
from fairtune.rules import Rule, View, check_classes, objectives_of
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Summary
from fairtune.study.verdict import advice, none_complete, none_feasible


def chosen_by(select: str, study: SearchStudy, summary: Summary) -> View | None:
    """What a rule chooses among the trials of a search; None if no trial is feasible.

    Args:
        select: the rule's name.
        study: the record of the search.
        summary: its outcome so far.

    Raises:
        InvalidInput: no trial has completed, there is no such rule, it judges by a score that the search did not record, or by
            bounds and the counts that these take are damaged of every trial.
    """
    scores = objectives_of(select)
    _check_any(study, summary)
    check_classes(select, len(summary.classes) or 2)
    rule, views = seen_by(select, study)
    _check_recorded(select, scores, views, summary)
    _check_kept(select, rule, views, summary)
    return rule.choose(views)


def seen_by(select: str, study: SearchStudy) -> tuple[Rule, list[View]]:
    """A rule, that of the search with its options, and the complete trials of the search as it sees them (see ``views_for``)."""
    if select == study.spec.select:
        return study.rule, study.views()
    rule = Rule.load(select).build()
    return rule, study.views_for(rule)


def why_none(select: str, study: SearchStudy, summary: Summary) -> str:
    """Why a rule chooses none of the trials of a search, where :func:`chosen_by` has found none; without a full stop."""
    return none_feasible(*seen_by(select, study), summary)


def _check_any(study: SearchStudy, summary: Summary) -> None:
    if not study.views():
        raise InvalidInput(f"the search {summary.name} has nothing to choose from: {none_complete(summary)}; {advice(summary)}")


def _check_recorded(select: str, scores: Sequence[str], views: Sequence[View], summary: Summary) -> None:
    lacking = [name for name in scores if any(name not in view.val for view in views)]
    if lacking:
        raise InvalidInput(
            f"the rule {select} judges by {', '.join(lacking)}, which the search {summary.name} did not record: begin another with "
            f"fairtune search {RunFolder.of(summary.place).request} --select {select}"
        )


def _check_kept(select: str, rule: Rule, views: Sequence[View], summary: Summary) -> None:
    if not views:
        raise InvalidInput(
            f"the rule {select} judges by {', '.join(rule.bounds)}, and the counts that these take are damaged of every trial of "
            f"the search {summary.name}: choose another rule"
        )
