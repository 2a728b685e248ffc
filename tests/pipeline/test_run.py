"""Pipelines. A search that has ended already is read and not run, so most of these need no Ray."""

import errno
import io

import pandas as pd
import pytest
import yaml
from rich.console import Console

from fairtune.errors import DataError, FairtuneError, Interrupted, InvalidInput, NoBaseline, NoRoom, NoServer, SearchFault
from fairtune.locks import Lock
from fairtune.pipeline import run as running
from fairtune.pipeline.expanding import labels
from fairtune.pipeline.material import gather
from fairtune.pipeline.reading import load
from fairtune.pipeline.rows import Outcome
from fairtune.pipeline.run import check, finished, run
from fairtune.report import write_report
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import Job
from fairtune.training.trial import failed
from tests.consoles import text_on
from tests.search_helpers import Session, train

pytestmark = pytest.mark.usefixtures("trained_once")

SMALL = {
    "dataset": "digits",
    "epochs": 1,
    "trials": 1,
    "accuracy_floor": "0",
    "gpus_per_trial": 0,
    "precision": "fp32",
}
PUBLISHED = """dataset,method,metric,mean,std,hyperparameters
CIFAR,SS,accuracy_pct,79.6,0.1,
CIFAR,MFD,accuracy_pct,82.8,,T=3
CIFAR,MFD,deo_m_pct,8.0,1.0,T=3
"""


def pipeline_file(folder, *searches, **parts):
    (folder / "published").mkdir(exist_ok=True)
    (folder / "published" / "paper.csv").write_text(PUBLISHED)
    file = folder / "small.yaml"
    file.write_text(yaml.safe_dump({"title": "Small", "defaults": SMALL, "seeds": 1, "searches": list(searches), **parts}))
    return file


def done(runs, name, *, fails=False, **options):
    """A search of a pipeline that has ended, perhaps with retrainings that failed."""
    session = Session(*resolve(Request.read({**SMALL, "final_seeds": 1, **options, "name": name, "runs": str(runs)})))
    while isinstance(job := session.plan.next(), Job):
        lost = fails and job.kind == "final"
        session.plan.finish(job, failed(job.spec, "out of memory") if lost else train(job, session.plan))
    return write_report(session.spec, session.place, session.study)


def printed(file, runs):
    console = Console(file=io.StringIO(), width=200, markup=False, highlight=False)
    table = run(file, console, typed={"runs": str(runs)})
    return table, text_on(console)


@pytest.mark.parametrize(
    ("searches", "expected"),
    [
        ([{"method": "ss"}, {"method": "hkd"}], ["ss", "hkd"]),
        ([{"method": "mfd", "set": ["weight=3"]}, {"method": "mfd", "set": ["weight=7"]}], ["mfd-weight-3", "mfd-weight-7"]),
        ([{"method": "mfd"}, {"method": "mfd", "epochs": 5}, {"method": "ss", "epochs": 5}], ["mfd", "mfd-epochs-5", "ss"]),
        ([{"method": "mfd", "name": "first"}, {"method": "mfd", "name": "second"}], ["first", "second"]),
        ([{"method": "package.module:Class"}, {}], ["package.module-Class", "mfd"]),
        ([{"set": ["a=1", "b=2"]}, {"set": ["a=1", "b=3"]}, {"set": ["a=1"]}], ["mfd-b-2", "mfd-b-3", "mfd"]),
    ],
)
def test_a_search_is_called_by_its_method_and_what_the_others_of_it_do_not_have(searches, expected):
    assert labels(searches) == expected


def test_each_search_has_a_row_of_its_own(tmp_path):
    light, heavy = (done(tmp_path, f"small-mfd-weight-{weight}", method="mfd", set=[f"weight={weight}"]) for weight in (0, 50))
    plain = done(tmp_path, "plain", method="ss")
    searches = [{"method": "mfd", "set": ["weight=0"]}, {"method": "mfd", "set": ["weight=50"]}, {"method": "ss", "name": "plain"}]
    table, text = printed(pipeline_file(tmp_path, *searches), tmp_path)
    assert list(table["search"]) == ["baseline", "mfd-weight-0", "mfd-weight-50", "plain"]
    assert list(table["method"]) == ["baseline", "mfd", "mfd", "ss"]
    found = [light.confirmed["baseline"], *(summary.confirmed["chosen"] for summary in (light, heavy, plain))]
    for score in ("accuracy", "deo_m", "deo_a"):
        assert list(table[score]) == [confirmed.test[score].mean for confirmed in found]
    assert table["deo_a"][1] != table["deo_a"][2]
    assert all(label in text for label in table["search"])
    read = pd.read_csv(tmp_path / "small" / "report.csv", dtype={"data": str, "failed": str}).fillna({"data": "", "failed": ""})
    pd.testing.assert_frame_equal(read, table, check_dtype=False)


