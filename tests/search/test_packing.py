"""How many trials a GPU holds."""

import logging

import pytest
import ray
import torch

from fairtune.errors import InvalidInput
from fairtune.request.options import Request
from fairtune.request.resolve import resolve_place
from fairtune.search import packing
from fairtune.search.packing import MOST_PER_GPU, are_measured, packed, share_of_gpu
from fairtune.study.jobs import Job
from tests.search_helpers import Session, run_small, small_search, train

CARD_MB = 24 * 1024.0


@pytest.mark.parametrize(
    ("peak_mb", "trials"),
    [(100, MOST_PER_GPU), (4000, 4), (9000, 2), (11_000, 1), (30_000, 1)],
)
def test_trials_fill_a_card_and_fit_it(peak_mb, trials):
    share = share_of_gpu(peak_mb, CARD_MB)
    assert share == 1 / trials
    assert trials == 1 or trials * peak_mb < CARD_MB


def test_more_memory_is_never_a_smaller_share():
    shares = [share_of_gpu(peak_mb, CARD_MB) for peak_mb in range(100, 40_000, 50)]
    assert shares == sorted(shares)


@pytest.mark.usefixtures("trained_once")
class TestOfASearch:
    def test_is_measured_once_each_method_has_had_a_trial(self, tmp_path):
        session = Session(*small_search(tmp_path, method="mfd,reweight"))
        known = []
        for _ in range(3):
            session.run(1)
            known.append(are_measured(session.spec, session.study))
        assert known == [False, False, True]

    def test_what_an_earlier_run_trained_is_not_measured(self, tmp_path):
        run_small(tmp_path, name="earlier")
        session = Session(*small_search(tmp_path, warm_start=str(tmp_path / "earlier")))
        session.plan.next()
        assert any(record.result.taken_from for record in session.trials if record.result is not None)
        assert not are_measured(session.spec, session.study)

    @pytest.mark.parametrize("fresh", ["", ",reweight"])
    def test_a_method_that_an_earlier_run_has_trained_out_is_not_waited_for(self, tmp_path, monkeypatch, fresh):
        run_small(tmp_path, name="earlier", method="ss")
        session = Session(*small_search(tmp_path, method=f"ss{fresh}", warm_start=str(tmp_path / "earlier")))
        while isinstance(job := session.plan.next(), Job) and job.kind != "final":
            session.plan.finish(job, train(job, session.plan))
        assert are_measured(session.spec, session.study)
        assert session.trials[0].result.taken_from
        monkeypatch.setattr(packing, "_card", lambda: packing._Card(1e6, True))
        assert packed(session.place, session.study).gpus_per_trial == 1 / MOST_PER_GPU

    @pytest.mark.parametrize("at_once", [True, False])
    def test_follows_the_hungriest_trial_and_is_kept_with_the_place(self, tmp_path, monkeypatch, caplog, at_once):
        session = Session(*small_search(tmp_path)).run(2)
        peak_mb = session.trials[0].result.peak_memory_mb
        assert peak_mb > 0
        monkeypatch.setattr(packing, "_card", lambda: packing._Card(3 * (1.25 * peak_mb + 600), at_once))
        place = packed(session.place.model_copy(update={"gpus_per_trial": 1.0, "packs": True}), session.study)
        assert (place.gpus_per_trial, place.packs) == (1 / 3, False)
        assert "from now on 3 on each GPU" in caplog.text
        assert ("trials on one card take turns" in caplog.text) is not at_once
        session.folder.save(session.spec, place)
        assert session.folder.load()[1].gpus_per_trial == 1 / 3

    def test_budgets_count_by_it(self, tmp_path):
        session = Session(*small_search(tmp_path))
        session.plan.move(session.place.model_copy(update={"gpus_per_trial": 0.25}))
        assert session.plan._budget._gpus == 0.25


class TestRequest:
    def place(self, **options):
        return resolve_place(Request.read({"runs": "runs", **options}))

    def test_without_a_gpu_takes_none_and_says_so(self, tmp_path, caplog, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with caplog.at_level(logging.WARNING):
            _, place = small_search(tmp_path, gpus_per_trial="auto")
        assert (place.gpus_per_trial, place.packs) == (0, False)
        assert "--gpus-per-trial auto: this machine has no CUDA GPU, so trials run on the CPU and take 0" in caplog.text

    def test_on_a_cluster_begins_with_whole_ones(self):
        place = self.place(gpus_per_trial="auto", address="127.0.0.1:1")
        assert (place.gpus_per_trial, place.packs) == (1, True)

    def test_a_number_stands(self):
        place = self.place(gpus_per_trial="0.25")
        assert (place.gpus_per_trial, place.packs) == (0.25, False)

    @pytest.mark.parametrize("given", ["some", "-1", "nan", "inf"])
    def test_anything_else_is_refused_in_a_sentence(self, given):
        with pytest.raises(InvalidInput, match=rf"^--gpus-per-trial {given}: give a number from 0, such as 0\.25, or auto$"):
            Request.read({"gpus_per_trial": given})


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::ResourceWarning:ray", "ignore::DeprecationWarning:ray", "ignore::FutureWarning:ray")
def test_a_search_measures_its_first_trial_alone_and_packs_the_others(tmp_path, monkeypatch):
    """A GPU that Ray is told of and no trial uses; the card is as large as four trials on the CPU."""
    from fairtune.search.run import run_search

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(packing, "_card", lambda: packing._Card(1e6, True))
    spec, place = small_search(tmp_path)
    place = place.model_copy(update={"gpus_per_trial": 1.0, "packs": True, "cpus_per_trial": 0.25})
    session = Session(spec, place)
    ray.init(address="local", num_cpus=1, num_gpus=1, include_dashboard=False, log_to_driver=False)
    try:
        where = run_search(spec, place, session.study)
    finally:
        ray.shutdown()
    assert (where.gpus_per_trial, where.packs) == (1 / MOST_PER_GPU, False)
    assert session.study.complete
    assert [record.state for record in session.trials] == ["complete"] * 3
