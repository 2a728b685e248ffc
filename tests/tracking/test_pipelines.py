"""A pipeline above its searches in MLflow."""

import pytest
from mlflow import MlflowClient

from fairtune.study.folders import RunFolder, database_of
from fairtune.study.study import SearchStudy
from fairtune.tracking.mirror import Tracker
from fairtune.tracking.pipelines import PARENT, PipelineMirror
from tests.search_helpers import small_search


@pytest.fixture
def searches(tmp_path):
    """Two searches that MLflow knows, of which nothing is trained."""
    made = [small_search(tmp_path, name=name, method="ss") for name in ("one", "two")]
    for spec, place in made:
        RunFolder.of(place).save(spec, place)
        Tracker(spec, place, SearchStudy(database_of(place), spec))
    return made


def test_searches_are_under_the_run_of_their_pipeline(searches, tmp_path):
    report = tmp_path / "report.md"
    report.write_text("# Report")
    for _ in range(2):  # an earlier call's run is taken up
        mirror = PipelineMirror("small", "Small")
        for search in searches:
            mirror.take_up(*search)
        mirror.finish([report])
    client = MlflowClient(searches[0][1].mlflow)
    (experiment,) = (found for found in client.search_experiments() if found.name == "digits")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"one", "two", "small"}
    above = runs["small"]
    assert above.info.status == "FINISHED"
    assert {runs[name].data.tags[PARENT] for name in ("one", "two")} == {above.info.run_id}
    assert [file.path for file in client.list_artifacts(above.info.run_id)] == ["report.md"]
