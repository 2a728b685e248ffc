"""The page in a real browser: it opens from a file, says nothing on the console, asks for nothing, and tells what is pointed at."""

import shutil

import pytest

from fairtune.report import write_report

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("trained_once")]

NARROW, WIDE = 390, 1280


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if binary is None:
        pytest.skip("there is no Chromium on the path")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(params=[(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")])
def page(request, browser, mixed):
    """The page of a search, and what it said and asked for."""
    width, scheme = request.param
    write_report(mixed.spec, mixed.place, mixed.study)
    opened = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, has_touch=width == NARROW)
    said, asked = [], []
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda wanted: asked.append(wanted.url))
    opened.goto(mixed.folder.page.resolve().as_uri())
    yield opened
    opened.close()
    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [mixed.folder.page.resolve().as_uri()]


def mark(page, trial=3):
    return page.locator(f'svg.told .point[data-trial="{trial}"]').first


def test_nothing_is_wider_than_the_window(page):
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollWidth") == page.evaluate(f"{root}.clientWidth")


def test_a_mark_tells_its_setting_to_a_pointer_and_to_a_tap(page):
    point = mark(page)
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    at = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    if page.viewport_size["width"] == NARROW:
        page.touchscreen.tap(*at)
    else:
        page.mouse.move(*at)
    assert page.locator("#tip").inner_text().splitlines()[:2] == ["trial 3: mfd", "weight 4"]
    page.keyboard.press("Escape")


def test_a_mark_tells_its_setting_to_the_keyboard(page):
    chart = page.locator("svg.told").first
    chart.locator('.point[tabindex="0"]').focus()
    told = set()
    for _ in range(chart.locator(".point").count()):
        told.add(page.locator("#tip").inner_text().splitlines()[0])
        assert page.evaluate("document.activeElement.getAttribute('aria-label')").splitlines()[0] in told
        page.keyboard.press("ArrowRight")
    assert {"trial 0: mfd", "trial 3: mfd"} <= told
    page.evaluate("document.activeElement.blur()")
    assert page.locator("#tip").inner_text() == ""
