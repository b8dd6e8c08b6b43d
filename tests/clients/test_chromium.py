"""The HTML page in a real browser: at two widths, light and dark, by keyboard, and as a screen reader is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import chromium
from tests.report.pages import COMPARED, EVIL, HOSTILE, PICTURED, check_page, html

pytestmark = pytest.mark.skipif(chromium.PROGRAM is None, reason="needs Chromium")

TAB = ("Tab", 9)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[chromium.Browser]:
    with chromium.browser(tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    texts = {"pictured": check_page(PICTURED), "hostile": check_page(HOSTILE), "compared": html.render_comparison(COMPARED, [])}
    for title, text in texts.items():
        (folder / f"{title}.html").write_text(text, encoding="utf-8")
    return {title: folder / f"{title}.html" for title in texts}


@pytest.mark.parametrize("title", ["pictured", "hostile", "compared"])
@pytest.mark.parametrize("width", [1400, 360])
def test_the_page_fits_its_window(browser: chromium.Browser, written: dict[str, Path], title: str, width: int) -> None:
    browser.open(written[title], width)
    assert browser.ask("document.documentElement.scrollWidth") <= width
    assert browser.ask("[...document.querySelectorAll('figure svg')].every(drawing => drawing.getBoundingClientRect().height > 100)")


def test_side_by_side_where_there_is_room_and_one_above_the_other_where_not(browser: chromium.Browser, written: dict[str, Path]) -> None:
    sides = "['del', 'ins'].map(side => document.querySelector('.diff ' + side).getBoundingClientRect()).map(box => [box.left, box.top])"
    browser.open(written["pictured"], 1400)
    (left, top), (right, beside) = browser.ask(sides)
    assert right > left + 200
    assert abs(top - beside) < 2
    browser.open(written["pictured"], 360)
    (left, top), (right, below) = browser.ask(sides)
    assert abs(right - left) < 2
    assert below > top


def test_dark_where_the_reader_wants_it(browser: chromium.Browser, written: dict[str, Path]) -> None:
    def brightness() -> list[int]:
        shown = browser.ask("[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color].join(' ')")
        numbers = [int(part) for part in shown.replace("rgb(", "").replace(")", "").replace(",", "").split()]
        return [sum(numbers[:3]), sum(numbers[3:])]

    stroke = "getComputedStyle(document.querySelector('figure svg path[style*=\"--after\"]')).stroke"
    browser.open(written["pictured"], 1400)
    paper, ink = brightness()
    light = browser.ask(stroke)
    assert paper > 700 > 200 > ink
    browser.open(written["pictured"], 1400, dark=True)
    paper, ink = brightness()
    assert paper < 150 < 600 < ink
    assert browser.ask(stroke) not in {light, "none"}


# What the guidelines for accessible pages ask for: 4.5 to 1 between a text and what is behind it.
_FAINT = """
(() => {
  const probe = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const over = (color, below) => {
    probe.fillStyle = `rgb(${below})`; probe.fillRect(0, 0, 1, 1);
    probe.fillStyle = color; probe.fillRect(0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const behind = e => over(getComputedStyle(e).backgroundColor, e.parentElement ? behind(e.parentElement) : [255, 255, 255]);
  const linear = c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = rgb => rgb.map(c => linear(c / 255)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const shown = [...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && [...e.childNodes].some(n => n.nodeType == 3 && n.data.trim()));
  return shown.map(e => {
    const paper = behind(e), style = getComputedStyle(e), ink = over(e.closest('svg') ? style.fill : style.color, paper);
    return [e.tagName, e.className.baseVal ?? e.className, ratio(light(ink), light(paper))];
  }).filter(one => one[2] < 4.5);
})()
"""


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_from_what_is_behind_it(browser: chromium.Browser, written: dict[str, Path], dark: bool) -> None:
    for title in ("pictured", "compared"):
        browser.open(written[title], 1400, dark)
        assert browser.ask("document.querySelectorAll('figure svg text').length + document.querySelectorAll('.badge').length") > 5
        assert browser.ask(_FAINT) == []


def test_the_keyboard_goes_through_the_page_in_its_order(browser: chromium.Browser, written: dict[str, Path]) -> None:
    browser.open(written["pictured"], 1400)
    what = "(e => [e.tagName, e.className, e.hash || '', e.getBoundingClientRect().width > 50, getComputedStyle(e).outlineStyle])"
    reachable = browser.ask(f"[...document.querySelectorAll('a, summary, [tabindex=\"0\"]')].filter(e => e.checkVisibility()).map({what})")
    assert len(reachable) > 20
    seen = []
    for _ in reachable:
        browser.press(*TAB)
        seen.append(browser.ask(f"{what}(document.activeElement)"))
    assert [place[:3] for place in seen] == [place[:3] for place in reachable]
    assert seen[0][:4] == ["A", "skip", "#main", True]
    assert [place[2] for place in seen[1:5]] == ["#summary", "#failures", "#by-rule", "#file-1"]
    assert all(place[4] != "none" for place in seen)  # where the focus is can be seen


def test_a_screen_reader_is_told_of_landmarks_headings_tables_and_pictures(browser: chromium.Browser, written: dict[str, Path]) -> None:
    browser.open(written["pictured"], 360)
    tree = browser.readers_tree()
    roles = {role for role, _ in tree}
    assert roles >= {"banner", "navigation", "main", "contentinfo", "heading", "article", "table", "columnheader", "cell", "row", "image", "region", "link"}
    assert ("navigation", "Contents") in tree
    pictures = [name for role, name in tree if role == "image"]
    assert "Live memory in forward of Net, without gradients" in pictures
    assert all(pictures)
    assert ("heading", "Verdict: tested") in tree
    assert {"deletion", "insertion"} <= roles


def test_nothing_hostile_has_happened(browser: chromium.Browser, written: dict[str, Path]) -> None:
    browser.open(written["hostile"], 1400)
    assert browser.ask("document.scripts.length + document.images.length") == 0
    assert browser.ask(f"document.body.innerText.includes({EVIL!r})")
    browser.do("Runtime.evaluate", expression="document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
    assert browser.ask("document.title") != "1"  # the page's own policy stops what would get in
