"""What a plan says, and what it refuses."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import fairtune as ft
from fairtune.api.console import open_console
from fairtune.api.fitting import expected_memory, gib_on, too_large, trials_of
from fairtune.api.measured import Measured
from fairtune.api.plan import make_plan
from fairtune.api.where import Where
from fairtune.cli.main import app
from fairtune.datasets.celeba import CelebA
from fairtune.errors import DataError, InvalidInput
from fairtune.methods import Method
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.search.budget import most_confirmed
from fairtune.testing.trainings import NO_FILES, digits_spec
from fairtune.training.cards import find_card
from fairtune.training.cost import Shape
from fairtune.training.data import open_data

FACES = {"dataset": "celeba", "model": "cnn", "method": "mfd", "trials": 60}


def planned(tmp_path, where, **given):
    with Measured.open() as measured:
        return make_plan(Request.read({"runs": str(tmp_path), "data": str(tmp_path)} | given), where, open_console(), measured)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return planned(tmp_path_factory.mktemp("plan"), Where("h100", price=2.0), **FACES)


def test_a_search_is_planned_before_its_data_are_there(faces):
    assert (faces.trials, faces.retrainings) == (60, 4 * most_confirmed(("accuracy", "deo_m")))
    assert faces.spec.precision == "bf16"
    cost = faces.baseline.cost
    assert cost.flops > 50 * (162_770 // 128) * cost.step_flops
    assert faces.methods["mfd"].cost.step_flops > cost.step_flops
    assert faces.disk_gib["decoded data"] == pytest.approx((162_770 + 19_867) * 218 * 178 * 3 / 2**30)


def test_hours_and_price_follow_from_what_is_assumed(faces):
    mfd = faces.methods["mfd"]
    assert mfd.busy_s == pytest.approx(mfd.cost.flops / (989e12 * faces.utilisation))
    assert faces.gpu_hours * 3600 == pytest.approx(
        faces.baseline.seconds(1) + (60 + faces.retrainings) * mfd.seconds(faces.side_by_side)
    )
    assert faces.hours == pytest.approx(faces.gpu_hours)
    assert faces.price == pytest.approx(2 * faces.gpu_hours)
    assert any("assumed are 8%" in line for line in faces.lines())


def test_operations_that_the_host_launches_take_longer_than_replayed_ones(faces, tmp_path):
    launched = planned(tmp_path, Where("h100"), **FACES, compile="off").methods["mfd"]
    assert launched.launch_s == pytest.approx(4 * faces.methods["mfd"].launch_s)
    assert launched.busy_s == faces.methods["mfd"].busy_s


def test_the_images_of_a_trial_stay_on_a_card_that_has_room_for_them(faces):
    cost = faces.baseline.cost
    large, small = (gib_on(find_card("x", tflops=1.0, gib=gib), cost, shape_of_faces(faces)) for gib in (80.0, 16.0))
    assert large - small == pytest.approx(faces.disk_gib["decoded data"] - (19_867 * 218 * 178 * 3 / 2**30), rel=0.1)


def shape_of_faces(faces):
    known = CelebA().published()
    return Shape(known.info, known.stored, known.train, known.validation)


@pytest.mark.slow
def test_a_training_that_does_not_fit_says_what_would(tmp_path):
    given = FACES | {"batch_size": 512, "precision": "fp32", "method": "hkd"}
    with pytest.raises(InvalidInput, match=r"scratch with cnn takes about .* GiB, tiny has 10: --batch-size 256") as refused:
        planned(tmp_path, Where("tiny", peak_tflops=100, memory_gib=10), **given)
    for other in ("--micro-batch 256", "--precision bf16", "images of 88x88"):
        assert other in str(refused.value)


@pytest.mark.parametrize(("method", "parts"), [("hkd", True), ("mfd", False)])
def test_only_what_adds_up_is_told_to_take_parts(tmp_path, method, parts):
    given = {"method": method, "model": "cnn", "batch_size": 2, "precision": "fp32"}
    spec, shape = resolve(Request.read(given | {"runs": str(tmp_path), "gpus_per_trial": 0, "batch_size": 40}))[0], digits()
    (trial,) = trials_of(spec).values()
    trial = trial.model_copy(update={"batch_size": 2})
    said = too_large(trial, shape, find_card("tiny", tflops=1.0, gib=1e3), 2e3)
    assert ("--micro-batch 1" in said) == parts


@pytest.mark.parametrize(
    ("where", "given", "reason"),
    [
        (Where("h10"), {}, "unknown card 'h10'.*h100.*give --peak-tflops and --memory-gib"),
        (Where("t4"), {"precision": "bf16"}, "t4: it does not multiply bfloat16: give --precision fp32"),
        (Where("b200", peak_tflops=2000), {}, "unknown card 'b200'.*--memory-gib"),
        (Where(), FACES, "no step can be timed: give --on CARD"),
        (Where("h100"), {"micro_batch": 8, "method": "mfd"}, "--micro-batch 8: the loss of mfd"),
        (Where("h100"), {"model": "resnet81"}, "unknown model 'resnet81'"),
    ],
)
def test_what_cannot_be_planned_is_refused(tmp_path, where, given, reason):
    with pytest.raises(InvalidInput, match=reason):
        planned(tmp_path, where, **given)


def test_data_of_which_nothing_is_known_without_files_are_asked_for(tmp_path):
    with pytest.raises(DataError, match="cifar-10"):
        planned(tmp_path, Where("h100"), dataset="cifar10s")


def test_a_card_that_lacks_bfloat16_is_planned_in_float32(tmp_path):
    assert planned(tmp_path, Where("t4"), method="scratch").spec.precision == "fp32"


def test_this_machine_is_timed(tmp_path):
    here = planned(tmp_path, Where(), method="hkd", trials=4, epochs=2, gpus_per_trial=0, max_concurrent=2, memory_per_trial=0)
    assert (here.card, here.gpu_hours, here.utilisation, here.side_by_side) == (None, None, None, 2)
    retrained = -(-here.retrainings // 2)
    expected = here.baseline.busy_s + (2 + retrained) * here.methods["hkd"].busy_s
    assert here.hours * 3600 == pytest.approx(expected)
    assert not list(tmp_path.iterdir())


def test_a_search_on_a_gpu_begins_with_what_it_takes_of_it(tmp_path):
    given = {"method": "hkd", "epochs": 2, "batch_size": 2, "runs": str(tmp_path), "gpus_per_trial": 0}
    spec, shape = resolve(Request.read(given))[0], digits()
    assert "the baseline " in (said := expected_memory(spec, shape, find_card("l4")))
    assert said.endswith("each has 24 GiB of l4")


def test_a_search_is_warned_of_what_may_not_fit_and_goes_on(tmp_path, caplog):
    spec = resolve(Request.read({"method": "hkd", "epochs": 2, "batch_size": 2, "runs": str(tmp_path), "gpus_per_trial": 0}))[0]
    said = expected_memory(spec, digits(), find_card("half", tflops=1.0, gib=0.5))
    assert said.endswith("each has 0.5 GiB of half")
    assert re.search(r"a training of scratch with mlp takes about .* GiB, half has 0\.5.* tried all the same", caplog.text)


class Asking(Method):
    """Asks for a value."""

    def loss(self, student, teacher, batch, progress):
        return {"asked": student.logits.mean() * float(batch.y.sum())}


@pytest.mark.parametrize(("method", "protocol"), [("lisa", "official"), ("cvar_dro", "official"), (f"{__name__}:Asking", "fixed")])
def test_what_depends_on_values_is_not_known_and_not_planned(tmp_path, method, protocol):
    given = {"method": method, "protocol": protocol, "epochs": 2, "batch_size": 20}
    spec = resolve(Request.read(given | {"runs": str(tmp_path), "gpus_per_trial": 0}))[0]
    said = expected_memory(spec, digits(), find_card("l4"))
    assert f"; {method} not known, as its steps depend on values; each has" in said
    with pytest.raises(
        InvalidInput, match=f"what a training of {method} .* --protocol {protocol} takes cannot be counted .*values"
    ):
        planned(tmp_path, Where("l4"), **given)


def digits():
    return Shape.of(open_data(digits_spec(), NO_FILES))


def cluster_of(*machines, most=8):
    kinds = {name: {"node_config": {"InstanceType": name}, "resources": {"CPU": 8, "GPU": gpus}} for name, gpus in machines}
    head = {"head": {"node_config": {"InstanceType": "m5.xlarge"}, "resources": {"CPU": 0}}}
    return {"provider": {"type": "aws"}, "available_node_types": head | kinds, "max_workers": most}


@pytest.fixture
def cards_of(monkeypatch):
    """The card of a cluster, its memory, and how many there are."""

    def found(config, **where):
        monkeypatch.setattr("fairtune.api.where.read_cluster_file", lambda path: config)
        card, count = Where(cluster=Path("cluster.yaml"), **where).cards()
        return card.name, card.gib, count

    return found


def test_a_cluster_has_the_cards_of_its_workers(cards_of):
    assert cards_of(cluster_of(("g6.xlarge", 1), ("g6.2xlarge", 1))) == ("l4", 24.0, 8)
    assert cards_of(cluster_of(("p4d.24xlarge", 8), most=2)) == ("a100", 40.0, 16)
    mixed = cluster_of(("p5.48xlarge", 8), ("g4dn.xlarge", 1))
    with pytest.raises(InvalidInput, match=r"different GPUs \(g4dn.xlarge, p5.48xlarge\): give --on CARD"):
        cards_of(mixed)
    assert cards_of(mixed, on="h100") == ("h100", 80.0, 64)
    assert cards_of(cluster_of(("g6.xlarge", 1)), peak_tflops=1.0) == ("l4", 24.0, 8)


@pytest.mark.parametrize("machine", ["g6e.xlarge", "p5e.48xlarge", "p5en.48xlarge", "g5g.xlarge", "a3-ultragpu-8g", "z9.large"])
def test_a_machine_that_is_not_known_is_not_taken_for_its_relatives(cards_of, machine):
    with pytest.raises(InvalidInput, match=r"which GPU its machines have is not known here: give --on CARD beside it"):
        cards_of(cluster_of((machine, 1)))


@pytest.mark.parametrize(("machine", "card"), [("a3-highgpu-8g", "h100"), ("a2-ultragpu-1g", "a100-80"), ("g2-standard-4", "l4")])
def test_a_machine_of_google_is_known_by_its_family(cards_of, machine, card):
    assert cards_of(cluster_of((machine, 1)))[0] == card


def test_a_cluster_without_gpus_is_refused_in_a_sentence(cards_of):
    with pytest.raises(InvalidInput, match="none of its machines has a GPU in its resources: give --on CARD without --cluster"):
        cards_of(cluster_of())


def test_the_command_and_the_function_say_the_same(tmp_path, capsys):
    arguments = ["--method", "scratch", "--on", "l4", "--trials", "3", "--runs", str(tmp_path)]
    said = CliRunner().invoke(app, ["plan", *arguments])
    assert said.exit_code == 0, said.output
    made = ft.plan(method="scratch", on="l4", trials=3, runs=str(tmp_path))
    assert made.trials == 1
    assert capsys.readouterr().out == said.output
    assert re.search(r"baseline +\d", said.output)
    assert ", 1 trial and at most" in said.output


def test_the_command_names_near_misses():
    said = CliRunner().invoke(app, ["plan", "--on", "a10"])
    assert said.exit_code != 0
    assert "a100" in said.output
