"""Pictures whose words matplotlib's own font has not got."""

import logging

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager

from fairtune.report import rendering
from fairtune.report.rendering import rendered, write_picture


def titled(words):
    figure = Figure(figsize=(2, 1), layout="constrained")
    axes = figure.subplots()
    axes.set_title(words)
    axes.set_xticks([0, 1], [words, "b"])
    return figure


@pytest.fixture
def font(tmp_path):
    """Adds a font that has one character, a filled square."""
    known = list(fontManager.ttflist)

    def add(character):
        pen = TTGlyphPen(None)
        for move, point in zip((pen.moveTo, *3 * (pen.lineTo,)), ((0, 0), (0, 800), (800, 800), (800, 0)), strict=True):
            move(point)
        pen.closePath()
        square, file = pen.glyph(), tmp_path / "square.ttf"
        made = FontBuilder(1000, isTTF=True)
        made.setupGlyphOrder([".notdef", "square"])
        made.setupCharacterMap({ord(character): "square"})
        made.setupGlyf({".notdef": square, "square": square})
        made.setupHorizontalMetrics({".notdef": (900, 0), "square": (900, 0)})
        made.setupHorizontalHeader(ascent=900, descent=-100)
        made.setupNameTable({"familyName": "Fairtune Square", "styleName": "Regular"})
        made.setupOS2(usWeightClass=400)
        made.setupPost()
        made.save(file)
        fontManager.addfont(file)

    rendering._fonts_with.cache_clear()
    yield add
    fontManager.ttflist[:] = known
    rendering._fonts_with.cache_clear()


def test_a_character_is_drawn_with_a_font_that_has_it(font, caplog):
    figure, boxed = titled("猫 and dog"), rendered(titled("猫 and dog"))
    assert "猫" in caplog.text
    caplog.clear()
    rendering._fonts_with.cache_clear()
    font("猫")
    drawn = rendered(figure)
    assert drawn != boxed
    assert "Fairtune Square" in figure.axes[0].title.get_fontfamily()
    assert not caplog.text


def test_what_no_font_has_is_told_once(caplog, recwarn):
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            rendered(titled("猪 and dog"))
    assert caplog.text.count("no font of this machine has 猪") == 1
    assert not recwarn


def test_a_vector_file_holds_the_words(tmp_path, caplog):
    write_picture(titled("犬"), tmp_path / "words.svg")
    assert ">犬<" in (tmp_path / "words.svg").read_text()
    assert not caplog.text


def test_the_same_figure_is_the_same_file(tmp_path):
    for name in ("a.svg", "b.svg", "a.png", "b.png"):
        write_picture(titled("cats"), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
