"""Every rule, every state of a trial, every outcome of the confirmation: the whole report is written, and can be read back."""

import io
import itertools
import json
import math
import re
import shutil
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from fairtune import plugins
from fairtune.metrics import SCORES
from fairtune.report import write_report
from fairtune.report.formats import format_score
from fairtune.report.outcome import print_outcome
from fairtune.report.write import report_files
from fairtune.rules import objectives_of
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import Job
from fairtune.study.summary import Summary
from fairtune.training.folder import baseline_folder
from fairtune.training.trial import failed
from tests.consoles import text_on
from tests.search_helpers import Session, small_search

OF_TWO_CLASSES = {name for name in plugins.names("rule") if any(SCORES[score].two_classes for score in objectives_of(name))}
RULES = [*(name for name in plugins.names("rule") if name not in OF_TWO_CLASSES), "tests.rules.test_rules:ThreeRule"]
PROBED = [name for name, score in SCORES.items() if score.source == "probe"]
OF_A_NET = [name for name, score in SCORES.items() if score.source != "counts"]
UNDEFINED = dict.fromkeys((name for name, score in SCORES.items() if score.source == "counts" and name != "accuracy"), math.nan)


def without(scores, *names):
    return {name: value for name, value in scores.items() if name not in names}


def worse(counts):
    """What the first group is taken for is the next class."""
    hard, soft = counts.hard.copy(), counts.soft.copy()
    hard[0], soft[0] = np.roll(hard[0], 1, axis=1), np.roll(soft[0], 1, axis=1)
    return replace(counts, hard=hard, soft=soft)


TRIALS = {
    "complete": lambda result: {},
    "dominated": lambda result: {
        "val": {name: SCORES[name].ends[0] for name in result.val},
        "val_counts": worse(result.val_counts),
    },
    "stopped": lambda result: {"state": "pruned", "val": without(result.val, *PROBED)},
    "stopped in the first epoch": lambda result: {"state": "pruned", "history": (), "val": {}, "val_counts": None},
    "never begun": lambda result: failed(result.spec, "the <data> [are] gone").model_dump(exclude={"spec"}),
    "diverged": lambda result: {
        "state": "failed",
        "error": "train.loss became nan in epoch 2",
        "val": without(result.val, "auc", *PROBED),
    },
    "undefined": lambda result: {"val": without(result.val, *OF_A_NET) | UNDEFINED},
}
"""What came of a trial, as changes of a real one's result."""

FINALS = {
    "all scored": lambda result: {},
    "one failed": lambda result: failed(result.spec, "out of memory").model_dump(exclude={"spec"}) if result.spec.seed == 1 else {},
    "all failed": lambda result: failed(result.spec, "out of memory").model_dump(exclude={"spec"}),
    "one undefined": lambda result: {"test": without(result.test, *OF_A_NET) | UNDEFINED} if result.spec.seed == 1 else {},
    "all undefined": lambda result: {"test": without(result.test, *OF_A_NET) | UNDEFINED},
}
"""What came of a retraining."""

