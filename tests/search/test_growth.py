"""How far a cluster grows."""

from pathlib import Path
from typing import cast

import pytest
import yaml

from fairtune.search.cluster_file import ClusterFile, MachineType
from fairtune.search.growth import trials_within
from tests.search import growing

ROOT = Path(__file__).parents[2]
FILE = cast("ClusterFile", growing.CLUSTER_FILE)


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
