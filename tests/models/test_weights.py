import hashlib
import logging

import pytest
import torch
from safetensors.torch import save_file

from fairtune.errors import InvalidInput
from fairtune.models._weights import fit, pin, read, say_headless
from fairtune.models.mlp import MLP

NAMES = ["none", "imagenet"]


@pytest.fixture(autouse=True)
def _say_everything():
    say_headless.cache_clear()


def saved(path, content):
    torch.save(content, path)
    return str(path)


class TestPin:
    def test_adds_the_content_to_an_absolute_path(self, tmp_path, monkeypatch):
        (tmp_path / "w.pt").write_bytes(b"content")
        monkeypatch.chdir(tmp_path)
        digest = hashlib.sha256(b"content").hexdigest()
        assert pin("w.pt", NAMES) == f"{tmp_path / 'w.pt'}@sha256:{digest}"
        assert pin(f"w.pt@sha256:{digest}", NAMES) == f"{tmp_path / 'w.pt'}@sha256:{digest}"

    @pytest.mark.parametrize("given", ["imagnet", "folder", "folder/absent.pt"])
    def test_a_file_that_is_not_there_is_a_fault(self, tmp_path, monkeypatch, given):
        (tmp_path / "folder").mkdir()
        monkeypatch.chdir(tmp_path)
        with pytest.raises(InvalidInput, match=f"there is no file of weights '{given}': give none, imagenet or the path of"):
            pin(given, NAMES)

    def test_another_file_than_was_pinned_is_a_fault(self, tmp_path):
        (tmp_path / "w.pt").write_bytes(b"content")
        with pytest.raises(InvalidInput, match=r"have changed \(SHA-256 .*, not 0000\.\.\.\)"):
            pin(f"{tmp_path / 'w.pt'}@sha256:0000", NAMES)


class TestRead:
    def test_reads_what_torch_and_safetensors_write(self, tmp_path):
        state = MLP((4,), 2).state_dict()
        save_file(state, tmp_path / "w.safetensors")
        for path in (saved(tmp_path / "w.pth", state), str(tmp_path / "w.safetensors")):
            found = read(pin(path, NAMES))
            assert all(torch.equal(found[name], value) for name, value in state.items())
            assert len(found) == len(state)

    def test_a_file_written_over_since_is_a_fault(self, tmp_path):
        pinned = pin(saved(tmp_path / "w.pt", {"a": torch.zeros(1)}), NAMES)
        saved(tmp_path / "w.pt", {"a": torch.ones(1)})
        with pytest.raises(InvalidInput, match=r"w.pt have changed .*: put the file back"):
            read(pinned)

    def test_a_file_removed_since_is_a_fault(self, tmp_path):
        pinned = pin(saved(tmp_path / "w.pt", {"a": torch.zeros(1)}), NAMES)
        (tmp_path / "w.pt").unlink()
        with pytest.raises(InvalidInput, match=r"cannot read the weights .*w.pt: No such file"):
            read(pinned)

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (MLP((4,), 2), r"cannot read the weights .* as tensors alone: save them with torch.save\(net.state_dict\(\), FILE\)"),
            (
                {"state_dict": {"a": torch.zeros(1)}, "epoch": 3},
                "are not a state dict.*; if it is its entry 'state_dict', save that",
            ),
            ({"epoch": 3}, "are not a state dict, a mapping from names to tensors$"),
            ([torch.zeros(1)], "are not a state dict, a mapping from names to tensors$"),
            ({}, "are not a state dict"),
        ],
    )
    def test_anything_but_a_state_dict_is_a_fault(self, tmp_path, content, reason):
        with pytest.raises(InvalidInput, match=reason):
            read(saved(tmp_path / "w.pt", content))

    @pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
    @pytest.mark.parametrize("content", [b"", b"not weights at all", b"PK\x03\x04broken"])
    def test_a_damaged_file_is_a_fault(self, tmp_path, name, content):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InvalidInput, match=f"cannot read the weights {tmp_path / name} as"):
            read(str(tmp_path / name))

    def test_no_code_of_a_file_is_run(self, tmp_path):
        class Bomb:
            def __reduce__(self):
                return (print, ("boom",))

        with pytest.raises(InvalidInput, match="as tensors alone"):
            read(saved(tmp_path / "w.pt", Bomb()))


class TestFit:
    def test_takes_everything_over(self):
        net, other = MLP((4,), 2), MLP((4,), 2)
        assert fit(net, other.state_dict(), "w.pt")
        assert all(torch.equal(value, other.state_dict()[name]) for name, value in net.state_dict().items())

    @pytest.mark.parametrize("classes", [None, 3])
    def test_a_head_that_does_not_fit_stays_random_and_that_is_said_once(self, tmp_path, caplog, classes):
        net, other = MLP((4,), 2), MLP((4,), classes or 2)
        state = {name: value for name, value in other.state_dict().items() if classes or not name.startswith("head.")}
        head = net.head.weight.clone()
        path = saved(tmp_path / "w.pt", state)
        with caplog.at_level(logging.WARNING):
            net.pretrain(pin(path, NAMES))
            net.pretrain(pin(path, NAMES))
        assert caplog.messages == [f"the weights {path} have no head for these classes: the head starts from random weights"]
        assert torch.equal(net.head.weight, head)
        assert torch.equal(net.state_dict()["layers.0.weight"], other.state_dict()["layers.0.weight"])

    def test_the_first_things_that_do_not_fit_are_named(self):
        state = MLP((5,), 2).state_dict()
        for index, name in enumerate(("layers.1.weight", "layers.1.bias")):
            state[f"other{index}"] = state.pop(name)
        with pytest.raises(InvalidInput, match=r"w.pt do not fit the model MLP: layers.1.weight is missing; ") as error:
            fit(MLP((4,), 2), state, "w.pt")
        assert str(error.value).endswith("layers.1.bias is missing; other0 is unknown and 2 more")

    def test_a_shape_that_differs_is_named(self):
        with pytest.raises(InvalidInput, match=r": layers.0.weight is \(256, 5\), not \(256, 4\)$"):
            fit(MLP((4,), 2), MLP((5,), 2).state_dict(), "w.pt")

    def test_early_torch_counted_no_batches(self):
        net = torch.nn.Sequential(torch.nn.BatchNorm1d(3))
        net.head = torch.nn.Linear(3, 2)
        state = {name: value for name, value in net.state_dict().items() if not name.endswith("num_batches_tracked")}
        fit(net, state, "w.pt")
