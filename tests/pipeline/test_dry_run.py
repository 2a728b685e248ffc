"""What a pipeline would take."""

import io

import pytest
import yaml
from rich.console import Console

from fairtune.api import plan
from fairtune.api.fitting import checked_cost
from fairtune.api.plan import Duration
from fairtune.api.where import Where
from fairtune.pipeline.dry_run import _left, dry_run
from fairtune.training.pace import seconds_of_training
from tests.consoles import text_on

SMALL = {"dataset": "digits", "epochs": 1, "trials": 1, "gpus_per_trial": 0, "precision": "fp32", "max_concurrent": 1}
SEARCHES = [{"method": "ss"}, {"method": "hkd"}, {"method": "mfd", "each": {"weight": [1.5, 3.5]}}, {"method": "ss", "epochs": 2}]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump({"title": "Small", "defaults": SMALL, "seeds": 1, "searches": SEARCHES}))
    return path


def test_each_kind_of_training_is_timed_once(file, tmp_path, monkeypatch):
    timed = []

    def timing(spec, *given, **options):
        timed.append((spec.method, spec.epochs))
        return seconds_of_training(spec, *given, **options)

    monkeypatch.setattr(plan, "seconds_of_training", timing)
    console = Console(file=io.StringIO(), width=200)
    expected = dry_run(file, console, "full", {"runs": str(tmp_path / "runs")}, Where())
    assert timed == [("scratch", 1), ("ss", 1), ("hkd", 1), ("mfd", 1), ("scratch", 2), ("ss", 2)]
    assert [one.named.label for one in expected if one.baseline] == ["ss-epochs-1", "ss-epochs-2"]
    assert all(one.hours > 0 for one in expected)
    assert "checking ss-epochs-1, 1 of 5" in text_on(console)
    assert "timing ss-epochs-1, 1 of 5" in text_on(console)


def test_each_kind_of_training_is_counted_once_for_a_card(file, tmp_path, monkeypatch):
    counted = []

    def counting(trial, *given):
        counted.append((trial.method, trial.epochs))
        return checked_cost(trial, *given)

    monkeypatch.setattr(plan, "checked_cost", counting)
    expected = dry_run(file, Console(file=io.StringIO()), "full", {"runs": str(tmp_path)}, Where("h100", price=2.0))
    assert counted == [("scratch", 1), ("ss", 1), ("hkd", 1), ("mfd", 1), ("scratch", 2), ("ss", 2)]
    assert all(one.price == pytest.approx(2 * one.hours) for one in expected)


def test_what_searches_share_is_counted_with_the_first():
    took = Duration(hours=10, baseline_s=3600, teacher_s=7200, price=20.0)
    here, rented = Where(), Where("h100", price=2.0)
    assert _left(took, "new", rented, [False, False]) == (10, 20.0)
    assert _left(took, "new", rented, [True, True]) == (7, 14.0)
    assert _left(took._replace(price=None), "new", here, [False, True]) == (8, None)
    assert _left(took, "complete", rented, [True, True]) == (0, 0)
