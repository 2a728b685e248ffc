"""The figures of papers, of searches and of trained models, as files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from fairtune.api.drawn import pairs, progressions, strengths
from fairtune.api.run import Run
from fairtune.api.shown import Shown, one_of_cells, spread
from fairtune.api.subject import check_split, subject_of
from fairtune.errors import FairtuneError, InvalidInput
from fairtune.names import counted
from fairtune.report.attention import Looked, attention_chart
from fairtune.report.chart import Chart
from fairtune.report.embeddings import LEAST, Seen, embedding_charts
from fairtune.report.figures import write_chart
from fairtune.report.pruned import layers_of, pruned_charts
from fairtune.training.attention import check_attention
from fairtune.training.data import make_dataset
from fairtune.training.device import keep_float32_exact

_PICTURES = 6


@dataclass(frozen=True)
class Wanted:
    """What is to be drawn.

    Attributes:
        given: folders of runs or of trainings, or files of weights, at least one.
        split: that samples are taken from.
        samples: how many at most.
        trials: whose trainings are followed, by number; none for a few that differ.
    """

    given: Sequence[Path]
    split: str = "validation"
    samples: int = 1000
    trials: Sequence[int] = ()

    def one(self, kind: str) -> Path:
        """The only thing given.

        Raises:
            InvalidInput: there are several.
        """
        if len(self.given) > 1:
            raise InvalidInput(f"the figure {kind} is of one run, and {len(self.given)} are given: give one")
        return self.given[0]


def draw_figures(kinds: Sequence[str], wanted: Wanted, console: Console, out: Path | None = None) -> list[Path]:
    """Draw figures of papers as PNG, SVG and CSV, and print what each shows.

    Args:
        kinds: of :data:`KINDS`.
        wanted: what to draw them of.
        console: where to print.
        out: folder to write into; ``papers`` in the first one given if None.

    Returns:
        The files.

    Raises:
        InvalidInput: there is no such figure, or what is given lacks what it needs.
        FairtuneError: the folder cannot be written.
    """
    check_split(wanted.split)
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise InvalidInput(f"there is no figure {', '.join(map(repr, unknown))}: choose among {', '.join(KINDS)}")
    keep_float32_exact()
    charts = [chart for kind in dict.fromkeys(kinds) for chart in KINDS[kind](wanted)]
    first = wanted.given[0]
    folder = (first if first.is_dir() else first.parent) / "papers" if out is None else out
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [file for chart in charts for file in write_chart(chart, folder)]
    except OSError as error:
        raise FairtuneError(f"the figures cannot be written to {folder}: {error.strerror}; give another one with --out") from error
    for chart in charts:
        console.print(f"{chart.name}: {chart.alt}", highlight=False, soft_wrap=True, markup=False)
    console.print(f"written  {folder}, each as PNG, SVG and CSV", highlight=False, soft_wrap=True, markup=False)
    return written


def numbers_of(text: str) -> list[int]:
    """Trials by number, as typed.

    Raises:
        InvalidInput: something else is there.
    """
    try:
        return [int(number) for number in text.split(",")] if text else []
    except ValueError:
        raise InvalidInput(f"--trials {text}: give numbers of trials joined by commas, such as 0,3,7") from None


def _embeddings(wanted: Wanted) -> list[Chart]:
    """t-SNE of what the baseline and the choice make of samples."""
    if wanted.samples < LEAST:
        raise InvalidInput(f"t-SNE of {counted(wanted.samples, 'sample')} shows nothing: give --samples {LEAST} or more")
    shown = Shown.of(wanted.one("embedding"), wanted.split)
    positions = spread(len(shown.split), wanted.samples)
    seen = [Seen(name, *shown.embedded(model, positions)) for name, model in shown.models.items()]
    return embedding_charts(seen, shown.names, wanted.split)


def _attentions(wanted: Wanted) -> list[Chart]:
    """Grad-CAM of the baseline and the choice, on the first sample of some cells."""
    check_attention()
    shown = Shown.of(wanted.one("attention"), wanted.split)
    dataset = next(iter(shown.models.values())).spec.dataset
    if shown.split.pool.ndim != 4:
        raise InvalidInput(f"Grad-CAM is of pictures, and {dataset.name} has none")
    if not make_dataset(dataset).may_be_shown:
        raise InvalidInput(f"the licence of {dataset.name} does not let its pictures be passed on: there is no Grad-CAM of it")
    positions = one_of_cells(shown.split, min(wanted.samples, _PICTURES))
    looks = {name: shown.looks(model, positions) for name, model in shown.models.items()}
    samples = [
        Looked(
            np.asarray(shown.split.pool[shown.split.rows[position]]),
            int(shown.split.y[position]),
            int(shown.split.a[position]),
            {name: found[place] for name, found in looks.items()},
        )
        for place, position in enumerate(positions)
    ]
    return [attention_chart(samples, shown.names, wanted.split)]


def _pruned(wanted: Wanted) -> list[Chart]:
    """Which layers the choice has lost its weights in."""
    model = subject_of(wanted.one("pruning"), None).model
    layers = layers_of(model.net)
    if not any(layer.pruned for layer in layers):
        raise InvalidInput(f"no weight of the net that {model.spec.method} trained is 0: ffw, ffw_structured and magnitude prune")
    return pruned_charts(layers, model.spec.method)


KINDS: Mapping[str, Callable[[Wanted], list[Chart]]] = {
    "embedding": _embeddings,
    "pairs": lambda wanted: pairs([Run(path) for path in wanted.given]),
    "strength": lambda wanted: strengths(Run(wanted.one("strength"))),
    "progression": lambda wanted: progressions(Run(wanted.one("progression")), wanted.trials),
    "pruning": _pruned,
    "attention": _attentions,
}
"""The figures by name: each a function of what is wanted."""
