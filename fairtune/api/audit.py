"""Every rule applied to a search that has been run, and each of their choices confirmed on the test split."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rich.console import Console

from fairtune.api.search import check_here, session
from fairtune.api.waiting import with_patience
from fairtune.errors import Interrupted, InvalidInput
from fairtune.locks import Lock
from fairtune.report.audit import sentences, tables, unable
from fairtune.report.told import Told, print_told, write_told
from fairtune.search.cluster import check_cluster
from fairtune.search.confirmation import retrainings, roles_to_confirm, settings_to_confirm
from fairtune.spec import Place, SearchSpec
from fairtune.study.audit import Audit, audit, choices_of
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.study import SearchStudy
from fairtune.study.summary import summarise


def audit_run(folder: Path, console: Console) -> Audit:
    """Apply every rule to the trials of a search, confirm their choices, print and write what is found.

    The choices are retrained on the seeds of the search's own confirmation; what has been retrained before is not repeated. Where
    no trial is feasible the test split stays sealed. Stopped, it goes on where it was when it is called again.

    Args:
        folder: of the run; ``audit.json`` and ``audit.md`` are written there.
        console: where to print.

    Raises:
        InvalidInput: the folder holds no search, it has not ended, none of its trials has completed, or it cannot run here.
        FairtuneError: it cannot go on, or the user stopped it.
    """
    spec, place = RunFolder(folder).load()
    study = SearchStudy(database_of(place), spec)
    summary = summarise(spec, place, study)
    choices = choices_of(study, summary)
    if not study.complete:
        raise InvalidInput(f"the search {place.name} has not ended: go on with fairtune resume {folder}, then audit it")
    also = sorted({choice.trial for choice in choices if choice.trial is not None})
    if _is_left(spec, study, also):
        check_here(spec, place)
        check_cluster(place)
        with Lock(RunFolder.of(place).lock, f"the run {folder}").or_refuse("wait until it has ended, or stop it there"):
            _confirm(spec, place, console, also)
        study = SearchStudy(database_of(place), spec)
    found = audit(spec, place, study)
    told = Told(f"Audit of {found.name}", [*sentences(found), *unable(found)], tables(found))
    print_told(console, told)
    for path in write_told(RunFolder.of(place).path, found, told):
        console.print(f"written  {path}", soft_wrap=True)
    return found


def _is_left(spec: SearchSpec, study: SearchStudy, also: list[int]) -> bool:
    """Whether anything is to be retrained."""
    assert study.choice is not None
    return bool(also and retrainings(spec, study, settings_to_confirm(spec, study, roles_to_confirm(study.choice, also))))


def _confirm(spec: SearchSpec, place: Place, console: Console, also: list[int]) -> None:
    try:
        with_patience(place, console, partial(session, spec, place, console, also=also))
    except (Interrupted, KeyboardInterrupt) as stop:
        folder = RunFolder.of(place).path
        raise Interrupted(f"stopped; what is finished is kept. Go on with: fairtune audit {folder}") from stop
