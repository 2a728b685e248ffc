"""A search's data as MLflow knows datasets."""

from __future__ import annotations

import hashlib
import json

from mlflow.entities import Dataset, DatasetInput, InputTag

from fairtune.spec import PlugIn


def dataset_input(dataset: PlugIn) -> DatasetInput:
    """Name, content and options of a dataset; no path, which says nothing elsewhere."""
    options = json.dumps(dataset.options, sort_keys=True)
    content = hashlib.sha256(f"{dataset.digest}\n{options}".encode()).hexdigest()[:16]
    found = Dataset(
        name=dataset.name,
        digest=content,
        source_type="fairtune",
        source=json.dumps({"dataset": dataset.name, "options": dataset.options, "digest": dataset.digest}),
        schema=None,
        profile=options,
    )
    return DatasetInput(found, [InputTag("mlflow.data.context", "training")])
