"""The chosen model, logged and registered, and loaded back as anybody does who has MLflow."""

import warnings

import numpy as np
import pytest

from fairtune.api.run import open_run
from fairtune.errors import InvalidInput
from fairtune.tracking.logged import log_chosen, register
from fairtune.training.folder import TrialFolder
from tests.tracking.test_mirror import finish, mirrored, whole

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlflow.pyfunc

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning:mlflow", "ignore::FutureWarning:mlflow", "ignore::UserWarning:mlflow", "ignore:.*Any type hint"
    ),
    pytest.mark.usefixtures("trained_once"),
]


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    return whole(tmp_path_factory.mktemp("runs"), trials=1, epochs=1)


def logged(search):
    experiment = search.parent.info.experiment_id
    return search.client.search_logged_models([experiment], filter_string=f"source_run_id = '{search.parent.info.run_id}'")


def test_the_chosen_model_is_logged_with_signature_and_example_and_predicts_as_ours(search, tmp_path):
    (model,) = logged(search)
    assert (model.name, str(model.status)) == ("chosen", "READY")
    folder = tmp_path / "model"
    folder.mkdir()
    mlflow.artifacts.download_artifacts(model.artifact_location, dst_path=str(folder), tracking_uri=search.session.place.mlflow)
    (found,) = [path.parent for path in folder.rglob("MLmodel")]
    loaded = mlflow.pyfunc.load_model(str(found))
    assert loaded.metadata.signature.inputs.inputs[0].shape == (-1, 8, 8, 3)
    assert loaded.metadata.signature.outputs.input_names() == [str(digit) for digit in range(10)]
    assert loaded.metadata.load_input_example(str(found)).shape == (2, 8, 8, 3)
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    ours = open_run(search.session.folder.path).model().predict(images).probabilities
    assert loaded.predict(images).to_numpy() == pytest.approx(ours.to_numpy(), abs=1e-9)


def test_it_is_logged_once(search):
    again, tracker = mirrored(search.session.spec, search.session.place)
    finish(again.run(), tracker)
    assert len(logged(search)) == 1


def test_it_is_registered_on_request_each_time_as_another_version(search):
    session = search.session
    assert [register(session.spec, session.place, session.study, "fair-digits") for _ in range(2)] == ["1", "2"]
    version = search.client.get_model_version("fair-digits", "2")
    assert version.run_id == search.parent.info.run_id
    assert len(logged(search)) == 1


def test_a_name_that_mlflow_does_not_take_is_refused(search):
    session = search.session
    with pytest.raises(InvalidInput, match="--register a/b: MLflow does not take the model"):
        register(session.spec, session.place, session.study, "a/b")


def test_without_weights_there_is_nothing_to_log_or_register(search, tmp_path):
    session = search.session
    assert log_chosen(search.client, session.study.mirror, session.spec, TrialFolder(tmp_path)) is None
    elsewhere = session.place.model_copy(update={"name": "other", "tracking_uri": session.place.mlflow})
    with pytest.raises(InvalidInput, match="--register fair: the run has no chosen model"):
        register(session.spec, elsewhere, session.study, "fair")
