import io

from rich.console import Console

from fairtune.api.train import train_one
from fairtune.request.options import TrainRequest
from fairtune.training.folder import TrialFolder
from tests.consoles import text_on
from tests.search_helpers import Session, small_search


def trained(runs, method):
    console = Console(file=io.StringIO(), width=400)
    request = TrainRequest.read({"dataset": "digits", "epochs": 2, "precision": "fp32", "method": method, "runs": str(runs)})
    result = train_one(request, console)
    return result, text_on(console)


def test_a_plain_training_is_the_baseline_of_what_comes_after_it(tmp_path):
    plain, said = trained(tmp_path, "scratch")
    assert said.startswith(f"baseline {plain.result.spec.id}\n")
    distilled, said = trained(tmp_path, "hkd")
    assert distilled.result.spec.teacher == plain.result.spec
    assert said.startswith("hkd ")
    assert said.count("epoch 2/2") == 1
    session = Session(*small_search(tmp_path)).run(1)
    assert session.spec.baseline() == plain.result.spec
    assert session.study.baseline.result.seconds == TrialFolder(plain.folder.path).read_result().seconds


def test_a_plain_training_that_is_there_is_not_repeated(tmp_path):
    first, _ = trained(tmp_path, "scratch")
    again, said = trained(tmp_path, "scratch")
    assert again.result == first.result
    assert said == f"weights and scores are in {first.folder.path}\n"
    assert again.model().classes == first.model().classes


def test_without_a_terminal_a_long_epoch_is_told_of_by_lines(tmp_path, monkeypatch):
    monkeypatch.setattr("fairtune.api.train._LINE_EVERY_S", 0.0)
    trained_once, said = trained(tmp_path, "ss")
    steps = [line for line in said.splitlines() if ", step " in line]
    assert steps[0].startswith("epoch 1/2, step 1 of ")
    assert steps[-1].startswith("epoch 2/2, step ")
    assert not TrialFolder(trained_once.folder.path).step.exists()


def test_what_the_authors_set_is_said_and_trained(tmp_path):
    console = Console(file=io.StringIO(), width=400)
    options = {"dataset": "digits", "epochs": 1, "method": "ss", "protocol": "official", "runs": str(tmp_path)}
    train_one(TrainRequest.read(options), console)
    assert text_on(console).startswith(
        "but: ss: how the authors of ss trained it on digits is not known here: it is trained as told\n"
    )
