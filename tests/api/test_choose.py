import io
import re

import pytest
from rich.console import Console

from fairtune.api.choose import choose
from fairtune.errors import InvalidInput
from tests.consoles import text_on


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
    assert "by accuracy nothing is chosen: no trial reached the floor, accuracy 1.0000" in text


def test_a_rule_whose_score_was_not_recorded_says_what_records_it(mixed, console):
    said = r"by mutual_information, which the search run did not record: begin another with fairtune search .*spec.yaml --select"
    with pytest.raises(InvalidInput, match=said):
        choose(mixed.folder.path, "mutual_information", console)
    with pytest.raises(InvalidInput, match="--select auc: auc takes two classes"):
        choose(mixed.folder.path, "auc", console)


def test_a_rule_that_is_none_is_refused(mixed, console):
    with pytest.raises(InvalidInput, match="did you mean 'deo_m'"):
        choose(mixed.folder.path, "deom", console)
