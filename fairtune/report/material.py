"""What a page is made of: the summary, and what of the study's results is drawn beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fairtune.records import GroupCounts
from fairtune.report.samples import Samples, look_at
from fairtune.spec import Place, SearchSpec, TrialResult
from fairtune.study.folders import RunFolder
from fairtune.study.importance import importance
from fairtune.study.origin import Origin, read_origins
from fairtune.study.retrained import retrained
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Summary


@dataclass(frozen=True)
class Material:
    """All that a page shows.

    Attributes:
        summary: of the search.
        baseline: the baseline's training.
        chosen: that of the chosen trial; None if none is chosen.
        finals: retrainings that completed, by role.
        importance: by method and score, the share of each hyperparameter; empty for a method of which too few trials tell.
        samples: the data, where they are at hand.
        origins: where and with what each session of the search ran.
        request: the text that ``fairtune search`` takes back; empty in runs without.
    """

    summary: Summary
    baseline: TrialResult
    chosen: TrialResult | None = None
    finals: Mapping[str, Sequence[TrialResult]] = field(default_factory=dict)
    importance: Mapping[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    samples: Samples | None = None
    origins: Sequence[Origin] = ()
    request: str = ""

    def tested(self, role: str) -> list[GroupCounts]:
        """The group counts on the test split of a role's retrainings."""
        return [result.test_counts for result in self.finals.get(role, ()) if result.test_counts is not None]


def gather(spec: SearchSpec, place: Place, study: SearchStudy, summary: Summary) -> Material:
    """What there is of a search that has its baseline."""
    assert study.baseline is not None
    folder = RunFolder.of(place)
    return Material(
        summary,
        study.baseline.result,
        None if summary.chosen is None else study.result(summary.chosen.number),
        _finals(spec, study, summary),
        _importance(spec, study, summary),
        look_at(spec, place),
        read_origins(folder.origins),
        folder.request.read_text(encoding="utf-8") if folder.request.is_file() else "",
    )


def _finals(spec: SearchSpec, study: SearchStudy, summary: Summary) -> dict[str, list[TrialResult]]:
    settings = {"baseline": summary.baseline.id}
    if summary.chosen is not None:
        settings["chosen"] = summary.trials[summary.chosen.number].id or ""
    found = retrained(spec, study)
    return {
        role: [one.result for one in found.get(setting, {}).values() if one.result.state == "complete"]
        for role, setting in settings.items()
    }


def _importance(spec: SearchSpec, study: SearchStudy, summary: Summary) -> dict[str, dict[str, dict[str, float]]]:
    told = {}
    for method, space in spec.spaces.items():
        records = [record for record in study.records() if record.method == method]
        shares = {score: importance(records, space, score) for score in summary.objectives}
        told[method] = {score: found for score, found in shares.items() if found is not None}
    return told