TELLING = ("mutual_information", "tests.rules.test_rules:ThreeRule")
"""The rules with most that can be missing: what only the probe measures, and three objectives at once."""
AFTER = [
    pytest.param(rule, outcome, marks=[] if rule in TELLING or outcome == "one undefined" else pytest.mark.slow)
    for rule, outcome in itertools.product(RULES, FINALS)
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A search with a trained baseline, one trained trial and one retraining scored on the test split."""
    runs = tmp_path_factory.mktemp("trained")
    options = {
        "dataset": "synthetic",
        "set": ["samples=200", "size=8"],
        "select": "mutual_information",
        "batch_size": 32,
        "epochs": 5,
    }
    session = Session(*small_search(runs, trials=1, final_seeds=2, **options)).run(3)
    assert session.keys == ["baseline", "trial-0", "final-baseline-1"]
    shutil.rmtree(baseline_folder(runs, session.spec.baseline(1)).path)  # or nobody else would have it retrained
    return session


def session_of(trained, rule, name, trials):
    """A new search of the same kind in which a job ends as it is told to."""
    spec = trained.spec.model_copy(update={"select": rule, "trials": max(1, len(trials))})
    session = Session(spec, place_of(trained, rule, name))
    for outcome in trials:
        end(session, trained.study.result(0), TRIALS[outcome])
    return session


def place_of(trained, rule, name):
    return trained.place.model_copy(update={"name": f"{rule}-{name}".replace(" ", "-").replace(":", ".")})


@pytest.fixture(scope="module")
def every_state(trained):
    """``every_state(rule, name)``: a new search with trials of every state, told once for each rule and copied then."""
    told = cache(lambda rule: session_of(trained, rule, "told", [*TRIALS]))

    def copied(rule, name):
        spec, place = told(rule).spec, place_of(trained, rule, name)
        shutil.copytree(told(rule).folder.path, RunFolder.of(place).path)
        return Session(spec, place)

    return copied


def end(session, real, outcome):
    job = session.next_job()
    result = real.model_copy(update={"spec": job.spec})
    session.plan.finish(job, result.model_copy(update=outcome(result)))


def confirm(session, trained, outcome):
    (real,) = trained.study.finals.values()
    while not session.plan.complete:
        job = session.plan.next()
        if not isinstance(job, Job):
            return
        result = real.model_copy(update={"spec": job.spec})
        session.plan.finish(job, result.model_copy(update=outcome(result)))


def written(session):
    """The summary, read back from its file, after every other part of the report was looked at."""
    summary = write_report(session.spec, session.place, session.study)
    text = session.folder.summary.read_text()
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    again = Summary.model_validate_json(text)
    assert again.model_dump_json(by_alias=True, indent=2) + "\n" == text
    assert Summary.model_validate(summary.model_dump(mode="json")).model_dump_json() == summary.model_dump_json()
    assert all(file.stat().st_size > 0 for file in report_files(session.folder))
    table = pd.read_csv(session.folder.table)
    assert list(table["state"]) == [record.state for record in session.trials]
    for shown in (re.sub('base64,[^"]+', "", session.folder.page.read_text()), terminal(summary)):
        assert not re.search(r"\bnan\b", re.sub(rf"(became|{'|'.join(SCORES)}) nan", "", shown))
        assert format_score(summary.baseline.score("accuracy")) in shown
    assert 0 <= again.hypervolume <= 1
    return again


def terminal(summary):
    console = Console(file=io.StringIO(), width=200, markup=False, highlight=False)
    print_outcome(console, summary)
    return text_on(console)


@pytest.mark.parametrize("rule", RULES)
class TestEveryRule:
    def test_before_the_first_trial(self, trained, rule):
        session = session_of(trained, rule, "no trial", [])
        session.plan.next()
        summary = written(session)
        assert ([trial.state for trial in summary.trials], summary.front, summary.hypervolume) == (["running"], [], 0)
        assert "no trial reached" not in terminal(summary)

    def test_with_no_trial_that_completed(self, trained, rule):
        session = session_of(trained, rule, "none complete", [name for name in TRIALS if name not in ("complete", "dominated")])
        summary = written(session)
        assert {trial.state for trial in summary.trials} == {"pruned", "failed"}
        assert (summary.front, summary.chosen, summary.confirmed) == ([], None, {})

    def test_in_the_midst_of_trials_of_every_state(self, every_state, rule):
        session = every_state(rule, "under way")
        session.study.ask()
        summary = written(session)
        assert [trial.state for trial in summary.trials[:-1]] == ["complete"] * 2 + ["pruned"] * 2 + ["failed"] * 3
        assert [trial.feasible for trial in summary.trials[:2]] == [True, True]
        assert summary.trials[-1].state == "running"
        assert summary.front == [0]


@pytest.mark.parametrize(("rule", "outcome"), AFTER)
def test_every_rule_after_a_confirmation(trained, every_state, rule, outcome):
    session = every_state(rule, outcome)
    confirm(session, trained, FINALS[outcome])
    summary = written(session)
    assert (summary.complete, summary.chosen.number) == (True, 0)
    for confirmed in summary.confirmed.values():
        assert len(confirmed.failed_seeds) == {"one failed": 1, "all failed": 2}.get(outcome, 0)
        assert bool(confirmed.test) == (outcome != "all failed")
        for name in set(objectives_of(rule)) - {"accuracy"}:
            searched = confirmed.score(name)
            assert math.isnan(searched.mean) == (outcome in ("all failed", "all undefined"))
            undefined = sum(map(math.isnan, searched.values))
            assert undefined == {"one undefined": 1, "all undefined": 2}.get(outcome, 0)
        assert math.isfinite(confirmed.score("accuracy").low) == (outcome != "all failed")


@pytest.mark.parametrize("outcome", ["all failed", "all undefined"])
def test_a_setting_without_a_score_says_so(trained, outcome):
    session = session_of(trained, "mutual_information", f"told {outcome}", ["complete"])
    confirm(session, trained, FINALS[outcome])
    summary = written(session)
    said = {"all failed": "all seeds failed", "all undefined": "-"}[outcome]
    lines = [line for line in terminal(summary).splitlines() if line.startswith(("baseline", "chosen,"))]
    assert len(lines) == 2
    assert all(said in line for line in lines)