def test_published_figures_are_found_by_method(tmp_path):
    done(tmp_path, "one", method="mfd", set=["weight=0"])
    done(tmp_path, "two", method="mfd", set=["weight=50"])
    searches = [{"method": "mfd", "set": [f"weight={weight}"], "name": name} for name, weight in (("one", 0), ("two", 50))]
    published = {"table": "paper.csv", "dataset": "CIFAR", "rows": {"mfd": "MFD"}}
    table, text = printed(pipeline_file(tmp_path, *searches, report={"published": [published]}), tmp_path)
    assert table["accuracy_published"].isna().tolist() == [True, False, False]
    assert table.loc[1:, "accuracy_published"].tolist() == [0.828, 0.828]
    assert table.loc[1:, "deo_m_published_std"].tolist() == [0.01, 0.01]
    assert text.count("0.0800 ± 0.0100") == 2


def test_the_published_plain_model_stands_beside_the_first_alone(tmp_path):
    done(tmp_path, "one", method="ss")
    done(tmp_path, "two", method="ss", epochs=2)
    searches = [{"method": "ss", "name": "one"}, {"method": "ss", "epochs": 2, "name": "two"}]
    published = {"table": "paper.csv", "dataset": "CIFAR", "rows": {"baseline": "SS"}}
    table, _ = printed(pipeline_file(tmp_path, *searches, report={"published": [published]}), tmp_path)
    assert list(table["search"]) == ["baseline", "one", "baseline of two", "two"]
    assert table["accuracy_published"].notna().tolist() == [True, False, False, False]


def test_searches_of_other_data_have_a_baseline_of_their_own(tmp_path):
    done(tmp_path, "small-ss-seed-1", method="ss", seed=1)
    done(tmp_path, "small-ss-seed-2", method="ss", seed=2)
    table, _ = printed(pipeline_file(tmp_path, {"method": "ss", "seed": 1}, {"method": "ss", "seed": 2}), tmp_path)
    assert list(zip(table["data"], table["search"], strict=True)) == [
        (f"seed {seed}", name) for seed in (1, 2) for name in ("baseline", "ss")
    ]


def test_a_search_without_a_score_has_its_row(tmp_path):
    done(tmp_path, "small-ss", method="ss", fails=True)
    done(tmp_path, "small-hkd", method="hkd", accuracy_floor="1")
    searches = [{"method": "ss"}, {"method": "hkd", "accuracy_floor": "1"}]
    table, text = printed(pipeline_file(tmp_path, *searches), tmp_path)
    assert list(table["search"]) == ["baseline", "ss", "hkd"]
    assert table["accuracy"].isna().all()
    assert "nan" not in text


def test_a_plain_model_has_the_scores_of_whichever_search_confirmed_it(tmp_path):
    done(tmp_path, "small-hkd", method="hkd", accuracy_floor="1")
    confirmed = done(tmp_path, "small-ss", method="ss").confirmed["baseline"]
    searches = [{"method": "hkd", "accuracy_floor": "1"}, {"method": "ss"}]
    table, text = printed(pipeline_file(tmp_path, *searches), tmp_path)
    assert list(table["search"]) == ["baseline", "hkd", "ss"]
    assert table["accuracy"].notna().tolist() == [True, False, True]
    assert (table["accuracy"][0], table["seeds"][0]) == (confirmed.test["accuracy"].mean, len(confirmed.seeds))
    assert "hkd (nothing confirmed)" in text


