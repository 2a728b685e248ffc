"""What a search asks a cluster for."""

from typing import Any, cast

import pytest
import ray

from fairtune.errors import InvalidInput
from fairtune.search import demand
from fairtune.search.cluster_file import ClusterFile
from fairtune.search.demand import Demand, demand_of
from fairtune.sizes import GIB
from fairtune.spec import Place
from tests.search import growing

ADDRESS = "127.0.0.1:1"
FILE = cast("ClusterFile", growing.CLUSTER_FILE)


@pytest.fixture
def asked(monkeypatch):
    """What is asked of a cluster with these nodes and this autoscaler's file, or with one that is not seen."""

    def asked(*nodes, file: ClusterFile | None = None, grows=False, **place: Any) -> Demand:
        monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": True, "Resources": node} for node in nodes])
        monkeypatch.setattr(demand, "autoscaler_file", lambda: file)
        monkeypatch.setattr(demand, "has_autoscaler", lambda: grows)
        return demand_of(Place(data="data", runs="runs", name="run", **place))

    return asked


def machine(cpus=4, gib=None):
    return {"CPU": cpus} if gib is None else {"CPU": cpus, "memory": gib * GIB}


def with_memory(gib):
    """The cluster file whose nodes have so much."""
    types = {name: {**kind, "resources": {**kind["resources"], "memory": gib * GIB}} for name, kind in _types().items()}
    return cast("ClusterFile", {**FILE, "available_node_types": types})


def _types():
    return cast("dict[str, dict[str, dict[str, float]]]", FILE["available_node_types"])


class TestTrialsAtATime:
    def test_are_as_many_as_fit_when_it_has_grown(self, asked):
        assert asked(machine(), file=FILE, address=ADDRESS, gpus_per_trial=1).at_a_time == growing.GPU_NODES

    def test_are_all_where_it_does_not_say_how_far_it_grows(self, asked, caplog):
        assert asked(machine(), grows=True, address=ADDRESS, gpus_per_trial=1).at_a_time is None
        assert "set a limit by --max-concurrent" in caplog.text

    def test_are_what_the_user_says(self, asked):
        assert asked(machine(), file=FILE, address=ADDRESS, gpus_per_trial=1, max_concurrent=2).at_a_time == 2

    def test_are_what_is_there_where_it_does_not_grow(self, asked):
        assert asked(machine(), address=ADDRESS, cpus_per_trial=2).at_a_time == 2
        assert asked(machine(), address=ADDRESS, gpus_per_trial=1).at_a_time == 1, "a node with a GPU may still be added by hand"

    def test_are_those_of_each_node(self, asked):
        assert asked(machine(3), machine(3), address=ADDRESS, cpus_per_trial=2).at_a_time == 2

    @pytest.mark.parametrize("most", [None, 3])
    def test_are_refused_that_no_node_could_ever_hold(self, asked, most):
        sentence = (
            rf"^no trial fits a node that the cluster at {ADDRESS} has or may start: it asks for 9 CPUs and 0 GPUs; Ray sees 4"
        )
        with pytest.raises(InvalidInput, match=sentence):
            asked(machine(), file=FILE, address=ADDRESS, cpus_per_trial=9, max_concurrent=most)

    def test_are_as_many_as_shares_make_up_a_whole(self, asked):
        nodes = [{"CPU": 8, "GPU": 1}] * 4
        assert asked(*nodes, address=ADDRESS, gpus_per_trial=1 / 5, cpus_per_trial=0.1).at_a_time == 20


class TestMemory:
    def test_lets_no_more_trials_on_a_machine_than_fit(self, asked, caplog):
        found = asked(machine(gib=7), expected_memory_gib=3)
        assert found == Demand({"CPU": 1, "GPU": 0, "memory": 3 * GIB}, 2)
        assert asked(machine(gib=7), memory_per_trial=1.5).at_a_time == 4
        assert not caplog.messages

    def test_that_is_given_overrules_the_estimate(self, asked):
        assert asked(machine(gib=7), expected_memory_gib=3, memory_per_trial=0) == Demand({"CPU": 1, "GPU": 0}, 4)

    def test_that_no_machine_has_is_refused_where_it_was_given(self, asked):
        with pytest.raises(
            InvalidInput,
            match=r"^no trial fits this machine: it asks for 1 CPU and 0 GPUs, 9 GiB of memory; "
            r"Ray sees 4 CPUs and 0 GPUs, 7 GiB of memory in all: free some, or .*a smaller --memory-per-trial$",
        ):
            asked(machine(gib=7), memory_per_trial=9)

    def test_that_no_machine_has_does_not_keep_from_trying_where_it_is_an_estimate(self, asked, caplog):
        assert asked(machine(gib=7), machine(gib=5), expected_memory_gib=9, address=ADDRESS) == Demand(
            {"CPU": 1, "GPU": 0, "memory": 7 * GIB}, 1
        )
        assert "expected to take 9 GiB of memory, and no machine has more than 7 for trials: one at a time on each" in caplog.text

    def test_of_machines_that_hold_no_trial_anyway_does_not_count(self, asked):
        (of_each, _) = asked(machine(0, gib=99), machine(gib=7), expected_memory_gib=9, address=ADDRESS)
        assert of_each["memory"] == 7 * GIB

    def test_is_not_asked_for_where_no_node_there_holds_a_trial(self, asked, caplog):
        assert "memory" not in asked(machine(0, gib=4), address=ADDRESS, expected_memory_gib=12).of_each
        assert "it is not known how much memory" in caplog.text

    def test_is_asked_of_nodes_that_would_be_started(self, asked):
        def memory(gib):
            node, file = machine(0, gib=4), with_memory(gib)
            return asked(node, file=file, address=ADDRESS, gpus_per_trial=1, expected_memory_gib=3).of_each["memory"] / GIB

        assert memory(8) == 3
        assert memory(2) == 2

    @pytest.mark.parametrize("unknown", [{"file": FILE}, {"grows": True}])
    def test_is_not_asked_for_where_nobody_knows_what_nodes_will_have(self, asked, unknown, caplog):
        found = asked(machine(0, gib=4), address=ADDRESS, gpus_per_trial=1, expected_memory_gib=3, **unknown)
        assert "memory" not in found.of_each
        assert "it is not known how much memory the nodes have that the cluster would start, so trials ask for none" in caplog.text

    def test_that_is_given_and_not_known_of_any_node_is_refused_with_what_to_write(self, asked):
        with pytest.raises(InvalidInput, match=r"^no trial fits .*, and its file does not say how much memory its nodes have$"):
            asked(machine(0, gib=4), file=FILE, address=ADDRESS, gpus_per_trial=1, memory_per_trial=3)
