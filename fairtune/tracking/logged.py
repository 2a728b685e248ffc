"""The chosen model as a model of MLflow: loaded by ``mlflow.pyfunc``, with its signature and an example; registered on request."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput
from mlflow.exceptions import MlflowException

from fairtune.addresses import whole, without_secrets
from fairtune.errors import InvalidInput
from fairtune.files import digest_of
from fairtune.records import Array
from fairtune.spec import Place, SearchSpec
from fairtune.study.folders import RunFolder
from fairtune.study.mirror import Mirror
from fairtune.study.study import SearchStudy
from fairtune.tracking.moved import follow
from fairtune.training.folder import TrialFolder

_LOADER = "fairtune.api.logged"
_CONTENT = "fairtune.weights"
_NAME = "chosen"


def log_chosen(client: MlflowClient, mirror: Mirror, spec: SearchSpec, chosen: TrialFolder) -> str | None:
    """Log the chosen model beside the run of its search, unless it is there already.

    Args:
        client: of the records.
        mirror: where the search is in them.
        spec: of the search.
        chosen: folder of the model.

    Returns:
        Its id; None where its weights are not there, or a run of an earlier version does not name its classes.
    """
    if not chosen.has_weights() or not spec.classes:
        return None
    content = digest_of(chosen.weights)
    if (known := _known(client, mirror, content)) is not None:
        return known
    model = client.create_logged_model(
        mirror.experiment_id, _NAME, source_run_id=mirror.run_id, tags={_CONTENT: content}, model_type="fairtune"
    )
    with tempfile.TemporaryDirectory() as scratch:
        saved = Path(scratch) / "model"
        _pack(Path(scratch) / "data", spec, chosen)
        _save(saved, Path(scratch) / "data", spec, mirror, model.model_id)
        client.log_model_artifacts(model.model_id, str(saved))
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(mirror.run_id, [LoggedModelOutput(model.model_id, 0)])
    return str(model.model_id)


def register(spec: SearchSpec, place: Place, study: SearchStudy, name: str) -> str:
    """Make the chosen model of a search the next version of a registered model.

    Args:
        spec, place, study: of the search.
        name: of the registered model; it is made if there is none.

    Returns:
        The number of the version.

    Raises:
        InvalidInput: there is no model, or MLflow does not take it.
    """
    if study.mirror is None:
        raise InvalidInput(f"--register {name}: MLflow does not know the run yet: go on with fairtune resume {place.name}")
    if place.tracking_uri is None:
        follow(Path(place.runs) / "mlflow.db")
    client = MlflowClient(tracking_uri=whole(place.mlflow))
    try:
        model_id = log_chosen(client, study.mirror, spec, RunFolder.of(place).chosen)
        if model_id is None:
            raise InvalidInput(
                f"--register {name}: the run has no chosen model: fairtune report {RunFolder.of(place).path} says why"
            )
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name)
        source = client.get_logged_model(model_id).artifact_location
        return str(client.create_model_version(name, source, run_id=study.mirror.run_id, model_id=model_id).version)
    except MlflowException as error:
        raise InvalidInput(
            f"--register {name}: MLflow does not take the model: {without_secrets(error.message, place.mlflow)}"
        ) from error


def _known(client: MlflowClient, mirror: Mirror, content: str) -> str | None:
    found = client.search_logged_models([mirror.experiment_id], filter_string=f"source_run_id = '{mirror.run_id}'")
    return next((str(model.model_id) for model in found if model.tags.get(_CONTENT) == content and model.status == "READY"), None)


def _pack(data: Path, spec: SearchSpec, chosen: TrialFolder) -> None:
    data.mkdir()
    for file in (chosen.weights, chosen.result):
        shutil.copyfile(file, data / file.name)
    (data / "spec.json").write_text(spec.model_dump_json(), encoding="utf-8")


def _save(saved: Path, data: Path, spec: SearchSpec, mirror: Mirror, model_id: str) -> None:
    """Write the model in MLflow's form; what does so takes a second to import, and warns of its own code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mlflow import pyfunc
        from mlflow.models import Model, ModelSignature
        from mlflow.types import ColSpec, DataType, Schema, TensorSpec

        example = _example(spec)
        inputs = Schema([TensorSpec(example.dtype, (-1, *example.shape[1:]))])
        outputs = Schema([ColSpec(DataType.double, name) for name in spec.classes])
        pyfunc.save_model(
            saved,
            loader_module=_LOADER,
            data_path=str(data),
            mlflow_model=Model(run_id=mirror.run_id, model_id=model_id),
            signature=ModelSignature(inputs, outputs),
            input_example=example,
            pip_requirements=[f"fairtune=={version('fairtune')}"],
        )


def _example(spec: SearchSpec) -> Array:
    """Two samples of the right shape: a dark and a bright image, or rows of zeros."""
    if len(spec.shape) == 1:
        return np.zeros((2, *spec.shape), dtype=np.float32)
    channels, height, width = spec.shape
    return np.stack([np.full((height, width, channels), level, dtype=np.uint8) for level in (0, 255)])
