"""What one trial costs the database does not depend on how many there are."""

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from fairtune.study.key import JobKey
from fairtune.study.mirror import Mirror
from tests.study.test_study import open_study, outcome

ASKING, TELLING = 12, 12
"""Statements at most: of a trial with one parameter."""


@pytest.fixture
def statements():
    """The statements sent to databases."""
    sent = []

    def note(connection, cursor, statement, *rest):
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


def statements_of(sent, call):
    sent.clear()
    given = call()
    return len(sent), given


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_a_trial_takes_as_many_statements_early_and_late(tmp_path, statements, sampler):
    study = open_study(tmp_path, sampler=sampler, trials=80)
    counted = []
    for _ in range(60):
        asking, (number, _, _) = statements_of(statements, study.ask)
        telling, _ = statements_of(statements, lambda number=number: study.tell(number, outcome(study)))
        counted.append((asking, telling))
    # a sampler that has learnt marks its trials
    assert len(set(counted[30:])) == 1
    assert counted[-1][0] <= ASKING
    assert counted[-1][1] <= TELLING


def test_a_trial_reads_no_other_trial(tmp_path, statements):
    study = open_study(tmp_path)
    for _ in range(5):
        study.tell(study.ask()[0], outcome(study))
    statements.clear()
    study.tell(study.ask()[0], outcome(study))
    assert not [statement for statement in statements if "trial_user_attributes.value_json" in statement and "SELECT" in statement]


def test_a_new_run_of_mlflow_is_one_more_attribute(tmp_path, statements):
    study = open_study(tmp_path)
    study.keep_mirror(Mirror("7", "abc", {JobKey.trial(number): str(number) for number in range(50)}))
    counted, _ = statements_of(statements, lambda: study.keep_child(JobKey.trial(50), "50"))
    assert counted < 10
    assert study.mirror == open_study(tmp_path).mirror
    assert study.mirror.children[JobKey.trial(50)] == "50"
