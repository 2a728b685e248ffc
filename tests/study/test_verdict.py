import pytest

from fairtune.metrics import Difference
from fairtune.space import Options
from fairtune.study.summary import summarise
from fairtune.study.verdict import advice, gained, improves, outcome


@pytest.fixture(scope="module")
def summary(mixed):
    return summarise(mixed.spec, mixed.place, mixed.study)


def against(summary, low, high, paired="samples", seeds=3):
    p_value = 0.01 if low * high > 0 else 0.4
    found = Difference(mean=(low + high) / 2, low=low, high=high, p_value=p_value, seeds=seeds, paired=paired)
    changed = summary.model_copy(update={"against_baseline": {"deo_m": found}})
    return changed.model_copy(update={"gained": gained(changed)})


def test_what_is_fairer_with_confidence_is_said_to_be(summary):
    better = against(summary, -0.3, -0.1)
    assert better.gained
    assert outcome(better).startswith(f"trial {summary.chosen.number} is fairer than the baseline: ")
    assert outcome(better).endswith("on test they differ by -0.2000 (95 % interval -0.300 to -0.100, p = 0.01)")


def test_it_is_said_where_the_run_does_not_know_its_answers(summary):
    assert outcome(against(summary, -0.3, -0.1, "seeds")).endswith("p = 0.01, of paired seeds alone)")


@pytest.mark.parametrize(("low", "high"), [(-0.3, 0.1), (0.1, 0.3)])
def test_what_is_not_is_said_first(summary, low, high):
    none = against(summary, low, high)
    assert none.gained is False
    assert outcome(none).startswith("nothing found that is fairer than the baseline at this floor: ")


def test_one_seed_proves_nothing_of_another(summary):
    one = against(summary, -0.3, -0.1, seeds=1)
    assert one.gained is None
    assert outcome(one).startswith(f"one seed does not tell whether trial {summary.chosen.number} is fairer than the baseline, two")
    assert outcome(one).endswith("(95 % interval -0.300 to -0.100, p = 0.01, of these two nets)")


def test_the_rule_says_what_has_to_be_better():
    assert [improves(rule) for rule in ("deo_m", "accuracy", "worst_group")] == ["deo_m", "accuracy", "worst_group_accuracy"]


def test_the_search_compares_what_it_confirmed(summary):
    found = summary.against_baseline["deo_m"]
    assert set(summary.against_baseline) == {"accuracy", "deo_m"}
    assert found.low <= found.estimate <= found.high
    assert found.paired == "samples"
    assert summary.outcome == outcome(summary)


def test_only_what_can_help_is_advised(summary):
    assert advice(summary).endswith("or give it more --trials or --epochs")
    two = summary.spec.spaces["mfd"].model_copy(update={"search": {"mfd.sampling": Options(values=("a", "b"))}})
    spec = summary.spec.model_copy(update={"spaces": {"mfd": two}})
    assert advice(summary.model_copy(update={"spec": spec})).endswith("or give it more --epochs")
