import pytest
import torch
import torch.nn.functional as F

from fairtune.models._pooling import pooled_relu


@pytest.mark.parametrize("size", [(8, 8), (7, 8), (8, 7), (5, 3), (2, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_values_and_gradients_are_torchs(size, dtype):
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()
    ours, theirs = pooled_relu(x), F.relu(F.max_pool2d(x, 2))
    assert torch.equal(ours, theirs)
    weight = torch.rand(ours.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    gradients = [torch.autograd.grad((pooled * weight).sum(), x)[0] for pooled in (ours, theirs)]
    assert torch.equal(*gradients)
