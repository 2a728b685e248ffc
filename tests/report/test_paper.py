import pytest

from fairtune.metrics import UNDEFINED
from fairtune.report.paper import paper_table
from fairtune.study.summary import summarise

pytestmark = pytest.mark.usefixtures("trained_once")


@pytest.fixture
def summary(mixed):
    found = summarise(mixed.spec, mixed.place, mixed.study).model_copy(deep=True)
    for role, accuracy, deo_m in (("baseline", 0.8, 0.5), ("chosen", 0.75, 0.2)):
        test = found.confirmed[role].test
        test["accuracy"] = test["accuracy"].model_copy(update={"mean": accuracy, "std": 0.01})
        test["deo_m"] = test["deo_m"].model_copy(update={"mean": deo_m, "std": float("nan")})
    return found.model_copy(update={"confirmed": {role: found.confirmed[role] for role in ("baseline", "chosen")}})


def test_arrows_say_where_scores_went_from_the_teachers(summary):
    lines = paper_table(summary, "markdown").splitlines()
    assert lines[0].startswith("| setting | accuracy (↑) | DEO_M (↓) |")
    assert lines[2].startswith("| teacher, 2 of 3 seeds | **80.00 ± 1.00** | 50.00 |")
    assert "| 75.00 ± 1.00 ↓ | **20.00** ↓ |" in lines[3]
    assert len({line.count("|") for line in lines}) == 1


def test_latex_is_escaped_and_whole(summary):
    text = paper_table(summary, "latex")
    assert r"DEO\_M ($\downarrow$)" in text
    assert r"75.00 $\pm$ 1.00 $\downarrow$ & \textbf{20.00} $\downarrow$" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len({line.count("&") for line in rows}) == 1
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1


def test_nothing_confirmed_is_no_table(infeasible):
    found = summarise(infeasible.spec, infeasible.place, infeasible.study)
    assert paper_table(found, "latex").startswith("nothing was confirmed")


def test_a_baseline_that_taught_no_trial_is_no_teacher(summary):
    """Their teacher is trained longer."""
    spec = summary.spec.model_copy(update={"teacher_epochs": 50})
    lines = paper_table(summary.model_copy(update={"spec": spec}), "markdown").splitlines()
    assert lines[2].startswith("| baseline, ")


def test_without_scores_of_the_baseline_there_are_no_arrows(summary):
    failed = summary.confirmed["baseline"].model_copy(update={"seeds": [], "failed_seeds": [1, 2, 3], "test": {}})
    lines = paper_table(summary.model_copy(update={"confirmed": summary.confirmed | {"baseline": failed}}), "markdown").splitlines()
    assert lines[2].startswith("| teacher, 0 of 3 seeds | - | - |")
    assert "| **75.00 ± 1.00** | **20.00** |" in lines[3]


def test_a_score_that_one_row_lacks_is_bold_in_the_others(summary):
    summary.confirmed["baseline"].test["deo_m"] = UNDEFINED
    assert "| **20.00** |" in paper_table(summary, "markdown").splitlines()[3]


def test_a_row_says_on_how_many_seeds_it_was_confirmed(summary):
    text = paper_table(summary, "latex")
    assert "3 seeds where a row says no other" in text
    assert "\nteacher, 2 of 3 seeds &" in text  # one has crashed
