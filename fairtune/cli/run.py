"""``fairtune run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fairtune.cli._options import takes
from fairtune.cli._told import console, told
from fairtune.cli.plan import Cluster, Memory, On, Peak, Price, Share
from fairtune.errors import InvalidInput
from fairtune.request.options import Request

Pipeline = Annotated[
    Path, typer.Argument(metavar="PIPELINE", help="YAML file, or the name of one that comes with fairtune.", show_default=False)
]
Quick = Annotated[bool, typer.Option("--quick", help="The file's small settings, for two CPU cores.")]
Full = Annotated[bool, typer.Option("--full", help="The file's full settings, as is the default.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the plan and stop: trainings, time, cost, and what is there already.")
]
LeaveOut = Annotated[
    list[str] | None,
    typer.Option("--leave-out", help="Search or method not to run, or several with commas; repeat.", metavar="NAME"),
]
Markdown = Annotated[Path | None, typer.Option("--markdown", help="Write the report as Markdown there too.", metavar="FILE")]
_TAKEN = (
    *("dataset", "model", "set", "trials", "epochs", "batch_size", "micro_batch", "seed", "precision", "compile"),
    *("train_fraction", "data", "runs", "name", "tracking_uri", "study", "storage", "address"),
    *("gpus_per_trial", "cpus_per_trial", "memory_per_trial", "max_concurrent", "trial_timeout_s"),
)


@takes(Request, *_TAKEN)
def run(
    given: dict[str, object],
    pipeline: Pipeline,
    quick: Quick = False,
    full: Full = False,
    dry_run: DryRun = False,
    leave_out: LeaveOut = None,
    markdown: Markdown = None,
    on: On = None,
    cluster: Cluster = None,
    peak_tflops: Peak = None,
    memory_gib: Memory = None,
    price_per_hour: Price = None,
    utilisation: Share = None,
) -> None:
    """Run the searches of a pipeline and set them beside the published figures.

    Options overrule the file's. What is there already is read, not trained again.

    [bold]Examples[/]

      fairtune run mi_tabular --quick --data data

      fairtune run mfd_cifar10s --dry-run --on h100

      fairtune run all_methods --dataset adult
    """
    with told():
        size = _size(quick, full)
        given |= {"leave_out": leave_out} if leave_out else {}
        if dry_run:
            from fairtune.api.where import Where
            from fairtune.pipeline.dry_run import dry_run as show

            show(
                pipeline,
                console,
                size,
                given,
                Where(on, cluster, peak_tflops, memory_gib, price_per_hour, utilisation),
            )
            return
        from fairtune.pipeline.run import run as run_pipeline

        run_pipeline(pipeline, console, size, given, markdown)


def _size(quick: bool, full: bool) -> Literal["quick", "full"]:
    if quick and full:
        raise InvalidInput("--quick and --full: give one of them")
    return "quick" if quick else "full"
