"""A pipeline in MLflow: a run in each dataset's experiment, above those of its searches."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from fairtune.errors import FairtuneError
from fairtune.spec import Place, SearchSpec
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.study import SearchStudy
from fairtune.tracking.naming import origin_tags
from fairtune.tracking.store import Store

_log = logging.getLogger(__name__)
PARENT = "mlflow.parentRunId"
_KIND, _NAME, _NOTE = "fairtune.kind", "fairtune.pipeline", "mlflow.note.content"


class PipelineMirror:
    """Puts the searches of a pipeline under one run; an earlier call's run of that name is taken up.

    MLflow nests runs within an experiment, and ours are one for each dataset: a pipeline on two has a run in both.

    Args:
        name: of the pipeline.
        note: what it is.
    """

    def __init__(self, name: str, note: str) -> None:
        self._name, self._note = name, note
        self._stores: dict[str, Store] = {}
        self._runs: dict[tuple[str, str], str] = {}

    def take_up(self, spec: SearchSpec, place: Place) -> None:
        """Put a search that has ended under the pipeline's run; where MLflow takes nothing or its study is lost, it warns."""
        if not RunFolder.of(place).holds_search:
            return
        try:
            mirror = SearchStudy(database_of(place), spec).mirror
        except FairtuneError as error:
            _log.warning(f"{place.name} is not put under its pipeline in MLflow: {error}")
            return
        if mirror is not None:
            store = self._stores.setdefault(place.mlflow, Store(place.mlflow))
            store.safely(lambda: self._nest(store, mirror.experiment_id, mirror.run_id))

    def finish(self, files: Sequence[Path]) -> None:
        """End the pipeline's runs, with its report as their files."""
        for (uri, _), run_id in self._runs.items():
            store = self._stores[uri]
            store.safely(partial(_end, store, run_id, files))

    def _nest(self, store: Store, experiment_id: str, run_id: str) -> None:
        key = (store.uri, experiment_id)
        if key not in self._runs:
            self._runs[key] = self._above(store, experiment_id)
        store.client.set_tag(run_id, PARENT, self._runs[key])

    def _above(self, store: Store, experiment_id: str) -> str:
        wanted = f"tags.`{_NAME}` = '{self._name}' and tags.`{_KIND}` = 'pipeline'"
        for known in store.client.search_runs([experiment_id], filter_string=wanted, max_results=1):
            store.client.update_run(known.info.run_id, status="RUNNING")
            return str(known.info.run_id)
        tags = {**origin_tags(), _KIND: "pipeline", _NAME: self._name, _NOTE: self._note}
        return str(store.client.create_run(experiment_id, run_name=self._name, tags=tags).info.run_id)


def _end(store: Store, run_id: str, files: Sequence[Path]) -> None:
    for file in files:
        store.client.log_artifact(run_id, str(file))
    store.client.set_terminated(run_id, "FINISHED")
