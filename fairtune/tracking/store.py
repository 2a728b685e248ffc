"""MLflow's store as a search writes to it: in batches, and never so that a search stops when nothing can be written."""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence

from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from fairtune.addresses import shown, without_secrets
from fairtune.spec import Epoch

_PAUSE_S = 30.0
"""How long nothing is written after a write has failed."""
_BATCH = 1000
"""Metrics that MLflow takes at once."""


class Store:
    """Where a search is mirrored.

    Args:
        uri: its address.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._warned = False
        self._try_again_at = 0.0
        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow").setLevel(logging.WARNING)
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # every try of what safely says once
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # a traceback of what safely says in a sentence
        self.client = MlflowClient(tracking_uri=uri)

    def safely(self, write: Callable[[], object], *, whatever_failed_before: bool = False) -> bool:
        """Write, unless a write has just failed: each costs seconds while a server is away. Returns whether it was written."""
        if time.monotonic() < self._try_again_at and not whatever_failed_before:
            return False
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                write()
        except MlflowException as error:
            self._try_again_at = time.monotonic() + _PAUSE_S
            if not self._warned:
                reason = without_secrets(str(error), self.uri)
                logging.getLogger(__name__).warning(f"MLflow at {shown(self.uri)} does not take the search's records: {reason}")
            self._warned = True
            return False
        return True

    def write_epochs(self, run_id: str, epochs: Sequence[Epoch]) -> None:
        """The numbers of some epochs of a training."""
        now = _now()
        self._write(
            run_id,
            [
                Metric(name.replace(".", "/"), float(value), now, epoch.number)
                for epoch in epochs
                # MLflow's comparison of runs draws the first one kept: a score, not the number of the epoch.
                for name, value in sorted(epoch.metrics.items(), key=lambda one: not one[0].startswith("val."))
            ],
        )

    def write_metrics(self, run_id: str, values: Mapping[str, float], step: int) -> None:
        """Some numbers, those that are not defined left out."""
        now = _now()
        self._write(run_id, [Metric(name, float(value), now, step) for name, value in values.items() if math.isfinite(value)])

    def _write(self, run_id: str, metrics: list[Metric]) -> None:
        for start in range(0, len(metrics), _BATCH):
            self.client.log_batch(run_id, metrics=metrics[start : start + _BATCH])


def _now() -> int:
    return int(time.time() * 1000)