def test_the_cost_counts_further_seeds_and_a_teacher_that_searches_share_once(tmp_path):
    often = {"seeds_per_trial": 3, "validation_folds": 2}
    taught = {"teacher_set": ["optimizer.lr=0.01"]}
    done(tmp_path, "small-ss", method="ss", **often)
    done(tmp_path, "small-hkd", method="hkd", **taught)
    done(tmp_path, "small-mfd", method="mfd", **taught)
    searches = [{"method": "ss"} | often, {"method": "hkd"} | taught, {"method": "mfd"} | taught]
    printed(pipeline_file(tmp_path, *searches), tmp_path)
    found = "Cost: 3 runs, 9 trainings beside the plain models, 9 epochs of them, "
    assert found in (tmp_path / "small" / "report.md").read_text(), "3 seeds, a teacher, 2 trials and 3 retrainings"


def test_orderings_of_a_search_that_has_not_ended_say_so(tmp_path):
    summary = done(tmp_path, "small-ss", method="ss")
    orderings = ["accuracy: ss > hkd", "deo_m: baseline > hkd"]
    quick = {"epochs": 1, "batch_size": 32, "for_data": {"digits": {"precision": "fp32"}}}
    file = load(pipeline_file(tmp_path, {"method": "ss"}, {"method": "hkd"}, quick=quick, report={"orderings": orderings}))
    (first, second), beside = check(file, "full", {"runs": str(tmp_path)})
    material = gather(file, "small", "quick", {"batch_size": 16}, [Outcome.of(first, summary)], beside, [second])
    assert list(material.differs) == ["Quick: epochs 1, precision fp32 on digits."]
    assert [one.why for _, one in material.checked] == ["hkd: not finished"] * 2
    assert material.of == 2


def test_what_is_found_of_an_earlier_call_must_be_complete_and_readable(tmp_path):
    summary = done(tmp_path, "small-ss", method="ss")
    folder = RunFolder.of(summary.place)
    assert finished(folder) is not None
    folder.summary.write_text(summary.model_copy(update={"complete": False}).model_dump_json(by_alias=True))
    assert finished(folder) is None
    folder.summary.write_text("{}")
    assert finished(folder) is None
    folder.summary.unlink()
    assert finished(folder) is None


def refused(tmp_path, *searches, **parts):
    with pytest.raises(InvalidInput) as error:
        printed(pipeline_file(tmp_path, *searches, **parts), tmp_path / "runs")
    assert not list((tmp_path / "runs").glob("*/study.db"))
    return error.value.faults


def test_every_fault_of_every_search_is_told_before_the_first_starts(tmp_path):
    faults = refused(
        tmp_path, {"method": "ss"}, {"method": "mdf"}, {"method": "hkd", "trials": "many"}, {"method": "mfd", "select": "x"}
    )
    assert [fault.partition(":")[0] for fault in faults] == ["mdf", "hkd", "mfd"]
    assert "unknown method 'mdf'" in faults[0]
    assert "trials" in faults[1]
    assert "unknown rule 'x'" in faults[2]


def test_what_is_wrong_with_every_search_is_told_once(tmp_path):
    file = pipeline_file(tmp_path, *({"method": method} for method in ("ss", "hkd", "mfd", "mfd_k")))
    with pytest.raises(InvalidInput) as error:
        run(file, Console(file=io.StringIO()), typed={"runs": str(tmp_path), "trials": 0})
    assert error.value.faults == ["--trials 0: give a number of at least 1"]
    with pytest.raises(InvalidInput) as error:
        run(file, Console(file=io.StringIO()), typed={"runs": str(tmp_path), "cpus_per_trial": 9999})
    assert [fault.partition(":")[0] for fault in error.value.faults] == ["--cpus-per-trial 9999"]
    some = [{"method": method, "trials": 0} for method in ("ss", "hkd", "mfd", "mfd_k")]
    assert refused(tmp_path, *some, {"method": "mfd_f"})[0].startswith("ss and 3 more: --trials 0")


