"""A search from its specification to its confirmed choice, on Ray Tune."""

from __future__ import annotations

import logging
import shutil
import warnings
from collections.abc import Sequence
from functools import partial

from ray import tune

from fairtune.endings import ended_in_good_order
from fairtune.errors import FairtuneError, Interrupted
from fairtune.search.cluster import cluster
from fairtune.search.demand import Demand, demand_of
from fairtune.search.head import watched_head
from fairtune.search.packing import are_measured, packed
from fairtune.search.plan import Plan
from fairtune.search.searcher import Ending, PlanSearcher, PlanStopper, ProgressCallback
from fairtune.search.shared import Shared
from fairtune.search.trainable import TrialTrainable
from fairtune.search.watch import RayDied, WaitNotice, check_alive
from fairtune.spec import Place, SearchSpec
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import Observer
from fairtune.study.study import SearchStudy, trials_to_run


def run_search(
    spec: SearchSpec, place: Place, study: SearchStudy, observers: Sequence[Observer] = (), also: Sequence[int] = ()
) -> Place:
    """Run a search to its end, or go on with one that was cut short; of one that is over, confirm more trials.

    Args:
        spec, place, study, observers, also: as for :class:`fairtune.search.plan.Plan`.

    Returns:
        Where it ran in the end: with the share of a GPU that its first trials were found to need.

    Raises:
        Interrupted: the user stopped it; everything finished is kept.
        FairtuneError: it cannot go on.
    """
    plan = Plan(spec, place, study, observers, also)
    folder = RunFolder.of(place)
    with (
        plan,
        ended_in_good_order(plan.interrupted) as wish,
        Shared() as shared,
        cluster(place) as demand,
        watched_head(place.address, kept(folder)) as check_head,
    ):

        def may_go_on() -> None:
            if wish.granted:
                raise stopped(folder)
            check_alive()
            check_head()

        if place.packs:
            alone = demand._replace(at_a_time=1)
            _fit(plan, PlanSearcher(plan, shared, may_go_on, enough=partial(are_measured, spec, study)), alone)
            if plan.error is None:
                plan.move(packed(place, study))
                folder.save(spec, plan.place)
                demand = demand_of(plan.place)
        if plan.error is None:
            _fit(plan, PlanSearcher(plan, shared, may_go_on), demand)
    if plan.error is not None:
        raise plan.error
    if not plan.complete:
        raise FairtuneError(f"Ray ended the search before its end. Go on with: fairtune resume {folder.path}")
    shutil.rmtree(folder.scratch, ignore_errors=True)
    return plan.place


def _fit(plan: Plan, searcher: PlanSearcher, demand: Demand) -> None:
    """Let Tune run the plan's jobs until the searcher has no more."""
    folder = plan.folder
    tuner = tune.Tuner(
        tune.with_resources(TrialTrainable, dict(demand.of_each)),
        tune_config=tune.TuneConfig(
            search_alg=searcher,
            num_samples=-1,
            max_concurrent_trials=demand.at_a_time or trials_to_run(plan.spec),
            reuse_actors=True,
            trial_dirname_creator=lambda trial: str(trial.trial_id),
        ),
        run_config=tune.RunConfig(
            name=folder.scratch.name,
            storage_path=str(folder.path),
            stop=PlanStopper(searcher),
            callbacks=[
                ProgressCallback(searcher),
                Ending(searcher),
                WaitNotice(demand.of_each),
            ],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            verbose=0,
        ),
    )
    for name in ("ray.tune.execution.experiment_state", "ray.tune.tune"):  # nothing depends on that state; deaths are told here
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tuner.fit()
        except RayDied as death:
            raise FairtuneError(f"{death}; {kept(folder)}") from None


def stopped(folder: RunFolder) -> Interrupted:
    """What a search ends with that somebody stopped."""
    return Interrupted(f"stopped; {kept(folder)}")


def kept(folder: RunFolder) -> str:
    """What is left of a search that ends before its time, and what to do."""
    return f"what is finished is kept. Go on with: fairtune resume {folder.path}"
