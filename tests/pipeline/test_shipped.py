"""Every pipeline that comes with fairtune, as far as it can be told without data."""

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from fairtune import plugins
from fairtune.api.where import Where
from fairtune.batches import sampling
from fairtune.errors import InvalidInput
from fairtune.methods import compose
from fairtune.pipeline.dry_run import dry_run, plan_without_data
from fairtune.pipeline.format import Published
from fairtune.pipeline.published import Beside
from fairtune.pipeline.reading import load, names
from fairtune.pipeline.rows import standing
from fairtune.pipeline.run import figures
from tests.datasets import files

METHODS = ["ss", "mi", "laftr"]
"""Of the file that has every method: those that stand beside published figures, and one that does not."""
SIZES: dict[tuple[object, ...], tuple[int, int, int]] = {
    ("biased_mnist", "biased", None): (54_000, 1, 100),
    ("biased_mnist", "unbiased", None): (10_000, 90, 100),
    ("celeba", "biased", "Attractive"): (162_770, 18_000, 4),
    ("celeba", "biased", "Blond_Hair"): (162_770, 1_387, 4),
    ("celeba", "unbiased", "Blond_Hair"): (437, 109, 4),
    ("cifar10s", "skewed", None): (45_000, 900, 20),
    ("corrupted_cifar10", "biased", None): (45_000, 5, 100),
    ("corrupted_cifar10", "unbiased", None): (8_333, 83, 100),
    ("multicolor_mnist", "biased", None): (48_000, 3, 40),
    ("multicolor_mnist", "unbiased", None): (10_000, 9, 40),
}
"""Of real data by ``train`` and ``target``: training samples, those of the smallest cell at least, cells."""
LOSSES = {"sigma_iou": "l_iou", "equalized_odds": "l_eo_l2", "demographic_parity": "l_dp_l2"}
"""Which of the columns of T. Hänel et al. goes in the direction of a score."""
HANEL = {"table": "hanel_main.csv", "rows": {"baseline": "L_ce", "iou": "L_iou", "eo_l2": "L_eo_l2"}}
UNQUOTED: dict[str, list[dict[str, object]]] = {
    "losses_celeba": [{"dataset": "CelebA-Smiling/{attribute}"}],
    "losses_utkface": [{"dataset": "UTKFace-AgeGroup/{attribute}", "names": {"race5": "Ethnicity", "gender": "Gender"}}],
}
"""Tables of theirs that do not stand beside the rows."""
HEADER = ("Paper:", "Shows:", "Command:", "Machine:", "Time:", "Expected:")


