"""The examples of ``docs/notebook.md`` are run, in order, with tiny settings."""

import re
import sys
from pathlib import Path

import pytest
import ray

import fairtune as ft
from tests.search_helpers import run_small

BLOCKS = re.findall(r"```python\n(.*?)```", (Path(__file__).parents[1] / "docs" / "notebook.md").read_text(), re.S)
SMALL = ((r"trials=\d+", "trials=2, epochs=1, final_seeds=1, gpus_per_trial=0, accuracy_floor=0"), (r"epochs=10", "epochs=1"))


def run_examples(namespace, *, with_ray):
    """Run every line of the page, the searches only with Ray."""
    for block in BLOCKS:
        for pattern, text in SMALL:
            block = re.sub(pattern, text, block)
        if not with_ray:
            block = re.sub(r"^.*ft\.search\(.*\n|^own\..*\n", "", block, flags=re.M)
        exec(compile(block, "docs/notebook.md", "exec"), namespace)
    return namespace


@pytest.fixture
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return {"__name__": "__main__", "sys": sys}


def test_the_examples_run(in_a_folder, tmp_path):
    done = run_small(tmp_path / "runs", epochs=1, trials=2)
    found = run_examples(in_a_folder | {"ft": ft, "run": ft.open_run(done.folder.path)}, with_ray=False)
    assert found["labels"][0] in found["model"].classes
    assert found["trained"].result.spec.method.endswith(":Calm")


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning:ray", "ignore::FutureWarning:ray")
def test_the_searches_of_the_examples_run(in_a_folder):
    try:
        found = run_examples(in_a_folder, with_ray=True)
    finally:
        ray.shutdown()
    assert len(found["run"].trials) == 2
    assert found["run"].chosen is not None
    assert {"Calm", "mfd"} >= {method.rpartition(":")[2] for method in found["own"].trials.method}
    assert set(found["own"].trials.state) == {"complete"}
