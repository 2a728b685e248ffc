"""One order of the options, wherever people meet them."""

import inspect
import re
from itertools import chain

import pytest
import yaml
from typer.testing import CliRunner

import fairtune as ft
from fairtune.cli.main import app
from fairtune.request.options import DataRequest, Request, TrainRequest
from fairtune.request.order import PANELS, in_order

EXPECTED = [
    *("dataset", "method", "model", "set", "space"),
    *("teacher_model", "teacher_epochs", "teacher_set", "teacher_sees"),
    *("select", "accuracy_floor", "compare_with", "sampler", "joint", "warm_start", "scheduler"),
    *("seeds_per_trial", "validation_folds", "final_seeds", "post_process"),
    *("trials", "time_budget_s", "epoch_budget", "gpu_budget_s", "patience"),
    *("epochs", "batch_size", "micro_batch", "seed", "precision", "compile", "protocol", "train_fraction"),
    *("data", "runs", "name", "tracking_uri", "study", "storage", "address"),
    *("gpus_per_trial", "cpus_per_trial", "memory_per_trial", "max_concurrent", "trial_timeout_s", "keep_finals"),
]


def test_every_option_has_one_place():
    names = list(chain.from_iterable(PANELS.values()))
    assert len(names) == len(set(names))
    assert set(names) == set(Request.model_fields), "name a new option in fairtune/request/order.py, under its heading"


@pytest.mark.parametrize("model", [DataRequest, TrainRequest, Request])
def test_a_request_has_its_options_in_that_order(model):
    assert list(in_order(model)) == [name for name in EXPECTED if name in model.model_fields]


@pytest.mark.parametrize(("function", "model"), [(ft.search, Request), (ft.train, TrainRequest)])
def test_the_python_api_takes_and_explains_them_so(function, model):
    expected = [name for name in EXPECTED if name in model.model_fields]
    assert list(inspect.signature(function).parameters) == expected
    assert re.findall(r"^    (\w+): ", inspect.getdoc(function).partition("Args:")[2], re.MULTILINE) == expected


@pytest.mark.parametrize(("verb", "model"), [("search", Request), ("train", TrainRequest)])
def test_help_lists_them_so(verb, model, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, [verb, "--help"]).output
    listed = re.findall(r"--([a-z-]+) ", shown[shown.index("Data, method and model") :])
    expected = [name for name in EXPECTED if name in model.model_fields]
    flags = [name.removesuffix("_s").replace("_", "-") for name in expected]
    assert [flag for flag in dict.fromkeys(listed) if flag in flags] == flags
    assert [panel for panel in PANELS if f"─ {panel} ─" in shown] == [panel for panel in PANELS if {*PANELS[panel]} & {*expected}]


def test_the_file_of_a_run_has_them_so(tmp_path):
    given = {"tracking_uri": "sqlite:///m.db", "model": "cnn", "space": "s.yaml", "epochs": 3, "time_budget": "2m"}
    Request.read(given).write(tmp_path / "spec.yaml")
    kept = list(yaml.safe_load((tmp_path / "spec.yaml").read_text()))
    assert kept == [name for name in EXPECTED if name in kept]
    assert set(given) - {"time_budget"} < set(kept)
