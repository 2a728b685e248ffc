import pytest
import torch

from fairtune.methods import Progress
from fairtune.methods.fitnet import fitnet_loss
from fairtune.methods.group_dro import GroupDRO
from fairtune.spec import Optimizer
from fairtune.testing.examples import random_example, started
from fairtune.testing.trainings import digits_training, parameters, train_epochs

Y, GROUPS = torch.tensor([0, 1, 2, 0]), torch.tensor([0, 1, 0, 1])
TWO_STAGES = {"fitnet.stages": "two"}


def terms_at(epoch, epochs, method="fitnet", values=None, protocol="fixed"):
    terms = random_example(Y, GROUPS).terms(started(method, values, protocol=protocol), Progress(epoch, epochs))
    return {name: float(term.detach()) for name, term in terms.items()}


def train_epoch(training):
    """What an epoch reports, and the names of the parameters that it changes."""
    before = parameters(training)
    (record,) = train_epochs(training, 1)
    reported = {name for name in record if name in ("epoch", "val.loss") or name.startswith("train.")}
    return reported, {name for name, value in parameters(training).items() if not torch.equal(before[name], value)}


def test_is_half_the_mean_over_all_elements():
    student, teacher = torch.tensor([[1.0, 3.0], [0.0, 2.0]]), torch.tensor([[0.0, 0.0], [0.0, 4.0]])
    assert float(fitnet_loss(student, teacher)) == pytest.approx((1 + 9 + 0 + 4) / 4 / 2)


def test_the_teacher_gets_no_gradient():
    student, teacher = (torch.ones(2, 3, requires_grad=True) for _ in range(2))
    fitnet_loss(student, teacher).backward()
    assert teacher.grad is None


@pytest.mark.parametrize(
    ("method", "stages", "epochs", "expected"),
    [
        ("fitnet", "auto", 50, 16),
        ("fitnet", "auto", 6, 2),
        ("fitnet", "auto", 3, 1),
        ("fitnet", "auto", 2, 1),
        ("fitnet", "auto", 1, 0),
        ("fitnet", "one", 6, 0),
        ("fitnet", "two", 6, 2),
        ("ss+fitnet", "auto", 6, 0),
        ("ss+fitnet", "two", 6, 2),
        ("ad+fitnet", "auto", 6, 0),
    ],
)
def test_stage_one_takes_a_third_alone_and_nothing_in_combinations(method, stages, epochs, expected):
    composite = started(method, {"fitnet.stages": stages})
    alone = [composite.trains_alone(Progress(epoch, epochs)) for epoch in range(epochs)]
    assert alone == [epoch < expected for epoch in range(epochs)]


def test_stage_one_trains_the_features_alone_and_stage_two_everything():
    training = digits_training("fitnet", epochs=3)
    reported, moved = train_epoch(training)
    assert reported == {"epoch", "train.loss", "train.fitnet", "train.accuracy", "val.loss"}
    assert moved == {name for name in parameters(training) if not name.startswith("head.")}
    reported, moved = train_epoch(training)
    assert reported == {"epoch", "train.loss", "train.ce", "train.hkd", "train.accuracy", "val.loss"}
    assert moved == set(parameters(training))


@pytest.mark.parametrize("other", ["ad", "mi", "domain_independent"])
def test_stage_one_holds_the_other_methods_back(other):
    training = digits_training(f"{other}+fitnet", TWO_STAGES, epochs=3)
    before = parameters(training)
    training._order = torch.from_numpy(training.batch_order())
    for index in training._order[:2]:
        assert training.step(index).keys() == {"fitnet", "accuracy"}
    still = {name for name, value in parameters(training).items() if torch.equal(before[name], value)}
    assert still == {name for name in before if name.startswith(("head.", f"{other}."))}


def test_stage_one_leaves_the_cell_weights_of_group_dro():
    training = digits_training("group_dro+fitnet", TWO_STAGES, epochs=3)
    part = training.method.parts["group_dro"]
    assert isinstance(part, GroupDRO)
    cells = part.cells
    before = cells.log_q.clone()
    train_epochs(training, 1)
    assert torch.equal(cells.log_q, before)
    train_epochs(training, 1)
    assert not torch.equal(cells.log_q, before)


def test_the_schedule_of_the_learning_rate_waits_in_stage_one():
    training = digits_training("fitnet", epochs=6, optimizer=Optimizer(lr=1e-3, schedule="cosine"))
    rates = []
    for _ in range(4):
        rates.append(training.optimizer.param_groups[0]["lr"])
        train_epochs(training, 1)
    assert rates[:3] == [1e-3] * 3
    assert rates[3] < 1e-3


@pytest.mark.parametrize("protocol", ["fixed", "official"])
@pytest.mark.parametrize("epoch", range(4))
def test_annealing_starts_with_stage_two(epoch, protocol):
    later = terms_at(2 + epoch, 6, values={"fitnet.weight": 2.0}, protocol=protocol)
    assert later == pytest.approx(terms_at(epoch, 4, "hkd", {"hkd.weight": 2.0}, protocol))


def test_the_authors_annealing_turns_a_small_weight_negative():
    assert terms_at(5, 6, values={"fitnet.weight": 2.0})["hkd"] > 0
    assert terms_at(5, 6, values={"fitnet.weight": 2.0}, protocol="official")["hkd"] < 0


def test_one_stage_adds_both_terms_and_anneals_over_all_epochs():
    values = {"fitnet.stages": "one", "fitnet.feature_weight": 3.0}
    example = random_example(Y, GROUPS)
    features = 3 * fitnet_loss(example.student.features, example.teacher.features).item()
    for epoch in range(4):
        expected = {"fitnet": features} | terms_at(epoch, 4, "hkd")
        assert terms_at(epoch, 4, values=values) == pytest.approx(expected)


def test_without_a_feature_weight_there_is_no_stage_one_and_no_weight_above_the_first():
    values = {"fitnet.feature_weight": 0.0}
    for epoch in range(6):
        assert terms_at(epoch, 6, values=values) == pytest.approx({"fitnet": 0.0} | terms_at(epoch, 6, "hkd"))


def test_every_hyperparameter_reaches_the_loss():
    assert terms_at(0, 6, values={"fitnet.feature_weight": 2.0})["fitnet"] == pytest.approx(2 * terms_at(0, 6)["fitnet"])
    assert terms_at(2, 6, values={"fitnet.weight": 8.0})["hkd"] == pytest.approx(2 * terms_at(2, 6)["hkd"])
    assert terms_at(2, 6, values={"fitnet.temperature": 9.0})["hkd"] != pytest.approx(terms_at(2, 6)["hkd"], rel=1e-3)
