"""Estimates of DEO_M from group counts, among which the one that ranks settings best is looked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fairtune.metrics import deo_a, deo_m
from fairtune.records import GroupCounts

ESTIMATES: Mapping[str, Callable[[GroupCounts], float]] = {"DEO_M": deo_m, "DEO_A": deo_a}