@pytest.mark.parametrize(
    ("searches", "fault"),
    [
        ([{"method": "ss"}, {"method": "ss"}], "ss: it is the same search as ss: leave one of them out"),
        ([{"method": "ss", "name": "a"}, {"method": "ss", "name": "b"}], "b: it is the same search as a: leave one of them out"),
        ([{"method": "ss"}, {"method": "hkd", "name": "small-ss"}], "small-ss: the search ss has the name small-ss too: give each"),
        ([{"method": "ss", "runs": "x"}], "small.yaml: a pipeline does not say where runs are: give --runs"),
    ],
)
def test_searches_that_cannot_stand_side_by_side_are_refused(tmp_path, searches, fault):
    (found,) = refused(tmp_path, *searches)
    assert found.startswith(fault)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"table": "papers.csv"}, "published: cannot read the table "),
        ({"dataset": "CIFAR-1"}, "published: paper.csv: unknown dataset 'CIFAR-1': did you mean 'CIFAR'?"),
        ({"rows": {"ss": "SSS"}}, "published: paper.csv: unknown method 'SSS': did you mean 'SS'?"),
        ({"scores": {"accuracy": "accurate"}}, "published: paper.csv: unknown metric 'accurate': did you mean 'accuracy_pct'?"),
        ({"rows": {"ss": {"method": "{epochs}"}}}, "published: paper.csv has no line 'CIFAR, 1' for the row ss: near are 'CIFAR, "),
        (
            {"rows": {"ss": {"method": "{epoch}"}}},
            "published: paper.csv: row ss: {epoch}: unknown value 'epoch': did you mean 'epochs'",
        ),
        (
            {"rows": {"ss": {"method": "MFD", "hyperparameters": "T={epochs}"}}},
            "published: paper.csv has no line 'CIFAR, MFD, T=1' for the row ss: near are 'CIFAR, MFD, T=3'",
        ),
    ],
)
def test_published_figures_that_are_not_there_are_refused(tmp_path, changes, fault):
    published = {"table": "paper.csv", "dataset": "CIFAR", "rows": {"ss": "SS"}} | changes
    (found,) = refused(tmp_path, {"method": "ss"}, report={"published": [published]})
    assert found.startswith(fault)


def failed_rows(folder):
    """Why rows failed, by their name in the report of a pipeline called small."""
    table = pd.read_csv(folder / "small" / "report.csv").set_index("search")
    assert table["accuracy"].isna().tolist() == table["failed"].notna().tolist()
    return table["failed"].fillna("").to_dict()


def test_a_search_that_another_process_runs_keeps_no_other_from_its_row(tmp_path):
    place = resolve(Request.read({**SMALL, "method": "ss", "name": "small-ss", "runs": str(tmp_path)}))[1]
    done(tmp_path, "small-hkd", method="hkd")
    with (
        Lock(RunFolder.of(place).lock, "it").or_refuse(""),
        pytest.raises(FairtuneError, match=r"^1 of 2 searches failed: ss; the"),
    ):
        printed(pipeline_file(tmp_path, {"method": "ss"}, {"method": "hkd"}), tmp_path)
    failed = failed_rows(tmp_path)
    assert failed.pop("ss").startswith(f"the run {tmp_path / 'small-ss'} is in use by process ")
    assert failed == {"baseline": "", "hkd": ""}


ENDINGS = [
    (FairtuneError("the baseline could not be trained: it diverged"), "the baseline could not be trained: it diverged"),
    (InvalidInput(["--accuracy-floor 2", "--time-budget 1s"]), "--accuracy-floor 2; --time-budget 1s"),
    (SearchFault("the disk fails\nIts trials wait"), "the disk fails Its trials wait"),
    (DataError("adult.data is damaged"), "adult.data is damaged"),
    (PermissionError(errno.EACCES, "not allowed"), "PermissionError: [Errno 13] not allowed"),
    (KeyError("plug-in"), "KeyError: 'plug-in'"),
]


@pytest.mark.parametrize(("ending", "reason"), ENDINGS, ids=lambda given: type(given).__name__)
def test_whatever_ends_one_search_keeps_no_other_from_its_row(tmp_path, monkeypatch, ending, reason):
    def ends(*search):
        raise ending

    done(tmp_path, "small-hkd", method="hkd")
    monkeypatch.setattr(running, "run_search", ends)
    with pytest.raises(FairtuneError, match=r"^1 of 2 searches failed: ss; the report says why$"):
        printed(pipeline_file(tmp_path, {"method": "ss"}, {"method": "hkd"}), tmp_path)
    assert failed_rows(tmp_path) == {"ss": reason, "baseline": "", "hkd": ""}
    assert f"ss failed: {reason}" in (tmp_path / "small" / "report.md").read_text()


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        (Interrupted("stopped"), Interrupted),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (NoServer("host", "no answer"), NoServer),
        (OSError(errno.ENOSPC, "no space"), NoRoom),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_what_no_search_could_go_on_with_ends_the_pipeline(tmp_path, monkeypatch, ending, kind):
    def ends(*search):
        raise ending

    done(tmp_path, "small-hkd", method="hkd")
    monkeypatch.setattr(running, "run_search", ends)
    with pytest.raises(kind):
        printed(pipeline_file(tmp_path, {"method": "ss"}, {"method": "hkd"}), tmp_path)
    assert not (tmp_path / "small" / "report.html").exists()


