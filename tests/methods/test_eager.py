"""Optimisers without torch's compiler take torch's steps."""

import pytest
import torch

from fairtune.methods import _eager


@pytest.mark.parametrize(
    ("name", "options"),
    [("Adam", {"lr": 0.02, "weight_decay": 0.1, "fused": True}), ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4})],
)
def test_steps_rates_and_kept_states_are_torch_s(name, options):
    def trained(kind, kept_after=3):
        torch.manual_seed(0)
        net, x = torch.nn.Linear(5, 3), torch.randn(20, 5)
        optimizer = kind(net.parameters(), **options)
        for epoch in range(6):
            if epoch == kept_after:
                state, optimizer = optimizer.state_dict(), kind(net.parameters(), **options)
                optimizer.load_state_dict(state)
                schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 3)
            optimizer.zero_grad()
            net(x).square().mean().backward()
            optimizer.step()
            if epoch >= kept_after:
                schedule.step()
        return [*net.parameters()]

    for ours, torchs in zip(trained(getattr(_eager, name)), trained(getattr(torch.optim, name)), strict=True):
        assert torch.equal(ours, torchs)
