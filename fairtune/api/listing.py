"""What there is, as tables for notebooks."""

from __future__ import annotations

import pandas as pd

from fairtune import plugins


def methods() -> pd.DataFrame:
    """The training methods: what each does, by name."""
    return _table("method")


def datasets() -> pd.DataFrame:
    """The datasets: what each holds, by name."""
    return _table("dataset")


def models() -> pd.DataFrame:
    """The architectures, by name."""
    return _table("model")


def rules() -> pd.DataFrame:
    """The selection rules: what each prefers, by name."""
    return _table("rule")


def samplers() -> pd.DataFrame:
    """The samplers, which propose settings: how each does, by name."""
    return _table("sampler")


def schedulers() -> pd.DataFrame:
    """The schedulers, which stop trials early: when each does, by name."""
    return _table("scheduler")


def _table(kind: plugins.Kind) -> pd.DataFrame:
    return pd.DataFrame(plugins.listed(kind), columns=["name", "package", "what"]).set_index("name")