@pytest.fixture
def typed(tmp_path):
    return {"data": str(tmp_path / "data"), "runs": str(tmp_path / "runs"), "gpus_per_trial": 0}


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Small files of the two tables, whose sizes searches depend on."""
    (tmp_path / "data").mkdir()
    files.make_adult(tmp_path / "data", monkeypatch)
    files.make_german(tmp_path / "data", monkeypatch)


@pytest.mark.parametrize("name", names())
def test_a_file_tells_what_it_is(name):
    header = load(Path(name)).header
    assert tuple(line.split()[0] for line in header[: len(HEADER)]) == HEADER
    assert any(line.startswith(f"Command:  fairtune run {name}") for line in header)


@pytest.mark.parametrize("size", ["full", "quick"])
@pytest.mark.parametrize("name", names())
def test_a_file_is_whole(name, size, typed):
    found = plan_without_data(load(Path(name)), size, typed)
    assert len({one.named.label for one in found}) == len(found)
    assert all(one.spec is not None or one.missing for one in found)


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("name", [name for name in names() if load(Path(name)).content.report.published])
def test_every_row_that_a_file_lists_finds_its_published_line(name, typed):
    pipeline = load(Path(name))
    if name == "all_methods":
        each = {"each": {"method": METHODS}}
        pipeline = pipeline._replace(content=pipeline.content.model_copy(update={"defaults": pipeline.content.defaults | each}))
    searches = [(one.named, one.spec) for one in plan_without_data(pipeline, "full", typed) if one.spec is not None]
    beside = figures(pipeline, {})
    found = [row for row in standing(searches) if beside.of(row.names, row.values)]
    listed = {row for published in pipeline.content.report.published for row in published.rows}
    assert all(any(row in one.names for one in found) for row in listed)


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize("name", [name for name in names() if load(Path(name)).content.report.orderings])
def test_no_ordering_says_what_the_published_figures_contradict(name, typed):
    pipeline = load(Path(name))
    report = pipeline.content.report
    unquoted = [Published.model_validate(HANEL | told) for told in UNQUOTED.get(name, [])]
    beside = Beside([*report.published, *unquoted], pipeline.path.parent)
    searches = [(one.named, one.spec) for one in plan_without_data(pipeline, "full", typed) if one.spec is not None]
    for data in {named.data for named, _ in searches}:
        rows = standing([search for search in searches if search[0].data == data])
        quoted = {row.names: beside.of(row.names, row.values) for row in rows}
        for order in report.orderings:
            score = LOSSES.get(order.score, order.score)
            means = {called: scores[score].mean for names, scores in quoted.items() if score in scores for called in names}
            for left, sign, right in order.pairs:
                if left in means and right in means:
                    assert (means[left] >= means[right]) == sign.startswith(">") or means[left] == means[right], (data, str(order))


@pytest.mark.parametrize("name", names())
def test_quick_is_less_than_full(name, typed):
    pipeline = load(Path(name))
    quick, full = (plan_without_data(pipeline, size, typed) for size in ("quick", "full"))
    assert {one.named.label for one in quick} <= {one.named.label for one in full}
    assert len(quick) * quick[0].request.trials <= len(full) * full[0].request.trials


@pytest.mark.parametrize("name", names())
def test_where_a_single_setting_is_tried_it_is_the_published_one_and_not_drawn(name, typed):
    for one in plan_without_data(load(Path(name)), "full", typed):
        if one.spec is not None and one.spec.trials == 1:
            for method, space in one.spec.spaces.items():
                known = set(space.points[0]) if space.points else set()
                assert set(space.search) <= known, f"{one.named.label}: {method} draws {set(space.search) - known}"


@pytest.mark.parametrize("size", ["full", "quick"])
@pytest.mark.parametrize("name", [name for name in names() if name.startswith("ffw_")])
def test_what_ffw_prunes_is_compared_with_the_net_that_it_starts_from(name, size, typed):
    for one in plan_without_data(load(Path(name)), size, typed):
        assert one.spec is None or one.spec.baseline().dataset.options["train"] == "biased", one.named.label


@pytest.mark.parametrize("size", ["full", "quick"])
def test_students_of_an_unskewed_teacher_are_compared_with_a_skewed_net(size, typed):
    found = plan_without_data(load(Path("mfd_motivation")), size, typed)
    assert {one.spec.baseline().dataset.options["train"] for one in found} == {"skewed"}
    assert {one.spec.teacher().dataset.options["train"] for one in found} == {"composite"}
    assert found[0].spec.baseline().epochs == (4 if size == "quick" else 50), "the row called baseline is the first search's"


@pytest.mark.parametrize("size", ["full", "quick"])
@pytest.mark.parametrize("name", names())
def test_real_data_fill_batches_of_the_file_s_own_size(name, size, typed):
    for spec in (one.spec for one in plan_without_data(load(Path(name)), size, typed) if one.spec is not None):
        options = spec.dataset.options
        known = SIZES.get((spec.dataset.name, options.get("train"), options.get("target")))
        if known is None:
            continue
        samples, smallest, cells = known
        sampling.check_batch_size(int(spec.train_fraction * samples), spec.batch_size)
        if any(compose(method, space.fixed).balances(spec.dataset) for method, space in spec.spaces.items()):
            sampling.check_cells(np.full((cells, 1), int(spec.train_fraction * smallest)), spec.batch_size)


def test_nets_that_ffw_starts_from_early_have_the_rate_of_their_first_epochs(typed):
    found = {one.named.short: one.spec for one in plan_without_data(load(Path("ffw_biased_mnist")), "full", typed)}
    for epochs in (2, 10):
        teacher = found[f"ffw_after_{epochs}_epochs"].baseline()
        assert (teacher.epochs, teacher.optimizer.lr, teacher.optimizer.schedule) == (epochs, 0.1, "constant")


def test_the_comparison_of_all_methods_searches_the_rate_of_those_alone_that_train_the_net(typed):
    pipeline = load(Path("all_methods"))
    specs = [one.spec for one in plan_without_data(pipeline, "full", typed) if one.spec is not None]
    spaces = [(method, space) for spec in specs for method, space in spec.spaces.items()]
    searched = {method: "optimizer.lr" in space.search for method, space in spaces}
    assert set(plugins.names("method")) <= set(searched)
    assert searched == {method: compose(method, {}).trains_net for method in searched}
    idle = sorted(method for method, is_searched in searched.items() if not is_searched)
    (said,) = [one for one in pipeline.content.report.differs if "no rate to search" in one]
    assert said.startswith(f"The net of {', '.join(idle[:-1])} and {idle[-1]} is the plain model, frozen;")


@pytest.mark.parametrize("name", [name for name in names() if any("trainings beside" in line for line in load(Path(name)).header)])
def test_a_header_counts_the_trainings_that_confirm(name, typed):
    (said,) = (line for line in load(Path(name)).header if "trainings beside" in line)
    specs = [one.spec for one in plan_without_data(load(Path(name)), "full", typed)]
    plain = {spec.baseline().id for spec in specs}
    assert f": {(len(specs) + len(plain)) * specs[0].final_seeds} trainings beside those of the searches" in said


def test_all_methods_that_are_fairer_than_mfd_in_the_paper_are_named():
    pipeline = load(Path("mfd_celeba"))
    table = pd.read_csv(pipeline.path.parent / "published" / "mfd_main.csv")
    found = table[(table["dataset"] == "CelebA") & (table["metric"] == "deo_m_pct")].set_index("method")["mean"]
    (said,) = [one for one in pipeline.content.report.differs if "lower DEO_M than MFD" in one]
    assert set(re.findall(r"(\S+) \(", said)) == {*found.index[found <= found["MFD"]]}


def test_a_card_that_is_not_known_is_refused_before_anything_is_looked_at():
    said = io.StringIO()
    with pytest.raises(InvalidInput, match="unknown card 'h900'"):
        dry_run(Path("digits"), Console(file=said), "full", {}, Where(on="h900"))
    assert said.getvalue() == ""
