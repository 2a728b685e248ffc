"""The mean of a choice's retrainings: predicted, scored, exported, run without fairtune."""

import json
import shutil
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

import fairtune as ft
from fairtune.api.export import CARD, PROGRAM, SCRIPT, SPEC, WEIGHTS
from fairtune.api.model import load_model
from fairtune.cli.main import app
from fairtune.datasets import Dataset, open_part
from fairtune.errors import InvalidInput
from fairtune.models import Net
from fairtune.records import Purpose
from fairtune.testing.trainings import NO_FILES
from tests.search_helpers import run_small, trained_once

SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with trained_once():
        return run_small(tmp_path_factory.mktemp("kept"), trials=1, final_seeds=3, keep_finals=True, post_process="none")


@pytest.fixture(scope="module")
def run(session):
    return ft.open_run(session.folder.path)


@pytest.fixture(scope="module")
def images(session):
    dataset = Dataset.load("digits")(**session.spec.dataset.options)
    split = dataset.test_split(open_part(dataset, NO_FILES, "test", purpose=Purpose.FINAL), dataset.describe(NO_FILES))
    return split.pool[split.rows], split.y, split.a


def copied(run, tmp_path):
    shutil.copytree(run.path, tmp_path / "copy")
    return ft.open_run(tmp_path / "copy")


def test_every_retraining_keeps_its_net(session):
    kept = sorted(folder.name for folder in (session.folder.path / "finals").iterdir())
    assert kept == sorted(f"{role}-{seed}" for role in ("baseline", "chosen") for seed in SEEDS)
    assert all((session.folder.final("chosen", seed).weights).is_file() for seed in SEEDS)


def test_its_probabilities_are_the_mean_of_theirs(run, session, images):
    singles = []
    for seed in SEEDS:
        folder = session.folder.final("chosen", seed)
        singles.append(load_model(run.model().spec, run.spec.names, run.spec.shape, folder, NO_FILES))
    each = np.array([one.predict(images[0]).probabilities.to_numpy() for one in singles])
    together = run.model(ensemble=True)
    assert tuple(one.seed for one in together.members) == SEEDS
    assert np.abs(each[0] - each[1]).max() > 1e-3, "the nets differ"
    np.testing.assert_allclose(together.predict(images[0]).probabilities.to_numpy(), each.mean(axis=0), atol=1e-12)
    assert "ensemble of 3" in repr(together)


@pytest.fixture
def _no_onnx(monkeypatch):
    """Cards are read here; an export takes half the time without."""
    monkeypatch.setattr("fairtune.api.export._ONNX_NEEDS", ("not_installed",))


@pytest.mark.usefixtures("_no_onnx")
def test_scored_on_test_it_has_scores_of_its_own_which_the_card_tells(run, images, tmp_path):
    own = copied(run, tmp_path)
    before = own.export(tmp_path / "before", ensemble=True)
    assert "Its own test scores are not known" in (before / CARD).read_text()
    openings = len(own.summary.test_opened)
    found = ft.evaluate(own, split="test", ensemble=True)
    predicted = own.model(ensemble=True).predict(images[0]).probabilities.to_numpy().argmax(axis=1)
    assert found.scores["accuracy"] == pytest.approx((predicted == images[1]).mean())
    assert found.seeds == SEEDS
    assert found.scores["mutual_information"] >= 0
    low, high = found.intervals.loc["accuracy", ["low", "high"]]
    assert len(own.summary.test_opened) == openings + 1
    card = (own.export(tmp_path / "after", ensemble=True) / CARD).read_text()
    assert "the mean of those of 3 nets" in card
    assert f"| accuracy | higher | {found.scores['accuracy']:.4f} | {low:.3f} to {high:.3f} |" in card
    assert "| seeds | 1, 2, 3 |" in card
    kept = json.loads((own.path / "ensemble.json").read_text())
    for unknown in (json.dumps(kept | {"trainings": ["of another choice"]}), "{"):
        (own.path / "ensemble.json").write_text(unknown)
        assert "Its own test scores are not known" in (own.export(tmp_path / "after", ensemble=True) / CARD).read_text()
    single = (own.export(tmp_path / "single") / CARD).read_text()
    assert "ensemble" not in single
    handed = own.summary.handed
    assert f"| accuracy | higher | {handed.test['accuracy'].mean:.4f} |" in single


def test_the_exported_program_is_the_ensemble(run, images, tmp_path):
    folder = run.export(tmp_path, ensemble=True)
    expected = run.model(ensemble=True).predict(images[0]).probabilities.to_numpy()
    program = torch.export.load(folder / PROGRAM).module()
    np.testing.assert_allclose(program(torch.from_numpy(images[0])).detach().numpy(), expected, atol=1e-6, rtol=0)
    assert json.loads((folder / SPEC).read_text())["ensemble"] == [f"final-chosen-{seed}" for seed in SEEDS]
    assert (folder / SCRIPT).is_file()


def test_the_card_says_how_to_load_the_nets(run, tmp_path, monkeypatch):
    folder = run.export(tmp_path, ensemble=True)
    monkeypatch.chdir(folder)
    (code,) = [part for part in (folder / CARD).read_text().split("```") if "fairtune.models" in part]
    loaded: dict[str, Any] = {}
    exec(code.removeprefix("python"), loaded)
    weights = load_file(folder / WEIGHTS)
    assert len(loaded["nets"]) == 3
    for number, net in enumerate(loaded["nets"]):
        assert isinstance(net, Net)
        assert torch.equal(net.head.weight, weights[f"members.{number}.head.weight"])


def test_the_commands_take_it(run, tmp_path):
    def said(*given):
        done = CliRunner().invoke(app, [*map(str, given)])
        assert done.exit_code == 0, done.output
        return done.output

    assert "mean of 3 nets" in said("evaluate", run.path, "--ensemble")
    assert CARD in said("export", run.path, "--ensemble", "--to", tmp_path)


def test_what_cannot_be_is_refused_in_a_sentence(run, session, searched, tmp_path):
    with pytest.raises(InvalidInput, match=r"confirmed on 1 seed, and a mean is of two or more: search with more --final-seeds"):
        ft.open_run(searched.folder.path).model(ensemble=True)
    with pytest.raises(InvalidInput, match="thresholds are moved of a single net"):
        run.export(tmp_path, thresholds="shared_thresholds", ensemble=True)
    with pytest.raises(InvalidInput, match="thresholds are moved of a single net"):
        ft.evaluate(run, thresholds="shared_thresholds", ensemble=True)
    with pytest.raises(InvalidInput, match="give the folder of a run"):
        ft.evaluate(session.folder.final("chosen", 1).path, ensemble=True)
    gone = copied(run, tmp_path)
    shutil.rmtree(gone.path / "finals" / "chosen-2")
    with pytest.raises(
        InvalidInput, match=r"of the 3 retrainings .* the nets of seeds 2 are not kept: fairtune search --keep-finals"
    ):
        gone.model(ensemble=True)
    assert gone.model().members == ()
