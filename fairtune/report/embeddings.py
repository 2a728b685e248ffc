"""What nets see in samples, in the plane: t-SNE of their embeddings (S. Jung et al., CVPR 2021, figure 5)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from fairtune.errors import InvalidInput
from fairtune.names import Names, counted
from fairtune.records import Floats, Ints
from fairtune.report.chart import Axis, Chart, Mark, Points, Text, colour_of, marker_of

_PERPLEXITY, _SEED = 200, 5
LEAST = 10
"""Samples: of fewer there is nothing to be seen."""


class Seen(NamedTuple):
    """What one net makes of some samples.

    Attributes:
        net: what the net is, such as ``teacher``.
        z: its embeddings ``(n, D)``.
        y, a: labels and groups ``(n,)``.
    """

    net: str
    z: Floats
    y: Ints
    a: Ints


def in_plane(z: Floats) -> Floats:
    """Embeddings ``(n, D)`` in the plane ``(n, 2)``, by t-SNE with cosine distances.

    Perplexity 200, a third of the samples at most, and the seed are those of S. Jung et al., CVPR 2021, supplement. They embed in
    three dimensions with 250 iterations and no exaggeration; here it is two, as many as a figure has, and scikit-learn's defaults.

    Raises:
        InvalidInput: fewer than 10 samples, or fewer that differ, as of a net that always answers alike.
    """
    from sklearn.manifold import TSNE  # here, so that a page is there soon

    if len(z) < LEAST:
        raise InvalidInput(f"t-SNE of {counted(len(z), 'sample')} shows nothing: give at least {LEAST}")
    if (differ := len(np.unique(z, axis=0))) < LEAST:
        raise InvalidInput(f"t-SNE shows nothing of a net that has {counted(differ, 'embedding')} for {counted(len(z), 'sample')}")
    perplexity = min(_PERPLEXITY, (len(z) - 1) // 3)
    plane: Floats = TSNE(metric="cosine", init="pca", perplexity=perplexity, random_state=_SEED).fit_transform(z.astype(np.float64))
    return plane


def embedding_charts(nets: Sequence[Seen], names: Names, split: str = "validation") -> list[Chart]:
    """Two of each net: its samples coloured by class and marked by group, and coloured by group.

    Args:
        nets: what each sees.
        names: of classes and groups.
        split: that the samples are of.
    """
    return [chart for seen in nets for chart in _pair(seen, names, split)]


def _pair(seen: Seen, names: Names, split: str) -> Iterator[Chart]:
    plane = in_plane(seen.z)
    classes, groups = sorted(set(seen.y.tolist())), sorted(set(seen.a.tolist()))
    named = {"class": list(map(names.plain_label, seen.y.tolist())), "group": list(map(names.plain_group, seen.a.tolist()))}
    table = pd.DataFrame({"x": plane[:, 0], "y": plane[:, 1], **named})
    by_class: list[Mark] = [_points(seen, plane, y, a, names) for y in classes for a in groups]
    by_class += [Points([], [], "ink", marker_of(a), filled=a % 2 == 0, label=names.plain_group(a)) for a in groups]
    middles = {y: np.median(plane[seen.y == y], axis=0) for y in classes}
    by_class += [Text(float(x), float(up), names.plain_label(y)) for y, (x, up) in middles.items()]
    by_group: list[Mark] = [_points(seen, plane, None, a, names) for a in groups]
    said = f"t-SNE of the embeddings of {len(plane)} samples of the {split} split in the {seen.net}"
    for by, marks, what in (("class", by_class, "classes by colour, groups by marker"), ("group", by_group, "groups by colour")):
        alt = f"{said}; {what}: {len(classes)} classes, {len(groups)} groups."
        axes = Axis(shown=False), Axis(shown=False)
        yield Chart(f"embedding-{_file(seen.net)}-by-{by}", f"{seen.net}, by {by}", *axes, marks, alt, table)


def _points(seen: Seen, plane: Floats, y: int | None, a: int, names: Names) -> Points:
    own = plane[(seen.a == a) & (seen.y == y if y is not None else True)]
    xy = own[:, 0].tolist(), own[:, 1].tolist()
    if y is None:
        return Points(*xy, colour_of(a), marker_of(a), filled=a % 2 == 0, label=names.plain_group(a))
    return Points(*xy, colour_of(y), marker_of(a), filled=a % 2 == 0)


def _file(name: str) -> str:
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name).split()).lower()
