"""A chosen model as MLflow loads it, with ``mlflow.pyfunc.load_model``; MLflow finds this module by its name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from fairtune.api.model import Model, load_model
from fairtune.errors import InvalidInput
from fairtune.spec import SearchSpec
from fairtune.training.folder import TrialFolder


class LoggedModel:
    """What MLflow calls.

    Args:
        model: the trained net.
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    def predict(self, data: object, params: Mapping[str, object] | None = None) -> pd.DataFrame:
        """Probabilities of some samples, a column for each class by name.

        Args:
            data: images ``(N, H, W, C)`` with whole numbers from 0 to 255, or rows of a table ``(N, F)``.
            params: none are known.
        """
        return self._model.predict(np.asarray(data)).probabilities


def _load_pyfunc(path: str) -> LoggedModel:
    """The model of a folder made by :func:`fairtune.tracking.logged.log_chosen`; MLflow knows the function by this name."""
    folder = TrialFolder(Path(path))
    search = SearchSpec.model_validate_json((folder.path / "spec.json").read_bytes())
    trained = folder.read_result()
    if trained is None:
        raise InvalidInput(f"{path} holds no model: {folder.result.name} is missing or torn")
    return LoggedModel(load_model(trained.spec, search.names, search.shape, folder, folder.path))
