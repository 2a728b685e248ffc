"""The jobs of one search: where each is kept, and what it is for."""

from __future__ import annotations

from fairtune.metrics import SCORES
from fairtune.records import Purpose
from fairtune.rules import objectives_of
from fairtune.spec import SearchSpec, TrialSpec
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import Job
from fairtune.study.key import JobKey, Kind


class Jobs:
    """Makes the jobs of one search.

    Args:
        spec: the search.
        run: its folder.
    """

    def __init__(self, spec: SearchSpec, run: RunFolder) -> None:
        self._spec = spec
        self.run = run

    def make(self, key: JobKey, training: TrialSpec) -> Job:
        """The job of a training."""
        return Job(key, training, self.run.job(key, training), self._purpose(key.kind, training))

    def _purpose(self, kind: Kind, training: TrialSpec) -> Purpose:
        """What a training is for: trials are probed where the rule judges by what the probe finds."""
        if kind == "final":
            plain = training == self._spec.baseline(training.seed)
            moved = {"none": False, "baseline": plain, "every": True}[self._spec.post_process]
            return Purpose.ADJUSTED if moved else Purpose.FINAL
        if kind in ("trial", "repeat") and not any(SCORES[name].source == "probe" for name in objectives_of(self._spec.select)):
            return Purpose.SEARCH
        return Purpose.PROBED
