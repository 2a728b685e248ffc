import pytest
import torch
from safetensors.torch import load_file

from fairtune.testing.trainings import CPU, digits_spec, digits_training, train_epochs
from fairtune.training.assembly import load_net
from fairtune.training.folder import baseline_folder
from fairtune.training.trial import run_trial
from tests.builders import open_trial, trained_baseline


def all_weights(state):
    return torch.cat([value.flatten() for name, value in state.items() if name.endswith("weight") and value.dim() > 1])


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.975])
def test_the_smallest_weights_over_all_layers_become_zero_and_no_others(share):
    training = digits_training("magnitude", {"magnitude.sparsity": share})
    before = {name: value.clone() for name, value in training.net.state_dict().items()}
    (record,) = train_epochs(training, 1)
    after = training.net.state_dict()
    assert after.keys() == before.keys()
    old, new = all_weights(before), all_weights({name: after[name] for name in before})
    zero = new == 0
    assert int(zero.sum()) == round(share * len(old))
    assert torch.equal(new[~zero], old[~zero])
    assert not zero.any() or old[zero].abs().max() <= old[~zero].abs().min()
    assert all(torch.equal(after[name], value) for name, value in before.items() if value.dim() == 1)
    assert record["train.sparsity"] == pytest.approx(share, abs=1 / len(old))


def test_layers_are_ranked_together():
    training = digits_training("magnitude", {"magnitude.sparsity": 0.5})
    with torch.no_grad():
        training.net.head.weight.fill_(1)
    train_epochs(training, 1)
    assert training.net.head.weight.all()


def test_a_trial_prunes_the_baseline_in_one_epoch_without_training(tmp_path):
    teacher = trained_baseline(tmp_path)
    spec = digits_spec("magnitude", epochs=4, teacher=teacher)
    trial = open_trial(spec, tmp_path)
    result = run_trial(trial)
    assert (result.state, result.epochs) == ("complete", 1)
    trained = load_file(baseline_folder(tmp_path, teacher).weights)
    for name, value in load_net(spec, trial.data.info, trial.folder, CPU).state_dict().items():
        assert torch.equal(value, torch.where(value == 0, 0, trained[name]))
