"""Where nets look: Grad-CAM over sample pictures, one column for each net (R. Nahon et al., ECCV 2024, figure 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
import pandas as pd
from PIL import Image

from fairtune.names import Names
from fairtune.records import Bytes, Floats
from fairtune.report.chart import Axis, Chart, Mark, Picture

_SIDE, _PIXELS = 76, 96
_STRENGTH = 0.55
"""How much of a picture its heat covers."""


class Look(NamedTuple):
    """How one net looks at a sample.

    Attributes:
        heat: Grad-CAM of the class that it predicts ``(h, w)``, 0 or more.
        predicted: that class.
    """

    heat: Floats
    predicted: int


class Looked(NamedTuple):
    """A sample, and how nets look at it.

    Attributes:
        picture: ``(H, W)`` or ``(H, W, C)`` uint8, C 1 or 3.
        y, a: label and group.
        looks: by the net, such as ``baseline``; the same nets in every sample.
    """

    picture: Bytes
    y: int
    a: int
    looks: Mapping[str, Look]


def attention_chart(samples: Sequence[Looked], names: Names, split: str = "validation") -> Chart:
    """A row for each sample: its picture, then with what each net looks at; red is where it looks most.

    Whoever calls it sees to it that the licence of the data lets its pictures be shown.

    Args:
        samples: at least one.
        names: of classes and groups.
        split: that they are of.
    """
    nets = list(samples[0].looks)
    rows = tuple(f"{names.plain_label(one.y)} · {names.plain_group(one.a)}" for one in samples)
    marks: list[Mark] = []
    for place, one in enumerate(samples):
        marks.append(Picture(0, place, _enlarged(_in_colour(one.picture)), rows[place], _SIDE))
        for column, net in enumerate(nets, 1):
            look = one.looks[net]
            told = f"{rows[place]}: where the {net} looks, which predicts {names.plain_label(look.predicted)}"
            marks.append(Picture(column, place, _heated(one.picture, look.heat), told, _SIDE))
    alt = f"Grad-CAM of {len(samples)} samples of the {split} split in {' and '.join(nets)}. {_said(samples, names)}"
    columns = Axis(names=("sample", *nets))
    table = pd.DataFrame(_rows(samples, names))
    return Chart("attention", f"where nets look, {split} split", columns, Axis(names=rows), marks, alt, table, row=_SIDE + 6)


def _said(samples: Sequence[Looked], names: Names) -> str:
    right = {net: sum(one.looks[net].predicted == one.y for one in samples) for net in samples[0].looks}
    return f"Of them {' and '.join(f'{net} gets {count}' for net, count in right.items())} right."


def _rows(samples: Sequence[Looked], names: Names) -> Iterator[dict[str, object]]:
    """One for each sample, net and place of its map."""
    for number, one in enumerate(samples):
        for net, look in one.looks.items():
            known = {"sample": number, "class": names.plain_label(one.y), "group": names.plain_group(one.a), "net": net}
            known["predicted"] = names.plain_label(look.predicted)
            for (row, column), heat in np.ndenumerate(look.heat):
                yield known | {"row": row, "column": column, "heat": float(heat)}


def _in_colour(picture: Bytes) -> Bytes:
    return np.asarray(Image.fromarray(picture.squeeze()).convert("RGB"))


def _enlarged(picture: Bytes) -> Bytes:
    """Small pictures with whole pixels, large ones made smaller."""
    image = Image.fromarray(picture)
    factor = max(1, _PIXELS // max(image.size))
    if max(image.size) > _PIXELS:
        image.thumbnail((_PIXELS, _PIXELS))
    return np.asarray(image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST))


def _heated(picture: Bytes, heat: Floats) -> Bytes:
    """A picture in gray under its heat, which is smooth between the places of its map."""
    under = Image.fromarray(_enlarged(_in_colour(picture)))
    share = heat / heat.max() if heat.max() > 0 else heat
    over = Image.fromarray((255 * share).astype(np.uint8)).resize(under.size, Image.Resampling.BICUBIC)
    colours = mpl.colormaps["turbo"](np.asarray(over))[:, :, :3] * 255
    gray = np.asarray(under.convert("L").convert("RGB"), dtype=np.float64)
    mixed: Bytes = (_STRENGTH * colours + (1 - _STRENGTH) * gray).round().astype(np.uint8)
    return mixed
