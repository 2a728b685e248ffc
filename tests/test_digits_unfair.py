import numpy as np

from fairtune.datasets.digits import Digits
from fairtune.records import Purpose
from fairtune.spec import PlugIn, TrialSpec
from fairtune.testing.trainings import CPU
from fairtune.training.folder import TrialFolder
from fairtune.training.trial import Trial, run_trial

SEEDS = range(5)


def test_the_plain_baseline_is_clearly_unfair(tmp_path):
    info = Digits().describe(tmp_path)
    results = []
    for seed in SEEDS:
        dataset = PlugIn(name="digits", options=Digits.complete({}) | {"seed": seed})
        spec = TrialSpec(
            dataset=dataset,
            model=PlugIn(name=info.model),
            method="scratch",
            epochs=info.epochs,
            batch_size=info.batch_size,
            seed=seed,
        )
        folder = TrialFolder(tmp_path / str(seed))
        results.append(run_trial(Trial(spec, folder, data_root=tmp_path, runs=tmp_path, device=CPU, purpose=Purpose.FINAL)))
    assert [result.error for result in results] == [None] * len(SEEDS)
    assert np.mean([result.test["deo_m"] for result in results]) >= 0.15
    assert np.mean([result.test["accuracy"] for result in results]) >= 0.8
