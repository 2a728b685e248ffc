"""How far a cluster grows."""

from pathlib import Path
from typing import cast

import pytest
import ray
import yaml

from fairtune.errors import InvalidInput
from fairtune.search import cluster
from fairtune.search.cluster_file import ClusterFile, MachineType
from fairtune.search.growth import trials_within
from fairtune.spec import Place
from tests.search import growing

ROOT = Path(__file__).parents[2]
FILE = cast("ClusterFile", growing.CLUSTER_FILE)
PLACE = Place(data="data", runs="runs", name="run", gpus_per_trial=1, address="127.0.0.1:1")


class TestLimits:
    @pytest.mark.parametrize(
        ("needs", "trials"),
        [
            ({"CPU": 1, "GPU": 1}, 3),
            ({"CPU": 0.5, "GPU": 0.5}, 6),
            ({"CPU": 1, "GPU": 0}, 5),
            ({"CPU": 2, "GPU": 1}, 0),
        ],
    )
    def test_are_those_of_each_type_of_node(self, needs, trials):
        assert trials_within(FILE, needs) == trials

    def test_are_those_of_all_nodes_too(self):
        assert trials_within(FILE | {"max_workers": 1}, {"CPU": 1, "GPU": 1}) == 1

    def test_count_the_head(self):
        types: dict[str, MachineType] = {
            "head": {"node_config": {}, "resources": {"CPU": 4}},
            "worker": {"node_config": {}, "resources": {"CPU": 2}},
        }
        file: ClusterFile = {
            "provider": {"type": "local"},
            "head_node_type": "head",
            "max_workers": 3,
            "available_node_types": types,
        }
        assert trials_within(file, {"CPU": 1, "GPU": 0}) == 4 + 3 * 2

    def test_of_our_cluster_file(self):
        config = yaml.safe_load((ROOT / "cluster.yaml").read_text())
        assert trials_within(config, {"CPU": 1, "GPU": 0.5}) == 2 * config["max_workers"]


class TestTrialsAtATime:
    @pytest.fixture
    def seen(self, monkeypatch):
        """What a cluster without a GPU is asked for, by what it may grow to."""

        def seen(grown, **place):
            monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 4.0})
            monkeypatch.setattr(cluster, "trials_when_grown", lambda needs: grown)
            return cluster.trials_at_a_time(PLACE.model_copy(update=place))

        return seen

    def test_are_as_many_as_fit_when_it_has_grown(self, seen):
        assert seen(8) == 8

    def test_are_all_where_it_does_not_say_how_far_it_grows(self, seen, caplog):
        assert seen(float("inf")) is None
        assert "set a limit by --max-concurrent" in caplog.text

    def test_are_what_the_user_says(self, seen):
        assert seen(8, max_concurrent=3) == 3

    def test_are_what_is_there_where_it_does_not_grow(self, seen):
        assert seen(None, gpus_per_trial=0, cpus_per_trial=2) == 2
        assert seen(None) == 1, "a node with a GPU may still be added by hand"

    def test_are_refused_that_no_node_could_ever_hold(self, seen):
        with pytest.raises(
            InvalidInput, match=r"^no trial fits a node that the cluster at 127\.0\.0\.1:1 has or may start: it asks"
        ):
            seen(0)
