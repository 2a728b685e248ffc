"""Pictures as files, names in any script drawn with a font of this machine that has it."""

from __future__ import annotations

import io
import logging
import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Literal

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

from fairtune.files import write_atomically

_log = logging.getLogger(__name__)
_MISSING = re.compile(r"Glyph (\d+) .*missing from")


def rendered(figure: Figure, kind: Literal["png", "svg"] = "png") -> bytes:
    """The file of a figure.

    Characters that matplotlib's own font lacks are drawn with whichever fonts of this machine have them. What none has is a box in
    a PNG, which is told once; an SVG holds the words, for the browser's fonts.
    """
    content, missing = _drawn(figure, kind)
    if not missing:
        return content
    for text in figure.findobj(Text):
        text.set_fontfamily([*text.get_fontfamily(), *_fonts_with(frozenset(missing))])
    content, missing = _drawn(figure, kind)
    if kind == "png" and missing:
        _tell("".join(map(chr, sorted(missing))))
    return content


def write_picture(figure: Figure, path: Path) -> None:
    """Write a figure as its name ends: ``.png`` or ``.svg``.

    Raises:
        OSError, NoRoom: it cannot be written.
    """
    content = rendered(figure, "svg" if path.suffix == ".svg" else "png")
    write_atomically(path, lambda target: target.write_bytes(content))


def _drawn(figure: Figure, kind: str) -> tuple[bytes, set[int]]:
    """The file, the same for the same figure and with words as words, and the characters for which there was no font."""
    file, missing = io.BytesIO(), set[int]()
    with mpl.rc_context({"svg.hashsalt": "fairtune", "svg.fonttype": "none"}), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure.savefig(file, format=kind, metadata={"Date": None} if kind == "svg" else None)
    for warning in caught:
        if found := _MISSING.match(str(warning.message)):
            missing.add(int(found[1]))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return file.getvalue(), missing


@lru_cache
def _fonts_with(characters: frozenset[int]) -> tuple[str, ...]:
    """The fewest of this machine's fonts found that have all characters that any has."""
    left, found = set(characters), list[str]()
    for name, file in _fonts():
        if not left:
            break
        if covered := left.intersection(FT2Font(file).get_charmap()):
            found.append(name)
            left -= covered
    return tuple(found)


def _fonts() -> Iterator[tuple[str, str]]:
    """Upright fonts of normal weight, by name, but the one whose every character is a box."""
    for font in sorted(fontManager.ttflist, key=lambda font: font.name):
        if font.style == "normal" and font.weight in (400, "normal") and "Last Resort" not in font.name:
            yield font.name, font.fname


@lru_cache
def _tell(characters: str) -> None:
    _log.warning("no font of this machine has %s: boxes in pictures; install one that has, as Noto Sans of that script", characters)
