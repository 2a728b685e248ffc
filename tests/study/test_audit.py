"""The audit of small searches, their choices retrained in this process."""

import io
import math
import re

import pytest
from rich.console import Console

from fairtune import plugins
from fairtune.api.choose import choose
from fairtune.errors import InvalidInput
from fairtune.records import Purpose
from fairtune.report.audit import unable
from fairtune.report.formats import format_mean
from fairtune.search.plan import Plan
from fairtune.study.audit import audit, choices_of
from fairtune.study.study import SearchStudy
from fairtune.study.summary import summarise
from tests.consoles import text_on
from tests.search_helpers import Session, run_small, small_search, trained_once


def opened_again(session):
    return SearchStudy(session.folder.study, session.spec)


def choices(session):
    study = opened_again(session)
    return choices_of(study, summarise(session.spec, session.place, study))


class Audited(Session):
    """A search that is over, confirming what its rules choose, or all that could be chosen."""

    def __init__(self, searched, *, every=False):
        super().__init__(searched.spec, searched.place)
        chosen = {choice.trial for choice in choices(searched)} - {None}
        self.also = sorted(view.number for view in self.study.views() if view.feasible and (every or view.number in chosen))
        self.plan = Plan(self.spec, self.place, self.study, (), self.also)

    @property
    def audit(self):
        return audit(self.spec, self.place, opened_again(self))


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    with trained_once():
        return run_small(tmp_path_factory.mktemp("searched"), trials=5, final_seeds=2, accuracy_floor="teacher-0.3")


@pytest.fixture(scope="module")
def before(searched):
    return opened_again(searched)


@pytest.fixture(scope="module")
def audited(searched, before):
    with trained_once():
        session = Audited(searched, every=True)
        session.run()
        return session


def test_every_rule_says_what_it_chooses_or_why_it_cannot(searched):
    found = {choice.rule: choice for choice in choices(searched)}
    assert next(iter(found)) == "deo_m"
    assert set(found) == set(plugins.names("rule"))
    assert found["deo_m"].trial == searched.study.choice.number
    assert found["dto"].trial is not None
    assert "mutual_information, which the search run did not record" in found["mutual_information"].unable
    assert "auc takes two classes" in found["auc"].unable


def test_each_distinct_choice_is_confirmed_and_nothing_twice(before, audited):
    already = {result.spec.id for result in before.finals.values()}
    trained = [job.spec.id for job in audited.trained]
    assert trained
    assert not already & set(trained)
    assert len(set(trained)) == len(trained)
    assert all(job.purpose is Purpose.FINAL and job.key.role.startswith("audit-") for job in audited.trained)
    assert all(setting.seeds == (1, 2) for setting in audited.audit.settings)
    assert {setting.trial for setting in audited.audit.settings} == {choice.trial for choice in choices(audited)} | {None}
    assert Audited(audited, every=True).run().keys == []


def test_the_opening_is_noted_and_the_choice_stands(before, audited):
    study = opened_again(audited)
    assert study.choice == before.choice
    assert study.complete
    first, *later = study.openings
    assert (first,) == before.openings
    assert [opening.jobs for opening in later] == ([tuple(job.key for job in audited.trained)])


def test_whoever_asks_for_another_rule_sees_what_the_audit_retrained(audited):
    roles = opened_again(audited).choice.roles.values()
    rule, trial = next((one.rule, one.trial) for one in choices(audited) if one.trial is not None and one.trial not in roles)
    console = Console(file=io.StringIO(), width=250, record=True)
    choose(audited.folder.path, rule, console)
    tested = format_mean(audited.audit.setting(trial).test["accuracy"])
    assert re.search(rf"chosen by {rule} +{trial} +validation .*\n +test +{tested}", text_on(console))


def test_an_audit_that_was_stopped_goes_on(tmp_path):
    with trained_once():
        searched = run_small(tmp_path, trials=4, accuracy_floor="0")
        first, second = Audited(searched, every=True).run(1), Audited(searched, every=True).run()
    assert len(first.keys) == 1
    assert second.keys
    assert first.keys[0] not in second.keys
    assert Audited(searched, every=True).run().keys == []


def test_regret_is_against_the_best_that_reaches_the_floor_on_test(audited):
    found = audited.audit
    reached = [setting for setting in found.settings if setting.feasible]
    best = min(setting.mean("deo_m") for setting in reached)
    assert found.score == "deo_m"
    assert found.test_floor == pytest.approx(found.setting(None).mean("accuracy") - 0.3)
    for setting in found.settings:
        assert setting.regret == pytest.approx(setting.mean("deo_m") - best)
        assert setting.feasible == (setting.mean("accuracy") >= found.test_floor)
    assert min(setting.regret for setting in reached) == 0


@pytest.mark.parametrize(("above", "feasible"), [(1e-12, True), (1e-6, False)])
def test_rounding_puts_nothing_below_the_floor_on_test(audited, monkeypatch, above, feasible):
    accuracy = audited.audit.setting(None).mean("accuracy")
    monkeypatch.setattr("fairtune.study.audit.floor_on", lambda *_: accuracy + above)
    assert audited.audit.setting(None).feasible is feasible


def test_differences_from_the_baseline_are_of_the_same_samples(audited):
    baseline, *others = audited.audit.settings
    assert (baseline.trial, baseline.against_baseline) == (None, None)
    for setting in others:
        assert setting.against_baseline.mean == pytest.approx(setting.mean("deo_m") - baseline.mean("deo_m"))
        assert setting.against_baseline.paired == "samples"


def test_validation_and_test_are_set_side_by_side(audited):
    found = audited.audit
    assert set(found.rank_correlation) == {"accuracy", "deo_m", "deo_m_shrunken"}
    assert all(-1 <= value <= 1 or math.isnan(value) for value in found.rank_correlation.values())
    volumes = found.hypervolume
    assert 0 <= volumes.test <= 1
    assert volumes.gap == volumes.validation - volumes.test


def test_without_a_feasible_trial_nothing_is_confirmed(infeasible):
    before = infeasible.study.openings
    session = Audited(infeasible)
    session.run()
    assert session.keys == []
    found = session.audit
    assert {choice.trial for choice in found.choices} == {None}
    assert [said.partition(" with probability")[0] for said in unable(found) if "nothing is chosen" in said] == [
        "by deo_m_safe nothing is chosen: no trial reached the floor"
    ]
    assert (found.settings, found.test_opened) == ((), before)
    assert "no trial reached the floor" in found.outcome


def test_budgets_of_the_search_do_not_end_its_audit(tmp_path):
    with trained_once():
        spec, place = small_search(tmp_path, trials=5, final_seeds=2, accuracy_floor="teacher-0.1", epoch_budget=20)
        session = Audited(Session(spec, place).run())
        session.run()
    assert all(setting.seeds == (1, 2) for setting in session.audit.settings)


def test_a_search_of_which_no_trial_was_run_says_so(tmp_path):
    with trained_once():
        session = Session(*small_search(tmp_path)).run(1)
    with pytest.raises(
        InvalidInput, match="the search run has nothing to choose from: no trial was run; go on with fairtune resume"
    ):
        choices(session)
