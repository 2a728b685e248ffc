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
