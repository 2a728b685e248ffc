"""What earlier runs have trained, taken over instead of trained again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from fairtune.errors import FairtuneError
from fairtune.spec import SearchSpec, TrialResult
from fairtune.study.earlier import EarlierRun
from fairtune.study.jobs import Job

_log = logging.getLogger(__name__)


class Earlier:
    """The trainings of earlier runs.

    Args:
        spec: the search that may take them over.
        folders: of the runs; one that is gone is warned of, and its settings are trained as others are.
    """

    def __init__(self, spec: SearchSpec, folders: Sequence[str]) -> None:
        self._known: dict[str, tuple[EarlierRun, int]] = {}
        for folder in folders:
            try:
                run = EarlierRun(Path(folder))
            except FairtuneError as error:
                _log.warning(
                    f"the run {folder} that the search began with cannot be read, so its settings are trained again: {error}"
                )
                continue
            for record in run.trained(spec):
                if record.result is not None:
                    self._known.setdefault(record.result.id, (run, record.number))

    def take_over(self, job: Job) -> TrialResult | None:
        """The result of a trial that an earlier run has trained, its files now this job's too; None if none has.

        Nor where the counts of a complete one are damaged: searches rank trials by what they tell.
        """
        run, number = self._known.get(job.spec.id, (None, 0))
        result = None if run is None else run.result(number)
        if run is None or result is None or (result.state == "complete" and result.val_counts is None):
            return None
        if result.state == "complete":
            source = run.folder(number)
            job.folder.keep_copied(source.weights if source.has_weights() else None, result)
        return result