def test_a_plain_model_that_cannot_be_trained_is_not_tried_for_each_search(tmp_path, monkeypatch):
    tried = []

    def ends(spec, *others):
        tried.append(spec.methods)
        raise NoBaseline("the baseline could not be trained: it diverged")

    monkeypatch.setattr(running, "run_search", ends)
    searches = [{"method": "ss"}, {"method": "hkd"}, {"method": "mfd", "epochs": 3}]
    with pytest.raises(FairtuneError, match=r"^3 of 3 searches failed: ss, hkd, mfd; the report says why$"):
        printed(pipeline_file(tmp_path, *searches), tmp_path)
    assert tried == ["ss", "mfd"]
    failed = failed_rows(tmp_path)
    assert failed["hkd"] == f"{failed['ss']} (tried in ss)" == "the baseline could not be trained: it diverged (tried in ss)"


def test_a_pipeline_that_runs_is_not_run_twice_at_once(tmp_path):
    done(tmp_path, "small-hkd", method="hkd")
    with (
        Lock(tmp_path / "small" / ".lock", "the pipeline small").or_refuse(""),
        pytest.raises(InvalidInput, match=r"^the pipeline small is in use by process .*: wait until it has ended, or stop"),
    ):
        printed(pipeline_file(tmp_path, {"method": "hkd"}), tmp_path)


@pytest.mark.ray
def test_searches_that_cannot_be_ended_keep_no_other_from_running(tmp_path):
    options = {**SMALL, "final_seeds": 1, "method": "ss", "name": "lost", "runs": str(tmp_path)}
    session = Session(*resolve(Request.read(options)))
    while isinstance(job := session.plan.next(), Job):
        session.plan.finish(job, train(job, session.plan) if job.kind == "baseline" else failed(job.spec, "no such kernel"))
    done(tmp_path, "small-hkd", method="hkd")
    searches = [
        {"method": "ss", "name": "lost"},
        {"method": "ss", "accuracy_floor": "teacher+0.99", "name": "floored"},
        {"method": "ss", "set": ["optimizer.name=sgd", "optimizer.lr=10", "optimizer.weight_decay=1"], "name": "steep"},
        {"method": "hkd"},
    ]
    with pytest.raises(FairtuneError, match=r"^3 of 4 searches failed: lost, floored, steep; the report says why$"):
        printed(pipeline_file(tmp_path, *searches, report={"orderings": ["accuracy: lost > hkd"]}), tmp_path)
    reasons = failed_rows(tmp_path)
    assert list(reasons) == ["lost", "floored", "steep", "baseline", "hkd"]
    assert reasons["lost"] == "none of 1 trials completed; the first failed with: no such kernel"
    assert reasons["floored"].startswith("--accuracy-floor teacher+0.99 asks for accuracy 1.")
    assert reasons["steep"].startswith("the baseline could not be trained: ")
    assert reasons["baseline"] == reasons["hkd"] == ""
    for ending in ("md", "html"):
        text = (tmp_path / "small" / f"report.{ending}").read_text()
        assert "failed: none of 1 trials completed; the first failed with: no such kernel" in text
        assert "not checked, lost: failed" in text
        assert "have ended; this is how it stands" not in text


@pytest.mark.ray
def test_two_searches_of_one_method_are_both_run(tmp_path):
    searches = [{"method": "mfd", "set": [f"weight={weight}"], "epochs": 2} for weight in (0, 50)]
    table, _ = printed(pipeline_file(tmp_path, *searches), tmp_path / "runs")
    assert list(table["search"]) == ["baseline", "mfd-weight-0", "mfd-weight-50"]
    assert not table["accuracy"].isna().any()
    assert {folder.parent.name for folder in (tmp_path / "runs").glob("*/summary.json")} == {
        "small-mfd-weight-0",
        "small-mfd-weight-50",
    }
    again, _ = printed(pipeline_file(tmp_path, *searches), tmp_path / "runs")
    pd.testing.assert_frame_equal(again, table)
