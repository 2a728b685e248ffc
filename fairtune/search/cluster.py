"""The Ray cluster a search runs on: one started here, or one that is there already."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from fairtune.errors import InvalidInput
from fairtune.spec import Place

_OBJECT_STORE_BYTES = 256 * 2**20
_ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "60",
}


@contextmanager
def cluster(place: Place) -> Iterator[int]:
    """Connect to the cluster, or start one on this machine that listens on loopback only and ends with the block.

    Yields:
        How many trials can run at a time.

    Raises:
        InvalidInput: the cluster does not answer, or can never run a trial of this size.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    started = not ray.is_initialized()
    if started:
        _connect(place)
    try:
        yield _concurrency(place)
    finally:
        if started:
            ray.shutdown()


def _connect(place: Place) -> None:
    if place.address is not None:
        try:
            ray.init(address=place.address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise InvalidInput(f"no Ray cluster answers at --address {place.address}: {error}") from error
        return
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")
    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=_OBJECT_STORE_BYTES,
        _node_ip_address="127.0.0.1",
    )


def _concurrency(place: Place) -> int:
    have = ray.cluster_resources()
    fits = int(have.get("CPU", 0) // place.cpus_per_trial)
    if place.gpus_per_trial > 0:
        fits = min(fits, int(have.get("GPU", 0) // place.gpus_per_trial))
    if place.max_concurrent is not None:
        return place.max_concurrent
    if fits == 0 and place.address is None:
        raise InvalidInput(
            f"no trial fits this machine: it asks for {place.cpus_per_trial:g} CPUs and {place.gpus_per_trial:g} GPUs, "
            f"Ray sees {have.get('CPU', 0):g} and {have.get('GPU', 0):g}"
        )
    return max(1, fits)
