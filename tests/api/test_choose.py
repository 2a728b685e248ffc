import io
import re

import pytest
from rich.console import Console

from fairtune.api.choose import choose
from fairtune.errors import InvalidInput
from fairtune.rules.deo_m_safe import SafestDEOM
from tests.consoles import text_on
from tests.search_helpers import run_small, trained_once


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=250, record=True)


def chosen(session, select, console):
    found = choose(session.folder.path, select, console)
    return found, " ".join(text_on(console).split())


@pytest.mark.parametrize("select", ["accuracy", "dto", "knee", "deo_a", "equalized_odds"])
def test_another_rule_chooses_among_the_same_trials(mixed, select, console):
    before = (mixed.study.choice, mixed.study.openings, len(mixed.study.finals))
    found, text = chosen(mixed, select, console)
    assert found.number in [view.number for view in mixed.study.views()]
    assert f"by {select}: trial {found.number}, mfd weight " in text
    assert f"chosen by {select} {found.number} validation {found.val['accuracy']:.4f}" in text
    assert re.search(r"baseline validation \d.* test \d", text)
    assert (mixed.study.choice, mixed.study.openings, len(mixed.study.finals)) == before


def test_the_rule_of_the_search_chooses_the_same(mixed, console):
    found, text = chosen(mixed, "deo_m", console)
    assert found.number == mixed.study.choice.number
    assert "as by deo_m, the search's own rule" in text


def test_without_a_feasible_trial_it_says_so(infeasible, console):
    found, text = chosen(infeasible, "accuracy", console)
    assert found is None
    said = (
        r"by accuracy nothing is chosen: no trial reached the floor; closest to accuracy 1.0000 \(1\): trial \d misses it by 0.\d"
    )
    assert re.search(said, text)
    assert "what may help: lower --accuracy-floor, widen" in text


def test_a_rule_that_wants_to_be_sure_says_what_was_not_sure(tmp_path, console):
    with trained_once():
        best = max(view.val["accuracy"] for view in run_small(tmp_path / "first").study.views())
        session = run_small(tmp_path / "second", accuracy_floor=f"{best - 0.003:.4f}")
    floor = session.study.baseline.floor
    bounds = {view.number: view.val["accuracy_lower"] for view in session.study.views_for(SafestDEOM())}
    measured = sum(view.feasible for view in session.study.views())
    assert max(bounds.values()) < floor
    assert measured > 0
    found, text = chosen(session, "deo_m_safe", console)
    assert found is None
    said = f"no trial reached the floor with probability 0.9 (rule.floor_probability), though {measured} of 3 did as measured; "
    assert f"by deo_m_safe nothing is chosen: {said}closest to accuracy {floor:.4f} " in text
    closest = max(bounds, key=lambda number: bounds[number])
    assert f"by the lower bound: trial {closest} misses it by {floor - bounds[closest]:.4f}, trial" in text
    assert "what may help: lower --accuracy-floor or rule.floor_probability, " in text


def test_a_rule_whose_score_was_not_recorded_says_what_records_it(mixed, console):
    said = r"by mutual_information, which the search run did not record: begin another with fairtune search .*spec.yaml --select"
    with pytest.raises(InvalidInput, match=said):
        choose(mixed.folder.path, "mutual_information", console)
    with pytest.raises(InvalidInput, match="--select auc: auc takes two classes"):
        choose(mixed.folder.path, "auc", console)


def test_a_rule_that_is_none_is_refused(mixed, console):
    with pytest.raises(InvalidInput, match="did you mean 'deo_m'"):
        choose(mixed.folder.path, "deom", console)
