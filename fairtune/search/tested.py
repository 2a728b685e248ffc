"""Baselines that were trained to be tested, shared by all searches of a folder of runs, as their baselines are."""

from __future__ import annotations

from contextlib import suppress

from fairtune.errors import NoRoom
from fairtune.spec import SearchSpec, TrialResult, TrialSpec
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import Job
from fairtune.training.folder import TrialFolder, baseline_folder

_UNMOVED: dict[str, object] = {"moved": (), "immovable": None}
"""What a result has whose decisions nobody has moved."""


def share_tested(spec: SearchSpec, run: RunFolder, job: Job, result: TrialResult) -> None:
    """Leave a retrained baseline of this search for others; not where the disk does not take it.

    Of searches side by side that retrain the same one, the first to end leaves it, or the first that was to move its decisions.
    """
    if result.state == "complete" and result.taken_from is None and _is_baseline(spec, job) and job.folder.has_weights():
        shared, new = _shared(run, job), result.model_copy(update={"taken_from": f"{run.path.name}/{job.key}"})
        known = shared.read_tested()
        if known is None or (_was_to_move(new) and not _was_to_move(known)):
            with suppress(NoRoom, OSError):
                shared.keep_tested(job.folder, new)


def take_tested(spec: SearchSpec, run: RunFolder, job: Job) -> TrialResult | None:
    """What another search's retraining of the same baseline on the same seed came to, its net copied to this job's folder.

    None if there is none, or if its decisions were not moved where this search asks for it; where it does not, those that were are
    left out.
    """
    shared = _shared(run, job)
    result = shared.read_tested() if _is_baseline(spec, job) else None
    if result is None or (job.purpose.adjusts and not _was_to_move(result)):
        return None
    if not job.purpose.adjusts:
        result = result.model_copy(update=_UNMOVED)
    job.folder.keep_copied(shared.tested_weights, result)
    return result


def take_tested_teacher(run: RunFolder, spec: TrialSpec) -> bool:
    """Copy a retrained baseline, if there is one, to where teachers are, without what the test split says; whether there is.

    Args:
        run: a search's folder.
        spec: the baseline.
    """
    shared = baseline_folder(run.path.parent, spec, run.storage)
    result = shared.read_tested()
    if result is None:
        return False
    unseen = {"test": None, "test_counts": None, "test_answers": None, "taken_from": None} | _UNMOVED
    shared.keep_copied(shared.tested_weights, result.model_copy(update=unseen))
    return True


def _was_to_move(result: TrialResult) -> bool:
    return bool(result.moved) or result.immovable is not None


def _is_baseline(spec: SearchSpec, job: Job) -> bool:
    return job.spec == spec.baseline(job.spec.seed)


def _shared(run: RunFolder, job: Job) -> TrialFolder:
    return baseline_folder(run.path.parent, job.spec)
